"""The store's tables, as migrations that are applied in order and never changed. PRAGMA user_version counts them."""

import sqlite3

from pointsman.kit.errors import Unavailable

APPLICATION_ID = 1347243057  # "PML1" in ASCII: tells the file from any other SQLite file

SPENDS = """
CREATE TABLE spends (
  spend_id TEXT PRIMARY KEY,
  request_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  key_id TEXT,
  state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'expired', 'corrected')),
  open_time_ns INTEGER NOT NULL,
  expire_time_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX open_spends ON spends (expire_time_ns) WHERE state = 'open';

CREATE TABLE planned_attempts (
  spend_id TEXT NOT NULL REFERENCES spends (spend_id),
  number INTEGER NOT NULL CHECK (number >= 1),
  model_id TEXT NOT NULL,
  provider_id TEXT NOT NULL,
  worst_case_nanousd INTEGER NOT NULL CHECK (worst_case_nanousd >= 0),
  PRIMARY KEY (spend_id, number)
) STRICT, WITHOUT ROWID;
"""

# The columns between sequence and total_cost_nanousd are core.entries.ENTRY_FIELDS, in their order.
ENTRIES = """
CREATE TABLE entries (
  sequence INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('attempt', 'worst_case', 'reversal')),
  attempt_id TEXT NOT NULL UNIQUE,
  number INTEGER NOT NULL CHECK (number >= 1),
  request_id TEXT NOT NULL,
  spend_id TEXT REFERENCES spends (spend_id),
  project_id TEXT NOT NULL,
  key_id TEXT,
  category TEXT,
  decision_id TEXT,
  catalog_epoch TEXT NOT NULL,
  catalog_number INTEGER NOT NULL CHECK (catalog_number >= 0),
  model_id TEXT NOT NULL,
  provider_id TEXT NOT NULL,
  outcome TEXT CHECK (outcome IN ('succeeded', 'failed', 'cut', 'cancelled')),
  failure_reason TEXT,
  provider_status_code INTEGER,
  input_token_count INTEGER NOT NULL CHECK (input_token_count >= 0),
  cached_input_token_count INTEGER NOT NULL CHECK (cached_input_token_count >= 0),
  cache_write_token_count INTEGER NOT NULL CHECK (cache_write_token_count >= 0),
  output_token_count INTEGER NOT NULL CHECK (output_token_count >= 0),
  reasoning_token_count INTEGER NOT NULL CHECK (reasoning_token_count >= 0),
  is_estimated INTEGER NOT NULL CHECK (is_estimated IN (0, 1)),
  has_usage INTEGER NOT NULL CHECK (has_usage IN (0, 1)),
  start_time_ns INTEGER NOT NULL,
  latency_ns INTEGER NOT NULL CHECK (latency_ns >= 0),
  time_to_first_token_ns INTEGER CHECK (time_to_first_token_ns >= 0),
  billed_to TEXT NOT NULL CHECK (billed_to IN ('operator', 'caller')),
  cost_nanousd INTEGER CHECK (CASE kind WHEN 'reversal' THEN cost_nanousd <= 0 ELSE cost_nanousd >= 0 END),
  book_time_ns INTEGER NOT NULL,
  total_cost_nanousd INTEGER NOT NULL CHECK (total_cost_nanousd >= 0),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  CHECK ((outcome IS NULL) = (kind <> 'attempt'))
) STRICT;
CREATE INDEX entries_besides_attempts ON entries (sequence) WHERE kind <> 'attempt';

-- Rows are only ever added; retention will drop whole segments through a migration of its own.
CREATE TRIGGER entries_are_never_changed BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END;
CREATE TRIGGER entries_are_never_removed BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'entries are never removed'); END;
"""

DECISIONS = """
CREATE TABLE decisions (
  sequence INTEGER PRIMARY KEY,
  decision_id TEXT NOT NULL UNIQUE,
  request_id TEXT NOT NULL,
  create_time_ns INTEGER NOT NULL,
  project_id TEXT NOT NULL,
  key_id TEXT,
  category TEXT NOT NULL,
  difficulty TEXT,
  policy TEXT NOT NULL,
  cause TEXT NOT NULL,
  model_id TEXT NOT NULL,
  catalog_epoch TEXT NOT NULL,
  catalog_number INTEGER NOT NULL CHECK (catalog_number >= 0),
  degraded TEXT NOT NULL, -- JSON array
  prompt_hash BLOB NOT NULL CHECK (length(prompt_hash) IN (0, 32)),
  detail BLOB NOT NULL
) STRICT;
CREATE INDEX decisions_by_time ON decisions (create_time_ns, sequence);
CREATE INDEX decisions_by_request ON decisions (request_id, create_time_ns, sequence);
CREATE INDEX decisions_by_project ON decisions (project_id, create_time_ns, sequence);
"""

