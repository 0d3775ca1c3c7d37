"""ClassifierService: checks what comes in, and puts judgements into the words of its proto."""
# ruff: noqa: N802, ARG002  # gRPC names the methods, and hands over what not every one needs

from collections.abc import Callable, Sequence
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration

from pointsman.api.classifier.v1 import classifier_pb2 as pb
from pointsman.api.classifier.v1 import classifier_pb2_grpc
from pointsman.api.status.v1 import status_pb2
from pointsman.classifier.core.fusion import Difficulty, Method, Strategy
from pointsman.classifier.core.similarity import NearestExample
from pointsman.classifier.core.turn import Turn
from pointsman.classifier.engine.classification import ClassificationEngine, ClassifiedTurn
from pointsman.kit.errors import InvalidArgument
from pointsman.kit.request_context import request_deadline

# The contract's limits, stated in the proto.
MAX_TEXT_CHARACTERS = 1_000_000
MAX_DIGEST_CHARACTERS = 2_000
MAX_BATCH = 64

STRATEGIES = {
    pb.STRATEGY_UNSPECIFIED: Strategy.HYBRID,
    pb.STRATEGY_RULES: Strategy.RULES,
    pb.STRATEGY_SIMILARITY: Strategy.SIMILARITY,
    pb.STRATEGY_HYBRID: Strategy.HYBRID,
}
DIFFICULTIES = {
    Difficulty.EASY: pb.DIFFICULTY_EASY,
    Difficulty.MEDIUM: pb.DIFFICULTY_MEDIUM,
    Difficulty.HARD: pb.DIFFICULTY_HARD,
}
METHODS = {
    Method.RULE_BASED: pb.CLASSIFICATION_METHOD_RULE_BASED,
    Method.ML_BASED: pb.CLASSIFICATION_METHOD_ML_BASED,
    Method.HYBRID: pb.CLASSIFICATION_METHOD_HYBRID,
    Method.DEGRADED: pb.CLASSIFICATION_METHOD_DEGRADED,
}

Context = grpc.aio.ServicerContext[Any, Any]  # typed by each method's messages, which none of them asks it for


class ClassifierServicer(classifier_pb2_grpc.ClassifierServiceServicer):
    """Translates between proto and engine; decides nothing."""

    def __init__(self, engine: ClassificationEngine, report_status: Callable[[], status_pb2.ServiceStatus]) -> None:
        """Take the engine, and what tells how the process is."""
        self._engine = engine
        self._report_status = report_status

    async def ClassifyPrompt(self, request: pb.ClassifyPromptRequest, context: Context) -> pb.ClassifyPromptResponse:
        """Classify one prompt."""
        turn, strategy = turn_of(request.prompt, "prompt"), strategy_of(request.strategy)
        classified = await self._engine.classify(turn, strategy, deadline_s=request_deadline().at_s)
        return pb.ClassifyPromptResponse(classification=to_proto(classified))

    async def BatchClassifyPrompts(self, request: pb.BatchClassifyPromptsRequest, context: Context) -> pb.BatchClassifyPromptsResponse:
        """Classify up to 64 prompts."""
        if not 1 <= len(request.prompts) <= MAX_BATCH:
            raise InvalidArgument("invalid_value", f"prompts: {len(request.prompts)} given, 1 to {MAX_BATCH} allowed", param="prompts")
        turns = [turn_of(prompt, f"prompts[{index}]") for index, prompt in enumerate(request.prompts)]
        strategy = strategy_of(request.strategy)
        classified = await self._engine.classify_all(turns, strategy, deadline_s=request_deadline().at_s)
        return pb.BatchClassifyPromptsResponse(classifications=[to_proto(one) for one in classified])

    async def GetStatus(self, request: pb.GetStatusRequest, context: Context) -> pb.GetStatusResponse:
        """Tell how the service is."""
        encoder = self._engine.encoder_name
        return pb.GetStatusResponse(
            status=self._report_status(),
            encoder_available=encoder is not None,
            encoder=encoder or "",
            artifact_version=self._engine.artifact_version,
            categories=self._engine.categories,
        )


def turn_of(prompt: pb.PromptInput, field: str) -> Turn:
    """A prompt within its limits. Raises InvalidArgument, naming the field and echoing nothing."""
    if not prompt.text:
        raise InvalidArgument("invalid_value", f"{field}.text: is empty", param=f"{field}.text")
    if len(prompt.text) > MAX_TEXT_CHARACTERS:
        message = f"{field}.text: {len(prompt.text)} characters, at most {MAX_TEXT_CHARACTERS} allowed"
        raise InvalidArgument("context_length_exceeded", message, param=f"{field}.text")
    if len(prompt.context_digest) > MAX_DIGEST_CHARACTERS:
        message = f"{field}.context_digest: {len(prompt.context_digest)} characters, at most {MAX_DIGEST_CHARACTERS} allowed"
        raise InvalidArgument("invalid_value", message, param=f"{field}.context_digest")
    return Turn(prompt.text, prompt.context_digest)


def strategy_of(value: pb.Strategy.ValueType) -> Strategy:
    """The strategy asked for. Raises InvalidArgument for a number that has no name."""
    try:
        return STRATEGIES[value]
    except KeyError:
        raise InvalidArgument("invalid_value", f"strategy: {value} is not one", param="strategy") from None


def to_proto(classified: ClassifiedTurn) -> pb.Classification:
    """A judgement as it travels."""
    judgement = classified.judgement
    return pb.Classification(
        category=judgement.category,
        category_probabilities=judgement.category_probabilities,
        difficulty_logit=judgement.difficulty_logit,
        discrimination=judgement.discrimination,
        complexity_score=judgement.complexity_score,
        difficulty=DIFFICULTIES[judgement.difficulty],
        creativity_score=judgement.creativity_score,
        domain_confidence=judgement.domain_confidence,
        ml_confidence=judgement.ml_confidence,
        method=METHODS[judgement.method],
        matched_rules=judgement.matched_rules,
        nearest_examples=examples_to_proto(judgement.nearest_examples),
        encoder=classified.encoder or "",
        version=classified.version,
        timings=pb.ClassificationTimings(
            tokenize=duration(classified.tokenize_s),
            queue=duration(classified.queue_s),
            embed=duration(classified.embed_s),
            total=duration(classified.total_s),
        ),
    )


def examples_to_proto(examples: Sequence[NearestExample]) -> list[pb.NearestExample]:
    """Known prompts as they travel."""
    return [pb.NearestExample(text=example.text, category=example.category, similarity=example.similarity) for example in examples]


def duration(seconds: float) -> Duration:
    """A length of time below 2**31 s, as it travels."""
    nanos = round(seconds * 1e9)
    return Duration(seconds=nanos // 10**9, nanos=nanos % 10**9)
