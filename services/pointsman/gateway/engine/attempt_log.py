"""The calls that were made for one request: as the executor reports them, and as far as was seen where it cannot."""

import math
import re
from collections.abc import Callable
from dataclasses import replace

from pointsman.gateway.core.catalog import Catalog
from pointsman.gateway.core.eligibility import CALLER_KEY_PROVIDER_ID
from pointsman.gateway.core.estimates import BYTES_PER_TOKEN
from pointsman.gateway.core.money import TokenUsage, attempt_cost_nanousd
from pointsman.gateway.ports import Attempt, AttemptOutcome, AttemptStarted, BilledTo, MeasuredUsage
from pointsman.kit.ids import new_id

EVENT_PREFIX = b"data: "
# Texts of a delta, whatever their kind; the escapes count as they are, which is close enough for an estimate.
# Possessive, so that a long text is taken in runs, and one without an end is not tried twice.
DELTA_TEXT = re.compile(rb'"(?:content|reasoning_content|reasoning|refusal|arguments)":\s?"((?:[^"\\]++|\\.)*+)"')


class AttemptLog:
    """Attempts of one request, with their cost at one catalogue's prices."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        image_count: int,
        input_token_count: int,
        has_caller_key: bool,
        now_s: Callable[[], float],
        time_s: Callable[[], float],
    ) -> None:
        """input_token_count: our own estimate, for attempts whose usage never comes."""
        self._catalog = catalog
        self._image_count = image_count
        self._input_token_count = input_token_count
        self._has_caller_key = has_caller_key
        self._now_s = now_s
        self._time_s = time_s
        self._running: AttemptStarted | None = None
        self._started_s = 0.0
        self._start_time_s = 0.0
        self._first_content_s: float | None = None
        self._event_count = 0
        self._text_byte_count = 0
        self.attempts: list[Attempt] = []
        self.started_count = 0

    @property
    def running_or_last(self) -> AttemptStarted | None:
        """The attempt under way, or the last one that was."""
        return self._running

    @property
    def provider_s(self) -> float:
        """Time that providers have taken so far."""
        finished_s = sum(attempt.latency_s for attempt in self.attempts)
        return finished_s + self._now_s() - self._started_s if self._is_running else finished_s

    @property
    def _is_running(self) -> bool:
        return self._running is not None and len(self.attempts) < self.started_count

    def start(self, started: AttemptStarted) -> None:
        """A call begins."""
        self._running = started
        self._started_s, self._start_time_s = self._now_s(), self._time_s()
        self._first_content_s = None
        self._event_count = self._text_byte_count = 0
        self.started_count += 1

    def see(self, events: bytes) -> None:
        """Content came."""
        if self._first_content_s is None:
            self._first_content_s = self._now_s()
        self._event_count += events.count(EVENT_PREFIX)
        self._text_byte_count += sum(map(len, DELTA_TEXT.findall(events)))

    def finish(self, attempt: Attempt) -> None:
        """A call ended, as the executor saw it."""
        self.attempts.append(self._priced(attempt))

    def abandon(self, outcome: AttemptOutcome, reason: str) -> None:
        """End the attempt that still runs, if one does, by what was seen of it."""
        started = self._running
        if started is None or not self._is_running:
            return
        now_s = self._now_s()
        attempt = Attempt(
            attempt_id=new_id("att"),
            number=started.number,
            model_id=started.model_id,
            provider_id=started.provider_id,
            outcome=outcome,
            start_time_s=self._start_time_s,
            latency_s=now_s - self._started_s,
            failure_reason=reason,
            usage=MeasuredUsage(self._input_token_count, self._seen_token_count(), estimated=True),
            time_to_first_token_s=None if self._first_content_s is None else self._first_content_s - self._started_s,
            billed_to=BilledTo.CALLER if self._is_callers(started.provider_id) else BilledTo.OPERATOR,
        )
        self.attempts.append(self._priced(attempt))

    def total_cost_nanousd(self) -> int | None:
        """Sum over every billed attempt; None where the price of one is unknown."""
        costs = [attempt.cost_nanousd for attempt in self.attempts if attempt.usage is not None]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    def _seen_token_count(self) -> int:
        """Providers send a token an event, or several at once."""
        return max(self._event_count, math.ceil(self._text_byte_count / BYTES_PER_TOKEN))

    def _is_callers(self, provider_id: str) -> bool:
        return self._has_caller_key and provider_id == CALLER_KEY_PROVIDER_ID

    def _priced(self, attempt: Attempt) -> Attempt:
        """With its cost; without where it was not billed, or the price is unknown."""
        model = self._catalog.models.get(attempt.model_id)
        usage = attempt.usage
        if usage is None:
            return replace(attempt, cost_nanousd=0)
        if model is None or model.price is None:
            return replace(attempt, cost_nanousd=None)
        tokens = TokenUsage(
            input_token_count=usage.input_token_count,
            output_token_count=usage.output_token_count,
            cached_input_token_count=usage.cached_input_token_count,
            cache_write_token_count=usage.cache_write_token_count,
            image_count=self._image_count if model.price.image_microusd else 0,
        )
        return replace(attempt, cost_nanousd=attempt_cost_nanousd(model.price, tokens))
