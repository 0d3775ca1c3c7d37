"""Refuses requests that were meant for another name: a page that rebinds its name to this address must not reach us."""

import re
import socket
from collections.abc import Sequence

from starlette.requests import Request

from pointsman.gateway.core.wildcards import matches_any
from pointsman.kit.errors import InvalidArgument

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::[0-9]{1,5})?")


class TrustedHosts:
    """The names under which the gateway is called."""

    def __init__(self, names: Sequence[str], *, bound_host: str) -> None:
        """names: those of the settings, with "*" wildcards; empty: loopback's, the bind's own and the machine's."""
        self._names = tuple(name.lower() for name in names) or (
            *LOOPBACK_NAMES,
            bound_host.strip("[]").lower(),
            socket.gethostname().lower(),
        )

    async def check(self, request: Request) -> None:
        """Raise InvalidArgument "unknown_host" where the one Host header names none of them."""
        given = request.headers.getlist("host")
        match = HOST.fullmatch(given[0]) if len(given) == 1 else None
        name = "" if match is None else (match["v6"] or match["name"]).lower()
        server = request.scope.get("server")
        # The very address that was connected to cannot have been rebound: rebinding needs a name.
        is_own_address = server is not None and name == server[0]
        if not name or not (is_own_address or matches_any(self._names, name)):
            raise InvalidArgument("unknown_host", "host: not a name of this gateway; POINTSMAN_TRUSTED_HOSTS sets them")
