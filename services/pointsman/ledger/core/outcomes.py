"""How well models did: their answers, what was thought of them, and the sums of both by model and category.

An answer's grade is the mean of the latest feedback on each of its metrics, so that it counts once however much is said
of it. Whether its settlement or its feedback comes first makes no difference to the sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pointsman.ledger.core.values import Account, AttemptOutcome, Feedback, Settlement

# Each is read again when another comes; nobody judges one answer so often.
MAX_FEEDBACK_OF_ONE = 256


class FeedbackRefused(Exception):
    """A feedback that can not be kept; the message says why."""


class SubjectUnknown(FeedbackRefused):
    """Neither the request nor the decision is known, or it is another account's."""


class FeedbackExists(FeedbackRefused):
    """The name was used for another feedback."""


class TooMuchFeedback(FeedbackRefused):
    """The answer has all the feedback that is kept of one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer to a request. category: empty where the prompt was not classified. grade: None until it is judged."""

    request_id: str
    account: Account
    model_id: str
    category: str
    decision_id: str | None = None
    predicted_success: float | None = None
    grade: float | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What a feedback is about: a request, whose it was, and how often he has judged it."""

    request_id: str
    account: Account
    feedback_count: int


@dataclass(frozen=True, slots=True)
class OutcomeChange:
    """What is added to the sums of a model and category. output_token_count: of the one answer more; None: not measured."""

    answer_count: int = 0
    graded_count: int = 0
    grade_sum: float = 0.0
    predicted_sum: float = 0.0
    output_token_count: int | None = None


@dataclass(frozen=True, slots=True)
class OutcomeStat:
    """The sums of a model and category. median_output_token_count: None where no answer's length is known."""

    model_id: str
    category: str
    answer_count: int
    graded_count: int
    grade_sum: float
    predicted_sum: float
    median_output_token_count: int | None


@dataclass(frozen=True, slots=True)
class OutcomeStats:
    """Sums, and the version that they are of: from 1, where there are none, higher with each change."""

    version: int
    stats: tuple[OutcomeStat, ...]


class OutcomeBook(Protocol):
    """Answers and sums within one transaction."""

    def keep_answer(self, answer: Answer) -> bool:
        """Keep an answer; False where its request has one, which is left as it is."""

    def find_answer(self, request_id: str) -> Answer | None:
        """The answer to a request; None where there is none."""

    def put_grade(self, request_id: str, grade: float) -> None:
        """Grade an answer, or grade it anew."""

    def add(self, model_id: str, category: str, change: OutcomeChange) -> None:
        """Change the sums, and their version."""


class FeedbackBook(Protocol):
    """Feedback within one transaction."""

    def find_subject(self, *, request_id: str | None, decision_id: str | None) -> Subject | None:
        """The latest answer, else the decision, of that request or decision; None where there is neither."""

    def find_feedback(self, feedback_id: str) -> Feedback | None:
        """The feedback of that name; None where there is none."""

    def keep_feedback(self, feedback: Feedback, *, book_time_ns: int) -> None:
        """Keep a feedback, whose name is not kept yet and whose request is known."""

    def latest_values(self, request_id: str, account: Account) -> Sequence[float]:
        """The latest value of each metric by which the account has judged the request."""


class OutcomeBooks(Protocol):
    """Where both are kept."""

    @property
    def outcomes(self) -> OutcomeBook:
        """Answers and sums."""

    @property
    def feedback(self) -> FeedbackBook:
        """What was thought of them."""


def note_answer(books: OutcomeBooks, settlement: Settlement) -> None:
    """Count the settlement's whole answer, once, and grade it where feedback came before.

    Without a decision it is none: a model was asked about the prompt, to decide who answers.
    """
    whole = [attempt for attempt in settlement.attempts if attempt.outcome is AttemptOutcome.SUCCEEDED]
    if not whole or settlement.decision_id is None:
        return
    attempt = whole[-1]
    answer = Answer(
        request_id=settlement.request_id,
        account=settlement.account,
        model_id=attempt.model_id,
        category=settlement.category or "",
        decision_id=settlement.decision_id,
        predicted_success=settlement.predicted_success,
    )
    if not books.outcomes.keep_answer(answer):
        return
    output_token_count = None if attempt.usage is None else attempt.usage.output_token_count
    books.outcomes.add(answer.model_id, answer.category, OutcomeChange(answer_count=1, output_token_count=output_token_count))
    _grade(books, answer)


def keep_feedback(books: OutcomeBooks, feedback: Feedback, *, book_time_ns: int) -> None:
    """Keep a feedback, and grade the answer that it is about; one that is kept already changes nothing.

    Raises FeedbackRefused; then nothing is kept.
    """
    known = books.feedback.find_feedback(feedback.feedback_id)
    if known is not None:
        if not known.says_the_same(feedback):
            raise FeedbackExists(f"feedback {feedback.feedback_id}: its name was used for another one")
        return
    subject = books.feedback.find_subject(request_id=feedback.request_id, decision_id=feedback.decision_id)
    if subject is None or subject.account != feedback.account:
        raise SubjectUnknown("no request or decision of this account has this id")
    if subject.feedback_count >= MAX_FEEDBACK_OF_ONE:
        raise TooMuchFeedback(f"{MAX_FEEDBACK_OF_ONE} are kept of one answer, and there are as many")
    books.feedback.keep_feedback(feedback.about(subject.request_id), book_time_ns=book_time_ns)
    answer = books.outcomes.find_answer(subject.request_id)
    if answer is not None and answer.account == feedback.account:  # callers name their requests, and two may choose one name
        _grade(books, answer)


def _grade(books: OutcomeBooks, answer: Answer) -> None:
    """Bring grade and sums to what the feedback says. Grades count beside what was foretold, so without that none does."""
    values = books.feedback.latest_values(answer.request_id, answer.account)
    if not values or answer.predicted_success is None:
        return
    grade = sum(values) / len(values)
    if grade == answer.grade:
        return
    books.outcomes.put_grade(answer.request_id, grade)
    if answer.grade is None:
        change = OutcomeChange(graded_count=1, grade_sum=grade, predicted_sum=answer.predicted_success)
    else:
        change = OutcomeChange(grade_sum=grade - answer.grade)
    books.outcomes.add(answer.model_id, answer.category, change)
