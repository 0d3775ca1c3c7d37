"""Under which names an HTTP port is called: a page that rebinds its own name to our address must not reach us."""

import re
import socket
from collections.abc import Sequence

from starlette.requests import HTTPConnection, Request

from pointsman.kit.errors import InvalidArgument

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::[0-9]{1,5})?")


def called_name(connection: HTTPConnection) -> str | None:
    """The name or address of the one Host header, in lower case and without its port; None where there is no such header."""
    given = connection.headers.getlist("host")
    match = _HOST.fullmatch(given[0]) if len(given) == 1 else None
    return None if match is None else (match["v6"] or match["name"]).lower()


class TrustedHosts:
    """The names under which a service is called."""

    def __init__(self, names: Sequence[str], *, bound_host: str, service: str) -> None:
        """names: those of the settings, with "*" wildcards; empty: loopback's, the bind's own and the machine's. service: for people."""
        trusted = tuple(names) or (*LOOPBACK_NAMES, bound_host.strip("[]"), socket.gethostname())
        self._patterns = [re.compile(".*".join(map(re.escape, name.lower().split("*")))) for name in trusted]
        self._service = service

    def check(self, connection: HTTPConnection) -> None:
        """Raise InvalidArgument "unknown_host" where the one Host header names none of them."""
        name = called_name(connection)
        server = connection.scope.get("server")
        # The very address that was connected to cannot have been rebound: rebinding needs a name.
        is_own_address = server is not None and name == server[0]
        if name is None or not (is_own_address or any(pattern.fullmatch(name) for pattern in self._patterns)):
            raise InvalidArgument("unknown_host", f"host: not a name of the {self._service}; POINTSMAN_TRUSTED_HOSTS sets them")

    async def check_request(self, request: Request) -> None:
        """The same as a dependency of routes: FastAPI would give one that is not async a thread of its own."""
        self.check(request)
