"""Versions, and what stands at one of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pointsman.registry.core.catalog import Catalog, Classification


class ConfigKind(StrEnum):
    """What a snapshot configures; each kind has its own sequence of versions."""

    CATALOG = "catalog"
    CLASSIFICATION = "classification"


@dataclass(frozen=True, slots=True)
class Version:
    """A point in one kind's history, comparable within one epoch. Number 0: none yet."""

    epoch: str
    number: int


class Origin(StrEnum):
    """Where a version came from."""

    START = "start"
    FILE = "file"
    API = "api"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One version of the catalogue, without its content. `create_time_s`: when it was accepted, Unix time."""

    version: Version
    create_time_s: float
    origin: Origin
    author: str
    diff_lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One accepted change, and the version of the catalogue that stood after it. `sequence` counts from 1."""

    sequence: int
    version: Version
    create_time_s: float
    origin: Origin
    author: str
    diff_lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One kind's whole configuration at one version. `create_time_s`: when it was accepted, Unix time."""

    kind: ConfigKind
    version: Version
    create_time_s: float
    content: Catalog | Classification


@dataclass(frozen=True, slots=True)
class KindState:
    """Where one kind's sequence stands. `digest` tells whether a content differs from the one numbered last."""

    number: int
    create_time_s: float
    digest: str


def next_kind_state(before: KindState | None, *, digest: str, now_s: float) -> KindState:
    """The kind's state with that content: the same where nothing changed, else the next number."""
    if before is not None and before.digest == digest:
        return before
    return KindState(number=1 if before is None else before.number + 1, create_time_s=now_s, digest=digest)


def snapshots_of(
    contents: Mapping[ConfigKind, Catalog | Classification], *, epoch: str, kinds: Mapping[ConfigKind, KindState]
) -> dict[ConfigKind, Snapshot]:
    """Each kind's snapshot at its version."""
    return {
        kind: Snapshot(kind, Version(epoch, kinds[kind].number), kinds[kind].create_time_s, content) for kind, content in contents.items()
    }
