"""Who asks. A dependency of every route but health: without a rule that lets a request in, it is kept out."""

import hashlib
import hmac
import re

from pydantic import SecretStr
from starlette.requests import Request

from pointsman.gateway.ports import Account
from pointsman.kit.errors import InvalidArgument, Unauthenticated
from pointsman.kit.settings import is_loopback

BEARER = re.compile(r"(?i:bearer) +([\x21-\x7e]{1,512})")
BARE_KEY = re.compile(r"[\x21-\x7e]{1,512}")
# A key in an address ends up in logs, histories and proxies.
KEY_PARAMETERS = frozenset({"api_key", "api-key", "apikey", "key", "token", "access_token", "x-api-key", "authorization"})
CALLER_KEY_HEADER = "x-openai-api-key"


class Access:
    """Decides by the operator's key. Without one everybody is let in: start-up has made sure that only this machine can ask."""

    def __init__(self, admin_key: SecretStr | None, *, host: str) -> None:
        """Keep the key's hash, not the key. host: what the gateway is bound to."""
        self._is_loopback = is_loopback(host)
        self._key_hash = None if admin_key is None else sha256(admin_key.get_secret_value())
        self._key_id = None if admin_key is None else admin_key.get_secret_value().split("-")[1]

    @property
    def is_anonymous(self) -> bool:
        """True where no key is asked for."""
        return self._key_hash is None

    async def authenticate(self, request: Request) -> Account:
        """Whom the request is for.

        Raises Unauthenticated "invalid_api_key", or InvalidArgument "conflicting_credentials" for two different ones.
        """
        if any(name.lower() in KEY_PARAMETERS for name in request.query_params):
            raise Unauthenticated("invalid_api_key", "a key in the address is not taken; send the header Authorization: Bearer")
        credential = credential_of(request)
        if self._key_hash is None:
            return Account()
        if credential is None or not hmac.compare_digest(sha256(credential), self._key_hash):
            raise Unauthenticated("invalid_api_key", "no valid key; send the header Authorization: Bearer")
        return Account(key_id=self._key_id)

    async def authenticate_reader(self, request: Request) -> None:
        """A guard of metrics and descriptions, which are open on loopback. Raises as `authenticate`."""
        if not self._is_loopback:
            await self.authenticate(request)


def credential_of(request: Request) -> str | None:
    """The one credential of the request; None without any. Raises as `Access.authenticate`."""
    given: set[str] = set()
    for value in request.headers.getlist("authorization"):
        given.add(_well_formed(BEARER.fullmatch(value), group=1))
    for name in ("x-api-key", "api-key"):
        for value in request.headers.getlist(name):
            given.add(_well_formed(BARE_KEY.fullmatch(value), group=0))
    if len(given) > 1:
        raise InvalidArgument("conflicting_credentials", "the request carries different credentials")
    return given.pop() if given else None


def caller_key_of(request: Request, in_body: str | None) -> str | None:
    """The caller's own provider key, from header or body. Raises InvalidArgument where they differ."""
    given = {value for value in (*request.headers.getlist(CALLER_KEY_HEADER), in_body) if value}
    if len(given) > 1:
        raise InvalidArgument("conflicting_credentials", "header and body carry different OpenAI keys", param="openai_api_key")
    key = given.pop() if given else None
    if key is not None and BARE_KEY.fullmatch(key) is None:
        raise InvalidArgument("invalid_value", "openai_api_key: it is no key", param="openai_api_key")
    return key


def sha256(key: str) -> bytes:
    """What is compared in a key's place."""
    return hashlib.sha256(key.encode()).digest()


def _well_formed(match: re.Match[str] | None, *, group: int) -> str:
    if match is None:
        raise Unauthenticated("invalid_api_key", "the credential is not well formed; send the header Authorization: Bearer")
    return match[group]
