"""When open spends expire, earliest first. Times are seconds on the monotonic clock."""

import heapq

# Settled spends stay in the heap until it is this much larger than what is open; then it is built anew.
SLACK = 1_024


class ExpiryQueue:
    """Which spends are open, and until when."""

    def __init__(self) -> None:
        self._at_s: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._at_s)

    def add(self, spend_id: str, at_s: float) -> None:
        """Let a spend expire then; one that is known keeps its time."""
        if spend_id not in self._at_s:
            self._at_s[spend_id] = at_s
            heapq.heappush(self._heap, (at_s, spend_id))

    def discard(self, spend_id: str) -> None:
        """The spend is closed, or was never open."""
        self._at_s.pop(spend_id, None)
        if len(self._heap) > 2 * len(self._at_s) + SLACK:
            self._heap = [(at_s, known) for known, at_s in self._at_s.items()]
            heapq.heapify(self._heap)

    def next_at_s(self) -> float | None:
        """When the first of them expires; None where none is open."""
        while self._heap and self._at_s.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take_due(self, now_s: float, *, limit: int) -> list[str]:
        """Remove and return up to `limit` spends whose time has come, earliest first."""
        taken: list[str] = []
        while len(taken) < limit and (at_s := self.next_at_s()) is not None and at_s <= now_s:
            taken.append(heapq.heappop(self._heap)[1])
            del self._at_s[taken[-1]]
        return taken
