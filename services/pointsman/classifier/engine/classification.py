"""The way of a prompt through the classifier: rules, embedding, heads, fusion."""

from dataclasses import dataclass, replace

from pointsman.classifier import names
from pointsman.classifier.core.artifact import Artifact
from pointsman.classifier.core.fine_tuned import LabelReading, with_verdict
from pointsman.classifier.core.fusion import WITHOUT_EMBEDDING, Judgement, Method, Strategy, judge, judge_by_rules
from pointsman.classifier.core.ports import Encoder, EncoderFailed
from pointsman.classifier.core.setup import Setup
from pointsman.classifier.core.turn import Turn
from pointsman.classifier.engine.embedding_queue import EmbeddedText, EmbeddingQueue
from pointsman.kit.errors import PreconditionRequired
from pointsman.kit.logging import Logger
from pointsman.kit.tracing import Tracing
from pointsman.rules.text_window import text_window


@dataclass(frozen=True, slots=True)
class LearnedPart:
    """What goes beyond rules; it comes and goes as a whole, because the heads read what the encoder makes."""

    artifact: Artifact
    queue: EmbeddingQueue


@dataclass(frozen=True, slots=True)
class FineTunedPart:
    """A fine-tuned classifier, and what its labels mean. What its queue makes of a text are their probabilities."""

    queue: EmbeddingQueue
    reading: LabelReading


@dataclass(frozen=True, slots=True)
class NoFineTunedPart:
    """Why there is none."""

    reason: str
    is_wanted: bool = False  # True: it was asked for, and cannot be had


NOT_SET = NoFineTunedPart("ROUTER_MODEL_PATH is not set")


@dataclass(frozen=True, slots=True)
class MadeJudgement:
    """A judgement, what made it, and where the time went."""

    judgement: Judgement
    encoder: str | None  # None: no embedding was made
    token_count: int
    tokenize_s: float
    queue_s: float
    embed_s: float


