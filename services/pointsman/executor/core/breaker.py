"""A circuit breaker: stops calls to what keeps failing, and lets one at a time find out whether it is back.

closed --(failures)--> open --(ejection over)--> half-open --(a probe succeeds)--> closed, (it fails)--> open, for longer.
"""

from collections import deque
from enum import StrEnum

# A provider that fails now and then is kept; one that fails steadily is left within seconds.
CONSECUTIVE_FAILURES = 5
WINDOW_S = 10.0
MIN_WINDOW_CALLS = 10
FAILURE_SHARE = 0.5
BASE_EJECTION_S = 5.0
MAX_EJECTION_S = 300.0
# Calls remembered within the window: enough for the share, and bounded under any load.
MAX_WINDOW_CALLS = 256
# One ejection is forgotten for each minute of health, so that a provider that flaps stays out ever longer.
FORGET_EJECTION_S = 60.0


class BreakerState(StrEnum):
    """What the breaker lets through: all, nothing, or one probe at a time."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Breaker of one model at one provider. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        """Begin closed."""
        self._calls: deque[tuple[float, bool]] = deque(maxlen=MAX_WINDOW_CALLS)
        self._consecutive_failures = 0
        self._ejection_count = 0
        self._open_until_s: float | None = None
        self._closed_since_s = 0.0
        self.is_probing = False

    def state(self, now_s: float) -> BreakerState:
        """The state at this moment."""
        if self._open_until_s is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now_s < self._open_until_s else BreakerState.HALF_OPEN

    def admits(self, now_s: float) -> bool:
        """Whether a call may be made as a matter of course."""
        state = self.state(now_s)
        return state is BreakerState.CLOSED or (state is BreakerState.HALF_OPEN and not self.is_probing)

    def opens_at_s(self) -> float | None:
        """When a probe is due; None where it is closed."""
        return self._open_until_s

    def begin(self) -> bool:
        """Note that a call begins; whether it is a probe. A probe has to end with `succeed`, `fail` or `ignore`."""
        is_probe = self._open_until_s is not None
        self.is_probing = self.is_probing or is_probe
        return is_probe

    def succeed(self, now_s: float, *, is_probe: bool) -> None:
        """Note that a call succeeded. Calls that began before the opening close nothing."""
        self._note(now_s, succeeded=True)
        if is_probe and self._open_until_s is not None:
            self._open_until_s = None
            self._closed_since_s = now_s
            self._calls.clear()
        if is_probe:
            self.is_probing = False

    def fail(self, now_s: float, *, is_probe: bool) -> None:
        """Note that a call failed in a way that speaks against the provider.

        A probe that came before the ejection was over, because nobody else was left to call, does not prolong it:
        else the callers of an outage would decide how long it lasts.
        """
        self._note(now_s, succeeded=False)
        if is_probe:
            self.is_probing = False
            if self.state(now_s) is BreakerState.HALF_OPEN:
                self._open(now_s)
        elif self._open_until_s is None and self._has_failed_enough(now_s):
            self._open(now_s)

    def ignore(self, *, is_probe: bool) -> None:
        """Note that a call ended without telling anything: it was cancelled, or the request was at fault."""
        if is_probe:
            self.is_probing = False

    def _note(self, now_s: float, *, succeeded: bool) -> None:
        self._calls.append((now_s, succeeded))
        self._consecutive_failures = 0 if succeeded else self._consecutive_failures + 1

    def _has_failed_enough(self, now_s: float) -> bool:
        if self._consecutive_failures >= CONSECUTIVE_FAILURES:
            return True
        while self._calls and self._calls[0][0] < now_s - WINDOW_S:
            self._calls.popleft()
        failures = sum(1 for _, succeeded in self._calls if not succeeded)
        return len(self._calls) >= MIN_WINDOW_CALLS and failures >= FAILURE_SHARE * len(self._calls)

    def _open(self, now_s: float) -> None:
        if self._open_until_s is None:
            forgotten = int((now_s - self._closed_since_s) / FORGET_EJECTION_S)
            self._ejection_count = max(0, self._ejection_count - forgotten)
        self._ejection_count += 1
        self._open_until_s = now_s + min(MAX_EJECTION_S, BASE_EJECTION_S * self._ejection_count)
