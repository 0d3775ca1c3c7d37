from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.classifier.core.batching import BatchLimits, BatchPlan, QueuedText, has_room, plan_batch

NOW_S = 100.0
LATER_S = 101.0


def limits(tokens: int = 100, entries: int = 8, admitted: int = 16) -> BatchLimits:
    return BatchLimits(max_batch_tokens=tokens, max_batch_entries=entries, max_admitted_entries=admitted)


def waiting(*token_counts: int) -> list[QueuedText]:
    return [QueuedText(count, LATER_S) for count in token_counts]


@pytest.mark.parametrize(
    ("queue", "bounds", "plan"),
    [
        pytest.param([], limits(), BatchPlan((), (), ()), id="nothing waits"),
        pytest.param(waiting(10), limits(), BatchPlan((0,), (), ()), id="one goes at once"),
        pytest.param(waiting(30, 10, 20), limits(), BatchPlan((1, 2, 0), (), ()), id="shortest first"),
        pytest.param(waiting(10, 10), limits(tokens=20), BatchPlan((0, 1), (), ()), id="exactly full"),
        pytest.param(waiting(10, 11), limits(tokens=20), BatchPlan((0,), (), (1,)), id="padding counts"),
        pytest.param(waiting(10, 60, 10), limits(tokens=60), BatchPlan((0, 2), (), (1,)), id="a long one does not hold back a short one"),
        pytest.param(waiting(60, 10), limits(tokens=60), BatchPlan((0,), (), (1,)), id="the oldest goes first though it fills the batch"),
        pytest.param(waiting(500, 1), limits(tokens=60), BatchPlan((0,), (), (1,)), id="longer than the limit goes alone"),
        pytest.param(waiting(1, 1, 1), limits(entries=2), BatchPlan((0, 1), (), (2,)), id="entries are bounded"),
        pytest.param(
            [QueuedText(5, LATER_S, is_abandoned=True), QueuedText(5, LATER_S)], limits(), BatchPlan((1,), (0,), ()), id="caller has gone"
        ),
        pytest.param([QueuedText(5, NOW_S), QueuedText(5, LATER_S)], limits(), BatchPlan((1,), (0,), ()), id="deadline has come"),
        pytest.param([QueuedText(5, NOW_S)], limits(), BatchPlan((), (0,), ()), id="nobody waits any more"),
    ],
)
def test_queue_is_divided(queue: Sequence[QueuedText], bounds: BatchLimits, plan: BatchPlan) -> None:
    assert plan_batch(queue, bounds, now_s=NOW_S) == plan


@pytest.mark.parametrize(("admitted_count", "expected"), [(0, True), (15, True), (16, False), (17, False)])
def test_work_in_hand_is_bounded(admitted_count: int, *, expected: bool) -> None:
    assert has_room(admitted_count, limits(admitted=16)) is expected


queues = st.lists(
    st.builds(QueuedText, token_count=st.integers(2, 256), deadline_s=st.floats(NOW_S - 1, NOW_S + 1), is_abandoned=st.booleans()),
    max_size=40,
)
bounds = st.builds(BatchLimits, st.integers(1, 600), st.integers(1, 20), st.just(64))


@given(queues, bounds)
def test_every_text_is_in_exactly_one_part(queue: list[QueuedText], limit: BatchLimits) -> None:
    plan = plan_batch(queue, limit, now_s=NOW_S)
    assert sorted((*plan.batch, *plan.dropped, *plan.waiting)) == list(range(len(queue)))


@given(queues, bounds)
def test_batch_keeps_its_limits_unless_one_text_alone_exceeds_them(queue: list[QueuedText], limit: BatchLimits) -> None:
    batch = [queue[position].token_count for position in plan_batch(queue, limit, now_s=NOW_S).batch]
    assert batch == sorted(batch)
    assert len(batch) <= limit.max_batch_entries
    assert len(batch) <= 1 or max(batch) * len(batch) <= limit.max_batch_tokens


@given(queues, bounds)
def test_oldest_text_that_is_waited_for_is_always_in_the_batch(queue: list[QueuedText], limit: BatchLimits) -> None:
    wanted = [position for position, text in enumerate(queue) if not text.is_abandoned and text.deadline_s > NOW_S]
    plan = plan_batch(queue, limit, now_s=NOW_S)
    assert set(plan.dropped).isdisjoint(wanted)
    assert wanted[:1] == [] or wanted[0] in plan.batch


@given(queues, bounds)
def test_repeated_plans_empty_the_queue(queue: list[QueuedText], limit: BatchLimits) -> None:
    rounds = 0
    while queue:
        queue = [queue[position] for position in plan_batch(queue, limit, now_s=NOW_S).waiting]
        rounds += 1
    assert rounds <= 40
