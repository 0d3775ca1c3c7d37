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
from pointsman.classifier.engine.answering import Answering, CacheUse, ClassifiedTurn
from pointsman.classifier.engine.limits import require_batch, turn_of
from pointsman.kit.errors import InvalidArgument
from pointsman.kit.request_context import request_deadline

STRATEGIES = {
    pb.STRATEGY_UNSPECIFIED: Strategy.HYBRID,
    pb.STRATEGY_RULES: Strategy.RULES,
    pb.STRATEGY_SIMILARITY: Strategy.SIMILARITY,
    pb.STRATEGY_HYBRID: Strategy.HYBRID,
    pb.STRATEGY_FEATURES: Strategy.FEATURES,
    pb.STRATEGY_BERT: Strategy.BERT,
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

    def __init__(self, answering: Answering, report_status: Callable[[], status_pb2.ServiceStatus]) -> None:
        """Take what answers, and what tells how the process is."""
        self._answering = answering
        self._report_status = report_status

    async def ClassifyPrompt(self, request: pb.ClassifyPromptRequest, context: Context) -> pb.ClassifyPromptResponse:
        """Classify one prompt."""
        turn, strategy = asked_turn(request.prompt, "prompt"), strategy_of(request.strategy)
        classified = await self._answering.classify(turn, strategy, deadline_s=request_deadline().at_s)
        return pb.ClassifyPromptResponse(classification=to_proto(classified))

    async def BatchClassifyPrompts(self, request: pb.BatchClassifyPromptsRequest, context: Context) -> pb.BatchClassifyPromptsResponse:
        """Classify up to 64 prompts."""
        turns = [asked_turn(prompt, f"prompts[{index}]") for index, prompt in enumerate(require_batch(request.prompts))]
        strategy = strategy_of(request.strategy)
        classified = await self._answering.classify_all(turns, strategy, deadline_s=request_deadline().at_s)
        return pb.BatchClassifyPromptsResponse(classifications=[to_proto(one) for one in classified])

    async def GetStatus(self, request: pb.GetStatusRequest, context: Context) -> pb.GetStatusResponse:
        """Tell how the service is."""
        engine = self._answering.engine
        encoder = engine.encoder_name
        return pb.GetStatusResponse(
            status=self._report_status(),
            encoder_available=encoder is not None,
            encoder=encoder or "",
            artifact_version=engine.artifact_version,
            categories=engine.categories,
        )


def asked_turn(prompt: pb.PromptInput, field: str) -> Turn:
    """A prompt within its limits. Raises InvalidArgument, naming the field and echoing nothing."""
    return turn_of(prompt.text, field=f"{field}.text", digest=prompt.context_digest, scope=prompt.cache_scope, within=f"{field}.")


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
        cache_hit=classified.cache is CacheUse.HIT,
        encoder=classified.encoder or "",
        version=classified.version,
        is_unsure=judgement.is_unsure,
        skills=judgement.skills,
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
