"""What kind of work a prompt is: the classifier's word, found in memory or asked for, else the gateway's own by rules."""

import math
import time
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass

from pointsman.gateway import names
from pointsman.gateway.core.circuit import Circuit
from pointsman.gateway.core.judgement import BUILT_IN_CATEGORIES, CacheUse, Judgement
from pointsman.gateway.engine.judgement_cache import Found, JudgementCache, KeyedHash, judgement_key
from pointsman.gateway.engine.world import World
from pointsman.gateway.ports import Attempt, Classifier, PromptText, RulesInForce, Strategy
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import DeadlineExceeded, InvalidArgument, Overloaded, PreconditionRequired, ServiceError
from pointsman.kit.logging import Logger
from pointsman.rules.text_window import text_window

DEGRADED_CLASSIFIER = "classifier"
STRATEGY_PARAM = "strategy"  # what the classifier's refusals name
# Far more than a catalogue can add: 64 categories are the most that one request may compare.
MAX_CATEGORY_COUNT = 256
PROBABILITY_TOLERANCE = 0.01
# Logits beyond it are no measurement: sigmoid is 1 within a millionth.
MAX_LOGIT = 14.0


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement, or None where nobody could make one, and whether the classifier was missing."""

    judgement: Judgement | None
    is_degraded: bool = False
    is_other_strategy: bool = False  # hybrid, because the strategy asked for cannot be followed
    attempts: tuple[Attempt, ...] = ()  # calls of a model that was asked to judge
    cache: CacheUse = CacheUse.OFF


class StrategyMissing(Exception):
    """The classifier lives, but cannot judge by this strategy."""


class Judging:
    """Asks the classifier within its budget, and knows when not to ask."""

    def __init__(
        self,
        *,
        classifier: Classifier,
        world: World,
        circuit: Circuit,
        cache: JudgementCache | None,
        keyed_hash: KeyedHash,
        budget_s: float,
        log: Logger,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """cache: None where every prompt is to be judged anew. budget_s: longest that a request waits for the classifier."""
        self._classifier = classifier
        self._world = world
        self._circuit = circuit
        self._cache = cache
        self._keyed_hash = keyed_hash
        self._budget_s = budget_s
        self._log = log
        self._now_s = now_s

    async def judge(self, prompt: PromptText, strategy: Strategy, deadline: Deadline) -> Judged:
        """Never fails; the answer comes within the budget, by rules where the classifier does not give one."""
        rules = self._world.rules
        budget = Deadline.after(self._budget_s, now_s=self._now_s())
        is_other = False
        try:
            found = await self._find(prompt, strategy, rules, deadline, budget)
        except StrategyMissing:
            found, is_other = await self._find(prompt, Strategy.HYBRID, rules, deadline, budget), True
        judgement, not_found = found.judgement, CacheUse.OFF if self._cache is None else CacheUse.MISS
        if judgement is None:
            return Judged(judge_by_rules(prompt, rules), is_degraded=True, is_other_strategy=is_other, cache=not_found)
        # Whatever this gateway keeps, the classifier may have a cache of its own.
        return Judged(judgement, is_other_strategy=is_other, cache=CacheUse.HIT if judgement.cache_hit else not_found)

    async def _find(
        self, prompt: PromptText, strategy: Strategy, rules: RulesInForce | None, deadline: Deadline, budget: Deadline
    ) -> Found:
        """The judgement from memory, or from the classifier. Raises StrategyMissing, which never comes of hybrid."""
        categories = BUILT_IN_CATEGORIES if rules is None else rules.categories

        async def ask() -> Judgement | None:
            judgement = await self._ask(prompt, strategy, deadline.min(budget), is_hasty=deadline < budget)
            if judgement is None or is_sound(judgement, categories):
                return judgement
            self._log.warning(names.CLASSIFIER_ANSWER_REFUSED)
            return None

        if self._cache is None:
            return Found(await ask())
        key = judgement_key(prompt, strategy, "" if rules is None else rules.version, self._keyed_hash)
        return await self._cache.find(key, ask, deadline.min(budget))

    async def _ask(self, prompt: PromptText, strategy: Strategy, deadline: Deadline, *, is_hasty: bool) -> Judgement | None:
        """The classifier's answer; None where it has none. One log line at each change, not one a request. Raises StrategyMissing.

        is_hasty: the request leaves less time than the classifier is allowed; that it runs out is not the classifier's fault.
        """
        if not self._circuit.try_acquire(self._now_s()):
            return None
        was_open = self._circuit.is_open
        try:
            judgement = await self._classifier.classify(prompt, strategy=strategy, deadline=deadline)
        except (InvalidArgument, PreconditionRequired, Overloaded) as error:
            self._circuit.release()
            if strategy is not Strategy.HYBRID and is_of_strategy(error):
                raise StrategyMissing from error
            return None
        except ServiceError as error:
            if is_hasty and isinstance(error, DeadlineExceeded):
                self._circuit.release()
                return None
            self._circuit.record_failure(self._now_s())
            if self._circuit.is_open and not was_open:
                self._log.warning(names.CLASSIFIER_AWAY, reason=error.reason)
            return None
        except BaseException:
            self._circuit.release()
            raise
        self._circuit.record_success()
        if was_open:
            self._log.info(names.CLASSIFIER_BACK)
        return judgement


def is_of_strategy(error: ServiceError) -> bool:
    """True where the classifier refuses the strategy alone: it has not what that needs, or is too old to know it."""
    return not isinstance(error, Overloaded) and error.param == STRATEGY_PARAM


def text_to_judge(text: str) -> str:
    """What of a text is judged: its ends, as far as the classifier reads, in one way of writing the same characters."""
    return unicodedata.normalize("NFC", text_window(text.strip()).replace("\r\n", "\n"))


def judge_by_rules(prompt: PromptText, rules: RulesInForce | None) -> Judgement | None:
    """The gateway's own judgement; None where it has no rules yet."""
    return None if rules is None else rules.judge(prompt.text)


def is_sound(judgement: Judgement, categories: Collection[str]) -> bool:
    """True where the judgement can be reckoned with: finite, of known categories, probabilities that sum to 1."""
    probabilities = judgement.category_probabilities
    if not 0 < len(probabilities) <= MAX_CATEGORY_COUNT or judgement.category not in probabilities:
        return False
    if len(judgement.skills) > MAX_CATEGORY_COUNT or not all(name in categories for name in probabilities):
        return False
    scores = (judgement.domain_confidence, judgement.complexity_score, judgement.creativity_score)
    shares = (*probabilities.values(), *judgement.skills.values(), *scores)
    if not all(math.isfinite(share) and 0.0 <= share <= 1.0 for share in shares):
        return False
    if abs(sum(probabilities.values()) - 1.0) > PROBABILITY_TOLERANCE:
        return False
    return abs(judgement.difficulty_logit) <= MAX_LOGIT and math.isfinite(judgement.discrimination) and judgement.discrimination > 0.0
