"""What the registry needs of the outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol

from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.catalog import Catalog, Classification
from pointsman.registry.core.document import Node
from pointsman.registry.core.problems import Problem, ProblemList
from pointsman.registry.core.snapshot import ConfigKind, KindState


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file's text. `name` is what problems call it: the path within the catalogue's folder."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class SourceTexts:
    """The files of one reading."""

    catalog: TextFile
    rules: TextFile | None = None
    problems: tuple[Problem, ...] = ()  # why the rules could not be read


@dataclass(frozen=True, slots=True)
class RegistryState:
    """What outlives a restart: the counters, the last good texts, and the API's entries."""

    epoch: str
    kinds: Mapping[ConfigKind, KindState]
    source: SourceTexts
    api: ApiEntries


class ParseDocument(Protocol):
    """Turns a text into a tree."""

    def __call__(self, file: TextFile, problems: ProblemList) -> Node | None:
        """The tree; None, with a problem added, where there is none."""
        ...


class CatalogSource(Protocol):
    """Where the catalogue's files are."""

    def read(self) -> SourceTexts:
        """The files as they are now. Raises CatalogInvalid where the catalogue is missing, too large or no text."""
        ...

    def paths(self) -> Sequence[PurePath]:
        """The files of the last reading."""
        ...


class StateStore(Protocol):
    """Keeps the state; at any time on disk there is the old one or the new one."""

    def load(self) -> RegistryState | None:
        """The state kept last; None where there is none yet. Raises StateUnusable where it cannot be read."""
        ...

    def save(self, state: RegistryState) -> None:
        """Keep the state; it is safe on return. Raises StateUnusable where it cannot be written."""
        ...


class EncodeContent(Protocol):
    """Gives a content's bytes as they travel."""

    def __call__(self, content: Catalog | Classification) -> bytes:
        """The same bytes for equal contents."""
        ...
