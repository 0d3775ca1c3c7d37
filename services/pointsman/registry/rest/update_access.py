"""Who may read over REST, and who may change the catalogue there."""

import hmac

from pydantic import SecretStr
from starlette.requests import Request

from pointsman.kit.errors import Unauthenticated
from pointsman.kit.http_access import BEARER, ServiceAccess, require_unbound_name


class UpdateAccess(ServiceAccess):
    """The service token opens everything, and so does the admin key; changes ask for one of them as soon as there is one."""

    def __init__(self, host: str, service_token: SecretStr | None, admin_key: SecretStr | None) -> None:
        """host: what the port is bound to. Without either secret start-up has made sure that nobody else can ask, or may."""
        super().__init__(host, service_token)
        # Who shows which; the service token is nobody's in particular.
        self._holders: dict[bytes, str] = {}
        if service_token is not None:
            self._holders[service_token.get_secret_value().encode()] = ""
        if admin_key is not None:
            self._holders[admin_key.get_secret_value().encode()] = key_id_of(admin_key)

    async def authenticate(self, request: Request) -> None:
        """A dependency of every route. Raises as `ServiceAccess.authenticate`."""
        if self._token is not None:
            self._require_secret(request)
        else:
            await super().authenticate(request)

    async def authenticate_update(self, request: Request) -> str:
        """A dependency of what changes the catalogue: the id of the admin key, "" where none was shown. Raises as `authenticate`."""
        if self._holders:
            return self._require_secret(request)
        if self._is_loopback:
            require_unbound_name(request)
        return ""

    def _require_secret(self, request: Request) -> str:
        given = [match[1].encode() for value in request.headers.getlist("authorization") if (match := BEARER.fullmatch(value))]
        # All are compared, so that the time taken tells nothing of which one was nearly right.
        equal = [holder for secret, holder in self._holders.items() if hmac.compare_digest(given[0], secret)] if len(given) == 1 else []
        if not equal:
            raise Unauthenticated("invalid_api_key", "no valid service token or admin key; send the header Authorization: Bearer")
        return equal[0]


def key_id_of(key: SecretStr) -> str:
    """The part of a key that is no secret: <id> of pm-<id>-<secret>."""
    return key.get_secret_value().split("-")[1]
