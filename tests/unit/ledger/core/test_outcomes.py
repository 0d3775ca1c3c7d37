"""Answers are counted once, and graded by the latest that is said of them, on the books as they are kept."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.ledger.adapters.schema import migrate
from pointsman.ledger.adapters.sqlite_books import SqliteBooks
from pointsman.ledger.adapters.sqlite_outcomes import outcomes_since
from pointsman.ledger.core.booking import settle_spend
from pointsman.ledger.core.outcomes import (
    MAX_FEEDBACK_OF_ONE,
    FeedbackExists,
    FeedbackRefused,
    OutcomeStat,
    SubjectUnknown,
    TooMuchFeedback,
    keep_feedback,
)
from pointsman.ledger.core.values import Account, AttemptOutcome, Feedback, Settlement, TokenUsage
from tests.unit.ledger.books import ACCOUNT, TIME_NS, a_decision, a_settlement, an_attempt


class OpenBooks(SqliteBooks):
    """Books whose connection a test may look into."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.connection = connection


@pytest.fixture
def books() -> Iterator[OpenBooks]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        yield OpenBooks(connection)


def an_answer(number: int = 1, *, predicted: float | None = 0.5, tokens: int = 8, **changes: object) -> Settlement:
    attempt = replace(an_attempt(f"att_{number}"), usage=TokenUsage(9, tokens))
    made = a_settlement(None, attempt)
    names = {"request_id": f"req_{number}", "decision_id": f"dec_{number}", "predicted_success": predicted}
    return replace(made, **{**names, **changes})  # type: ignore[arg-type]  # named by the tests


def a_feedback(feedback_id: str = "fbk_1", value: float = 1.0, **changes: object) -> Feedback:
    made = Feedback(feedback_id, ACCOUNT, "", value)
    subject = {} if changes.keys() & {"request_id", "decision_id"} else {"request_id": "req_1"}
    return replace(made, **{**subject, **changes})  # type: ignore[arg-type]  # named by the tests


def settle(books: OpenBooks, *settlements: Settlement) -> None:
    for settlement in settlements:
        settle_spend(books, settlement, book_time_ns=TIME_NS)


def judge(books: OpenBooks, *feedback: Feedback) -> None:
    for one in feedback:
        keep_feedback(books, one, book_time_ns=TIME_NS)


def stats(books: OpenBooks) -> tuple[OutcomeStat, ...]:
    return outcomes_since(books.connection, 0).stats


def test_answers_are_counted_by_model_and_category_with_the_median_of_their_lengths(books: OpenBooks) -> None:
    settle(books, *(an_answer(number, tokens=tokens) for number, tokens in enumerate((8, 100, 8, 20, 30))), an_answer(9, category=None))
    assert stats(books) == (OutcomeStat("model-0", "coding", 5, 0, 0.0, 0.0, 20), OutcomeStat("model-0", "", 1, 0, 0.0, 0.0, 8))


def test_what_is_settled_twice_is_counted_once(books: OpenBooks) -> None:
    settle(books, an_answer(), an_answer())
    assert stats(books)[0].answer_count == 1
    assert books.outcomes.version == 2


@pytest.mark.parametrize("outcome", [AttemptOutcome.FAILED, AttemptOutcome.CUT, AttemptOutcome.CANCELLED])
def test_what_is_no_whole_answer_is_not_counted(books: OpenBooks, outcome: AttemptOutcome) -> None:
    settle(books, an_answer(1, attempts=(replace(an_attempt(), outcome=outcome),)))
    assert stats(books) == ()


def test_a_model_that_was_asked_about_the_prompt_gave_no_answer(books: OpenBooks) -> None:
    asked = an_answer(2, request_id="req_1", decision_id=None, predicted=None)
    settle(books, asked, an_answer())
    assert [(stat.model_id, stat.answer_count) for stat in stats(books)] == [("model-0", 1)]
    answer = books.outcomes.find_answer("req_1")
    assert answer is not None
    assert answer.decision_id == "dec_1"


