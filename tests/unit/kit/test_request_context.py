import asyncio

import pytest

from pointsman.kit.deadline import Deadline
from pointsman.kit.request_context import adopt_request_id, bind_request, current_request_id, request_deadline


def test_a_request_is_current_inside_its_block_alone() -> None:
    with bind_request("req_1", deadline=Deadline(5)):
        with bind_request("req_2"):
            assert current_request_id() == "req_2"
        assert (current_request_id(), request_deadline()) == ("req_1", Deadline(5))
    assert current_request_id() is None


def test_asking_for_a_deadline_outside_a_call_is_a_mistake() -> None:
    with pytest.raises(LookupError):
        request_deadline()


async def test_requests_served_at_once_do_not_mix() -> None:
    async def serve(request_id: str) -> str | None:
        with bind_request(request_id):
            await asyncio.sleep(0)
            return current_request_id()

    assert await asyncio.gather(*(serve(f"req_{n}") for n in range(10))) == [f"req_{n}" for n in range(10)]


@pytest.mark.parametrize("given", ["req_abc", "a", "A.b-c_9", "x" * 128])
def test_a_well_formed_id_is_kept(given: str) -> None:
    assert adopt_request_id(given) == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\n", "a/b", "é", '"'])
def test_another_is_replaced(given: str) -> None:
    assert adopt_request_id(given).startswith("req_")
