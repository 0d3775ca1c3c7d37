"""Settings of the dashboard."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr

from pointsman.kit.settings import ServiceSettings, env_field

DEFAULT_PORT = 8090
LEAST_KEY_LENGTH = 8  # of POINTSMAN_ADMIN_KEY's secret too


def _split(value: object) -> object:
    """Names separated by commas."""
    return tuple(name for part in value.split(",") if (name := part.strip())) if isinstance(value, str) else value


def _usable_key(value: SecretStr | None) -> SecretStr | None:
    if value is None:
        return None
    key = value.get_secret_value()
    if len(key) < LEAST_KEY_LENGTH or not key.isascii() or not all(character.isprintable() and character != " " for character in key):
        raise ValueError(f"a key has at least {LEAST_KEY_LENGTH} printable ASCII characters, and no space")
    return value


class DashboardSettings(ServiceSettings):
    """What the dashboard can be told."""

    port: int = env_field(
        "POINTSMAN_DASHBOARD_PORT", default=DEFAULT_PORT, ge=0, le=65_535, description="Port of the dashboard; 0 takes a free one"
    )
    gateway_url: str = env_field(
        "POINTSMAN_GATEWAY_URL",
        default="http://127.0.0.1:8080",
        pattern=r"^https?://[^\s/@?#]+/?$",
        description="Where the dashboard finds the gateway; `up` hands over its own",
    )
    key: Annotated[SecretStr | None, AfterValidator(_usable_key)] = env_field(
        "POINTSMAN_DASHBOARD_KEY",
        "POINTSMAN_ADMIN_KEY",
        default=None,
        description="Key that the dashboard shows the gateway, and that opens its pages; unset: only this machine may look, and needs none",
    )
    trusted_hosts: Annotated[tuple[str, ...], BeforeValidator(_split)] = env_field(
        "POINTSMAN_TRUSTED_HOSTS",
        default=(),
        description="Names under which it is called, with * wildcards; unset: loopback's and the bind's own",
    )
    poll_interval_s: float = env_field(
        "POINTSMAN_DASHBOARD_INTERVAL_S",
        default=2.0,
        ge=0.2,
        le=60,
        description="Seconds between two looks at the gateway while a page is open; 2 look alive and cost little",
    )
