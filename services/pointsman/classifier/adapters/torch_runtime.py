"""What every torch model here has in common: no network, one device, padded shapes that it has met before the first request.

Only imported where a setting asks for torch, which the default install does not have.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

# Read while the libraries are imported. Models are folders on this machine: nothing is looked up, fetched or reported.
os.environ.update(
    HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", DO_NOT_TRACK="1", TOKENIZERS_PARALLELISM="false"
)

import numpy as np
import torch
import transformers
from safetensors import SafetensorError
from tokenizers import Tokenizer

from pointsman.classifier.core.padding import PaddedBatch, Shapes, padded_batches, shapes_up_to
from pointsman.classifier.core.ports import Embeddings, EncoderFailed, TokenIds

CUDA = "cuda"
CPU = "cpu"
LENGTHS = (16, 32, 64, 128, 256, 512)
MAX_TOKENS = 512  # a window of the text has 4,000 characters, and its ends say what it asks for
# On a GPU a launch takes as long for 64 short texts as for one, so rows are padded too; on a CPU padding costs what it computes.
CUDA_ROWS = (1, 4, 16, 64)
CPU_ROWS = tuple(range(1, 33))
# Measured with MiniLM on one core: a text of 256 tokens takes 76 ms among 4 and 122 ms among 16, which no cache holds; one of
# 16 tokens 13 ms alone and 7 among 32.
CPU_CELLS = 1_024
CUDA_CELLS = CUDA_ROWS[-1] * MAX_TOKENS
# What torch and the libraries over it raise for a folder that they cannot read. Most have no error of their own.
LOADING_ERRORS = (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError, ImportError, RuntimeError)

Forward = Callable[[dict[str, torch.Tensor]], torch.Tensor]
"""The model: input_ids and attention_mask (n, length) to whatever it makes of each row, (n, d)."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a model computes, and in which precision."""

    device: str
    dtype: torch.dtype

    @property
    def name(self) -> str:
        """As it stands in an encoder's name."""
        return "torch-bf16" if self.dtype is torch.bfloat16 else "torch-f32"


def placement(thread_count: int) -> Placement:
    """The GPU in bf16 where there is one, else the CPU in single precision. thread_count: cores that one batch is spread over."""
    torch.set_num_threads(thread_count)
    if torch.cuda.is_available():
        return Placement(CUDA, torch.bfloat16)
    return Placement(CPU, torch.float32)


def shapes_for(device: str, max_tokens: int) -> Shapes:
    """The shapes in which a device computes."""
    lengths = shapes_up_to(max_tokens, LENGTHS)
    if device == CUDA:
        return Shapes(CUDA_ROWS, lengths, max_cells=CUDA_CELLS, mixes_lengths=True)
    return Shapes(CPU_ROWS, lengths, max_cells=CPU_CELLS, mixes_lengths=False)


def bare_tokenizer(tokenizer: transformers.PreTrainedTokenizerBase) -> Tokenizer:
    """The tokenizer without padding and cutting, as several threads may use it. Raises AttributeError where it has no fast form."""
    bare: Tokenizer = tokenizer.backend_tokenizer
    bare.no_padding()
    bare.no_truncation()
    return bare


class PaddedModel:
    """A model over batches of padded shapes."""

    def __init__(self, forward: Forward, device: str, shapes: Shapes, *, width: int, pad_id: int) -> None:
        """Take the parts. width: of a row of what comes out. pad_id: of the vocabulary."""
        self._forward = forward
        self._device = device
        self._shapes = shapes
        self._width = width
        self._pad_id = pad_id

    def warm_up(self) -> None:
        """Meet every shape, where meeting one takes time: kernels are chosen and memory is taken on first use. 24 shapes on a GPU.

        A CPU has to meet one alone. Raises EncoderFailed.
        """
        row_counts, lengths = (
            (self._shapes.row_counts, self._shapes.lengths) if self._device == CUDA else ((1,), (self._shapes.lengths[0],))
        )
        for row_count in row_counts:
            for length in lengths:
                self.compute([(self._pad_id,) * length] * row_count)

    def compute(self, batch: Sequence[TokenIds]) -> Embeddings:
        """float32 (n, d), one row for each entry, in order. Raises EncoderFailed."""
        plan = padded_batches([len(tokens) for tokens in batch], self._shapes)
        try:
            with torch.inference_mode():
                parts = [self._compute([batch[position] for position in padded.positions], padded) for padded in plan]
        except RuntimeError as error:  # torch has no other, out of memory included
            raise EncoderFailed(f"compute {len(batch)} texts: {type(error).__name__}") from error
        rows = np.empty((len(batch), self._width), np.float32)
        for padded, part in zip(plan, parts, strict=True):
            rows[list(padded.positions)] = part
        if not np.isfinite(rows).all():
            raise EncoderFailed(f"compute {len(batch)} texts: the result is not finite")
        return rows

    def _compute(self, texts: Sequence[TokenIds], padded: PaddedBatch) -> Embeddings:
        ids = np.full((padded.row_count, padded.length), self._pad_id, np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(texts):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        mask[len(texts) :, 0] = 1  # rows that only fill the shape: a row without any token would be divided by none
        inputs = {"input_ids": torch.from_numpy(ids).to(self._device), "attention_mask": torch.from_numpy(mask).to(self._device)}
        computed: Embeddings = self._forward(inputs)[: len(texts)].float().cpu().numpy()
        return computed


@contextmanager
def quietly() -> Iterator[None]:
    """Without the bars and hints that the libraries print while they load, whose words are not ours."""
    had_bars = transformers.utils.logging.is_progress_bar_enabled()
    level = transformers.logging.get_verbosity()
    transformers.utils.logging.disable_progress_bar()
    transformers.logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        transformers.logging.set_verbosity(level)
        if had_bars:
            transformers.utils.logging.enable_progress_bar()
