"""The store's tables, as migrations that are applied in order and never changed. PRAGMA user_version counts them."""

import sqlite3

from pointsman.registry.core.problems import StateUnusable

APPLICATION_ID = 1347244593  # "PMR1" in ASCII: tells the file from any other SQLite file

# Texts are kept once, however many states hold them, compressed, under the sha256 of what they are.
CONTENTS = """
CREATE TABLE contents (
  hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
  data BLOB NOT NULL
) STRICT;
"""

# One row for each state that was accepted; the last is the one in force. A version is the first state of its number.
STATES = """
CREATE TABLE states (
  sequence INTEGER PRIMARY KEY,
  catalog_number INTEGER NOT NULL CHECK (catalog_number >= 1),
  makes_version INTEGER NOT NULL CHECK (makes_version IN (0, 1)),
  detail TEXT NOT NULL, -- JSON: counters, and which contents the state is made of
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX states_by_number ON states (catalog_number, sequence);
CREATE UNIQUE INDEX versions ON states (catalog_number) WHERE makes_version = 1;
"""

AUDIT = """
CREATE TABLE audit_entries (
  sequence INTEGER PRIMARY KEY REFERENCES states (sequence),
  epoch TEXT NOT NULL,
  catalog_number INTEGER NOT NULL CHECK (catalog_number >= 1),
  create_time_ns INTEGER NOT NULL,
  origin TEXT NOT NULL CHECK (origin IN ('start', 'file', 'api', 'restore')),
  author TEXT NOT NULL,
  diff_lines TEXT NOT NULL, -- JSON array
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
"""

TABLES = ("contents", "states", "audit_entries")
# Rows are only ever added.
TRIGGERS = "".join(
    f"CREATE TRIGGER {table}_are_never_{what} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{table} are never {what}'); END;\n"
    for table in TABLES
    for verb, what in (("UPDATE", "changed"), ("DELETE", "removed"))
)

# From version n to n + 1, each whole: PRAGMA takes no parameter.
MIGRATIONS = (
    "BEGIN IMMEDIATE; PRAGMA application_id = 1347244593;" + CONTENTS + STATES + AUDIT + TRIGGERS + "PRAGMA user_version = 1; COMMIT;",
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the store to the newest version, each step in a transaction. Raises StateUnusable for a file that is none of ours."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id not in (0, APPLICATION_ID) or (application_id == 0 and version != 0):
        raise StateUnusable("registry.db: holds something else")
    if version > len(MIGRATIONS):
        raise StateUnusable(f"registry.db: written by a newer program (version {version}, this one knows {len(MIGRATIONS)})")
    for migration in MIGRATIONS[version:]:
        connection.executescript(migration)
