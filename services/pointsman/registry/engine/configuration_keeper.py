"""Keeps the configuration: takes files and changes in, numbers what it accepts, keeps it on disk, hands it out.

The order of effects: validate, persist, publish, answer. What is refused changes nothing.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from pointsman.kit.logging import Logger
from pointsman.registry import names
from pointsman.registry.core.assembly import ApiEntries, Configuration
from pointsman.registry.core.catalog import Catalog, Classification, ModelStatus
from pointsman.registry.core.catalog_file import CatalogFile
from pointsman.registry.core.changes import (
    Change,
    apply_to_entries,
    check_base_version,
    check_entries,
    check_removed_models,
    check_removed_providers,
    check_shrink,
)
from pointsman.registry.core.diff import catalog_diff, classification_diff
from pointsman.registry.core.loading import load_configuration
from pointsman.registry.core.ports import CatalogSource, EncodeContent, ParseDocument, RegistryState, SourceTexts, StateStore
from pointsman.registry.core.problems import CatalogInvalid, RegistryError, SnapshotTooLarge
from pointsman.registry.core.snapshot import ConfigKind, Snapshot, Version, next_kind_state, snapshots_of
from pointsman.registry.engine.watch_hub import WatchHub
from pointsman.rules.keyword_rules import KeywordRule

# Leaves room in an 8 MiB message between services.
MAX_SNAPSHOT_BYTES = 6 << 20
MAX_LOGGED_LINES = 50


@dataclass(frozen=True, slots=True)
class Tools:
    """What the keeper works with besides its ports."""

    parse: ParseDocument
    encode: EncodeContent
    default_rules: tuple[KeywordRule, ...]
    clock_s: Callable[[], float]  # Unix time
    new_epoch: Callable[[], str]
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


@dataclass(frozen=True, slots=True)
class AppliedChanges:
    """What ApplyChanges answers: the version that holds the changes, and what they changed."""

    version: Version
    diff_lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeeperStatus:
    """How the configuration is."""

    model_count: int
    active_model_count: int
    last_sync_time_s: float
    data_sources: tuple[PurePath, ...]
    catalog_error: str
    inactive_sections: tuple[str, ...]


class ConfigurationKeeper:
    """The one writer of the configuration. `start` first; then any task may call the rest."""

    def __init__(self, source: CatalogSource, store: StateStore, hub: WatchHub, tools: Tools, log: Logger) -> None:
        self._source = source
        self._store = store
        self._hub = hub
        self._tools = tools
        self._log = log
        self._lock = asyncio.Lock()
        self._running: Prepared | None = None
        self._error = ""

    @property
    def running(self) -> Prepared:
        """What is handed out now."""
        if self._running is None:
            raise RuntimeError("the keeper was not started")
        return self._running

    async def start(self) -> None:
        """Take the files in as they are; where they do not validate, what was good last.

        Raises CatalogInvalid where there is neither, StateUnusable.
        """
        async with self._lock:
            kept = await asyncio.to_thread(self._store.load)
            try:
                source = await asyncio.to_thread(self._source.read)
                prepared = await asyncio.to_thread(self._prepare, source, kept.api if kept else ApiEntries(), kept)
            except (CatalogInvalid, SnapshotTooLarge) as error:
                if kept is None:
                    raise
                self._refuse(error)
                prepared = await asyncio.to_thread(self._prepare, kept.source, kept.api, kept)
            await self._accept(prepared, kept, origin="start")

    async def reload(self) -> None:
        """Take the files in again. Where they are refused, what runs stays and `catalog_error` says why."""
        async with self._lock:
            running = self.running
            try:
                source = await asyncio.to_thread(self._source.read)
                if source != running.state.source:
                    prepared = await asyncio.to_thread(self._prepare, source, running.state.api, running.state)
                    check_shrink(running.catalog, prepared.catalog)
                    await self._accept(prepared, running.state, origin="file")
                self._error = ""
            except RegistryError as error:
                self._refuse(error)

    async def apply_changes(
        self, changes: Sequence[Change], *, base: Version, adopt: bool, force: bool, dry_run: bool, author: str
    ) -> AppliedChanges:
        """Apply all changes as one new version, or none. Raises RegistryError."""
        async with self._lock:
            running = self.running
            newest = running.snapshots[ConfigKind.CATALOG].version
            check_base_version(base, newest)
            check_entries(changes)
            api = apply_to_entries(changes, file=running.file, api=running.state.api, adopt=adopt)
            check_removed_providers(changes, file=running.file, api=api)
            prepared = await asyncio.to_thread(self._prepare, running.state.source, api, running.state)
            if not force:
                check_shrink(running.catalog, prepared.catalog)
                check_removed_models(running.catalog, prepared.catalog)
            diff_lines = tuple(catalog_diff(running.catalog, prepared.catalog))
            if dry_run:
                return AppliedChanges(newest, diff_lines)
            await self._accept(prepared, running.state, origin="api", author=author)
            return AppliedChanges(prepared.snapshots[ConfigKind.CATALOG].version, diff_lines)

    def status(self) -> KeeperStatus:
        """How the configuration is."""
        catalog = self.running.catalog
        return KeeperStatus(
            model_count=len(catalog.models),
            active_model_count=sum(model.status is ModelStatus.ACTIVE for model in catalog.models.values()),
            last_sync_time_s=self.running.snapshots[ConfigKind.CATALOG].create_time_s,
            data_sources=tuple(self._source.paths()),
            catalog_error=self._error,
            inactive_sections=self.running.configuration.inactive_sections,
        )

    def _prepare(self, source: SourceTexts, api: ApiEntries, before: RegistryState | None) -> Prepared:
        """Validate, encode and number. Takes time in proportion to the files: not for the event loop."""
        loaded = load_configuration(source, api, parse=self._tools.parse, default_rules=self._tools.default_rules)
        contents: dict[ConfigKind, Catalog | Classification] = {
            ConfigKind.CATALOG: loaded.configuration.catalog,
            ConfigKind.CLASSIFICATION: loaded.configuration.classification,
        }
        epoch = before.epoch if before else self._tools.new_epoch()
        now_s = self._tools.clock_s()
        kinds = {
            kind: next_kind_state(before.kinds.get(kind) if before else None, digest=self._digest(kind, content), now_s=now_s)
            for kind, content in contents.items()
        }
        state = RegistryState(epoch, kinds, source, api)
        snapshots = snapshots_of(contents, epoch=epoch, kinds=kinds)
        return Prepared(state, loaded.file, loaded.configuration, snapshots, loaded.warnings)

    def _digest(self, kind: ConfigKind, content: Catalog | Classification) -> str:
        """A word that differs where the content does. Raises SnapshotTooLarge."""
        data = self._tools.encode(content)
        if len(data) > (most := self._tools.max_snapshot_bytes):
            raise SnapshotTooLarge(f"{kind}: the snapshot would have {len(data)} bytes, more than {most}")
        return hashlib.sha256(data).hexdigest()

    async def _accept(self, prepared: Prepared, before: RegistryState | None, *, origin: str, author: str = "") -> None:
        """Persist, then publish; a caller who leaves in between does not part the two."""
        if prepared.state != before:
            saving = asyncio.create_task(asyncio.to_thread(self._store.save, prepared.state))
            try:
                await asyncio.shield(saving)
            except asyncio.CancelledError:
                await asyncio.wait([saving])
                if saving.exception() is None:
                    self._publish(prepared, origin=origin, author=author)
                raise
        self._publish(prepared, origin=origin, author=author)

    def _publish(self, prepared: Prepared, *, origin: str, author: str) -> None:
        previous, self._running = self._running, prepared
        for kind, snapshot in prepared.snapshots.items():
            if previous is None or previous.snapshots[kind].version != snapshot.version:
                self._hub.publish(snapshot)
        self._log_accepted(prepared, previous, origin=origin, author=author)

    def _refuse(self, error: RegistryError) -> None:
        before, self._error = self._error, "\n".join(error.lines()) if isinstance(error, CatalogInvalid) else str(error)
        if self._error != before:  # once, however often the same file is looked at
            self._log.error(names.CATALOG_REFUSED, reason=self._error)

    def _log_accepted(self, prepared: Prepared, previous: Prepared | None, *, origin: str, author: str) -> None:
        changed = [] if previous is None else changed_paths(previous.configuration, prepared.configuration)
        self._log.info(
            names.CATALOG_ACCEPTED,
            origin=origin,
            author=author,
            versions={kind.value: one.number for kind, one in prepared.state.kinds.items()},
            changed=changed[:MAX_LOGGED_LINES],
            changed_count=len(changed),
        )
        if origin == "api":
            return
        if prepared.warnings:
            self._log.warning(names.CATALOG_WARNINGS, warnings=list(prepared.warnings[:MAX_LOGGED_LINES]))
        if prepared.configuration.inactive_sections:
            self._log.warning(names.SECTIONS_INACTIVE, sections=list(prepared.configuration.inactive_sections))


def changed_paths(before: Configuration, after: Configuration) -> list[str]:
    """Which entries and fields differ, without their values: a system prompt does not belong in a log."""
    lines = [*catalog_diff(before.catalog, after.catalog), *classification_diff(before.classification, after.classification)]
    return [line.partition(": ")[0] for line in lines]
