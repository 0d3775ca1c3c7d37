"""States and audit entries on a real SQLite file."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.registry.adapters import sqlite_reader
from pointsman.registry.adapters.sqlite_connections import connect_for_writing
from pointsman.registry.adapters.sqlite_store import DATABASE_FILE, SqliteStore, open_store
from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.ports import Acceptance, RegistryState, SourceTexts, TextFile
from pointsman.registry.core.problems import StateUnusable
from pointsman.registry.core.snapshot import AuditRecord, ConfigKind, KindState, Origin, Version, VersionRecord

TEXT = "schema_version: 1 # ü\n" * 50
MODELS, ENVIRONMENT = TextFile("models.json", "[]"), TextFile("environment", '{"models": []}')
SOURCE = SourceTexts(TextFile("c.yaml", TEXT), TextFile("r.yaml", "rules: {}\n"), (), MODELS, ENVIRONMENT)
STATE = RegistryState(
    epoch="e",
    kinds={kind: KindState(1, 1.25, "d") for kind in ConfigKind},
    source=SOURCE,
    api=ApiEntries(providers={"p": {"kind": "scripted"}}, models={"z": {"id": "z", "quality_score": 0.1}, "gone": None, "a": {"id": "a"}}),
    passed_over="digest",
)
BEFORE_ALL = 2**63 - 1


def accepted(*lines: str, makes_version: bool = True, origin: Origin = Origin.API, author: str = "someone") -> Acceptance:
    return Acceptance(origin, author, 1.25, lines, makes_version)


def numbered(number: int) -> RegistryState:
    return replace(STATE, kinds={kind: KindState(number, float(number), f"d{number}") for kind in ConfigKind})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with open_store(tmp_path) as opened:
        yield opened


async def test_a_state_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "registry"
    async with open_store(folder) as store:
        assert await store.load() is None
        await store.save(STATE, accepted())
        assert await store.load() == STATE
    async with open_store(folder) as store:
        loaded = await store.load()
    assert loaded == STATE
    assert list(loaded.api.models) == ["z", "gone", "a"]  # the catalogue's order


async def test_the_newest_state_is_loaded_and_older_ones_are_found(store: SqliteStore) -> None:
    for number in (1, 2, 3):
        await store.save(numbered(number), accepted())
    assert await store.load() == numbered(3)
    assert await store.find_state(1) == numbered(1)
    assert await store.find_state(4) is None


async def test_of_several_states_of_a_version_the_last_is_found(store: SqliteStore) -> None:
    await store.save(STATE, accepted())
    commented = replace(STATE, source=SourceTexts(TextFile("c.yaml", "# a comment")))
    await store.save(commented, accepted(makes_version=False))
    assert await store.find_state(1) == commented


async def test_versions_and_entries_are_listed_newest_first(store: SqliteStore) -> None:
    await store.save(numbered(1), accepted("models.a: added", origin=Origin.START, author=""))
    await store.save(replace(numbered(1), passed_over=""), accepted(makes_version=False, origin=Origin.FILE, author=""))
    await store.save(numbered(2), accepted("models.b: added"))
    versions = await store.list_versions(BEFORE_ALL, 10)
    assert versions.records == (
        VersionRecord(Version("e", 2), 1.25, Origin.API, "someone", ("models.b: added",)),
        VersionRecord(Version("e", 1), 1.25, Origin.START, "", ("models.a: added",)),
    )
    entries = await store.list_audit_entries(BEFORE_ALL, 10)
    assert [(one.sequence, one.version.number, one.origin) for one in entries.records] == [
        (3, 2, Origin.API),
        (2, 1, Origin.FILE),
        (1, 1, Origin.START),
    ]
    assert entries.records[0] == AuditRecord(3, Version("e", 2), 1.25, Origin.API, "someone", ("models.b: added",))


async def test_lists_are_read_page_by_page(store: SqliteStore) -> None:
    for number in range(1, 6):
        await store.save(numbered(number), accepted())
    first = await store.list_versions(BEFORE_ALL, 2)
    assert ([one.version.number for one in first.records], first.has_more) == ([5, 4], True)
    second = await store.list_versions(4, 3)
    assert ([one.version.number for one in second.records], second.has_more) == ([3, 2, 1], False)
    assert [one.sequence for one in (await store.list_audit_entries(3, 10)).records] == [2, 1]


async def test_a_page_ends_before_it_is_too_large_for_a_message(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_reader, "MAX_PAGE_CHARACTERS", 150)
    for number in range(1, 4):
        await store.save(numbered(number), accepted("x" * 100))
    page = await store.list_versions(BEFORE_ALL, 100)
    assert ([one.version.number for one in page.records], page.has_more) == ([3, 2], True)


async def test_a_text_is_kept_once_however_many_states_hold_it(store: SqliteStore, tmp_path: Path) -> None:
    for number in range(1, 11):
        await store.save(numbered(number), accepted())
    with closing(sqlite3.connect(tmp_path / DATABASE_FILE)) as connection:
        assert connection.execute("SELECT count(*) FROM contents").fetchone() == (5,)
        (size,) = connection.execute("SELECT sum(length(data)) FROM contents").fetchone()
    assert size < len(TEXT) / 2


@pytest.mark.parametrize("table", ["contents", "states", "audit_entries"])
async def test_nothing_is_ever_changed_or_removed(store: SqliteStore, tmp_path: Path, table: str) -> None:
    await store.save(STATE, accepted())
    with closing(sqlite3.connect(tmp_path / DATABASE_FILE, isolation_level=None)) as connection:
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET hash = zeroblob(32)"):
            with pytest.raises(sqlite3.IntegrityError, match="never"):
                connection.execute(statement)


def damage(path: Path, *statements: str) -> None:
    """Change what the triggers keep, as a bad disk would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE states SET detail = replace(detail, 'digest', 'another')", id="state"),
        pytest.param("UPDATE states SET makes_version = 0", id="number"),
        pytest.param("UPDATE contents SET data = x'00'", id="no-text"),
        pytest.param("UPDATE contents SET data = (SELECT data FROM contents ORDER BY length(data) LIMIT 1)", id="another-text"),
        pytest.param("DELETE FROM contents", id="text-gone"),
    ],
)
async def test_a_damaged_state_is_refused_rather_than_forgotten(tmp_path: Path, statement: str) -> None:
    async with open_store(tmp_path) as store:
        await store.save(STATE, accepted())
    damage(tmp_path / DATABASE_FILE, statement)
    async with open_store(tmp_path) as store:
        with pytest.raises(StateUnusable, match="damaged"):
            await store.load()


