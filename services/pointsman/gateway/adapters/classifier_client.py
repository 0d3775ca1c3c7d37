"""The classifier over gRPC."""

from pointsman.api.classifier.v1 import classifier_pb2 as pb
from pointsman.api.classifier.v1 import classifier_pb2_grpc
from pointsman.gateway.adapters.catalog_snapshot import seconds_of
from pointsman.gateway.core.judgement import ClassificationMethod, Difficulty, Judgement, NearestExample
from pointsman.gateway.ports import PromptText, Strategy
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import Unavailable
from pointsman.kit.grpc_client import ServiceChannel
from pointsman.kit.grpc_hedging import Hedging

SERVICE = "pointsman.api.classifier.v1.ClassifierService"
RETRYABLE_METHODS = ("ClassifyPrompt",)
# The shares of the time after which other replicas are asked, and after which no more are: of 150 ms the first leaves 100, and is well
# past the 5 to 20 that most answers take; the second leaves 50.
MORE_CALLS_AFTER = 1 / 3
MORE_CALLS_UNTIL = 2 / 3
STRATEGIES = {
    Strategy.RULES: pb.STRATEGY_RULES,
    Strategy.SIMILARITY: pb.STRATEGY_SIMILARITY,
    Strategy.HYBRID: pb.STRATEGY_HYBRID,
    Strategy.FEATURES: pb.STRATEGY_FEATURES,
    Strategy.BERT: pb.STRATEGY_BERT,
}
DIFFICULTIES = {
    pb.DIFFICULTY_EASY: Difficulty.EASY,
    pb.DIFFICULTY_MEDIUM: Difficulty.MEDIUM,
    pb.DIFFICULTY_HARD: Difficulty.HARD,
}
METHODS = {
    pb.CLASSIFICATION_METHOD_RULE_BASED: ClassificationMethod.RULE_BASED,
    pb.CLASSIFICATION_METHOD_ML_BASED: ClassificationMethod.ML_BASED,
    pb.CLASSIFICATION_METHOD_HYBRID: ClassificationMethod.HYBRID,
    pb.CLASSIFICATION_METHOD_DEGRADED: ClassificationMethod.DEGRADED,
}


class ClassifierClient:
    """Implements the Classifier port."""

    def __init__(self, channel: ServiceChannel) -> None:
        """Take the channel to the classifier."""
        self._channel = channel
        self._stub = classifier_pb2_grpc.ClassifierServiceStub(channel.channel)
        self._hedging = Hedging()

    async def classify(self, prompt: PromptText, *, strategy: Strategy, deadline: Deadline) -> Judgement:
        """The judgement, of another replica where the first one takes long."""
        given = pb.PromptInput(text=prompt.text, context_digest=prompt.context_digest or "", cache_scope=prompt.cache_scope)
        request = pb.ClassifyPromptRequest(prompt=given, strategy=STRATEGIES[strategy])

        async def call() -> pb.ClassifyPromptResponse:
            return await self._channel.call(self._stub.ClassifyPrompt, request, deadline=deadline)

        if self._channel.is_local:
            return judgement_of((await call()).classification)
        time_s = deadline.remaining_s()
        response = await self._hedging.first_answer(call, after_s=time_s * MORE_CALLS_AFTER, until_s=time_s * MORE_CALLS_UNTIL)
        return judgement_of(response.classification)


def judgement_of(message: pb.Classification) -> Judgement:
    """The judgement from its wire form. Raises Unavailable where a closed choice holds what is none of it."""
    difficulty, method = DIFFICULTIES.get(message.difficulty), METHODS.get(message.method)
    if difficulty is None or method is None:
        raise Unavailable("dependency_down", "the classifier answered with an unknown difficulty or method")
    timings = message.timings
    return Judgement(
        category=message.category,
        category_probabilities=dict(message.category_probabilities),
        difficulty_logit=message.difficulty_logit,
        discrimination=message.discrimination,
        complexity_score=message.complexity_score,
        difficulty=difficulty,
        creativity_score=message.creativity_score,
        domain_confidence=message.domain_confidence,
        ml_confidence=message.ml_confidence if message.HasField("ml_confidence") else None,
        method=method,
        matched_rules=tuple(message.matched_rules),
        nearest_examples=tuple(NearestExample(example.text, example.category, example.similarity) for example in message.nearest_examples),
        skills=dict(message.skills),
        cache_hit=message.cache_hit,
        encoder=message.encoder or None,
        version=message.version,
        is_unsure=message.is_unsure,
        tokenize_s=seconds_of(timings.tokenize),
        queue_s=seconds_of(timings.queue),
        embed_s=seconds_of(timings.embed),
        total_s=seconds_of(timings.total),
    )
