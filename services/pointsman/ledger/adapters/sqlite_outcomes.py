"""Answers, what was thought of them, and their sums."""

import sqlite3
from collections.abc import Sequence

from pointsman.ledger.core.outcomes import Answer, OutcomeChange, OutcomeStat, OutcomeStats, Subject
from pointsman.ledger.core.values import Account, Feedback

# The version of sums that do not exist yet.
NO_OUTCOMES = 1

FIND_VERSION = "SELECT max(version) FROM outcome_sums"
ADD_ANSWER = """
INSERT INTO answers (request_id, decision_id, project_id, key_id, model_id, category, predicted_success) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (request_id) DO NOTHING
"""
FIND_ANSWER = """
SELECT project_id, key_id, model_id, category, decision_id, predicted_success, grade FROM answers WHERE request_id = ?
"""
GRADE_ANSWER = "UPDATE answers SET grade = ? WHERE request_id = ?"
ADD_TO_SUMS = """
INSERT INTO outcome_sums (model_id, category, answer_count, graded_count, grade_sum, predicted_sum, version) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (model_id, category) DO UPDATE SET
  answer_count = answer_count + excluded.answer_count,
  graded_count = graded_count + excluded.graded_count,
  grade_sum = grade_sum + excluded.grade_sum,
  predicted_sum = predicted_sum + excluded.predicted_sum,
  version = excluded.version
"""
COUNT_LENGTH = """
INSERT INTO answer_lengths (model_id, category, output_token_count, answer_count) VALUES (?, ?, ?, 1)
ON CONFLICT (model_id, category, output_token_count) DO UPDATE SET answer_count = answer_count + 1
"""
# An answer before a decision, which may have been run by another request; the latest before those that came earlier.
FIND_BY_REQUEST = (
    "SELECT request_id, project_id, key_id FROM answers WHERE request_id = ?",
    "SELECT request_id, project_id, key_id FROM decisions WHERE request_id = ? ORDER BY create_time_ns DESC, sequence DESC LIMIT 1",
)
FIND_BY_DECISION = (
    "SELECT request_id, project_id, key_id FROM answers WHERE decision_id = ? ORDER BY sequence DESC LIMIT 1",
    "SELECT request_id, project_id, key_id FROM decisions WHERE decision_id = ?",
)
OF_ACCOUNT = "request_id = ? AND project_id = ? AND key_id IS ?"
COUNT_FEEDBACK = f"SELECT count(*) FROM feedback WHERE {OF_ACCOUNT}"  # noqa: S608  # our own words
FIND_FEEDBACK = """
SELECT project_id, key_id, metric, value, request_id, decision_id, comment FROM feedback WHERE feedback_id = ?
"""
ADD_FEEDBACK = """
INSERT INTO feedback (feedback_id, request_id, decision_id, project_id, key_id, metric, value, comment, book_time_ns)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# Beside max() SQLite gives the other columns of the row that has it.
FIND_LATEST_VALUES = f"SELECT value, max(sequence) FROM feedback WHERE {OF_ACCOUNT} GROUP BY metric ORDER BY metric"  # noqa: S608  # as above

# The median is the shortest length that at least half of the answers do not exceed.
READ_OUTCOMES = """
SELECT version, model_id, category, answer_count, graded_count, grade_sum, predicted_sum, (
  SELECT output_token_count FROM (
    SELECT output_token_count, sum(answer_count) OVER (ORDER BY output_token_count) AS so_far, sum(answer_count) OVER () AS all_of_them
    FROM answer_lengths AS lengths
    WHERE lengths.model_id = outcome_sums.model_id AND lengths.category = outcome_sums.category
  ) WHERE 2 * so_far >= all_of_them ORDER BY output_token_count LIMIT 1
)
FROM outcome_sums WHERE version > ? ORDER BY version
"""


class SqliteOutcomes:
    """Implements the OutcomeBook port within the writing connection's transaction. `version`: of the sums as they are now."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Read which version the sums are of."""
        self._connection = connection
        (version,) = connection.execute(FIND_VERSION).fetchone()
        self.version: int = NO_OUTCOMES if version is None else version

    def keep_answer(self, answer: Answer) -> bool:
        """Keep an answer; False where its request has one."""
        account = answer.account
        values = (answer.request_id, answer.decision_id, account.project_id, account.key_id)
        cursor = self._connection.execute(ADD_ANSWER, (*values, answer.model_id, answer.category, answer.predicted_success))
        return cursor.rowcount == 1

    def find_answer(self, request_id: str) -> Answer | None:
        """The answer to a request."""
        row = self._connection.execute(FIND_ANSWER, (request_id,)).fetchone()
        if row is None:
            return None
        project_id, key_id, *values = row
        return Answer(request_id, Account(project_id, key_id), *values)

    def put_grade(self, request_id: str, grade: float) -> None:
        """Grade an answer."""
        self._connection.execute(GRADE_ANSWER, (grade, request_id))

    def add(self, model_id: str, category: str, change: OutcomeChange) -> None:
        """Change the sums, and their version."""
        sums = (change.answer_count, change.graded_count, change.grade_sum, change.predicted_sum)
        self._connection.execute(ADD_TO_SUMS, (model_id, category, *sums, self.version + 1))
        if change.output_token_count is not None:
            self._connection.execute(COUNT_LENGTH, (model_id, category, change.output_token_count))
        self.version += 1


class SqliteFeedback:
    """Implements the FeedbackBook port within the writing connection's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take the writing connection."""
        self._connection = connection

    def find_subject(self, *, request_id: str | None, decision_id: str | None) -> Subject | None:
        """The latest answer, else the decision, of that request or decision."""
        statements, name = (FIND_BY_REQUEST, request_id) if decision_id is None else (FIND_BY_DECISION, decision_id)
        for statement in statements:
            row = self._connection.execute(statement, (name,)).fetchone()
            if row is not None:
                found_id, project_id, key_id = row
                (count,) = self._connection.execute(COUNT_FEEDBACK, row).fetchone()
                return Subject(found_id, Account(project_id, key_id), count)
        return None

    def find_feedback(self, feedback_id: str) -> Feedback | None:
        """The feedback of that name."""
        row = self._connection.execute(FIND_FEEDBACK, (feedback_id,)).fetchone()
        if row is None:
            return None
        project_id, key_id, *values = row
        return Feedback(feedback_id, Account(project_id, key_id), *values)

    def keep_feedback(self, feedback: Feedback, *, book_time_ns: int) -> None:
        """Keep a feedback."""
        account = feedback.account
        names = (feedback.feedback_id, feedback.request_id, feedback.decision_id, account.project_id, account.key_id)
        self._connection.execute(ADD_FEEDBACK, (*names, feedback.metric, feedback.value, feedback.comment, book_time_ns))

    def latest_values(self, request_id: str, account: Account) -> Sequence[float]:
        """The latest value of each metric by which the account has judged the request."""
        of_account = (request_id, account.project_id, account.key_id)
        return [value for value, _ in self._connection.execute(FIND_LATEST_VALUES, of_account)]


def outcomes_since(connection: sqlite3.Connection, after_version: int) -> OutcomeStats:
    """The sums that have changed since that version, and the version that they are of now."""
    rows = connection.execute(READ_OUTCOMES, (after_version,)).fetchall()
    version = max(after_version, NO_OUTCOMES, *(row[0] for row in rows))
    return OutcomeStats(version, tuple(OutcomeStat(*values) for _, *values in rows))
