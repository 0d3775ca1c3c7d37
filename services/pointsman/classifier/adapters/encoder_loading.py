"""From what is installed to a model that has done its first inference, or the reason why there is none."""

import asyncio
import importlib.util
from pathlib import Path

from pointsman.classifier.adapters.encoder_files import EncoderFiles, check_files
from pointsman.classifier.adapters.graph_store import GraphNotBuilt, ProgressListener, ensure_graph
from pointsman.classifier.adapters.minilm_files import MINILM, WEIGHTS_PACKAGE, find_minilm
from pointsman.classifier.adapters.model_folder import ModelFolder, UnusableModel, graph_files, open_model_folder
from pointsman.classifier.adapters.onnx_encoder import OnnxEncoder, load_onnx_encoder
from pointsman.classifier.core.ports import Encoder, EncoderFailed, SequenceClassifier

WARM_UP_TEXT = "Which of these two sentences is longer, and by how much?"
TORCH = "torch"
TORCH_LIBRARIES = ("torch", "transformers", "sentence_transformers")


class EncoderUnavailable(Exception):
    """There is no such model on this machine; the message says why. Whatever else there is serves alone."""


async def load_encoder(
    folder: Path, *, thread_count: int, on_progress: ProgressListener, runtime: str = "onnx", model: Path | None = None
) -> Encoder:
    """A warm encoder; a graph that it needs is kept in `folder`. model: a folder of sentence-transformers; None: MiniLM.

    Raises EncoderUnavailable, or UntrustedModelFile where a file is not the pinned one: then nothing may serve.
    """
    try:
        if runtime == TORCH:
            return await asyncio.to_thread(load_torch, model, thread_count)
        files = await asyncio.to_thread(files_for_graph, model)
        graph = await ensure_graph(folder, files, on_progress)
        return await asyncio.to_thread(load_warm, graph, files, thread_count)
    except (GraphNotBuilt, EncoderFailed, UnusableModel, OSError) as error:
        raise EncoderUnavailable(str(error)) from error


async def load_sequence_classifier(model: Path, *, thread_count: int) -> SequenceClassifier:
    """A warm classifier of a folder. Raises EncoderUnavailable."""
    try:
        return await asyncio.to_thread(load_fine_tuned, model, thread_count)
    except (EncoderFailed, UnusableModel, OSError) as error:
        raise EncoderUnavailable(str(error)) from error


def files_for_graph(model: Path | None) -> EncoderFiles:
    """The files of which the graph is made, checked where they are pinned. Raises EncoderUnavailable, UntrustedModelFile, UnusableModel."""
    files = installed_minilm() if model is None else graph_files(open_model_folder(model))
    if files.model == MINILM:
        check_files(files)
    return files


def load_torch(model: Path | None, thread_count: int) -> Encoder:
    """The encoder by torch. Raises EncoderUnavailable, UntrustedModelFile, UnusableModel, EncoderFailed."""
    require_torch("POINTSMAN_ENCODER=torch")
    from pointsman.classifier.adapters.torch_encoder import load_torch_encoder

    if model is not None:
        return load_torch_encoder(open_model_folder(model), thread_count=thread_count)
    files = installed_minilm()
    check_files(files)
    return load_torch_encoder(ModelFolder(files.weights.parent, files.model), thread_count=thread_count)


def load_fine_tuned(model: Path, thread_count: int) -> SequenceClassifier:
    """The classifier by torch. Raises EncoderUnavailable, UnusableModel, EncoderFailed."""
    require_torch("ROUTER_MODEL_PATH")
    from pointsman.classifier.adapters.bert_classifier import load_bert_classifier

    return load_bert_classifier(open_model_folder(model), thread_count=thread_count)


def installed_minilm() -> EncoderFiles:
    """The files of the default model. Raises EncoderUnavailable."""
    files = find_minilm()
    if files is None:
        raise EncoderUnavailable(f"the package {WEIGHTS_PACKAGE} is not installed whole")
    return files


def require_torch(setting: str) -> None:
    """Raise EncoderUnavailable where what the setting asks for is not installed."""
    missing = [name for name in TORCH_LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise EncoderUnavailable(f"{setting} needs the extra gpu: {', '.join(missing)} is not installed")


def load_warm(graph: Path, files: EncoderFiles, thread_count: int) -> OnnxEncoder:
    """Load, and encode once: the first inference allocates what the later ones use."""
    encoder = load_onnx_encoder(graph, files, thread_count=thread_count)
    encoder.encode([encoder.tokenize(WARM_UP_TEXT)])
    return encoder
