"""The keeper over files and a store in memory."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import pytest
import structlog
from structlog.testing import LogCapture
from structlog.typing import EventDict

from pointsman.kit.logging import Logger
from pointsman.registry.adapters.yaml_document import parse_yaml
from pointsman.registry.core.changes import Change, DeleteEntry, EntryKind, PutEntry
from pointsman.registry.core.ports import Acceptance, Page, RegistryState, SourceTexts
from pointsman.registry.core.problems import CatalogInvalid, EntryInUse, SnapshotTooLarge, StateUnusable, VersionConflict
from pointsman.registry.core.snapshot import AuditRecord, ConfigKind, Version, VersionRecord
from pointsman.registry.engine.configuration_keeper import AppliedChanges, ChangeRequest, ConfigurationKeeper
from pointsman.registry.engine.preparation import MAX_SNAPSHOT_BYTES, Tools
from pointsman.registry.engine.watch_hub import SubscriberName, WatchHub
from pointsman.registry.servicer.snapshot_messages import encode_content
from tests.unit.registry.catalog_texts import DEFAULT_RULES, HEAD, source_of

PUT_NEW = PutEntry(EntryKind.MODEL, "new", {"id": "new", "provider": "demo"})
WITH_OTHER = HEAD + "  - {id: other, provider: demo}\n"


@dataclass
class MemorySource:
    """Files that are a text."""

    text: str

    def read(self) -> SourceTexts:
        return source_of(self.text)

    def paths(self) -> Sequence[PurePath]:
        return [Path("/etc/catalog.yaml")]


@dataclass
class MemoryStore:
    """A store that keeps every state in a list, or cannot."""

    saved: list[RegistryState] = field(default_factory=list)
    acceptances: list[Acceptance] = field(default_factory=list)
    is_full: bool = False
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_finish: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_finish.set()

    @property
    def state(self) -> RegistryState | None:
        return self.saved[-1] if self.saved else None

    async def load(self) -> RegistryState | None:
        return self.state

    async def save(self, state: RegistryState, acceptance: Acceptance) -> None:
        if self.is_full:
            raise StateUnusable("no space left")
        self.has_begun.set()
        await self.may_finish.wait()
        self.saved.append(state)
        self.acceptances.append(acceptance)

    async def find_state(self, number: int) -> RegistryState | None:
        return next((state for state in reversed(self.saved) if state.kinds[ConfigKind.CATALOG].number == number), None)

    async def list_versions(self, before_number: int, limit: int) -> Page[VersionRecord]:
        raise NotImplementedError  # the keeper lists nothing

    async def list_audit_entries(self, before_sequence: int, limit: int) -> Page[AuditRecord]:
        raise NotImplementedError


@dataclass
class Fixture:
    """A keeper and what it works with."""

    source: MemorySource
    store: MemoryStore
    hub: WatchHub
    keeper: ConfigurationKeeper
    logged: LogCapture

    @property
    def version(self) -> Version:
        return self.keeper.running.snapshots[ConfigKind.CATALOG].version

    @property
    def model_ids(self) -> list[str]:
        return list(self.keeper.running.catalog.models)

    async def apply(
        self, *changes: Change, base: Version | None = None, adopt: bool = False, force: bool = False, dry_run: bool = False
    ) -> AppliedChanges:
        return await self.keeper.apply_changes(ChangeRequest(changes, base or self.version, adopt, force, dry_run, author="someone"))

    async def restore(self, number: int, *, base: Version | None = None, force: bool = False) -> AppliedChanges:
        return await self.keeper.restore_version(number, base=base or self.version, force=force, author="restorer")

    def events(self, name: str) -> list[EventDict]:
        return [line for line in self.logged.entries if line["event"] == name]


def made(text: str = HEAD, store: MemoryStore | None = None, max_snapshot_bytes: int = MAX_SNAPSHOT_BYTES) -> Fixture:
    source, store, hub = MemorySource(text), store or MemoryStore(), WatchHub()
    epochs = iter(["epoch-1", "epoch-2"])
    tools = Tools(parse_yaml, encode_content, DEFAULT_RULES, lambda: 100.0, lambda: next(epochs), max_snapshot_bytes=max_snapshot_bytes)
    logged = LogCapture()
    log: Logger = structlog.wrap_logger(None, processors=[logged], wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    return Fixture(source, store, hub, ConfigurationKeeper(source, store, store, hub, tools, log), logged)


async def started(text: str = HEAD, store: MemoryStore | None = None) -> Fixture:
    fixture = made(text, store)
    await fixture.keeper.start()
    return fixture


async def test_a_first_start_keeps_and_hands_out_version_1() -> None:
    fixture = await started()
    assert fixture.version == Version("epoch-1", 1)
    assert fixture.store.state is not None
    with fixture.hub.subscribe(SubscriberName("gateway", "1"), list(ConfigKind)) as subscription:
        kinds = [snapshot.kind for snapshot in await subscription.take(timeout_s=1)]
    assert kinds == [ConfigKind.CATALOG, ConfigKind.CLASSIFICATION]


async def test_a_first_start_on_a_faulty_file_is_refused() -> None:
    with pytest.raises(CatalogInvalid):
        await made("models: 1\n").keeper.start()


async def test_a_restart_goes_on_where_it_was() -> None:
    before = await started()
    await before.apply(PUT_NEW)
    after = await started(store=before.store)
    assert after.version == Version("epoch-1", 2)
    assert after.model_ids == ["small", "new"]
    assert len(before.store.saved) == 2  # nothing new, nothing written


async def test_a_restart_on_a_changed_file_is_a_new_version() -> None:
    before = await started()
    after = await started(WITH_OTHER, before.store)
    assert (after.version.number, after.model_ids) == (2, ["small", "other"])


async def test_a_restart_on_a_faulty_file_goes_on_with_what_was_good_and_says_so() -> None:
    before = await started()
    await before.apply(PUT_NEW)
    after = await started(HEAD.replace("schema_version: 1", "schema_version: 2"), before.store)
    assert (after.version.number, after.model_ids) == (2, ["small", "new"])
    assert after.keeper.status().catalog_error == "catalog.yaml:1: schema_version: must be 1 or less"


async def test_a_restart_takes_a_much_smaller_file_as_it_is() -> None:
    before = await started(WITH_OTHER + "  - {id: third, provider: demo}\n")
    assert (await started(HEAD, before.store)).model_ids == ["small"]


async def test_a_reload_that_changes_nothing_is_no_new_version() -> None:
    fixture = await started()
    fixture.source.text = "# a comment\n" + HEAD
    await fixture.keeper.reload()
    assert fixture.version.number == 1
    assert fixture.store.state is not None
    assert fixture.store.state.source.catalog.text.startswith("# a comment")


async def test_each_kind_counts_for_itself() -> None:
    fixture = await started()
    fixture.source.text = HEAD + "classification: {categories: [{name: law, description: d, examples: [sue]}]}\n"
    await fixture.keeper.reload()
    versions = {kind: snapshot.version.number for kind, snapshot in fixture.keeper.running.snapshots.items()}
    assert versions == {ConfigKind.CATALOG: 1, ConfigKind.CLASSIFICATION: 2}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("", "catalog.yaml:1: is empty", id="empty"),
        pytest.param(
            HEAD[:100], "catalog.yaml:4: is no YAML: while parsing a flow mapping, did not find expected ',' or '}'", id="half-written"
        ),
        pytest.param("schema_version: 1\n", "catalog.yaml:1: models: is missing", id="without-models"),
        pytest.param("schema_version: 1\nmodels: []\n", "models: 1 of 1 would go, which only force allows", id="shrunk"),
    ],
)
async def test_a_refused_reload_leaves_what_runs_and_says_why(text: str, error: str) -> None:
    fixture = await started()
    fixture.source.text = text
    await fixture.keeper.reload()
    assert (fixture.version.number, fixture.model_ids, len(fixture.store.saved)) == (1, ["small"], 1)
    assert fixture.keeper.status().catalog_error == error
    fixture.source.text = HEAD
    await fixture.keeper.reload()
    assert fixture.keeper.status().catalog_error == ""


async def test_a_reload_replaces_the_files_entries_and_touches_no_other() -> None:
    fixture = await started(WITH_OTHER)
    await fixture.apply(PUT_NEW)
    fixture.source.text = HEAD + "  - {id: third, provider: demo}\n"
    await fixture.keeper.reload()
    assert fixture.model_ids == ["small", "third", "new"]


async def test_a_reload_that_takes_a_provider_from_an_api_entry_is_refused() -> None:
    fixture = await started()
    await fixture.apply(PUT_NEW)
    fixture.source.text = HEAD.replace("  demo: {kind: scripted}\n", "")
    await fixture.keeper.reload()
    assert fixture.keeper.status().catalog_error == "api: models.new.provider: there is no provider 'demo'"


async def test_changes_are_a_new_version_with_their_diff() -> None:
    fixture = await started()
    applied = await fixture.apply(PUT_NEW)
    assert applied == AppliedChanges(Version("epoch-1", 2), ("models.new: added",))
    assert fixture.model_ids == ["small", "new"]


async def test_a_dry_run_answers_the_diff_and_changes_nothing() -> None:
    fixture = await started()
    assert await fixture.apply(PUT_NEW, dry_run=True) == AppliedChanges(Version("epoch-1", 1), ("models.new: added",))
    assert (fixture.model_ids, len(fixture.store.saved)) == (["small"], 1)


async def test_of_many_changes_against_one_version_one_is_taken() -> None:
    fixture = await started()
    base = fixture.version
    tries = [fixture.apply(PutEntry(EntryKind.MODEL, f"m{n}", {"id": f"m{n}", "provider": "demo"}), base=base) for n in range(20)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, AppliedChanges) for result in results) == 1
    assert sum(isinstance(result, VersionConflict) for result in results) == 19
    assert fixture.version.number == 2


async def test_changes_are_taken_all_or_none() -> None:
    fixture = await started()
    with pytest.raises(CatalogInvalid):
        await fixture.apply(PUT_NEW, PutEntry(EntryKind.MODEL, "lost", {"id": "lost", "provider": "nobody"}))
    assert (fixture.model_ids, fixture.version.number) == (["small"], 1)


async def test_the_last_model_is_removed_by_force_only() -> None:
    fixture = await started()
    delete = DeleteEntry(EntryKind.MODEL, "small")
    with pytest.raises(EntryInUse):
        await fixture.apply(delete, adopt=True)
    await fixture.apply(delete, adopt=True, force=True)
    assert fixture.model_ids == []


async def test_a_provider_in_use_is_removed_not_even_by_force() -> None:
    fixture = await started()
    with pytest.raises(EntryInUse):
        await fixture.apply(DeleteEntry(EntryKind.PROVIDER, "openai"), adopt=True, force=True)


async def test_a_model_and_its_provider_go_together() -> None:
    fixture = await started(WITH_OTHER)
    await fixture.apply(DeleteEntry(EntryKind.PROVIDER, "openai"), DeleteEntry(EntryKind.MODEL, "small"), adopt=True)
    assert fixture.model_ids == ["other"]


async def test_what_cannot_be_kept_is_not_handed_out() -> None:
    fixture = await started()
    fixture.store.is_full = True
    with pytest.raises(StateUnusable):
        await fixture.apply(PUT_NEW)
    fixture.source.text = WITH_OTHER
    await fixture.keeper.reload()
    assert (fixture.model_ids, fixture.version.number) == (["small"], 1)
    assert fixture.keeper.status().catalog_error == "no space left"


async def test_a_snapshot_that_would_not_fit_is_refused() -> None:
    fixture = made(max_snapshot_bytes=300)
    await fixture.keeper.start()
    with pytest.raises(SnapshotTooLarge):
        await fixture.apply(PutEntry(EntryKind.MODEL, "new", {"id": "new", "provider": "demo", "display_name": "x" * 100}))
    assert fixture.version.number == 1


async def test_the_status_counts_models_and_names_the_sources() -> None:
    fixture = await started(HEAD + "  - {id: off, provider: demo, status: disabled}\nprojects: [{id: p}]\n")
    status = fixture.keeper.status()
    assert (status.model_count, status.active_model_count, status.last_sync_time_s) == (2, 1, 100.0)
    assert (status.data_sources, status.inactive_sections) == (("/etc/catalog.yaml",), ("projects",))


async def test_the_same_refusal_is_logged_once() -> None:
    fixture = await started()
    fixture.source.text = "models: ["
    for _ in range(3):
        await fixture.keeper.reload()
    fixture.source.text = ""
    await fixture.keeper.reload()
    assert [line["event"] for line in fixture.logged.entries].count("catalog_refused") == 2


async def test_no_value_of_a_change_is_logged() -> None:
    fixture = await started(HEAD + "agents: [{name: a, description: d, system_prompt: canary-1}]\n")
    fixture.source.text = HEAD + "agents: [{name: a, description: d, system_prompt: canary-2}]\n"
    await fixture.keeper.reload()
    assert fixture.logged.entries[-1]["changed"] == ["agents.a.system_prompt"]
    assert "canary" not in str(fixture.logged.entries)


async def writing(fixture: Fixture) -> asyncio.Task[AppliedChanges]:
    """A call whose changes the disk holds up until `may_finish` is set."""
    fixture.store.may_finish.clear()
    fixture.store.has_begun.clear()
    call = asyncio.create_task(fixture.apply(PUT_NEW))
    await fixture.store.has_begun.wait()
    return call


async def test_a_caller_leaves_at_once_and_does_not_part_disk_and_memory() -> None:
    fixture = await started()
    call = await writing(fixture)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert fixture.model_ids == ["small"]
    fixture.store.may_finish.set()
    await fixture.keeper.finish()
    assert fixture.store.state is fixture.keeper.running.state
    assert fixture.model_ids == ["small", "new"]


async def test_who_comes_next_waits_for_what_a_caller_left_behind() -> None:
    fixture = await started()
    base = fixture.version
    call = await writing(fixture)
    call.cancel()
    await asyncio.wait([call])
    late = asyncio.create_task(fixture.apply(PutEntry(EntryKind.MODEL, "late", {"id": "late", "provider": "demo"}), base=base))
    await asyncio.sleep(0)
    fixture.store.may_finish.set()
    with pytest.raises(VersionConflict):
        await late
    assert (len(fixture.store.saved), fixture.version.number) == (2, 2)
