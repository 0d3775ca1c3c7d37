"""When to leave a thing that fails alone. Whether it is back is found out beside the requests, not by them."""

# Failures in a row after which it counts as away: one or two may be a hiccup of the machine.
FAILURE_LIMIT = 3
# Between two looks whether it is back.
PROBE_PAUSE_S = 5.0


class Breaker:
    """Closed, until so many failures in a row open it; a success closes it. Not for threads."""

    def __init__(self, *, failure_limit: int = FAILURE_LIMIT) -> None:
        """Start closed."""
        self._failure_limit = failure_limit
        self._failure_count = 0

    @property
    def is_open(self) -> bool:
        """True where nothing should be asked of it."""
        return self._failure_count >= self._failure_limit

    def record_success(self) -> bool:
        """Count a success; true where this closes it."""
        was_open, self._failure_count = self.is_open, 0
        return was_open

    def record_failure(self) -> bool:
        """Count a failure; true where this opens it."""
        was_open = self.is_open
        self._failure_count += 1
        return self.is_open and not was_open
