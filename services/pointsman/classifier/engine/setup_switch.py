"""From a new configuration to the setup in force, in two steps: it is checked at once, embedded soon after."""

import asyncio
from dataclasses import dataclass

from pointsman.classifier import names
from pointsman.classifier.core.ports import EncoderFailed
from pointsman.classifier.core.setup import InvalidCategories, NewCategory, NewSetup, Setup, check_categories, setup_version
from pointsman.classifier.core.similarity import AddedCategory
from pointsman.classifier.engine.classification import ClassificationEngine
from pointsman.classifier.engine.embedding_queue import EmbeddingQueue
from pointsman.kit.errors import InvalidArgument
from pointsman.kit.logging import Logger
from pointsman.rules.keyword_rules import InvalidRules, RuleSet, compile_rules


@dataclass(frozen=True, slots=True)
class CheckedSetup:
    """A configuration that can be used; its examples are not embedded yet."""

    rules: RuleSet
    categories: tuple[NewCategory, ...]


class SetupSwitch:
    """Brings configurations into force, one at a time; of several that wait only the newest."""

    def __init__(self, engine: ClassificationEngine, queue: EmbeddingQueue | None, built_in_rules: RuleSet, log: Logger) -> None:
        """Take the parts. queue: None where there is no encoder; then rules alone find added categories."""
        self._engine = engine
        self._queue = queue
        self._built_in_rules = built_in_rules
        self._log = log
        self._next: CheckedSetup | None = None
        self._has_next = asyncio.Event()

    def propose(self, new: NewSetup) -> None:
        """Check a configuration; it comes into force as soon as its examples are embedded, 2.4 ms each.

        Raises InvalidArgument where it cannot be used, with every fault found; then nothing changes.
        """
        try:
            rules = compile_rules(new.rules) if new.rules else self._built_in_rules
            check_categories(new.categories)
        except (InvalidRules, InvalidCategories) as error:
            raise InvalidArgument("invalid_value", f"apply classification: {error}") from error
        self._next = CheckedSetup(rules, new.categories)
        self._has_next.set()

    async def run(self) -> None:
        """Bring into force whatever is proposed, until cancelled."""
        while True:
            await self._has_next.wait()
            await self.switch()

    async def switch(self) -> None:
        """Bring into force what was proposed last, if anything was."""
        self._has_next.clear()
        checked, self._next = self._next, None
        if checked is None:
            return
        added = await self._embed(checked.categories)
        # Named for what is in force: judgements are kept by this name, and must not be taken for those with all categories.
        in_force = checked.categories if added else ()
        setup = Setup(checked.rules, added, setup_version(checked.rules, in_force))
        self._engine.use(setup)
        self._log.info(names.SETUP_SWITCHED, rule_count=len(setup.rules), added_count=len(added), version=setup.version)

    async def _embed(self, categories: tuple[NewCategory, ...]) -> tuple[AddedCategory, ...]:
        """The categories with their examples' vectors; none where there is no encoder, or it fails."""
        if self._queue is None:
            return ()
        try:
            return tuple([AddedCategory(one.name, one.known_texts, await self._queue.embed_known(one.known_texts)) for one in categories])
        except EncoderFailed as error:
            self._log.error(names.ENCODER_FAILED, reason=str(error))
            return ()
