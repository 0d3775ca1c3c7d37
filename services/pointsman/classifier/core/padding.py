"""How texts of many lengths are cut into a few padded shapes, for which a device has been warmed up."""

from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.classifier.core.ports import TokenIds


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes that there are: every number of rows with every length, both in ascending order."""

    row_counts: tuple[int, ...]
    lengths: tuple[int, ...]  # the last one holds every text
    max_cells: int  # rows times length that are computed at once, where several rows are
    mixes_lengths: bool  # True: texts of several lengths share a batch, where a launch costs more than padding


@dataclass(frozen=True, slots=True)
class PaddedBatch:
    """Texts that are computed at once."""

    positions: tuple[int, ...]  # in what was given, at most row_count
    row_count: int
    length: int


def shapes_up_to(max_tokens: int, lengths: Sequence[int]) -> tuple[int, ...]:
    """Those of the lengths that are of use to a model with this limit, which is the last of them."""
    return (*(length for length in lengths if length < max_tokens), max_tokens)


def padded_batches(token_counts: Sequence[int], shapes: Shapes) -> list[PaddedBatch]:
    """Divide texts into batches, shortest first; each text is in exactly one. No count is above the longest length."""
    order = sorted(range(len(token_counts)), key=token_counts.__getitem__)
    batches: list[PaddedBatch] = []
    group: list[int] = []
    for position in order:
        length = at_least(token_counts[position], shapes.lengths)
        if group and not fits(group, length, token_counts, shapes):
            batches.append(padded(group, token_counts, shapes))
            group = []
        group.append(position)
    if group:
        batches.append(padded(group, token_counts, shapes))
    return batches


def fits(group: Sequence[int], length: int, token_counts: Sequence[int], shapes: Shapes) -> bool:
    """True where one more text, padded to this length, may join the group, none of which is longer."""
    is_full = len(group) == shapes.row_counts[-1] or (len(group) + 1) * length > shapes.max_cells
    return not is_full and (shapes.mixes_lengths or at_least(token_counts[group[-1]], shapes.lengths) == length)


def padded(group: Sequence[int], token_counts: Sequence[int], shapes: Shapes) -> PaddedBatch:
    """The batch of a group whose last text is its longest."""
    return PaddedBatch(tuple(group), at_least(len(group), shapes.row_counts), at_least(token_counts[group[-1]], shapes.lengths))


def at_least(least: int, choices: Sequence[int]) -> int:
    """The first of the ascending choices that is not less. Raises ValueError where all are."""
    for choice in choices:
        if choice >= least:
            return choice
    raise ValueError(f"{least} is more than {choices[-1]}")


def without_middle(ids: Sequence[int], max_tokens: int) -> TokenIds:
    """The first and last tokens of what is too long: prompts say what they want at the start or at the end."""
    if len(ids) <= max_tokens:
        return tuple(ids)
    head_count = max_tokens // 2
    return (*ids[:head_count], *ids[head_count - max_tokens :])