async def test_a_damaged_audit_entry_is_refused(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        await store.save(STATE, accepted())
    damage(tmp_path / DATABASE_FILE, "UPDATE audit_entries SET author = 'somebody else'")
    async with open_store(tmp_path) as store:
        with pytest.raises(StateUnusable, match="damaged"):
            await store.list_audit_entries(BEFORE_ALL, 10)
        with pytest.raises(StateUnusable, match="damaged"):
            await store.list_versions(BEFORE_ALL, 10)
        assert await store.load() == STATE


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / DATABASE_FILE).write_bytes(b"no database" * 1_000)
    with pytest.raises(StateUnusable, match="damaged"):
        async with open_store(tmp_path):
            pass


@pytest.mark.parametrize(
    ("pragma", "reason"),
    [
        pytest.param("PRAGMA application_id = 1347243057", "holds something else", id="of-another-service"),
        pytest.param("PRAGMA user_version = 99", "newer program", id="of-a-newer-program"),
    ],
)
async def test_a_database_of_others_is_left_alone(tmp_path: Path, pragma: str, reason: str) -> None:
    async with open_store(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / DATABASE_FILE, isolation_level=None)) as connection:
        connection.execute(pragma)
    with pytest.raises(StateUnusable, match=reason):
        async with open_store(tmp_path):
            pass


async def test_a_folder_has_one_registry(store: SqliteStore, tmp_path: Path) -> None:
    with pytest.raises(StateUnusable, match="another registry"):
        async with open_store(tmp_path):
            pass


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnusable, match="file/registry"):
        async with open_store(tmp_path / "file" / "registry"):
            pass


async def test_a_full_disk_loses_nothing_and_is_told(tmp_path: Path) -> None:
    def connect(path: Path) -> sqlite3.Connection:
        connection = connect_for_writing(path)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        return connection

    # Random-like, so that it does not compress into what is left.
    large = "".join(f"{(number * 2654435761) % 2**32:08x}" for number in range(10_000))
    async with open_store(tmp_path, connect=connect) as store:
        await store.save(STATE, accepted())
        with pytest.raises(StateUnusable, match="full"):
            await store.save(replace(numbered(2), source=SourceTexts(TextFile("c.yaml", large))), accepted())
        assert await store.load() == STATE
        await store.save(replace(STATE, passed_over=""), accepted(makes_version=False))


async def test_a_number_is_used_for_one_version_only(store: SqliteStore) -> None:
    await store.save(STATE, accepted())
    with pytest.raises(StateUnusable):
        await store.save(STATE, accepted())
    assert len((await store.list_audit_entries(BEFORE_ALL, 10)).records) == 1


async def test_what_is_kept_is_flushed_to_the_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    with closing(connect_for_writing(tmp_path / DATABASE_FILE)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
