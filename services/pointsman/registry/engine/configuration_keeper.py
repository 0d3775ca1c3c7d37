"""Keeps the configuration: takes files and changes in, numbers what it accepts, keeps it on disk, hands it out.

The order of effects: validate, persist, publish, answer. What is refused changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pointsman.kit.logging import Logger
from pointsman.registry import names
from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.catalog import Catalog, ModelStatus
from pointsman.registry.core.changes import (
    Change,
    apply_to_entries,
    check_base_version,
    check_entries,
    check_removed_models,
    check_removed_providers,
    check_shrink,
)
from pointsman.registry.core.diff import catalog_diff
from pointsman.registry.core.older.environment_catalog import ENVIRONMENT_ORIGIN
from pointsman.registry.core.ports import Acceptance, CatalogSource, History, RegistryState, SourceTexts, StateStore
from pointsman.registry.core.problems import CatalogInvalid, EntryUnknown, RegistryError, SnapshotTooLarge
from pointsman.registry.core.snapshot import ConfigKind, Origin, Version
from pointsman.registry.engine.preparation import NOTHING, Prepared, Tools, bounded, diff_lines_of, digest_of_source, prepare
from pointsman.registry.engine.watch_hub import WatchHub

MAX_LOGGED_LINES = 50
MAX_CHANGE_COUNT = 1_000  # of one request


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """Changes to apply as one new version, and what they may do.

    base: the version that they were made against; None: whichever is the newest. adopt: entries of the
    file become the API's. force: what looks like a mistake is meant. author: for the record.
    """

    changes: Sequence[Change]
    base: Version | None
    adopt: bool = False
    force: bool = False
    dry_run: bool = False
    author: str = ""


@dataclass(frozen=True, slots=True)
class AppliedChanges:
    """The version that now holds the changes, and what they changed."""

    version: Version
    diff_lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeeperStatus:
    """How the configuration is."""

    version: Version
    model_count: int
    active_model_count: int
    last_sync_time_s: float
    data_sources: tuple[str, ...]
    catalog_error: str
    inactive_sections: tuple[str, ...]


class ConfigurationKeeper:
    """The one writer of the configuration. `start` first; then any task may call the rest."""

    def __init__(
        self,
        source: CatalogSource,
        store: StateStore,
        history: History,
        hub: WatchHub,
        tools: Tools,
        log: Logger,
        *,
        on_published: Callable[[Catalog], None] | None = None,
    ) -> None:
        """on_published: told of each catalogue that is handed out."""
        self._source = source
        self._store = store
        self._history = history
        self._hub = hub
        self._tools = tools
        self._log = log
        self._on_published = on_published
        self._lock = asyncio.Lock()
        self._keeping: asyncio.Task[None] | None = None  # the newest, which may outlive the call that began it
        self._running: Prepared | None = None
        self._error = ""
        self.refusal_count = 0

    @property
    def running(self) -> Prepared:
        """What is handed out now."""
        if self._running is None:
            raise RuntimeError("the keeper was not started")
        return self._running

    @property
    def catalog_error(self) -> str:
        """Why the last reload was refused; "" where it was not."""
        return self._error

    async def start(self) -> None:
        """Take the files in as they are; where they do not validate, what was good last.

        Raises CatalogInvalid where there is neither, StateUnusable.
        """
        async with self._turn():
            kept = await self._store.load()
            try:
                source = await asyncio.to_thread(self._source.read)
                if kept is not None and self._is_passed_over(source, kept):
                    prepared = await self._prepare(kept.source, kept.api, kept, passed_over=kept.passed_over)
                else:
                    prepared = await self._prepare(source, kept.api if kept else ApiEntries(), kept)
            except (CatalogInvalid, SnapshotTooLarge) as error:
                if kept is None:
                    raise
                self._refuse(error)
                prepared = await self._prepare(kept.source, kept.api, kept, passed_over=kept.passed_over)
            lines = await self._lines_since(kept, prepared)
            await self._accept(prepared, kept, Origin.START, lines)

    async def reload(self) -> None:
        """Take the files in again. Where they are refused, what runs stays and `catalog_error` says why."""
        async with self._turn():
            running = self.running
            state = running.state
            try:
                source = await asyncio.to_thread(self._source.read)
                if not self._is_passed_over(source, state) and (source != state.source or state.passed_over):
                    prepared = await self._prepare(source, state.api, state)
                    check_shrink(running.catalog, prepared.catalog)
                    await self._accept(prepared, state, Origin.FILE, diff_lines_of(running.configuration, prepared.configuration))
                self._error = ""
            except RegistryError as error:
                self._refuse(error)

    async def apply_changes(self, request: ChangeRequest) -> AppliedChanges:
        """Apply all changes as one new version, or none. Raises RegistryError."""
        async with self._turn():
            running = self.running
            state = running.state
            if request.base is not None:
                check_base_version(request.base, running.catalog_version)
            check_entries(request.changes)
            api = apply_to_entries(request.changes, file=running.file, api=state.api, adopt=request.adopt)
            check_removed_providers(request.changes, file=running.file, api=api)
            prepared = await self._prepare(state.source, api, state, passed_over=state.passed_over)
            self._check_loss(prepared, force=request.force)
            lines = catalog_diff(running.catalog, prepared.catalog)
            if request.dry_run:
                return AppliedChanges(running.catalog_version, bounded(lines))
            await self._accept(prepared, state, Origin.API, lines, author=request.author)
            return AppliedChanges(prepared.catalog_version, bounded(lines))

    async def restore_version(self, number: int, *, base: Version, force: bool, author: str) -> AppliedChanges:
        """Make the content of an earlier version the newest: its files' texts with the API's entries of then.

        What the files on disk now hold is passed over, also after a restart: the restored content holds until
        one of them changes again. Where the content is already the newest, nothing is made. Raises RegistryError.
        """
        async with self._turn():
            running = self.running
            check_base_version(base, running.catalog_version)
            wanted = await self._history.find_state(number)
            if wanted is None:
                raise EntryUnknown(f"version {number} does not exist")
            on_disk = running.state.passed_over or digest_of_source(running.state.source)
            passed_over = "" if digest_of_source(wanted.source) == on_disk else on_disk
            prepared = await self._prepare(wanted.source, wanted.api, running.state, passed_over=passed_over)
            self._check_loss(prepared, force=force)
            lines = diff_lines_of(running.configuration, prepared.configuration)
            await self._accept(prepared, running.state, Origin.RESTORE, lines, author=author)
            if passed_over:
                self._log.warning(names.FILES_PASSED_OVER, restored=number, reason="the files hold another text, used once it changes")
            return AppliedChanges(prepared.catalog_version, bounded(lines))

    async def finish(self) -> None:
        """Wait until nothing is being written any more."""
        async with self._turn():
            pass

    def status(self) -> KeeperStatus:
        """How the configuration is."""
        catalog = self.running.catalog
        return KeeperStatus(
            version=self.running.catalog_version,
            model_count=len(catalog.models),
            active_model_count=sum(model.status is ModelStatus.ACTIVE for model in catalog.models.values()),
            last_sync_time_s=self.running.snapshots[ConfigKind.CATALOG].create_time_s,
            data_sources=self._data_sources(),
            catalog_error=self._error,
            inactive_sections=self.running.configuration.inactive_sections,
        )

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One at a time, also after a caller who left while the disk was busy with what he had asked for."""
        async with self._lock:
            if self._keeping is not None:
                await asyncio.wait([self._keeping])
            yield

    def _data_sources(self) -> tuple[str, ...]:
        """Files, and where models come from that stand in none."""
        source = self.running.state.source
        files = [str(path) for path in self._source.paths()]
        has_environment = ENVIRONMENT_ORIGIN in (source.catalog.name, source.environment and source.environment.name)
        return (*files, *([ENVIRONMENT_ORIGIN] if has_environment else []))

    async def _prepare(self, source: SourceTexts, api: ApiEntries, before: RegistryState | None, *, passed_over: str = "") -> Prepared:
        return await asyncio.to_thread(prepare, self._tools, source, api, before, passed_over=passed_over)

    @staticmethod
    def _is_passed_over(source: SourceTexts, state: RegistryState) -> bool:
        return bool(state.passed_over) and digest_of_source(source) == state.passed_over

    def _check_loss(self, prepared: Prepared, *, force: bool) -> None:
        """Raises EntryInUse for what only force allows."""
        if not force:
            check_shrink(self.running.catalog, prepared.catalog)
            check_removed_models(self.running.catalog, prepared.catalog)

    async def _lines_since(self, kept: RegistryState | None, prepared: Prepared) -> list[str]:
        """What a start changes against what was kept; nothing where that does not validate any more."""
        if kept is None:
            return diff_lines_of(NOTHING, prepared.configuration)
        if prepared.state == kept:
            return []
        try:
            before = await self._prepare(kept.source, kept.api, kept)
        except RegistryError:
            return []
        return diff_lines_of(before.configuration, prepared.configuration)

    async def _accept(
        self, prepared: Prepared, before: RegistryState | None, origin: Origin, lines: Sequence[str], *, author: str = ""
    ) -> None:
        """Persist, then publish. A caller may leave meanwhile: both are done all the same, before the next one's turn."""
        if prepared.state == before:
            self._publish(prepared, origin, lines, author=author)
            return
        makes_version = before is None or prepared.state.kinds[ConfigKind.CATALOG] != before.kinds[ConfigKind.CATALOG]
        acceptance = Acceptance(origin, author, self._tools.clock_s(), bounded(lines), makes_version)
        self._keeping = asyncio.create_task(self._keep(prepared, acceptance, lines))
        await asyncio.shield(self._keeping)

    async def _keep(self, prepared: Prepared, acceptance: Acceptance, lines: Sequence[str]) -> None:
        await self._store.save(prepared.state, acceptance)
        self._publish(prepared, acceptance.origin, lines, author=acceptance.author)

    def _publish(self, prepared: Prepared, origin: Origin, lines: Sequence[str], *, author: str) -> None:
        previous, self._running = self._running, prepared
        for kind, snapshot in prepared.snapshots.items():
            if previous is None or previous.snapshots[kind].version != snapshot.version:
                self._hub.publish(snapshot)
        if self._on_published is not None:
            self._on_published(prepared.catalog)
        self._log_accepted(prepared, origin, [] if previous is None else changed_paths(lines), author=author)

    def _refuse(self, error: RegistryError) -> None:
        before, self._error = self._error, "\n".join(error.lines()) if isinstance(error, CatalogInvalid) else str(error)
        if self._error != before:  # once, however often the same file is looked at
            self.refusal_count += 1
            self._log.error(names.CATALOG_REFUSED, reason=self._error)

    def _log_accepted(self, prepared: Prepared, origin: Origin, changed: Sequence[str], *, author: str) -> None:
        self._log.info(
            names.CATALOG_ACCEPTED,
            origin=origin.value,
            author=author,
            versions={kind.value: one.number for kind, one in prepared.state.kinds.items()},
            changed=changed[:MAX_LOGGED_LINES],
            changed_count=len(changed),
        )
        if origin is Origin.API:
            return
        if prepared.warnings:
            self._log.warning(names.CATALOG_WARNINGS, warnings=list(prepared.warnings[:MAX_LOGGED_LINES]))
        if prepared.configuration.inactive_sections:
            self._log.warning(names.SECTIONS_INACTIVE, sections=list(prepared.configuration.inactive_sections))


def changed_paths(lines: Sequence[str]) -> list[str]:
    """Which entries and fields differ, without their values: a system prompt does not belong in a log."""
    return [line.partition(": ")[0] for line in lines]
