"""How the classifier starts: with a new graph, without an encoder, with files that are not to be trusted."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from pointsman.api.classifier.v1 import classifier_pb2 as pb
from pointsman.classifier.adapters.encoder_files import EncoderFiles
from pointsman.classifier.adapters.minilm_files import TOKENIZER_FILE, WEIGHTS_FILE, WEIGHTS_PACKAGE
from pointsman.classifier.server import serve
from pointsman.classifier.settings import ClassifierSettings
from pointsman.kit.errors import PreconditionRequired, Unavailable
from pointsman.kit.settings import SettingsError
from tests.integration.classifier.test_service import connect, settings_for

PackageMaker = Callable[[bytes | None, bytes | None], None]


@pytest.fixture
def install_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackageMaker:
    """Put another package of weights before the real one. None: that file is missing."""

    def install(weights: bytes | None, tokenizer: bytes | None) -> None:
        site = tmp_path / "site"
        info = site / f"{WEIGHTS_PACKAGE.replace('-', '_')}-0.1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {WEIGHTS_PACKAGE}\nVersion: 0.1.0\n")
        for name, content in ((WEIGHTS_FILE, weights), (TOKENIZER_FILE, tokenizer)):
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            if content is not None:
                (site / name).write_bytes(content)
        monkeypatch.syspath_prepend(site)

    return install


async def test_first_start_builds_the_graph_and_shows_it(tmp_path: Path) -> None:
    shares: list[float] = []
    async with serve(settings_for(tmp_path), on_progress=lambda share, _step: shares.append(share)) as addresses:
        assert set(addresses) == {"classifier_grpc", "classifier_rest"}
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_runtime_tells_its_makers_nothing(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", "import pointsman.classifier.server"], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []  # where it would keep a name for this machine, and what it has not sent yet


async def test_without_weights_the_rules_serve_alone_and_say_so(tmp_path: Path, install_weights: PackageMaker) -> None:
    install_weights(None, None)
    async with AsyncExitStack() as stack:
        client = await connect(stack, settings_for(tmp_path))
        found, status = await client.classify("Write a Python function to sort a list"), await client.status()
    assert (found.category, found.method) == ("coding", pb.CLASSIFICATION_METHOD_DEGRADED)
    assert (status.encoder_available, status.encoder, list(status.status.degraded)) == (False, "", ["encoder_unavailable"])


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is installed")
async def test_what_needs_torch_is_told_where_there_is_none(var_dir: Path, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        client = await connect(stack, settings_for(var_dir, encoder="torch", router_model_path=str(tmp_path)))
        with pytest.raises(PreconditionRequired, match="strategy bert: ROUTER_MODEL_PATH needs the extra gpu: torch, ") as refusal:
            await client.classify("Write a Python function to sort a list", pb.STRATEGY_BERT)
        assert (refusal.value.reason, refusal.value.param) == ("strategy_unavailable", "strategy")
        status = await client.status()
        assert list(status.status.degraded) == ["encoder_unavailable", "router_model_unavailable"]


async def test_strategy_without_its_model_is_refused_by_name(var_dir: Path) -> None:
    async with AsyncExitStack() as stack:
        client = await connect(stack, settings_for(var_dir))
        with pytest.raises(PreconditionRequired, match="ROUTER_MODEL_PATH is not set"):
            await client.classify("hello", pb.STRATEGY_BERT)


@pytest.mark.parametrize("file", ["weights", "tokenizer"])
async def test_file_that_is_not_the_pinned_one_stops_the_start(
    tmp_path: Path, install_weights: PackageMaker, minilm_files: EncoderFiles, file: str
) -> None:
    weights, tokenizer = minilm_files.weights.read_bytes(), minilm_files.tokenizer.read_bytes()
    install_weights(weights[:-1] if file == "weights" else weights, tokenizer[:-1] if file == "tokenizer" else tokenizer)
    with pytest.raises(Unavailable, match="not the pinned") as refusal:
        async with serve(settings_for(tmp_path)):
            pass
    assert refusal.value.reason == "untrusted_model_file"


async def test_address_open_to_others_needs_the_service_token(tmp_path: Path) -> None:
    settings = ClassifierSettings(var_dir=tmp_path, port=0, rest_port=0, host="0.0.0.0")
    with pytest.raises(SettingsError, match="POINTSMAN_SERVICE_TOKEN"):
        async with serve(settings):
            pass


async def test_redis_address_that_is_none_stops_the_start_and_is_not_told(var_dir: Path) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL") as refusal:
        async with serve(settings_for(var_dir, redis_url="redis://:hunter/2@cache")):
            pass
    assert "hunter" not in str(refusal.value)
