"""From what is installed to an encoder that has done its first inference, or the reason why there is none."""

import asyncio
from pathlib import Path

from pointsman.classifier.adapters.graph_store import GraphNotBuilt, ProgressListener, ensure_graph
from pointsman.classifier.adapters.minilm_files import WEIGHTS_PACKAGE, check_minilm, find_minilm
from pointsman.classifier.adapters.onnx_encoder import OnnxEncoder, load_onnx_encoder
from pointsman.classifier.core.ports import EncoderFailed

WARM_UP_TEXT = "Which of these two sentences is longer, and by how much?"


class EncoderUnavailable(Exception):
    """There is no encoder on this machine; the message says why. The rules serve alone."""


async def load_encoder(folder: Path, *, thread_count: int, on_progress: ProgressListener) -> OnnxEncoder:
    """A warm encoder; its graph is kept in `folder`.

    Raises EncoderUnavailable, or UntrustedModelFile where a file is not the pinned one: then nothing may serve.
    """
    files = find_minilm()
    if files is None:
        raise EncoderUnavailable(f"the package {WEIGHTS_PACKAGE} is not installed whole")
    try:
        await asyncio.to_thread(check_minilm, files)
        graph = await ensure_graph(folder, files, on_progress)
        return await asyncio.to_thread(load_warm, graph, files.tokenizer, thread_count)
    except (GraphNotBuilt, EncoderFailed, OSError) as error:
        raise EncoderUnavailable(str(error)) from error


def load_warm(graph: Path, tokenizer: Path, thread_count: int) -> OnnxEncoder:
    """Load, and encode once: the first inference allocates what the later ones use."""
    encoder = load_onnx_encoder(graph, tokenizer, thread_count=thread_count)
    encoder.encode([encoder.tokenize(WARM_UP_TEXT)])
    return encoder
