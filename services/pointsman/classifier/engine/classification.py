"""The way of a prompt through the classifier: rules, embedding, heads, fusion."""

from dataclasses import dataclass

from pointsman.classifier import names
from pointsman.classifier.core.artifact import Artifact
from pointsman.classifier.core.fusion import Judgement, Method, Strategy, judge, judge_by_rules
from pointsman.classifier.core.ports import EncoderFailed
from pointsman.classifier.core.setup import Setup
from pointsman.classifier.core.turn import Turn
from pointsman.classifier.engine.embedding_queue import EmbeddedText, EmbeddingQueue
from pointsman.kit.logging import Logger
from pointsman.kit.tracing import Tracing


@dataclass(frozen=True, slots=True)
class LearnedPart:
    """What goes beyond rules; it comes and goes as a whole, because the heads read what the encoder makes."""

    artifact: Artifact
    queue: EmbeddingQueue


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

    def __init__(self, setup: Setup, learned: LearnedPart | None, *, tracing: Tracing, log: Logger) -> None:
        """Take the parts. setup: what to go by at first."""
        self._setup = setup
        self._learned = learned
        self._tracing = tracing
        self._log = log
        self._is_encoder_failing = False

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
    def artifact_version(self) -> str:
        """Version of the learned artefact; empty where there is none."""
        return "" if self._learned is None else self._learned.artifact.version

    @property
    def degraded(self) -> tuple[str, ...]:
        """Why judgements are worse than they could be, in closed words."""
        if self._learned is None:
            return (names.ENCODER_UNAVAILABLE,)
        return (names.ENCODER_FAILED,) if self._is_encoder_failing else ()

    def version_of(self, setup: Setup) -> str:
        """Of artefact and setup, as one word."""
        return f"{self.artifact_version or 'rules'}-{setup.version}"

    async def classify(self, turn: Turn, strategy: Strategy, setup: Setup, *, deadline_s: float) -> MadeJudgement:
        """Judge one turn. Raises Overloaded before any work, DeadlineExceeded where the encoder's turn came too late."""
        embedded = None if strategy is Strategy.RULES else await self._embed(turn, deadline_s)
        judgement = self._judge(turn, strategy, setup, embedded)
        if embedded is None:
            return MadeJudgement(judgement, None, 0, 0.0, 0.0, 0.0)
        return MadeJudgement(judgement, self.encoder_name, embedded.token_count, embedded.tokenize_s, embedded.queue_s, embedded.embed_s)

    def use(self, setup: Setup) -> None:
        """Go by this setup from now on; requests under way keep the one they began with."""
        self._setup = setup

    def _judge(self, turn: Turn, strategy: Strategy, setup: Setup, embedded: EmbeddedText | None) -> Judgement:
        matches = setup.rules.match(turn.text)
        if self._learned is None:
            return judge_by_rules(turn.text, matches, Method.RULE_BASED if strategy is Strategy.RULES else Method.DEGRADED)
        embedding = None if embedded is None else embedded.embedding
        return judge(turn.text, matches, embedding, self._learned.artifact, strategy=strategy, added=setup.added)

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