def test_the_model_that_gave_the_answer_is_graded_not_those_that_failed_before(books: OpenBooks) -> None:
    failed = replace(an_attempt("att_0"), model_id="broken", outcome=AttemptOutcome.FAILED)
    settle(books, an_answer(1, attempts=(failed, an_attempt("att_1"))))
    judge(books, a_feedback())
    assert [(stat.model_id, stat.graded_count) for stat in stats(books)] == [("model-0", 1)]


def test_an_answer_that_nobody_measured_has_no_length(books: OpenBooks) -> None:
    settle(books, an_answer(1, attempts=(replace(an_attempt(), usage=None),)))
    assert stats(books) == (OutcomeStat("model-0", "coding", 1, 0, 0.0, 0.0, None),)


@pytest.mark.parametrize("names", [{"request_id": "req_1"}, {"decision_id": "dec_1"}], ids=["by request", "by decision"])
def test_feedback_is_a_grade_of_the_answer(books: OpenBooks, names: dict[str, str]) -> None:
    settle(books, an_answer(predicted=0.75))
    judge(books, a_feedback(value=0.25, **names))
    assert stats(books) == (OutcomeStat("model-0", "coding", 1, 1, 0.25, 0.75, 8),)


def test_of_one_metric_the_latest_counts_and_of_several_their_mean(books: OpenBooks) -> None:
    settle(books, an_answer())
    judge(books, a_feedback("fbk_1", 0.0), a_feedback("fbk_2", 1.0), a_feedback("fbk_3", 0.5, metric="polite"))
    assert (stats(books)[0].graded_count, stats(books)[0].grade_sum, stats(books)[0].predicted_sum) == (1, 0.75, 0.5)
    kept = [books.feedback.find_feedback(f"fbk_{number}") for number in (1, 2, 3)]
    assert [one.value for one in kept if one is not None] == [0.0, 1.0, 0.5], "all are kept"


def test_the_same_feedback_again_changes_nothing_also_after_a_later_one(books: OpenBooks) -> None:
    settle(books, an_answer())
    first = a_feedback("fbk_1", 0.0, decision_id="dec_1", comment="bad")
    judge(books, first, a_feedback("fbk_2", 1.0))
    version = books.outcomes.version
    judge(books, first)
    assert (books.outcomes.version, stats(books)[0].grade_sum) == (version, 1.0)


@pytest.mark.parametrize(
    "changes", [{"value": 0.5}, {"comment": "other"}, {"metric": "m"}, {"account": Account("other")}, {"request_id": "req_2"}], ids=str
)
def test_a_name_that_was_used_for_another_feedback_is_refused(books: OpenBooks, changes: dict[str, object]) -> None:
    settle(books, an_answer(1), an_answer(2))
    judge(books, a_feedback())
    with pytest.raises(FeedbackExists):
        judge(books, replace(a_feedback(), **changes))  # type: ignore[arg-type]  # named above


@pytest.mark.parametrize(
    "changes",
    [{"request_id": "req_2"}, {"decision_id": "dec_2"}, {"account": Account("default")}, {"account": Account("other", "key_1")}],
    ids=["unknown request", "unknown decision", "other key", "other project"],
)
def test_what_is_unknown_or_a_strangers_is_not_found_and_nothing_is_kept(books: OpenBooks, changes: dict[str, object]) -> None:
    settle(books, an_answer())
    with pytest.raises(SubjectUnknown):
        judge(books, a_feedback("fbk_1", 1.0, **changes))
    assert books.feedback.find_feedback("fbk_1") is None


