from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from pointsman.classifier.adapters.memory_cache import ENTRY_OVERHEAD_BYTES, MemoryCache, size_of


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


def cache_of(clock: Clock, *, max_entries: int = 100, max_bytes: int = 100_000) -> MemoryCache:
    return MemoryCache(ttl_s=10, now=clock, uniform=lambda: 0.5, max_entries=max_entries, max_bytes=max_bytes)


async def test_what_was_put_is_found_in_the_order_asked_for() -> None:
    cache = cache_of(Clock())
    cache.put(b"a", b"1")
    cache.put(b"b", b"2")
    assert await cache.get_many([b"b", b"missing", b"a"]) == [b"2", None, b"1"]


async def test_value_put_again_is_the_newer_one_and_takes_its_place_once() -> None:
    cache = cache_of(Clock())
    cache.put(b"a", b"old, and longer")
    cache.put(b"a", b"new")
    assert await cache.get_many([b"a"]) == [b"new"]
    assert (len(cache), cache.byte_count) == (1, size_of(b"a", b"new"))


async def test_value_is_forgotten_at_its_end() -> None:
    clock = Clock()
    cache = cache_of(clock)
    cache.put(b"a", b"1")
    clock.now_s = 9.99
    assert await cache.get_many([b"a"]) == [b"1"]
    clock.now_s = 10.0
    assert await cache.get_many([b"a"]) == [None]
    assert (len(cache), cache.byte_count) == (0, 0)


async def test_ends_are_spread() -> None:
    clock, shares = Clock(), iter([0.0, 1.0])
    cache = MemoryCache(ttl_s=10, now=clock, uniform=lambda: next(shares))
    cache.put(b"early", b"1")
    cache.put(b"late", b"2")
    clock.now_s = 10.0
    assert await cache.get_many([b"early", b"late"]) == [None, b"2"]


async def test_discarded_value_is_not_found() -> None:
    cache = cache_of(Clock())
    cache.put(b"a", b"1")
    cache.discard(b"a")
    cache.discard(b"never there")
    assert await cache.get_many([b"a"]) == [None]


async def test_least_recently_used_goes_first() -> None:
    cache = cache_of(Clock(), max_entries=2)
    cache.put(b"a", b"1")
    cache.put(b"b", b"2")
    await cache.get_many([b"a"])
    cache.put(b"c", b"3")
    assert await cache.get_many([b"a", b"b", b"c"]) == [b"1", None, b"3"]


async def test_value_larger_than_all_may_be_is_not_kept() -> None:
    cache = cache_of(Clock(), max_bytes=ENTRY_OVERHEAD_BYTES + 10)
    cache.put(b"a", b"1")
    cache.put(b"b", b"x" * 11)
    assert await cache.get_many([b"a", b"b"]) == [b"1", None]


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c", b"dd", b"eee"]), st.binary(max_size=600), st.booleans())))
def test_bounds_hold_whatever_is_put_and_discarded(steps: list[tuple[bytes, bytes, bool]]) -> None:
    cache = cache_of(Clock(), max_entries=3, max_bytes=1_500)
    for key, value, is_put in steps:
        if is_put:
            cache.put(key, value)
        else:
            cache.discard(key)
        assert len(cache) <= 3
        assert 0 <= cache.byte_count <= 1_500
    assert (cache.byte_count == 0) == (len(cache) == 0)