class ClassificationEngine:
    """Judges turns. Without a learned part, or while its encoder fails, by the rules alone."""

    def __init__(
        self,
        setup: Setup,
        learned: LearnedPart | None,
        *,
        tracing: Tracing,
        log: Logger,
        fine_tuned: FineTunedPart | NoFineTunedPart = NOT_SET,
    ) -> None:
        """Take the parts. setup: what to go by at first."""
        self._setup = setup
        self._learned = learned
        self._fine_tuned = fine_tuned
        self._tracing = tracing
        self._log = log
        self._is_encoder_failing = False
        self._is_fine_tuned_failing = False

    @property
    def setup(self) -> Setup:
        """What to go by now."""
        return self._setup

    @property
    def categories(self) -> tuple[str, ...]:
        """Built in, then added."""
        return self._setup.categories

    @property
    def encoder_name(self) -> str | None:
        """The loaded encoder; None where there is none."""
        return None if self._learned is None else self._learned.queue.encoder_name

    @property
    def encoder(self) -> Encoder | None:
        """The same, with all that is known of it."""
        return None if self._learned is None else self._learned.queue.encoder

    @property
    def artifact_version(self) -> str:
        """Version of the learned artefact; empty where there is none."""
        return "" if self._learned is None else self._learned.artifact.version

    @property
    def degraded(self) -> tuple[str, ...]:
        """Why judgements are worse than they could be, in closed words."""
        reasons = [names.ENCODER_UNAVAILABLE] if self._learned is None else [names.ENCODER_FAILED] if self._is_encoder_failing else []
        if isinstance(self._fine_tuned, NoFineTunedPart) and self._fine_tuned.is_wanted:
            reasons.append(names.ROUTER_MODEL_UNAVAILABLE)
        return tuple(reasons)

    def version_of(self, setup: Setup) -> str:
        """Of artefact and setup, as one word."""
        return f"{self.artifact_version or 'rules'}-{setup.version}"

    async def classify(self, turn: Turn, strategy: Strategy, setup: Setup, *, deadline_s: float) -> MadeJudgement:
        """Judge one turn.

        Raises Overloaded before any work, DeadlineExceeded where the encoder's turn came too late, PreconditionRequired
        "strategy_unavailable" where the strategy needs a model that is not there.
        """
        if strategy is Strategy.BERT:
            return await self._classify_fine_tuned(turn, setup, deadline_s)
        embedded = None if strategy in WITHOUT_EMBEDDING else await self._embed(turn, deadline_s)
        judgement = self._judge(turn, strategy, setup, embedded)
        if embedded is None:
            return MadeJudgement(judgement, None, 0, 0.0, 0.0, 0.0)
        return MadeJudgement(judgement, self.encoder_name, embedded.token_count, embedded.tokenize_s, embedded.queue_s, embedded.embed_s)

    def models_of(self, strategy: Strategy) -> str | None:
        """Names of the models on which a judgement depends; None where there is no encoder."""
        if strategy is Strategy.BERT and isinstance(self._fine_tuned, FineTunedPart):
            return None if self.encoder_name is None else f"{self.encoder_name} {self._fine_tuned.queue.encoder_name}"
        return self.encoder_name

    def use(self, setup: Setup) -> None:
        """Go by this setup from now on; requests under way keep the one they began with."""
        self._setup = setup

    def _judge(self, turn: Turn, strategy: Strategy, setup: Setup, embedded: EmbeddedText | None) -> Judgement:
        matches = setup.rules.match(turn.text)
        if self._learned is None:
            return judge_by_rules(turn.text, matches, Method.RULE_BASED if strategy is Strategy.RULES else Method.DEGRADED)
        embedding = None if embedded is None else embedded.embedding
        return judge(turn.text, matches, embedding, self._learned.artifact, strategy=strategy, added=setup.added)

    async def _classify_fine_tuned(self, turn: Turn, setup: Setup, deadline_s: float) -> MadeJudgement:
        """The hybrid judgement with the fine-tuned classifier's verdict in it."""
        part = self._fine_tuned
        if isinstance(part, NoFineTunedPart):
            raise strategy_unavailable(part.reason)
        try:
            with self._tracing.span("sort") as span:
                sorted_text = await part.queue.embed(text_window(turn.text), deadline_s=deadline_s)
                span.set_attribute("pointsman.token_count", sorted_text.token_count)
        except EncoderFailed as error:
            if not self._is_fine_tuned_failing:
                self._log.error(names.ROUTER_MODEL_FAILED, reason=str(error))
            self._is_fine_tuned_failing = True
            raise strategy_unavailable("its model failed") from error
        self._is_fine_tuned_failing = False
        made = await self.classify(turn, Strategy.HYBRID, setup, deadline_s=deadline_s)
        return replace(
            made,
            judgement=with_verdict(made.judgement, sorted_text.embedding, part.reading),
            tokenize_s=made.tokenize_s + sorted_text.tokenize_s,
            queue_s=made.queue_s + sorted_text.queue_s,
            embed_s=made.embed_s + sorted_text.embed_s,
        )

    async def _embed(self, turn: Turn, deadline_s: float) -> EmbeddedText | None:
        """The turn's vector, or None where there is no encoder or it failed: one log line when that begins."""
        if self._learned is None:
            return None
        try:
            with self._tracing.span("embed") as span:
                embedded = await self._learned.queue.embed(turn.text_to_embed, deadline_s=deadline_s)
                span.set_attribute("pointsman.token_count", embedded.token_count)
        except EncoderFailed as error:
            if not self._is_encoder_failing:
                self._log.error(names.ENCODER_FAILED, reason=str(error))
            self._is_encoder_failing = True
            return None
        self._is_encoder_failing = False
        return embedded


def strategy_unavailable(reason: str) -> PreconditionRequired:
    """The refusal of strategy bert."""
    return PreconditionRequired("strategy_unavailable", f"strategy bert: {reason}", param="strategy")
