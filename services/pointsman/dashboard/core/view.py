"""What a page shows, apart from how: every part is text already, so that a page only places it."""

from dataclasses import dataclass
from enum import StrEnum

from pointsman.dashboard.core.writing import UNKNOWN


class Tone(StrEnum):
    """How a state is to be taken; each has a colour, and never stands without a word."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class State:
    """A state in a word."""

    tone: Tone
    word: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table. hint: shown on hover. state: shown as a mark where set, else the text is."""

    text: str = UNKNOWN
    hint: str = ""
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table; its key stays the same while the thing does."""

    key: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Tile:
    """One large figure. notes: smaller lines below it."""

    label: str
    value: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """A line that stands above all else while it is true."""

    tone: Tone
    text: str
