"""The queue of open spends."""

from hypothesis import given
from hypothesis import strategies as st

from pointsman.ledger.core.expiry import SLACK, ExpiryQueue


def test_spends_are_due_earliest_first_and_once() -> None:
    queue = ExpiryQueue()
    for spend_id, at_s in (("late", 9.0), ("b", 2.0), ("a", 1.0), ("c", 3.0)):
        queue.add(spend_id, at_s)
    assert queue.next_at_s() == 1.0
    assert queue.take_due(3.0, limit=2) == ["a", "b"]
    assert queue.take_due(3.0, limit=2) == ["c"]
    assert queue.take_due(3.0, limit=2) == []
    assert len(queue) == 1


def test_closed_spend_is_not_due() -> None:
    queue = ExpiryQueue()
    queue.add("a", 1.0)
    queue.discard("a")
    queue.discard("never there")
    assert queue.next_at_s() is None
    assert queue.take_due(5.0, limit=9) == []


def test_known_spend_keeps_its_time() -> None:
    queue = ExpiryQueue()
    queue.add("a", 1.0)
    queue.add("a", 50.0)
    assert queue.next_at_s() == 1.0


def test_spend_added_again_after_it_was_closed_has_its_new_time() -> None:
    queue = ExpiryQueue()
    queue.add("a", 1.0)
    queue.discard("a")
    queue.add("a", 5.0)
    assert queue.take_due(4.0, limit=9) == []
    assert queue.take_due(5.0, limit=9) == ["a"]


def test_closed_spends_do_not_pile_up() -> None:
    queue = ExpiryQueue()
    for number in range(10 * SLACK):
        queue.add(str(number), 1e9)
        queue.discard(str(number))
    assert len(queue._heap) <= SLACK + 1


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 100), st.booleans())))
def test_what_is_due_is_what_was_added_and_not_closed(steps: list[tuple[str, float, bool]]) -> None:
    queue, expected = ExpiryQueue(), dict[str, float]()
    for spend_id, at_s, closes in steps:
        if closes:
            queue.discard(spend_id)
            expected.pop(spend_id, None)
        else:
            queue.add(spend_id, at_s)
            expected.setdefault(spend_id, at_s)
    due = queue.take_due(50.0, limit=100)
    assert set(due) == {spend_id for spend_id, at_s in expected.items() if at_s <= 50.0}
    assert [expected[spend_id] for spend_id in due] == sorted(expected[spend_id] for spend_id in due)
