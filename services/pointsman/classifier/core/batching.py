"""Which of the waiting texts are encoded next.

Greedy: what waits when the encoder is free is the batch, no timer holds it back. The oldest
text that somebody still waits for is always in it, so nothing starves; others join in order of
arrival as long as the batch, padded to its longest member, stays within the limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Bounds of one batch and of all work in hand; all at least 1."""

    max_batch_tokens: int  # longest member times number of members
    max_batch_entries: int
    max_admitted_entries: int  # waiting and being encoded


@dataclass(frozen=True, slots=True)
class QueuedText:
    """A text that waits for the encoder."""

    token_count: int
    deadline_s: float  # on the clock of `now_s`
    is_abandoned: bool = False  # its caller has gone


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The queue's positions, each in exactly one of the three."""

    batch: tuple[int, ...]  # shortest first
    dropped: tuple[int, ...]  # nobody waits for these
    waiting: tuple[int, ...]  # in order of arrival


def has_room(admitted_count: int, limits: BatchLimits) -> bool:
    """True where one more text may be taken on."""
    return admitted_count < limits.max_admitted_entries


def plan_batch(queue: Sequence[QueuedText], limits: BatchLimits, *, now_s: float) -> BatchPlan:
    """Divide the queue, given in order of arrival.

    The batch is empty only where nobody waits for anything; a text longer than the limit goes alone.
    """
    batch: list[int] = []
    dropped: list[int] = []
    waiting: list[int] = []
    longest = 0
    for position, text in enumerate(queue):
        if text.is_abandoned or text.deadline_s <= now_s:
            dropped.append(position)
            continue
        padded_tokens = max(longest, text.token_count) * (len(batch) + 1)
        if not batch or (len(batch) < limits.max_batch_entries and padded_tokens <= limits.max_batch_tokens):
            batch.append(position)
            longest = max(longest, text.token_count)
        else:
            waiting.append(position)
    batch.sort(key=lambda position: queue[position].token_count)
    return BatchPlan(tuple(batch), tuple(dropped), tuple(waiting))
