"""What the ledger does for its callers: each call is one transaction of the books."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from pointsman.kit.errors import Conflict, InvalidArgument, NotFound
from pointsman.ledger import names
from pointsman.ledger.core import booking
from pointsman.ledger.core.booking import Opened, Settled, SpendClosed
from pointsman.ledger.core.decision_pages import DecisionFilter, InvalidPageToken, page_token, position_of
from pointsman.ledger.core.money import AmountOverflow
from pointsman.ledger.core.outcomes import FeedbackExists, SubjectUnknown, TooMuchFeedback, keep_feedback
from pointsman.ledger.core.ports import Books
from pointsman.ledger.core.spend import PlannedAttempt, Spend
from pointsman.ledger.core.store import Store, Sums
from pointsman.ledger.core.values import Account, Decision, Feedback, Settlement
from pointsman.ledger.engine.expiry_timer import ExpiryTimer
from pointsman.ledger.engine.metrics import LedgerMetrics

NS_PER_S = 1_000_000_000

T = TypeVar("T")


class Bookkeeping:
    """Books spends and decisions. When a method returns, what it did is on the disk.

    All methods raise Unavailable "dependency_down" where the store does not work, and those that write
    Overloaded where too many wait.
    """

    def __init__(self, store: Store, timer: ExpiryTimer, *, metrics: LedgerMetrics, now_ns: Callable[[], int] = time.time_ns) -> None:
        """now_ns: the wall clock, nanoseconds since 1970."""
        self._store = store
        self._timer = timer
        self._metrics = metrics
        self._now_ns = now_ns

    @property
    def degraded(self) -> list[str]:
        """Why it works less well than it should; empty where it is well."""
        return [names.STORE_FAILED] if self._store.is_failing else []

    async def open_spend(
        self, spend_id: str, request_id: str, account: Account, planned: Sequence[PlannedAttempt], *, time_to_live_s: float
    ) -> Opened:
        """Reserve the worst case of the planned attempts. Raises Conflict where the spend was settled before."""
        open_time_ns = self._now_ns()
        expire_time_ns = open_time_ns + round(time_to_live_s * NS_PER_S)
        spend = Spend(spend_id, request_id, account, tuple(planned), open_time_ns, expire_time_ns)
        # Before the write: a caller who is cut off while it runs leaves a reservation behind that must still end.
        self._timer.watch(spend_id, time_to_live_s)
        return await self._write(lambda books: booking.open_spend(books, spend))

    async def settle_spend(self, settlement: Settlement) -> Settled:
        """Book what a request used, and free what was reserved."""
        book_time_ns = self._now_ns()
        settled = await self._write(lambda books: booking.settle_spend(books, settlement, book_time_ns=book_time_ns))
        if settlement.spend_id is not None:
            self._timer.forget(settlement.spend_id)
        self._metrics.count_settlement(corrected=settled.corrected)
        return settled

    async def record_decisions(self, decisions: Sequence[Decision]) -> None:
        """Keep decisions."""
        await self._write(lambda books: books.keep_decisions(decisions))

    async def record_feedback(self, feedback: Feedback) -> None:
        """Keep a feedback, and count it. Raises NotFound "decision_not_found", Conflict "feedback_exists"."""
        book_time_ns = self._now_ns()
        await self._write(lambda books: keep_feedback(books, feedback, book_time_ns=book_time_ns))

    async def query_decisions(self, conditions: DecisionFilter, *, page_size: int, token: str) -> tuple[tuple[Decision, ...], str]:
        """A page of decisions, newest first, and the token of the next one, empty where there is none."""
        try:
            after = position_of(token, conditions)
        except InvalidPageToken as exc:
            raise InvalidArgument("invalid_value", str(exc), param="page_token") from exc
        page = await self._store.find_decisions(conditions, after, page_size)
        return page.decisions, "" if page.next_position is None else page_token(page.next_position, conditions)

    async def read_sums(self) -> Sums:
        """How much is booked and reserved."""
        return await self._store.read_sums()

    async def _write(self, work: Callable[[Books], T]) -> T:
        try:
            return await self._store.write(work)
        except AmountOverflow as exc:
            raise InvalidArgument("invalid_value", f"amounts: {exc}") from exc
        except SpendClosed as exc:
            raise Conflict("spend_closed", str(exc), param="spend_id") from exc
        except SubjectUnknown as exc:
            raise NotFound("decision_not_found", str(exc)) from exc
        except FeedbackExists as exc:
            raise Conflict("feedback_exists", str(exc), param="feedback_id") from exc
        except TooMuchFeedback as exc:
            raise InvalidArgument("too_much_feedback", str(exc)) from exc
