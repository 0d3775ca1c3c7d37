"""Who may look: whoever has shown the key, for half a day. The key itself is never kept in a browser."""

import hashlib
import hmac
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable

from pydantic import SecretStr

from pointsman.kit.errors import RateLimited, Unauthenticated

SESSION_S = 12 * 3_600  # a working day; a screen on a wall is signed in once a day
MAX_SESSIONS = 1_000  # past it the oldest ends
FAILURE_WINDOW_S = 60.0
MAX_FAILURES = 10  # of one address in the window
MAX_FAILURES_IN_ALL = 100  # of all: many addresses together guess no faster, and one alone locks nobody out
MAX_SOURCES = 10_000


class SignIns:
    """The sessions of all browsers, in memory: a restart ends them."""

    def __init__(self, key: SecretStr | None, *, now: Callable[[], float]) -> None:
        """key: None lets everybody in; start-up has made sure that this is wanted. now: monotonic, seconds."""
        self._key_hash = None if key is None else sha256(key.get_secret_value())
        self._now = now
        self._expiries: OrderedDict[bytes, float] = OrderedDict()
        self._failures = FailureCount(now)

    @property
    def is_open(self) -> bool:
        """True where no key is asked for."""
        return self._key_hash is None

    def is_signed_in(self, token: str | None) -> bool:
        """Whether the token is one of ours that still holds."""
        if self._key_hash is None:
            return True
        if token is None:
            return False
        expiry_s = self._expiries.get(sha256(token))
        return expiry_s is not None and self._now() < expiry_s

    def sign_in(self, given_key: str, *, source: str, former_token: str | None) -> str:
        """A new token for a browser that shows the key; its former one ends.

        source: address that it comes from. Raises Unauthenticated "invalid_api_key", RateLimited "rate_limited" after too many of these.
        """
        self._failures.require_room(source)
        if self._key_hash is None or not hmac.compare_digest(sha256(given_key), self._key_hash):
            self._failures.add(source)
            raise Unauthenticated("invalid_api_key", "that is not the key")
        self.sign_out(former_token)
        token = secrets.token_urlsafe(32)
        self._expiries[sha256(token)] = self._now() + SESSION_S
        while len(self._expiries) > MAX_SESSIONS:
            self._expiries.popitem(last=False)
        return token

    def sign_out(self, token: str | None) -> None:
        """End the session, where there is one."""
        if token is not None:
            self._expiries.pop(sha256(token), None)


class FailureCount:
    """Wrong keys of the last minute, by address and in all."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._by_source: OrderedDict[str, deque[float]] = OrderedDict()
        self._in_all: deque[float] = deque(maxlen=MAX_FAILURES_IN_ALL)

    def require_room(self, source: str) -> None:
        """Raise RateLimited where there were too many."""
        start_s = self._now() - FAILURE_WINDOW_S
        own = self._by_source.get(source, deque[float]())
        for failures, most in ((own, MAX_FAILURES), (self._in_all, MAX_FAILURES_IN_ALL)):
            if len(failures) >= most and failures[-most] > start_s:
                wait_s = failures[-most] - start_s
                raise RateLimited("rate_limited", "too many wrong keys; wait a minute", retry_after_s=wait_s)

    def add(self, source: str) -> None:
        """Note a wrong key."""
        own = self._by_source.setdefault(source, deque(maxlen=MAX_FAILURES))
        self._by_source.move_to_end(source)
        own.append(self._now())
        self._in_all.append(self._now())
        while len(self._by_source) > MAX_SOURCES:
            self._by_source.popitem(last=False)


def sha256(text: str) -> bytes:
    """What is compared, and kept, in a secret's place."""
    return hashlib.sha256(text.encode()).digest()
