"""Settings of the gateway."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

from pointsman.kit.settings import ServiceSettings, env_field

DEFAULT_PORT = 8080
ADMIN_KEY = re.compile(r"pm-[A-Za-z0-9]{1,64}-[\x21-\x7e]{8,256}")
CLASSIFIER_PORT = 50051
GRPC_SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:")


def _split(value: object) -> object:
    """Names separated by commas."""
    return tuple(name for part in value.split(",") if (name := part.strip())) if isinstance(value, str) else value


def _classifier_target(value: str) -> str:
    """CLASSIFIER_URL, as older set-ups have it, is a host, or the address of a REST facade whose host is taken."""
    if value.startswith(GRPC_SCHEMES):
        return value
    if "://" in value:
        return f"{urlsplit(value).hostname}:{CLASSIFIER_PORT}"
    return value if ":" in value else f"{value}:{CLASSIFIER_PORT}"


def _key_of_form(value: SecretStr | None) -> SecretStr | None:
    if value is not None and ADMIN_KEY.fullmatch(value.get_secret_value()) is None:
        raise ValueError("a key has the form pm-<id>-<secret>, the secret of at least 8 characters")
    return value


class GatewaySettings(ServiceSettings):
    """What the gateway can be told."""

    port: int = env_field(
        "POINTSMAN_GATEWAY_PORT", "PORT", default=DEFAULT_PORT, ge=0, le=65_535, description="Port of the REST API; 0 takes a free one"
    )
    classifier_target: Annotated[str, AfterValidator(_classifier_target)] = env_field(
        "POINTSMAN_CLASSIFIER_TARGET",
        "CLASSIFIER_URL",
        default="127.0.0.1:50051",
        description="Where the classifier listens; of CLASSIFIER_URL the host counts",
    )
    registry_target: str = env_field(
        "POINTSMAN_REGISTRY_TARGET", default="127.0.0.1:50052", description="gRPC target of the registry; by default on this machine"
    )
    executor_target: str = env_field("POINTSMAN_EXECUTOR_TARGET", default="127.0.0.1:50053", description="Where the executor listens")
    ledger_target: str = env_field("POINTSMAN_LEDGER_TARGET", default="127.0.0.1:50054", description="Where the ledger listens")
    admin_key: Annotated[SecretStr | None, AfterValidator(_key_of_form)] = env_field(
        "POINTSMAN_ADMIN_KEY",
        default=None,
        description="Key that callers show, pm-<id>-<secret>; unset: only this machine may call, and needs none",
    )
    trusted_hosts: Annotated[tuple[str, ...], BeforeValidator(_split)] = env_field(
        "POINTSMAN_TRUSTED_HOSTS",
        default=(),
        description="Names that callers use, with * wildcards; unset: loopback's and the bind's own",
    )
    routing_threshold: float | None = env_field(
        "ROUTING_THRESHOLD", default=None, ge=0, le=1, description="Least success probability at which a local model is taken; 0.7 is usual"
    )
    request_timeout_s: float = env_field(
        "POINTSMAN_REQUEST_TIMEOUT_S",
        default=65.0,
        ge=1,
        le=600,
        description="Longest request; a cloud provider's 60 s and a little for ourselves",
    )
    slow_request_timeout_s: float = env_field(
        "POINTSMAN_SLOW_REQUEST_TIMEOUT_S",
        default=600.0,
        ge=1,
        le=600,
        description="Longest request where a local or a reasoning model may answer",
    )
    classifier_timeout_s: float = env_field(
        "POINTSMAN_CLASSIFIER_TIMEOUT_S",
        default=0.15,
        gt=0,
        le=10,
        description="Longest wait for the classifier; past it the gateway's own rules answer",
    )
    llm_classifier_model: str | None = env_field(
        "POINTSMAN_LLM_CLASSIFIER_MODEL",
        default=None,
        description="Model of the catalogue that strategy llm asks, better one that does not reason; unset: the cheapest that fits",
    )
    llm_classifier_timeout_s: float = env_field(
        "POINTSMAN_LLM_CLASSIFIER_TIMEOUT_S",
        default=2.0,
        gt=0,
        le=60,
        description="Longest wait for that model, and at most a quarter of the request's time; a small cloud model takes about one second",
    )
    ledger_timeout_s: float = env_field(
        "POINTSMAN_LEDGER_TIMEOUT_S",
        default=1.0,
        gt=0,
        le=10,
        description="Longest wait for a reservation; past it the gateway's own spool keeps it; a full core makes one wait 0.3 s",
    )
    settle_timeout_s: float = env_field(
        "POINTSMAN_SETTLE_TIMEOUT_S",
        default=0.3,
        gt=0,
        le=10,
        description="Longest that an answer waits for its settlement; past it that comes later",
    )
    cache_ttl_s: int = env_field(
        "CACHE_TTL",
        default=3_600,
        ge=0,
        le=604_800,
        description="seconds that a classification is kept, a tenth more or less; an hour, in which rules rarely change; 0 keeps none",
    )
    classification_cache_entries: int = env_field(
        "POINTSMAN_CLASSIFICATION_CACHE_ENTRIES",
        default=10_000,
        ge=1,
        le=10_000_000,
        description="Most classifications kept in the gateway's memory; 10,000 are what the bytes below hold in any case",
    )
    classification_cache_bytes: int = env_field(
        "POINTSMAN_CLASSIFICATION_CACHE_BYTES",
        default=16 << 20,
        ge=1 << 10,
        le=8 << 30,
        description="Most memory that they take, in bytes; 16 MiB are some 6,000, and a seventh of a gateway",
    )
    share_classifications: bool = env_field(
        "POINTSMAN_SHARE_CLASSIFICATIONS",
        default=False,
        description="true: projects find each other's; then the time of an answer tells whether another project asked the same",
    )
    max_in_flight: int = env_field(
        "POINTSMAN_MAX_IN_FLIGHT",
        default=2_000,
        ge=1,
        le=100_000,
        description="Most requests at a time; the rest get 503 at once",
    )

    judge_model: str | None = env_field(
        "JUDGE_MODEL", default=None, description="Model of the catalogue that `pointsman label` asks; unset: it asks for --model"
    )
    dashboard_url: str | None = env_field(
        "POINTSMAN_DASHBOARD_URL", default=None, description="Where people find the dashboard; GET / shows it, if set"
    )

    @property
    def state_dir(self) -> Path:
        """Folder of the gateway's own state."""
        return self.var_dir / "gateway"

    @property
    def spool_dir(self) -> Path:
        """Folder of what the ledger is still to hear of."""
        return self.state_dir / "spool"
