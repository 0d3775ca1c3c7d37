"""Who may read over REST, and who may change the catalogue there."""

import hmac

from pydantic import SecretStr
from starlette.requests import Request

from pointsman.kit.errors import Unauthenticated
from pointsman.kit.http_access import BEARER, ServiceAccess, require_unbound_name
from pointsman.kit.settings import is_loopback


class UpdateAccess(ServiceAccess):
    """The service token opens everything, and so does the admin key; changes ask for one of them as soon as there is one."""

    def __init__(self, host: str, service_token: SecretStr | None, admin_key: SecretStr | None) -> None:
        """host: what the port is bound to. Without either secret start-up has made sure that nobody else can ask, or may."""
        super().__init__(host, service_token)
        self._needs_unbound_name = is_loopback(host)
        self._is_token_set = service_token is not None
        self._secrets = [secret.get_secret_value().encode() for secret in (service_token, admin_key) if secret is not None]

    async def authenticate(self, request: Request) -> None:
        """A dependency of every route. Raises as `ServiceAccess.authenticate`."""
        if self._is_token_set:
            self._require_secret(request)
        else:
            await super().authenticate(request)

    async def authenticate_update(self, request: Request) -> None:
        """A dependency of what changes the catalogue. Raises as `authenticate`."""
        if self._secrets:
            self._require_secret(request)
        elif self._needs_unbound_name:
            require_unbound_name(request)

    def _require_secret(self, request: Request) -> None:
        given = [match[1].encode() for value in request.headers.getlist("authorization") if (match := BEARER.fullmatch(value))]
        # All are compared, so that the time taken tells nothing of which one was nearly right.
        are_equal = [hmac.compare_digest(given[0], secret) for secret in self._secrets] if len(given) == 1 else []
        if not any(are_equal):
            raise Unauthenticated("invalid_api_key", "no valid service token or admin key; send the header Authorization: Bearer")
