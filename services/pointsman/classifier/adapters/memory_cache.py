"""Judgements kept in this process: what is used where no Redis is configured."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pointsman.classifier.core.lifetime import lifetime_s

# A judgement takes about 1 KB: these hold the prompts of an hour on one machine, and bound what odd ones may take.
MAX_ENTRIES = 20_000
MAX_BYTES = 32 << 20
# What an entry takes beside key and value: sys.getsizeof of two bytes objects, an entry and a link of the dictionary.
ENTRY_OVERHEAD_BYTES = 256


@dataclass(frozen=True, slots=True)
class KeptValue:
    """A value and how long it may be used."""

    value: bytes
    end_s: float


class MemoryCache:
    """The JudgementCache port, bounded by entries and bytes; what was not used for longest goes first."""

    def __init__(
        self,
        *,
        ttl_s: float,
        now: Callable[[], float],
        uniform: Callable[[], float],
        max_entries: int = MAX_ENTRIES,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """now: monotonic clock in seconds. uniform: random numbers from 0 to 1."""
        self._ttl_s = ttl_s
        self._now = now
        self._uniform = uniform
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._kept: OrderedDict[bytes, KeptValue] = OrderedDict()
        self._byte_count = 0

    @property
    def name(self) -> str:
        """What keeps them."""
        return "memory"

    @property
    def is_away(self) -> bool:
        """Never: it is in this process."""
        return False

    @property
    def byte_count(self) -> int:
        """What all entries take."""
        return self._byte_count

    def __len__(self) -> int:
        """How many entries there are."""
        return len(self._kept)

    async def get_many(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """What is kept under each key."""
        return [self._get(key) for key in keys]

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a value, unless it alone is more than all may be."""
        self.discard(key)
        if size_of(key, value) > self._max_bytes:
            return
        self._kept[key] = KeptValue(value, self._now() + lifetime_s(self._ttl_s, self._uniform()))
        self._byte_count += size_of(key, value)
        while len(self._kept) > self._max_entries or self._byte_count > self._max_bytes:
            self.discard(next(iter(self._kept)))

    def discard(self, key: bytes) -> None:
        """Forget what is kept under a key."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._byte_count -= size_of(key, kept.value)

    def _get(self, key: bytes) -> bytes | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.end_s <= self._now():
            self.discard(key)
            return None
        self._kept.move_to_end(key)
        return kept.value


def size_of(key: bytes, value: bytes) -> int:
    """What an entry takes in memory, bytes."""
    return len(key) + len(value) + ENTRY_OVERHEAD_BYTES
