"""The real encoder, its graph built once for all tests."""

import asyncio
from pathlib import Path

import pytest

from pointsman.classifier.adapters.encoder_files import EncoderFiles
from pointsman.classifier.adapters.graph_store import ensure_graph
from pointsman.classifier.adapters.minilm_files import find_minilm
from pointsman.classifier.adapters.onnx_encoder import OnnxEncoder, load_onnx_encoder


@pytest.fixture(scope="session")
def minilm_files() -> EncoderFiles:
    files = find_minilm()
    assert files is not None, "the weights' package is not installed"
    return files


@pytest.fixture(scope="session")
def var_dir(tmp_path_factory: pytest.TempPathFactory, minilm_files: EncoderFiles) -> Path:
    """A folder of state that holds the built graph."""
    folder = tmp_path_factory.mktemp("var")
    asyncio.run(ensure_graph(folder / "classifier", minilm_files, lambda _share, _step: None))
    return folder


@pytest.fixture(scope="session")
def graph(var_dir: Path) -> Path:
    (path,) = (var_dir / "classifier").glob("*.onnx")
    return path


@pytest.fixture(scope="session")
def encoder(graph: Path, minilm_files: EncoderFiles) -> OnnxEncoder:
    return load_onnx_encoder(graph, minilm_files, thread_count=1)