def test_a_decision_that_nobody_ran_can_be_judged_and_grades_no_answer(books: OpenBooks) -> None:
    books.keep_decisions([replace(a_decision(), account=ACCOUNT)])
    judge(books, a_feedback("fbk_1", decision_id="dec_1"), a_feedback("fbk_2", request_id="req_1"))
    assert books.feedback.latest_values("req_1", ACCOUNT) == [1.0]
    assert stats(books) == ()


def test_of_a_decision_that_was_run_twice_the_latest_answer_is_judged(books: OpenBooks) -> None:
    settle(books, an_answer(1, decision_id="dec_1"), an_answer(2, decision_id="dec_1"))
    judge(books, a_feedback(decision_id="dec_1"))
    assert [books.feedback.latest_values(f"req_{number}", ACCOUNT) for number in (1, 2)] == [[], [1.0]]


def test_an_answer_whose_success_was_not_foretold_is_not_graded(books: OpenBooks) -> None:
    settle(books, an_answer(predicted=None))
    judge(books, a_feedback())
    assert stats(books)[0].graded_count == 0


@pytest.mark.parametrize("answer_first", [True, False])
def test_a_strangers_request_of_the_same_name_grades_no_answer(books: OpenBooks, *, answer_first: bool) -> None:
    stranger = Account("other", "key_1")
    books.keep_decisions([replace(a_decision("dec_2", request_id="req_1"), account=stranger)])
    if answer_first:
        settle(books, an_answer())
    judge(books, a_feedback("fbk_strange", 0.0, decision_id="dec_2", account=stranger))
    settle(books, an_answer())
    assert stats(books)[0].graded_count == 0
    judge(books, a_feedback())
    assert (stats(books)[0].graded_count, stats(books)[0].grade_sum) == (1, 1.0)


def test_no_answer_takes_feedback_without_end(books: OpenBooks) -> None:
    settle(books, an_answer())
    judge(books, *(a_feedback(f"fbk_{number}") for number in range(MAX_FEEDBACK_OF_ONE)))
    with pytest.raises(TooMuchFeedback):
        judge(books, a_feedback("fbk_more"))


STEPS = st.lists(
    st.one_of(
        st.builds(an_answer, st.integers(1, 3), predicted=st.sampled_from((None, 0.25, 0.5))),
        st.builds(
            lambda id_, value, metric, number: replace(Feedback(id_, ACCOUNT, metric, value), request_id=f"req_{number}"),
            st.integers(0, 1_000).map("fbk_{}".format),
            st.floats(0.0, 1.0),
            st.sampled_from(("", "polite")),
            st.integers(1, 3),
        ),
    ),
    max_size=30,
)


@given(STEPS)
def test_sums_are_those_of_the_answers_whatever_came_first(steps: list[Settlement | Feedback]) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        books = OpenBooks(connection)
        books.keep_decisions([replace(a_decision(f"dec_{n}", request_id=f"req_{n}"), account=ACCOUNT) for n in (1, 2, 3)])
        versions = [books.outcomes.version]
        for step in steps:
            try:
                judge(books, step) if isinstance(step, Feedback) else settle(books, step)
            except FeedbackRefused:
                continue
            versions.append(books.outcomes.version)
        answers = [answer for n in (1, 2, 3) if (answer := books.outcomes.find_answer(f"req_{n}")) is not None]
        for answer in answers:
            said = books.feedback.latest_values(answer.request_id, ACCOUNT)
            foretold = answer.predicted_success is not None
            assert answer.grade == (pytest.approx(sum(said) / len(said)) if said and foretold else None)
        graded = [answer for answer in answers if answer.grade is not None]
        total = stats(books)
    assert versions == sorted(versions)
    assert sum(stat.answer_count for stat in total) == len(answers)
    assert sum(stat.graded_count for stat in total) == len(graded)
    assert sum(stat.grade_sum for stat in total) == pytest.approx(sum(answer.grade or 0.0 for answer in graded))
    assert sum(stat.predicted_sum for stat in total) == pytest.approx(sum(answer.predicted_success or 0.0 for answer in graded))
