"""The classifier over real gRPC, with its encoder by torch and a fine-tuned classifier."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pointsman.api.classifier.v1 import classifier_pb2 as pb
from pointsman.api.classifier.v1 import classifier_pb2_grpc
from pointsman.classifier.server import SERVICE_NAME, serve
from pointsman.classifier.settings import ClassifierSettings
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import PreconditionRequired
from pointsman.kit.grpc_client import ServiceChannel
from pointsman.learning.commands import train
from pointsman.learning.data.collecting import collect
from pointsman.learning.data.encoding import load_prompt_encoder
from pointsman.rules.rules_file import load_default_rules
from tests.torch.folders import always, as_pickle, save_classifier, save_encoder

pytestmark = pytest.mark.torch

NOWHERE = "127.0.0.1:9"  # no registry: the classifier serves without one
CODING = "Write a Python function to sort a list"
GPU_OR_CPU = ("torch-f32", "torch-bf16")


class Client:
    """A caller of one running classifier."""

    def __init__(self, channel: ServiceChannel) -> None:
        self._channel = channel
        self._stub: classifier_pb2_grpc.ClassifierServiceAsyncStub = classifier_pb2_grpc.ClassifierServiceStub(channel.channel)

    async def classify(self, text: str, strategy: pb.Strategy.ValueType = pb.STRATEGY_UNSPECIFIED) -> pb.Classification:
        request = pb.ClassifyPromptRequest(prompt=pb.PromptInput(text=text), strategy=strategy)
        return (await self._channel.call(self._stub.ClassifyPrompt, request, deadline=Deadline.after(10))).classification

    async def status(self) -> pb.GetStatusResponse:
        return await self._channel.call(self._stub.GetStatus, pb.GetStatusRequest(), deadline=Deadline.after(5))


@asynccontextmanager
async def classifier(var_dir: Path, **settings: object) -> AsyncIterator[Client]:
    values = {"var_dir": var_dir, "port": 0, "rest_port": 0, "registry_target": NOWHERE, "drain_s": 1, **settings}
    async with (
        serve(ClassifierSettings.model_validate(values)) as addresses,
        ServiceChannel(addresses["classifier_grpc"], service=SERVICE_NAME) as channel,
    ):
        yield Client(channel)


async def test_encoder_by_torch_serves_the_shipped_artifact(var_dir: Path) -> None:
    async with classifier(var_dir, encoder="torch") as client:
        found = await client.classify(CODING)
        status = await client.status()
    assert (found.category, len(found.nearest_examples)) == ("coding", 3)
    assert found.encoder in [f"{name}:all-MiniLM-L6-v2" for name in GPU_OR_CPU]
    assert (status.encoder_available, status.encoder, list(status.status.degraded)) == (True, found.encoder, [])


async def test_another_model_does_not_meet_heads_that_were_trained_on_minilm(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path / "own-model")
    async with classifier(tmp_path / "var", encoder="torch", encoder_model=folder) as client:
        found = await client.classify(CODING)
        status = await client.status()
    assert (found.category, found.method) == ("coding", pb.CLASSIFICATION_METHOD_DEGRADED)
    assert list(status.status.degraded) == ["encoder_unavailable"]


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
async def test_heads_are_trained_for_another_model_and_served_with_it(tmp_path: Path, kind: str) -> None:
    folder, data, artifact = save_encoder(tmp_path / "own-model", kind=kind), tmp_path / "data", tmp_path / "own.npz"
    data.mkdir()
    labels = [
        {"prompt": f"{CODING} number {number}", "category": "coding", "difficulty": "easy", "creativity": 0.1} for number in range(10)
    ]
    (data / "category_labels.jsonl").write_text("\n".join(map(json.dumps, labels)), encoding="utf-8")
    encoder = await load_prompt_encoder(tmp_path / "var", tmp_path / "cache", runtime="torch", model=folder)
    train(collect(data, encoder, load_default_rules()), encoder, artifact)
    async with classifier(tmp_path / "var", encoder="torch", encoder_model=folder, artifact=artifact) as client:
        found = await client.classify(CODING, pb.STRATEGY_SIMILARITY)
        assert list((await client.status()).status.degraded) == []
    assert (found.method, found.encoder) == (pb.CLASSIFICATION_METHOD_ML_BASED, encoder.name)


@pytest.mark.parametrize(
    ("labels", "chosen", "difficulty"),
    [
        pytest.param(("weak", "strong"), 1, pb.DIFFICULTY_HARD, id="strong is needed"),
        pytest.param(("LABEL_0", "LABEL_1"), 0, pb.DIFFICULTY_EASY, id="weak suffices"),
        pytest.param(("LABEL_0", "LABEL_1", "LABEL_2"), 0, pb.DIFFICULTY_HARD, id="RouteLLM's"),
    ],
)
async def test_pair_of_labels_sets_the_difficulty(
    var_dir: Path, tmp_path: Path, labels: tuple[str, ...], chosen: int, difficulty: pb.Difficulty.ValueType
) -> None:
    folder = always(save_classifier(tmp_path / "router", labels), chosen)
    async with classifier(var_dir, router_model_path=folder, encoder="torch") as client:
        found = await client.classify(CODING, pb.STRATEGY_BERT)
        again = await client.classify(CODING, pb.STRATEGY_BERT)
    assert (found.category, found.difficulty, found.cache_hit) == ("coding", difficulty, False)
    assert (again.cache_hit, again.difficulty_logit) == (True, found.difficulty_logit)
    assert found.timings.embed.nanos > 0


async def test_categories_of_a_fine_tuned_model_are_its_own(var_dir: Path, tmp_path: Path) -> None:
    folder = always(save_classifier(tmp_path / "router", ["Coding", "Math", "Chat"], kind="distilbert"), 1)
    async with classifier(var_dir, router_model_path=folder) as client:
        found = await client.classify(CODING, pb.STRATEGY_BERT)
        hybrid = await client.classify(CODING)
    assert (found.category, hybrid.category) == ("math", "coding")
    assert found.method == pb.CLASSIFICATION_METHOD_ML_BASED
    assert found.difficulty_logit == pytest.approx(hybrid.difficulty_logit)
    assert found.encoder == hybrid.encoder == "onnx-int8"


@pytest.mark.parametrize(
    ("kind", "why"), [("labels", "positive, negative"), ("pickle", "a pickle"), ("absent", "not a folder with a model")]
)
async def test_model_that_cannot_be_used_costs_its_strategy_alone(var_dir: Path, tmp_path: Path, kind: str, why: str) -> None:
    folder = tmp_path / "router"
    if kind != "absent":
        save_classifier(folder, ["positive", "negative"] if kind == "labels" else ["weak", "strong"])
    if kind == "pickle":
        as_pickle(folder)
    async with classifier(var_dir, router_model_path=folder) as client:
        with pytest.raises(PreconditionRequired, match=why) as refusal:
            await client.classify(CODING, pb.STRATEGY_BERT)
        assert (refusal.value.reason, refusal.value.param) == ("strategy_unavailable", "strategy")
        assert (await client.classify(CODING)).category == "coding"
        assert list((await client.status()).status.degraded) == ["router_model_unavailable"]
