"""Who may call a service's HTTP port that is not the gateway's: those on this machine, and those who show the service token."""

import hmac
import ipaddress
import re

from pydantic import SecretStr
from starlette.requests import Request

from pointsman.kit.errors import InvalidArgument, Unauthenticated
from pointsman.kit.http_hosts import called_name
from pointsman.kit.settings import is_loopback

BEARER = re.compile(r"(?i:bearer) +([\x21-\x7e]{1,512})")


class ServiceAccess:
    """Decides by the service token. Without one everybody is let in: start-up has made sure that only this machine can ask."""

    def __init__(self, host: str, service_token: SecretStr | None) -> None:
        """host: what the port is bound to."""
        self._is_loopback = is_loopback(host)
        self._token = None if service_token is None else service_token.get_secret_value().encode()

    async def authenticate(self, request: Request) -> None:
        """A dependency of every route that does something.

        Raises Unauthenticated "invalid_api_key", or InvalidArgument "unknown_host" where a page in a browser asks under a name of its own.
        """
        if self._token is not None:
            self._require_token(request)
        elif self._is_loopback:
            require_unbound_name(request)

    async def authenticate_reader(self, request: Request) -> None:
        """A dependency of metrics and descriptions, which are open on loopback. Raises as `authenticate`."""
        if self._is_loopback:
            require_unbound_name(request)
        elif self._token is not None:
            self._require_token(request)

    def _require_token(self, request: Request) -> None:
        given = [match[1].encode() for value in request.headers.getlist("authorization") if (match := BEARER.fullmatch(value))]
        if len(given) != 1 or self._token is None or not hmac.compare_digest(given[0], self._token):
            raise Unauthenticated("invalid_api_key", "the service token is missing or wrong; send the header Authorization: Bearer")


def require_unbound_name(request: Request) -> None:
    """Refuse a request that was meant for another name: a page that rebinds its name to this address must not reach us.

    An address cannot be rebound, and localhost is never looked up elsewhere. Raises InvalidArgument "unknown_host".
    """
    name = called_name(request)
    if name is None or not (name == "localhost" or is_address(name)):
        raise InvalidArgument("unknown_host", "host: not a name of this service; localhost is")


def is_address(name: str) -> bool:
    """Whether it is an address rather than a name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