# For reports, which ask for a stretch of time: the last 24 h of a million rows in 30 days take a quarter of a second.
ENTRIES_BY_TIME = """
CREATE INDEX entries_by_start_time ON entries (start_time_ns);
"""

# What was booked before is in the sums, and not in answers: its success was not foretold, so none of it can be graded.
OUTCOMES = """
CREATE TABLE answers (
  sequence INTEGER PRIMARY KEY,
  request_id TEXT NOT NULL UNIQUE,
  decision_id TEXT,
  project_id TEXT NOT NULL,
  key_id TEXT,
  model_id TEXT NOT NULL,
  category TEXT NOT NULL,
  predicted_success REAL CHECK (predicted_success BETWEEN 0 AND 1),
  grade REAL CHECK (grade BETWEEN 0 AND 1)
) STRICT;
CREATE INDEX answers_by_decision ON answers (decision_id) WHERE decision_id IS NOT NULL;

CREATE TABLE feedback (
  sequence INTEGER PRIMARY KEY,
  feedback_id TEXT NOT NULL UNIQUE,
  request_id TEXT NOT NULL,
  decision_id TEXT,
  project_id TEXT NOT NULL,
  key_id TEXT,
  metric TEXT NOT NULL,
  value REAL NOT NULL CHECK (value BETWEEN 0 AND 1),
  comment TEXT NOT NULL,
  book_time_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX feedback_by_request ON feedback (request_id, metric, sequence);

CREATE TABLE outcome_sums (
  model_id TEXT NOT NULL,
  category TEXT NOT NULL,
  answer_count INTEGER NOT NULL,
  graded_count INTEGER NOT NULL,
  grade_sum REAL NOT NULL,
  predicted_sum REAL NOT NULL,
  version INTEGER NOT NULL, -- in which they changed last
  PRIMARY KEY (model_id, category)
) STRICT, WITHOUT ROWID;
CREATE INDEX outcome_sums_by_version ON outcome_sums (version);

-- How many answers had which length: a median is read from it without looking at answers.
CREATE TABLE answer_lengths (
  model_id TEXT NOT NULL,
  category TEXT NOT NULL,
  output_token_count INTEGER NOT NULL CHECK (output_token_count >= 0),
  answer_count INTEGER NOT NULL,
  PRIMARY KEY (model_id, category, output_token_count)
) STRICT, WITHOUT ROWID;

INSERT INTO outcome_sums
SELECT model_id, coalesce(category, ''), count(*), 0, 0.0, 0.0, 2 FROM entries WHERE outcome = 'succeeded' GROUP BY 1, 2;
INSERT INTO answer_lengths
SELECT model_id, coalesce(category, ''), output_token_count, count(*)
FROM entries WHERE outcome = 'succeeded' AND has_usage GROUP BY 1, 2, 3;
"""

# From version n to n + 1, each whole: PRAGMA takes no parameter.
MIGRATIONS = (
    "BEGIN IMMEDIATE; PRAGMA application_id = 1347243057;" + SPENDS + ENTRIES + DECISIONS + "PRAGMA user_version = 1; COMMIT;",
    "BEGIN IMMEDIATE;" + ENTRIES_BY_TIME + "PRAGMA user_version = 2; COMMIT;",
    "BEGIN IMMEDIATE;" + OUTCOMES + "PRAGMA user_version = 3; COMMIT;",
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the store to the newest version, each step in a transaction.

    Raises Unavailable for a store of a newer program."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id not in (0, APPLICATION_ID) or (application_id == 0 and version != 0):
        raise Unavailable("dependency_down", "the ledger's database file holds something else")
    if version > len(MIGRATIONS):
        raise Unavailable("dependency_down", f"the ledger's database has version {version}, this program knows {len(MIGRATIONS)}")
    for migration in MIGRATIONS[version:]:
        connection.executescript(migration)
