"""A moment by which work must be done, on the monotonic clock."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Deadline:
    """A moment by which work must be done.

    at_s: seconds on the monotonic clock of this process; it means nothing in another one, so what
    travels is the time that remains.
    """

    at_s: float

    @classmethod
    def after(cls, seconds: float, *, now_s: float | None = None) -> "Deadline":
        """The moment that is `seconds` from now."""
        return cls((time.monotonic() if now_s is None else now_s) + seconds)

    def remaining_s(self, now_s: float | None = None) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self.at_s - (time.monotonic() if now_s is None else now_s))

    def min(self, other: "Deadline") -> "Deadline":
        """The earlier of the two."""
        return min(self, other)

    def earlier_by(self, margin_s: float) -> "Deadline":
        """A deadline for work whose result must still be handled before this one."""
        return Deadline(self.at_s - margin_s)

    @property
    def expired(self) -> bool:
        """Whether it has passed."""
        return self.remaining_s() <= 0
