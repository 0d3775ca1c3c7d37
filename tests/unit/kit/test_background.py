import asyncio

import pytest

from pointsman.kit.background import in_background


async def wait_for_ever(ended: asyncio.Event) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.set()


async def fail() -> None:
    raise ConnectionError("lost")


async def test_work_is_cancelled_when_the_context_is_left() -> None:
    ended = asyncio.Event()
    async with in_background(wait_for_ever(ended)):
        await asyncio.sleep(0)
    assert ended.is_set()


async def test_error_of_the_work_ends_the_context() -> None:
    with pytest.raises(ConnectionError):
        async with in_background(fail()):
            await asyncio.Event().wait()


async def test_error_of_the_body_comes_out_as_it_is_through_several_contexts() -> None:
    outer, inner = asyncio.Event(), asyncio.Event()

    async def use() -> None:
        async with in_background(wait_for_ever(outer)), in_background(wait_for_ever(inner)):
            await asyncio.sleep(0)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await use()
    assert outer.is_set()
    assert inner.is_set()
