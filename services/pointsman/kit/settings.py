"""Settings: from the environment and `.env`, typed, all problems told at once, secrets masked.

A field says by which variables it is set, the first of them that is set wins; what the process was
started with wins over `.env`; an empty variable counts as not set.
"""

import difflib
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from dotenv import dotenv_values
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo

OWN_PREFIX = "POINTSMAN_"
DOTENV = Path(".env")  # in the working folder
_NAMES = "environment_names"

LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lambda value: str(value).lower())]


class SettingsError(Exception):
    """The settings do not allow a start; `problems` holds one line for each reason."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class EnvironmentName:
    """How one setting is set; what the documentation prints. default: as text, "" where there is none."""

    name: str
    aliases: tuple[str, ...]
    field: str
    default: str
    description: str


def env_field(*names: str, default: Any, description: str, **constraints: Any) -> Any:  # Any: pydantic's Field has no type either
    """A field that is set by the first of these environment variables that is set.

    description: meaning, unit and, in one sentence, why that default. constraints: pydantic's, such as ge=0.
    """
    return Field(default=default, description=description, json_schema_extra={_NAMES: list(names)}, **constraints)


class ServiceSettings(BaseModel):
    """What every service has."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True, protected_namespaces=())

    var_dir: Path = env_field("POINTSMAN_VAR_DIR", default=Path("var"), description="folder for everything that is kept")
    host: str = env_field(
        "POINTSMAN_HOST", default="127.0.0.1", description="address to listen on; loopback, because without keys everything is allowed"
    )
    log_level: LogLevel = env_field("LOG_LEVEL", default="info", description="least level that is logged: debug, info, warning, error")
    service_token: SecretStr | None = env_field(
        "POINTSMAN_SERVICE_TOKEN",
        default=None,
        description="secret that services show each other; needed off loopback",
    )
    allow_anonymous: bool = env_field(
        "POINTSMAN_ALLOW_ANONYMOUS",
        default=False,
        description="true: listen anywhere without a credential; for a private network only",
    )
    otlp_endpoint: str | None = env_field(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        default=None,
        description="address of an OpenTelemetry collector, such as http://localhost:4317 (gRPC); unset: nothing is traced",
        pattern=r"^https?://[^\s/]+:\d{1,5}/?$",
    )
    drain_s: float = env_field(
        "POINTSMAN_DRAIN_S",
        default=30.0,
        description="seconds that running requests are given to finish at the end; 30 is what Kubernetes waits before it kills",
        ge=0,
        le=3600,
    )


S = TypeVar("S", bound=ServiceSettings)


def read_environment(environ: Mapping[str, str], dotenv_path: Path | None) -> dict[str, str]:
    """What is set: the process's environment over `.env`, without empty values."""
    from_file = dotenv_values(dotenv_path, interpolate=False) if dotenv_path is not None and dotenv_path.is_file() else {}
    return {name: value for name, value in {**from_file, **environ}.items() if value}


def load_settings(
    types: Sequence[type[S]], *, environ: Mapping[str, str], dotenv_path: Path | None = None, known_names: Sequence[str] = ()
) -> list[S]:
    """One instance of each type, in order.

    known_names: variables that other services know, which are no mistake here. Raises SettingsError
    with every problem of every type; it names variable and reason, never a value.
    """
    values = read_environment(environ, dotenv_path)
    known = {name for settings_type in types for _, names in _named_fields(settings_type) for name in names} | set(known_names)
    problems = [_unknown(name, known) for name in sorted(values) if name.startswith(OWN_PREFIX) and name not in known]
    loaded: list[S] = []
    for settings_type in types:
        try:
            loaded.append(settings_type.model_validate(_values_of(settings_type, values)))
        except ValidationError as error:
            problems.extend(_problems_of(settings_type, error, values))
    if problems:
        raise SettingsError(tuple(dict.fromkeys(problems)))
    return loaded


def environment_names(settings_type: type[ServiceSettings]) -> list[EnvironmentName]:
    """How each field of the type is set, in the order of the fields."""
    return [
        EnvironmentName(names[0], tuple(names[1:]), field, _default_text(info), info.description or "")
        for field, names in _named_fields(settings_type)
        for info in (settings_type.model_fields[field],)
    ]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there; a name other than localhost counts as reachable."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_safe_bind(host: str, *, has_credential: bool, allow_anonymous: bool, what: str) -> None:
    """Refuse to listen where others can reach it while nobody has to show a credential.

    what: who listens and what would make it safe, such as "gateway: set POINTSMAN_ADMIN_KEY". Raises SettingsError.
    """
    if not (is_loopback(host) or has_credential or allow_anonymous):
        raise SettingsError((f"{what}; listening on {host or 'all addresses'} without a credential needs POINTSMAN_ALLOW_ANONYMOUS=true",))


def require_service_token(settings: ServiceSettings, *, service: str) -> None:
    """Refuse to serve gRPC where others can reach it while services need not show a token. Raises SettingsError."""
    require_safe_bind(
        settings.host,
        has_credential=settings.service_token is not None,
        allow_anonymous=settings.allow_anonymous,
        what=f"{service}: set POINTSMAN_SERVICE_TOKEN",
    )


def _named_fields(settings_type: type[ServiceSettings]) -> Iterator[tuple[str, list[str]]]:
    for field, info in settings_type.model_fields.items():
        extra = info.json_schema_extra
        if isinstance(extra, dict) and isinstance(names := extra.get(_NAMES), list):
            yield field, [str(name) for name in names]


def _values_of(settings_type: type[ServiceSettings], values: Mapping[str, str]) -> dict[str, str]:
    found = {field: next((values[name] for name in names if name in values), None) for field, names in _named_fields(settings_type)}
    return {field: value for field, value in found.items() if value is not None}


def _problems_of(settings_type: type[ServiceSettings], error: ValidationError, values: Mapping[str, str]) -> Iterator[str]:
    names_of = dict(_named_fields(settings_type))
    for detail in error.errors(include_input=False, include_url=False, include_context=False):
        reason = detail["msg"].removeprefix("Value error, ")
        names = names_of.get(str(detail["loc"][0])) if detail["loc"] else None
        if names is None:
            yield reason
        else:
            yield f"{next((name for name in names if name in values), names[0])}: {reason}"


def _unknown(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"{name}: unknown setting" + (f"; did you mean {close[0]}?" if close else "")


def _default_text(info: FieldInfo) -> str:
    return "" if info.default is None else str(info.default).lower() if isinstance(info.default, bool) else str(info.default)
