"""Page tokens: where a list goes on, in a form that callers hand back and do not read."""

import base64
import binascii
import json

from pointsman.kit.errors import InvalidArgument

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1_000
# Above every number, so that a list begins at its newest.
BEFORE_ALL = 2**63 - 1

VERSIONS = "versions"
AUDIT_ENTRIES = "audit_entries"


def page_size_of(asked: int) -> int:
    """How many to answer at most. Raises InvalidArgument."""
    if not 0 <= asked <= MAX_PAGE_SIZE:
        raise InvalidArgument("invalid_value", f"page_size: must be 1 to {MAX_PAGE_SIZE}", param="page_size")
    return asked or DEFAULT_PAGE_SIZE


def page_token(listed: str, epoch: str, position: int) -> str:
    """The token that goes on below that position. listed: what is listed; epoch: of which store."""
    text = json.dumps([listed, epoch, position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def position_of(token: str, listed: str, epoch: str) -> int:
    """The position below which a list goes on; the empty token is its beginning.

    Raises InvalidArgument for one that was not made for this list of this store.
    """
    if not token:
        return BEFORE_ALL
    try:
        document = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        found_listed, found_epoch, position = document
    except (binascii.Error, ValueError, TypeError, RecursionError) as exc:
        raise _foreign_token() from exc
    if (found_listed, found_epoch) != (listed, epoch) or type(position) is not int or not 0 < position <= BEFORE_ALL:
        raise _foreign_token()
    return position


def _foreign_token() -> InvalidArgument:
    return InvalidArgument("invalid_value", "page_token: not one of this list", param="page_token")
