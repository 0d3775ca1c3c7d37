"""From texts and entries to what can be handed out: validated, encoded, numbered."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pointsman.registry.core.assembly import ApiEntries, Configuration
from pointsman.registry.core.catalog import Catalog, Classification
from pointsman.registry.core.catalog_file import CatalogFile
from pointsman.registry.core.diff import catalog_diff, classification_diff
from pointsman.registry.core.loading import load_configuration
from pointsman.registry.core.ports import EncodeContent, ParseDocument, RegistryState, SourceTexts
from pointsman.registry.core.problems import SnapshotTooLarge
from pointsman.registry.core.shipped import NOTHING_SHIPPED, Shipped
from pointsman.registry.core.snapshot import ConfigKind, Snapshot, Version, next_kind_state, snapshots_of
from pointsman.rules.keyword_rules import KeywordRule

# Leaves room in an 8 MiB message between services.
MAX_SNAPSHOT_BYTES = 6 << 20
# As the protos promise for each version; a list that was cut says so in its last line.
MAX_DIFF_LINES = 200

NOTHING = Configuration(Catalog(providers={}, models={}, policies={}), Classification(()), (), (), ())


@dataclass(frozen=True, slots=True)
class Tools:
    """What the keeper works with besides its ports."""

    parse: ParseDocument
    encode: EncodeContent
    default_rules: tuple[KeywordRule, ...]
    clock_s: Callable[[], float]  # Unix time
    new_epoch: Callable[[], str]
    shipped: Shipped = NOTHING_SHIPPED  # what is known of models and providers that say little of themselves
    max_snapshot_bytes: int = MAX_SNAPSHOT_BYTES


@dataclass(frozen=True, slots=True)
class Prepared:
    """A configuration that validates, and the state that would keep it."""

    state: RegistryState
    file: CatalogFile
    configuration: Configuration
    snapshots: dict[ConfigKind, Snapshot]
    warnings: tuple[str, ...]

    @property
    def catalog(self) -> Catalog:
        """The effective catalogue."""
        return self.configuration.catalog

    @property
    def catalog_version(self) -> Version:
        """The catalogue's version."""
        return self.snapshots[ConfigKind.CATALOG].version


def prepare(tools: Tools, source: SourceTexts, api: ApiEntries, before: RegistryState | None, *, passed_over: str = "") -> Prepared:
    """Validate, encode and number. Takes time in proportion to the files: not for the event loop.

    before: the state that this one would follow. Raises CatalogInvalid, SnapshotTooLarge.
    """
    loaded = load_configuration(source, api, parse=tools.parse, default_rules=tools.default_rules, shipped=tools.shipped)
    contents: dict[ConfigKind, Catalog | Classification] = {
        ConfigKind.CATALOG: loaded.configuration.catalog,
        ConfigKind.CLASSIFICATION: loaded.configuration.classification,
    }
    epoch = before.epoch if before else tools.new_epoch()
    now_s = tools.clock_s()
    kinds = {
        kind: next_kind_state(before.kinds.get(kind) if before else None, digest=_digest(tools, kind, content), now_s=now_s)
        for kind, content in contents.items()
    }
    state = RegistryState(epoch, kinds, source, api, passed_over)
    return Prepared(state, loaded.file, loaded.configuration, snapshots_of(contents, epoch=epoch, kinds=kinds), loaded.warnings)


def digest_of_source(source: SourceTexts) -> str:
    """A word that differs where the files' texts do."""
    files = (source.catalog, source.rules, source.models_json, source.environment)
    parts = [None if file is None else (file.name, file.text) for file in files]
    return hashlib.sha256(repr((parts, [str(problem) for problem in source.problems])).encode()).hexdigest()


def diff_lines_of(before: Configuration, after: Configuration) -> list[str]:
    """What differs, one line per entry and field."""
    return [*catalog_diff(before.catalog, after.catalog), *classification_diff(before.classification, after.classification)]


def bounded(lines: Sequence[str]) -> tuple[str, ...]:
    """At most MAX_DIFF_LINES of them."""
    if len(lines) <= MAX_DIFF_LINES:
        return tuple(lines)
    return (*lines[: MAX_DIFF_LINES - 1], f"and {len(lines) - MAX_DIFF_LINES + 1} more")


def _digest(tools: Tools, kind: ConfigKind, content: Catalog | Classification) -> str:
    """A word that differs where the content does. Raises SnapshotTooLarge."""
    data = tools.encode(content)
    if len(data) > (most := tools.max_snapshot_bytes):
        raise SnapshotTooLarge(f"{kind}: the snapshot would have {len(data)} bytes, more than {most}")
    return hashlib.sha256(data).hexdigest()
