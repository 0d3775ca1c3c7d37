"""The classifier over real gRPC, with the real encoder."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from pointsman.api.classifier.v1 import classifier_pb2 as pb
from pointsman.api.classifier.v1 import classifier_pb2_grpc
from pointsman.classifier.adapters.artifact_file import read_artifact
from pointsman.classifier.server import SERVICE_NAME, serve
from pointsman.classifier.settings import ClassifierSettings
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import DeadlineExceeded, InvalidArgument, Overloaded
from pointsman.kit.grpc_client import ServiceChannel
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES

NOWHERE = "127.0.0.1:9"  # no registry: the classifier serves without one


@dataclass
class Client:
    """A caller of one running classifier."""

    channel: ServiceChannel
    stub: "classifier_pb2_grpc.ClassifierServiceAsyncStub"

    async def classify(
        self, text: str, strategy: pb.Strategy.ValueType = pb.STRATEGY_UNSPECIFIED, *, timeout_s: float = 5
    ) -> pb.Classification:
        request = pb.ClassifyPromptRequest(prompt=pb.PromptInput(text=text), strategy=strategy)
        return (await self.channel.call(self.stub.ClassifyPrompt, request, deadline=Deadline.after(timeout_s))).classification

    async def classify_all(self, *texts: str) -> list[pb.Classification]:
        request = pb.BatchClassifyPromptsRequest(prompts=[pb.PromptInput(text=text) for text in texts])
        return list((await self.channel.call(self.stub.BatchClassifyPrompts, request, deadline=Deadline.after(10))).classifications)

    async def status(self) -> pb.GetStatusResponse:
        return await self.channel.call(self.stub.GetStatus, pb.GetStatusRequest(), deadline=Deadline.after(5))


async def connect(stack: AsyncExitStack, settings: ClassifierSettings) -> Client:
    """Start a classifier and connect to it."""
    addresses = await stack.enter_async_context(serve(settings))
    channel = await stack.enter_async_context(ServiceChannel(addresses["classifier_grpc"], service=SERVICE_NAME))
    return Client(channel, classifier_pb2_grpc.ClassifierServiceStub(channel.channel))


def settings_for(var_dir: Path, **changes: int | str) -> ClassifierSettings:
    return ClassifierSettings.model_validate(
        {"var_dir": var_dir, "port": 0, "rest_port": 0, "registry_target": NOWHERE, "drain_s": 1, **changes}
    )


@pytest.fixture
async def client(var_dir: Path) -> AsyncIterator[Client]:
    async with AsyncExitStack() as stack:
        yield await connect(stack, settings_for(var_dir))


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Write a Python function to sort a list", "coding"),
        ("Write a short story about a lighthouse keeper who befriends a storm", "creative_writing"),
        ("Solve the equation 3x^2 - 12x + 9 = 0 and show each step", "math"),
    ],
)
async def test_prompt_comes_back_with_its_category_and_every_field(client: Client, text: str, category: str) -> None:
    found = await client.classify(text)
    assert found.category == category
    assert set(found.category_probabilities) == set(BUILT_IN_CATEGORIES)
    assert sum(found.category_probabilities.values()) == pytest.approx(1)
    assert found.category_probabilities[category] == pytest.approx(found.domain_confidence)
    assert 0 < found.complexity_score < 1
    assert found.discrimination > 0
    assert found.difficulty in (pb.DIFFICULTY_EASY, pb.DIFFICULTY_MEDIUM, pb.DIFFICULTY_HARD)
    assert 0 <= found.creativity_score <= 1
    assert 0 < found.ml_confidence <= 1
    assert found.method in (pb.CLASSIFICATION_METHOD_HYBRID, pb.CLASSIFICATION_METHOD_ML_BASED, pb.CLASSIFICATION_METHOD_RULE_BASED)
    assert len(found.nearest_examples) == 3
    assert not found.cache_hit
    assert found.encoder == "onnx-int8"
    assert found.version
    assert found.timings.total.nanos >= found.timings.embed.nanos > 0


async def test_rules_strategy_needs_no_embedding(client: Client) -> None:
    found = await client.classify("Write a Python function to sort a list", pb.STRATEGY_RULES)
    assert (found.category, found.method, found.encoder) == ("coding", pb.CLASSIFICATION_METHOD_RULE_BASED, "")
    assert not found.HasField("ml_confidence")
    assert list(found.nearest_examples) == []


async def test_similarity_strategy_is_the_learned_heads_alone(client: Client) -> None:
    found = await client.classify("Write a Python function to sort a list", pb.STRATEGY_SIMILARITY)
    assert (found.category, found.method) == ("coding", pb.CLASSIFICATION_METHOD_ML_BASED)


async def test_features_strategy_needs_no_embedding_and_no_rules(client: Client) -> None:
    found = await client.classify("Write a Python function to sort a list", pb.STRATEGY_FEATURES)
    assert (found.category, found.method, found.encoder) == ("coding", pb.CLASSIFICATION_METHOD_ML_BASED, "")
    assert (list(found.nearest_examples), dict(found.skills), list(found.matched_rules)) == ([], {}, [])
    assert sum(found.category_probabilities.values()) == pytest.approx(1)


@pytest.mark.parametrize("text", ["Write a Python function to sort a list", "asdf qwer", "blue or so", "the thing, you know"])
async def test_doubt_is_told_where_no_category_is_probable(client: Client, text: str) -> None:
    found = await client.classify(text)
    assert found.is_unsure is (found.domain_confidence < read_artifact().fusion.unsure_below)


async def test_plain_prompt_is_not_doubted(client: Client) -> None:
    assert not (await client.classify("Write a Python function to sort a list")).is_unsure


async def test_skills_come_with_the_judgement_and_from_the_cache(client: Client) -> None:
    made, kept = [await client.classify("What is 12 + 30?") for _ in range(2)]
    assert dict(kept.skills) == dict(made.skills)
    assert kept.cache_hit
    assert 0 < len(made.skills) <= 5
    assert all(0 < weight <= 1 for weight in made.skills.values())
    assert (kept.is_unsure, kept.complexity_score, kept.difficulty_logit) == (made.is_unsure, made.complexity_score, made.difficulty_logit)


async def test_64_callers_at_once_all_get_their_own_answer(client: Client) -> None:
    texts = [("Write a poem about the number ", "Write a Python function that adds ")[index % 2] + str(index) for index in range(64)]
    alone = await client.classify(texts[0])
    found = await asyncio.gather(*(client.classify(text) for text in texts))
    assert [one.category for one in found] == ["creative_writing", "coding"] * 32
    assert dict(found[0].category_probabilities) == dict(alone.category_probabilities)


@pytest.mark.parametrize(
    ("text", "digest", "category"),
    [
        pytest.param("make it shorter", "Write a short story about a dragon", "creative_writing", id="a follow-up is of its topic"),
        pytest.param("What is the capital of France?", "Write a Python function to sort a list", "question", id="a new topic is its own"),
    ],
)
async def test_short_turn_is_read_with_what_came_before(client: Client, text: str, digest: str, category: str) -> None:
    request = pb.ClassifyPromptRequest(prompt=pb.PromptInput(text=text, context_digest=digest))
    answer = await client.channel.call(client.stub.ClassifyPrompt, request, deadline=Deadline.after(5))
    assert answer.classification.category == category


async def test_batch_is_answered_in_its_order(client: Client) -> None:
    found = await client.classify_all(*["Write a Python function to sort a list", "Write a poem about the sea"] * 32)
    assert [one.category for one in found] == ["coding", "creative_writing"] * 32


@pytest.mark.parametrize("count", [0, 65])
async def test_batch_out_of_its_limits_is_refused(client: Client, count: int) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        await client.classify_all(*["x"] * count)
    assert refusal.value.param == "prompts"


@pytest.mark.parametrize(
    ("text", "reason"),
    [pytest.param("", "invalid_value", id="empty"), pytest.param("x" * 1_000_001, "context_length_exceeded", id="too long")],
)
async def test_prompt_out_of_its_limits_is_refused(client: Client, text: str, reason: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        await client.classify(text)
    assert (refusal.value.reason, refusal.value.param) == (reason, "prompt.text")


async def test_unknown_strategy_is_refused(client: Client) -> None:
    with pytest.raises(InvalidArgument):
        await client.classify("x", 99)  # type: ignore[arg-type]  # what another language may send


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x" * 1_000_000, id="one long word"),
        pytest.param(" " * 1_000_000, id="spaces"),
        pytest.param("日" * 300_000, id="Chinese"),
        pytest.param("e" + "\u0301" * 300_000, id="combining marks"),
        pytest.param("👩\u200d👩\u200d👧" * 100_000, id="emoji"),
        pytest.param("\u202eabc" * 50_000, id="right to left"),
        pytest.param("\x00\ufffe", id="odd code points"),
        pytest.param("12", id="digits"),
    ],
)
async def test_any_text_within_the_limits_is_classified(client: Client, text: str) -> None:
    assert (await client.classify(text)).category in BUILT_IN_CATEGORIES


async def test_cancelled_calls_are_not_computed_for(client: Client) -> None:
    long_text = "Analyse the revenue of each region and say why it changed. " * 100
    tasks = [asyncio.create_task(client.classify(f"{index} {long_text}")) for index in range(60)]
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # 60 of these take 2 s on one core; the next caller waits for the one that had begun at most.
    found = await client.classify("Write a Python function to sort a list")
    assert found.timings.queue.ToTimedelta().total_seconds() < 0.5


async def test_deadline_that_is_too_short_is_told(client: Client) -> None:
    with pytest.raises(DeadlineExceeded):
        await client.classify("Analyse this at length. " * 100, timeout_s=0.001)


async def test_more_than_the_admitted_texts_are_turned_away(var_dir: Path) -> None:
    async with AsyncExitStack() as stack:
        client = await connect(stack, settings_for(var_dir, max_texts=64))
        tasks = [client.classify(f"Say something about the number {index}, please. " * 10) for index in range(200)]
        answers = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Overloaded)]
    answered = [answer for answer in answers if isinstance(answer, pb.Classification)]
    assert len(answered) >= 64
    assert len(refused) + len(answered) == 200
    assert {(error.reason, error.retry_after_s) for error in refused} == {("overloaded", 1.0)}


async def test_status_tells_encoder_artifact_and_categories(client: Client) -> None:
    answer = await client.status()
    assert (answer.encoder_available, answer.encoder, list(answer.status.degraded)) == (True, "onnx-int8", [])
    assert answer.artifact_version
    assert set(answer.categories) >= set(BUILT_IN_CATEGORIES)
    assert (answer.status.service, answer.status.in_flight_count) == ("classifier", 1)
    assert answer.status.applied_configs[0].version.number == 0


async def test_garbage_bytes_are_refused_and_the_service_lives(client: Client) -> None:
    raw: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = client.channel.channel.unary_unary(f"/{SERVICE_NAME}/ClassifyPrompt")
    with pytest.raises(grpc.aio.AioRpcError):
        await raw(b"\xff\xff\xff\xff", timeout=5)
    assert (await client.classify("hello")).category in BUILT_IN_CATEGORIES
