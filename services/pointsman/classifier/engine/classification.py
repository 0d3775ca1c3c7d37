"""The way of a prompt through the classifier: rules, embedding, heads, fusion."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pointsman.classifier import names
from pointsman.classifier.core.artifact import Artifact
from pointsman.classifier.core.fusion import Judgement, Method, Strategy, judge, judge_by_rules
from pointsman.classifier.core.ports import EncoderFailed
from pointsman.classifier.core.setup import Setup
from pointsman.classifier.core.turn import Turn
from pointsman.classifier.engine.embedding_queue import EmbeddedText, EmbeddingQueue
from pointsman.kit.errors import ServiceError
from pointsman.kit.logging import Logger


@dataclass(frozen=True, slots=True)
class LearnedPart:
    """What goes beyond rules; it comes and goes as a whole, because the heads read what the encoder makes."""

    artifact: Artifact
    queue: EmbeddingQueue


@dataclass(frozen=True, slots=True)
class ClassifiedTurn:
    """A judgement, what made it, and where the time went."""

    judgement: Judgement
    version: str
    encoder: str | None  # None: no embedding was made
    tokenize_s: float
    queue_s: float
    embed_s: float
    total_s: float


class ClassificationEngine:
    """Judges turns. Without a learned part, or while its encoder fails, by the rules alone."""

    def __init__(self, setup: Setup, learned: LearnedPart | None, *, now: Callable[[], float], log: Logger) -> None:
        """Take the parts. setup: what to go by at first. now: monotonic clock in seconds, that of the deadlines."""
        self._setup = setup
        self._learned = learned
        self._now = now
        self._log = log
        self._is_encoder_failing = False

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

    async def classify(self, turn: Turn, strategy: Strategy, *, deadline_s: float) -> ClassifiedTurn:
        """Judge one turn. Raises Overloaded before any work, DeadlineExceeded where the encoder's turn came too late."""
        start_s = self._now()
        setup = self._setup
        embedded = None if strategy is Strategy.RULES else await self._embed(turn, deadline_s)
        judgement = self._judge(turn, strategy, setup, embedded)
        encoder = None if embedded is None else self.encoder_name
        times = (0.0, 0.0, 0.0) if embedded is None else (embedded.tokenize_s, embedded.queue_s, embedded.embed_s)
        version = f"{self.artifact_version or 'rules'}-{setup.version}"
        return ClassifiedTurn(judgement, version, encoder, *times, total_s=self._now() - start_s)

    async def classify_all(self, turns: Sequence[Turn], strategy: Strategy, *, deadline_s: float) -> list[ClassifiedTurn]:
        """Judge several turns at once, in order; all or none. Raises as `classify` does."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self.classify(turn, strategy, deadline_s=deadline_s)) for turn in turns]
        except* ServiceError as errors:
            raise first_of(errors) from None
        return [task.result() for task in tasks]

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
            embedded = await self._learned.queue.embed(turn.text_to_embed, deadline_s=deadline_s)
        except EncoderFailed as error:
            if not self._is_encoder_failing:
                self._log.error(names.ENCODER_FAILED, reason=str(error))
            self._is_encoder_failing = True
            return None
        self._is_encoder_failing = False
        return embedded


def first_of(errors: BaseExceptionGroup[ServiceError]) -> ServiceError:
    """One error of a group, however deep."""
    first = errors.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first
