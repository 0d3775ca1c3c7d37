"""What can be wrong with a catalogue or a change of it.

RegistryError
  CatalogInvalid      the text or the change does not validate; names every problem
  ChangeRefused       valid, but not allowed as asked
    VersionConflict   made against a version that is not the newest
    VersionMissing    names no version that it was made against
    ManagedByFile     touches an entry of the file without adopting it
    EntryInUse        would take away what others name, or most of the models
    EntryUnknown      removes what does not exist
    SnapshotTooLarge  the result would not fit into one message
  StateUnusable       what outlives a restart cannot be read or written
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

# A broken file can hold a fault per line; people read the first ones.
MAX_LISTED_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault and where it stands. `line` counts from 1; 0 where there is no text to point at."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        """`catalog.yaml:12: models[3].id: must be text`."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.path, self.message) if part)


@dataclass(slots=True)
class ProblemList:
    """Collects what is wrong, so that all of it is told at once."""

    problems: list[Problem] = field(default_factory=list)
    left_out_count: int = 0

    def add(self, problem: Problem) -> None:
        """Keep the problem, or only count it once there are too many to read."""
        if len(self.problems) < MAX_LISTED_PROBLEMS:
            self.problems.append(problem)
        else:
            self.left_out_count += 1

    def raise_any(self) -> None:
        """Raises CatalogInvalid where anything was added, in order of file and line."""
        if self.problems:
            in_order = sorted(self.problems, key=lambda problem: (problem.file, problem.line))
            raise CatalogInvalid(in_order, left_out_count=self.left_out_count)


class RegistryError(Exception):
    """What the registry refuses, with a message for the one who asked."""


class CatalogInvalid(RegistryError):
    """The catalogue, or what a change would make of it, does not validate."""

    def __init__(self, problems: Sequence[Problem], *, left_out_count: int = 0) -> None:
        self.problems = tuple(problems)
        self.left_out_count = left_out_count
        super().__init__("; ".join(self.lines()))

    def lines(self) -> list[str]:
        """One line per problem, as people read them."""
        more = [f"and {self.left_out_count} more"] if self.left_out_count else []
        return [str(problem) for problem in self.problems] + more


class ChangeRefused(RegistryError):
    """A valid change that is not allowed as asked."""


class VersionConflict(ChangeRefused):
    """The change was made against a version that is not the newest."""


class VersionMissing(ChangeRefused):
    """The change does not say which version it was made against."""


class ManagedByFile(ChangeRefused):
    """The entry belongs to the catalogue file."""


class EntryInUse(ChangeRefused):
    """Others name what would be taken away, or most models would go."""


class EntryUnknown(ChangeRefused):
    """There is no such entry."""


class SnapshotTooLarge(ChangeRefused):
    """The configuration would not fit into one message."""


class StateUnusable(RegistryError):
    """What outlives a restart cannot be read or written."""
