"""Under which names, and from which pages, the dashboard is called: a page that rebinds its name to this address must not reach it."""

import re
import socket
from collections.abc import Sequence
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from pointsman.kit.errors import InvalidArgument, PermissionDenied

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::[0-9]{1,5})?")
# What browsers send for a form where no referrer is to be told.
OPAQUE_ORIGIN = "null"


class TrustedHosts:
    """The names under which it is called."""

    def __init__(self, names: Sequence[str], *, bound_host: str) -> None:
        """names: those of the settings, with "*" wildcards; empty: loopback's, the bind's own and the machine's."""
        self._names = tuple(name.lower() for name in names) or (
            *LOOPBACK_NAMES,
            bound_host.strip("[]").lower(),
            socket.gethostname().lower(),
        )

    def check(self, connection: HTTPConnection) -> None:
        """Raise InvalidArgument "unknown_host" where the one Host header names none of them."""
        given = connection.headers.getlist("host")
        match = HOST.fullmatch(given[0]) if len(given) == 1 else None
        name = "" if match is None else (match["v6"] or match["name"]).lower()
        server = connection.scope.get("server")
        # The very address that was connected to cannot have been rebound: rebinding needs a name.
        is_own_address = server is not None and name == server[0]
        if not name or not (is_own_address or any(fnmatchcase(name, trusted) for trusted in self._names)):
            raise InvalidArgument("unknown_host", "host: not a name of the dashboard; POINTSMAN_TRUSTED_HOSTS sets them")


def require_own_page(connection: HTTPConnection) -> None:
    """For a socket: raise PermissionDenied "foreign_origin" where it is not a page of ours that opens it."""
    if not is_own_origin(connection):
        raise foreign_origin()


def refuse_foreign_page(connection: HTTPConnection) -> None:
    """For a form: raise PermissionDenied "foreign_origin" where the page that sends it says that it is another's."""
    if "origin" in connection.headers and connection.headers["origin"] != OPAQUE_ORIGIN and not is_own_origin(connection):
        raise foreign_origin()


def is_own_origin(connection: HTTPConnection) -> bool:
    """Whether the page was loaded from the address that is called now."""
    origins, hosts = connection.headers.getlist("origin"), connection.headers.getlist("host")
    if len(origins) != 1 or len(hosts) != 1:
        return False
    try:
        origin = urlsplit(origins[0])
    except ValueError:
        return False
    return origin.scheme in {"http", "https"} and origin.netloc.lower() == hosts[0].lower()


def foreign_origin() -> PermissionDenied:
    """The refusal of a page that is not ours."""
    return PermissionDenied("foreign_origin", "origin: not a page of the dashboard")
