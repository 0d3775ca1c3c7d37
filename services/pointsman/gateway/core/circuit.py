"""When to stop calling a service that fails, and when to try it again."""

# Failures in a row after which a service is taken to be away: one may be chance, three are not.
FAILURE_LIMIT = 3
# Rest before a probe. At first short, because a core that was busy for a moment fails three calls in a row as well: at 50 requests
# a second 5 s of rest were 250 without a service that was there. Then twice as long each time: a service that is away costs nothing.
FIRST_REST_S = 0.5
REST_S = 5.0


class Circuit:
    """A breaker: closed, open after failures in a row, then one probe at a time, after rests that grow.

    Every call that `try_acquire` admits ends in exactly one of `record_success`, `record_failure` or
    `release`. Durations are of a monotonic clock. Not for threads.
    """

    def __init__(self, *, failure_limit: int = FAILURE_LIMIT, rest_s: float = REST_S) -> None:
        """Start closed. rest_s: the longest rest."""
        self._failure_limit = failure_limit
        self._longest_rest_s = rest_s
        self._rest_s = self._first_rest_s = min(FIRST_REST_S, rest_s)
        self._failure_count = 0
        self._opened_at_s: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """True from the last failure in a row until a success."""
        return self._opened_at_s is not None

    def try_acquire(self, now_s: float) -> bool:
        """True where a call may be made: always when closed; when open, one probe once the rest is over."""
        if self._opened_at_s is None:
            return True
        if self._probing or now_s - self._opened_at_s < self._rest_s:
            return False
        self._probing = True
        return True

    def record_success(self) -> None:
        """Close."""
        self._rest_s = self._first_rest_s
        self._failure_count = 0
        self._opened_at_s = None
        self._probing = False

    def record_failure(self, now_s: float) -> None:
        """Count a failure; open, or stay open for another rest."""
        self._failure_count += 1
        if self._probing:
            self._rest_s = min(2 * self._rest_s, self._longest_rest_s)
        self._probing = False
        if self._failure_count >= self._failure_limit:
            self._opened_at_s = now_s

    def release(self) -> None:
        """End a call that tells nothing of the service, such as one that its caller left."""
        self._probing = False
