"""A BERT sentence encoder, such as all-MiniLM-L6-v2, by ONNX Runtime on the CPU."""

import hashlib
import os
import platform
from collections.abc import Sequence
from pathlib import Path

# Since 1.29 the runtime tells its makers of each process and model, over the network and from the moment of its
# import on, unless this is set before: https://github.com/microsoft/onnxruntime/blob/main/docs/Privacy.md
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors
from tokenizers import Tokenizer

from pointsman.classifier.adapters.encoder_files import EncoderFiles, UntrustedModelFile
from pointsman.classifier.adapters.minilm_files import MINILM
from pointsman.classifier.core.padding import without_middle
from pointsman.classifier.core.ports import Embeddings, EncoderFailed, TokenIds

RUNTIME = "onnx-int8"
DEVICE = "cpu"

CPU_INFO = Path("/proc/cpuinfo")

# ONNX Runtime's errors have no base of their own.
RUNTIME_ERRORS = (
    runtime_errors.EPFail,
    runtime_errors.Fail,
    runtime_errors.InvalidArgument,
    runtime_errors.InvalidGraph,
    runtime_errors.InvalidProtobuf,
    runtime_errors.NoSuchFile,
    runtime_errors.NotImplemented,
    runtime_errors.RuntimeException,
)


class OnnxEncoder:
    """The Encoder port over an inference session and a tokenizer."""

    def __init__(self, session: onnxruntime.InferenceSession, tokenizer: Tokenizer, files: EncoderFiles) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._files = files

    @property
    def name(self) -> str:
        """Runtime and precision; the model too, where it is another than the default."""
        return RUNTIME if self.model == MINILM else f"{RUNTIME}:{self.model}"

    @property
    def model(self) -> str:
        """Which weights."""
        return self._files.model

    @property
    def device(self) -> str:
        """The runtime that is installed has no other."""
        return DEVICE

    def tokenize(self, text: str) -> TokenIds:
        """First and last tokens of a text, with [CLS] before and [SEP] after."""
        return without_middle(self._tokenizer.encode(text).ids, self._files.max_tokens)

    def encode(self, batch: Sequence[TokenIds]) -> Embeddings:
        """Encode one by one.

        A padded batch of 8 would be 7 % faster a text (1.95 against 2.10 ms at 20 tokens), but the
        ranges for int8 are taken over the whole input: a text's vector would depend on what
        happens to be encoded with it (cosine down to 0.98), and so might its category.
        """
        rows = np.empty((len(batch), self._files.shape.dimensions), np.float32)
        try:
            for row, ids in zip(rows, batch, strict=True):
                (embedding,) = self._session.run(None, {"ids": np.array([ids], np.int64)})
                row[:] = embedding[0]
        except RUNTIME_ERRORS as error:
            raise EncoderFailed(f"encode {len(batch)} texts: {error}") from error
        if not np.isfinite(rows).all():
            raise EncoderFailed(f"encode {len(batch)} texts: the result is not finite")
        return rows


def load_onnx_encoder(graph: Path, files: EncoderFiles, *, thread_count: int) -> OnnxEncoder:
    """The encoder of a verified graph and the files' tokenizer, which is verified here.

    thread_count: cores that one text is spread over. Raises EncoderFailed where they do not load,
    UntrustedModelFile where the tokenizer is not the pinned one.
    """
    content = files.tokenizer.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != files.tokenizer_sha256:
        raise UntrustedModelFile(f"{files.tokenizer}: sha256 is {found}, not the pinned {files.tokenizer_sha256}")
    try:
        options = session_options(thread_count, is_exact=int8_saturates(platform.machine(), cpu_flags()))
        session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except RUNTIME_ERRORS as error:
        raise EncoderFailed(f"load {graph.name}: {error}") from error
    return OnnxEncoder(session, load_tokenizer(content), files)


def load_tokenizer(content: bytes) -> Tokenizer:
    """The tokenizer, which as published pads and cuts to 128 tokens; we do neither."""
    tokenizer = Tokenizer.from_buffer(content)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def session_options(thread_count: int, *, is_exact: bool) -> onnxruntime.SessionOptions:
    """One text at a time on few cores, which the other services share. is_exact: no saturating kernels."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = thread_count
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if is_exact:
        options.add_session_config_entry("session.x64quantprecision", "1")
    return options


def int8_saturates(machine: str, flags: str) -> bool:
    """True for x86 without VNNI: its int8 kernels add two products in 16 bits, where large ones are cut off.

    There the exact kernels are taken; here, where they are not needed, they took 3.7 instead of 2.4 ms.
    https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html#when-and-why-do-i-need-to-try-u8u8
    """
    return machine.lower() in {"x86_64", "amd64"} and "vnni" not in flags


def cpu_flags() -> str:
    """What the processor can do, in the kernel's words; empty where the system does not tell."""
    try:
        return CPU_INFO.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
