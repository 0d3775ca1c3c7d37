"""Models that are real but tiny, and the default one; none of it is collected where torch is not installed."""

import asyncio
import importlib.util
from pathlib import Path

import pytest

from pointsman.classifier.adapters.encoder_files import EncoderFiles
from pointsman.classifier.adapters.encoder_loading import load_encoder
from pointsman.classifier.adapters.minilm_files import find_minilm
from pointsman.classifier.core.ports import Encoder

collect_ignore_glob = [] if importlib.util.find_spec("torch") is not None else ["test_*.py"]


@pytest.fixture(scope="session")
def minilm() -> EncoderFiles:
    files = find_minilm()
    assert files is not None, "the weights' package is not installed"
    return files


@pytest.fixture(scope="session")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of state, which keeps the graphs of all tests."""
    return tmp_path_factory.mktemp("var")


@pytest.fixture(scope="session")
def onnx_encoder(var_dir: Path) -> Encoder:
    return asyncio.run(load_encoder(var_dir / "classifier", thread_count=1, on_progress=lambda _share, _step: None))


@pytest.fixture(scope="session")
def torch_encoder(var_dir: Path) -> Encoder:
    return asyncio.run(load_encoder(var_dir / "classifier", thread_count=1, on_progress=lambda _share, _step: None, runtime="torch"))
