"""How decisions are asked for, page by page. A page token names the place where the page before ended."""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass

from pointsman.ledger.core.values import Decision

MAX_INT64 = 2**63 - 1
DIGEST_CHARACTERS = 16


class InvalidPageToken(Exception):
    """A page token that no response held, or one of another query."""


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """Conditions that must all hold; None: any."""

    decision_id: str | None = None
    request_id: str | None = None
    project_id: str | None = None

    @property
    def digest(self) -> str:
        """Tells one filter from another."""
        text = json.dumps([self.decision_id, self.request_id, self.project_id])
        return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS]


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Place of a decision among all: its time, then its number in the order of arrival."""

    create_time_ns: int
    sequence: int


# Newer than all.
BEFORE_ALL = Position(MAX_INT64, MAX_INT64)


@dataclass(frozen=True, slots=True)
class DecisionPage:
    """Decisions, newest first. next_position: the last one's place where there are more, else None."""

    decisions: tuple[Decision, ...]
    next_position: Position | None


def page_token(position: Position, conditions: DecisionFilter) -> str:
    """The token that goes on after that place."""
    text = json.dumps([position.create_time_ns, position.sequence, conditions.digest], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def position_of(token: str, conditions: DecisionFilter) -> Position:
    """The place that a token names; the empty one names the beginning. Raises InvalidPageToken."""
    if not token:
        return BEFORE_ALL
    try:
        document = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        create_time_ns, sequence, digest = document
    except (binascii.Error, ValueError, TypeError, RecursionError) as exc:
        raise InvalidPageToken("page_token: not one of this service") from exc
    is_position = all(type(number) is int and abs(number) <= MAX_INT64 for number in (create_time_ns, sequence))
    if not is_position or not isinstance(digest, str):
        raise InvalidPageToken("page_token: not one of this service")
    if digest != conditions.digest:
        raise InvalidPageToken("page_token: of a query with other conditions")
    return Position(create_time_ns, sequence)
