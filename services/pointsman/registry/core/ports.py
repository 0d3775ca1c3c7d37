"""What the registry needs of the outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Generic, Protocol, TypeVar

from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.catalog import Catalog, Classification
from pointsman.registry.core.document import Node
from pointsman.registry.core.problems import Problem, ProblemList, RegistryError
from pointsman.registry.core.snapshot import AuditRecord, ConfigKind, KindState, Origin, VersionRecord

T = TypeVar("T")


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
    problems: tuple[Problem, ...] = ()  # why a file beside the catalogue could not be read
    models_json: TextFile | None = None  # a list of models beside the catalogue
    environment: TextFile | None = None  # entries that environment variables make, in the catalogue file's shape


@dataclass(frozen=True, slots=True)
class RegistryState:
    """What outlives a restart: the counters, the last good texts, and the API's entries.

    `passed_over`: digest of the files that a restored version took the place of, "" for none. While the
    files are still those, they are not taken in again.
    """

    epoch: str
    kinds: Mapping[ConfigKind, KindState]
    source: SourceTexts
    api: ApiEntries
    passed_over: str = ""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How a state came about. `makes_version`: its catalogue is a new version and not only another way to the same one."""

    origin: Origin
    author: str
    time_s: float
    diff_lines: tuple[str, ...]
    makes_version: bool


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list, and whether more of it follows."""

    records: tuple[T, ...]
    has_more: bool


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
    """Keeps every state that was accepted; at any time on disk there is the old one or the new one as the newest."""

    async def load(self) -> RegistryState | None:
        """The state kept last; None where there is none yet. Raises StateUnusable where it cannot be read."""
        ...

    async def save(self, state: RegistryState, acceptance: Acceptance) -> None:
        """Keep the state and its audit entry; both are safe on return. Raises StateUnusable where they cannot be written."""
        ...


class History(Protocol):
    """What was kept before. Every method raises StateUnusable where that cannot be read."""

    async def find_state(self, number: int) -> RegistryState | None:
        """The state kept last of those with that version of the catalogue; None where there was no such version."""
        ...

    async def list_versions(self, before_number: int, limit: int) -> Page[VersionRecord]:
        """Up to `limit` versions below that number, newest first; fewer where they are large."""
        ...

    async def list_audit_entries(self, before_sequence: int, limit: int) -> Page[AuditRecord]:
        """Up to `limit` entries below that sequence number, newest first; fewer where they are large."""
        ...


class OutputUnusable(RegistryError):
    """What other programs read of the catalogue cannot be written."""


class CatalogOutput(Protocol):
    """Where the effective catalogue is written for other programs."""

    def write(self, text: str) -> None:
        """Put the text in place of what is there, whole. Raises OutputUnusable."""
        ...


class EncodeContent(Protocol):
    """Gives a content's bytes as they travel."""

    def __call__(self, content: Catalog | Classification) -> bytes:
        """The same bytes for equal contents."""
        ...
