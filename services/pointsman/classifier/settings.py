"""The classifier's settings."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, SecretStr

from pointsman.kit.settings import ServiceSettings, env_field

REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
DEFAULT_REDIS_PORT = 6379
# In a Kubernetes namespace with a service of that name every container finds REDIS_PORT set to such an address.
SERVICE_LINK = re.compile(r"tcp://.*:([0-9]{1,5})")
# Far enough for the ports of one worker to pass between those of the other services on the machine.
WORKER_PORT_STEP = 10


def require_redis_scheme(url: SecretStr) -> SecretStr:
    """The address. Raises ValueError, which does not repeat it: it may hold a password."""
    if not url.get_secret_value().startswith(REDIS_SCHEMES):
        raise ValueError(f"starts with {', '.join(REDIS_SCHEMES[:-1])} or {REDIS_SCHEMES[-1]}")
    return url


def port_of_link(value: object) -> object:
    """The port alone, where Kubernetes wrote a whole address."""
    link = SERVICE_LINK.fullmatch(value) if isinstance(value, str) else None
    return value if link is None else link[1]


RedisUrl = Annotated[SecretStr, AfterValidator(require_redis_scheme)]
RedisPort = Annotated[int, BeforeValidator(port_of_link)]


class ClassifierSettings(ServiceSettings):
    """What can be set, beside what every service has."""

    port: int = env_field(
        "POINTSMAN_CLASSIFIER_PORT",
        default=50051,
        ge=0,
        le=65535,
        description="gRPC port; 0 takes any free one",
    )
    rest_port: int = env_field(
        "POINTSMAN_CLASSIFIER_REST_PORT",
        default=5001,
        ge=0,
        le=65535,
        description="port of the REST facade; 0 takes any free one",
    )
    registry_target: str = env_field(
        "POINTSMAN_REGISTRY_TARGET", default="127.0.0.1:50052", description="gRPC target of the registry; by default on this machine"
    )
    encoder: Literal["onnx", "torch"] = env_field(
        "POINTSMAN_ENCODER",
        default="onnx",
        description="What computes embeddings: onnx (int8, the fastest on a CPU), or torch, by the extra gpu, for a GPU or other models",
    )
    encoder_model: Path | None = env_field(
        "POINTSMAN_ENCODER_MODEL",
        default=None,
        description="sentence-transformers folder in place of MiniLM, with an artefact of its own; onnx takes BERT with mean pooling, "
        "torch all; unset: MiniLM, which comes with the product",
    )
    artifact: Path | None = env_field(
        "POINTSMAN_ARTIFACT", default=None, description="artefact that `pointsman train` wrote; unset: the shipped one, which is MiniLM's"
    )
    router_model_path: Path | None = env_field(
        "ROUTER_MODEL_PATH",
        default=None,
        description="folder of a fine-tuned sequence classifier, safetensors, for strategy bert, by the extra gpu; "
        "unset: there is no such strategy",
    )
    thread_count: int = env_field(
        "POINTSMAN_CLASSIFIER_THREADS",
        default=1,
        ge=1,
        le=64,
        description="Cores that one text is spread over; a short one gains little from a second, and replicas scale better",
    )
    worker_count: int = env_field(
        "POINTSMAN_CLASSIFIER_WORKERS",
        default=1,
        ge=1,
        le=64,
        description="Processes of `pointsman classifier`, each on ports 10 above the last one's; one for a core; containers add replicas",
    )
    max_connection_age_s: float = env_field(
        "POINTSMAN_CLASSIFIER_CONNECTION_AGE_S",
        default=60.0,
        ge=1,
        le=3600,
        description="seconds that a connection lives; gateways that connect anew find new replicas, looking at most each 30 s",
    )
    max_texts: int = env_field(
        "POINTSMAN_CLASSIFIER_MAX_TEXTS",
        default=256,
        ge=64,
        le=65536,
        description="Texts in hand before callers are turned away; 256 short ones take 0.6 s on one core",
    )
    max_batch_tokens: int = env_field(
        "POINTSMAN_CLASSIFIER_MAX_BATCH_TOKENS",
        default=256,
        ge=1,
        le=65536,
        description="Tokens encoded between two looks at the queue, padding included; 256 take 30 ms on one core",
    )
    max_batch_texts: int = env_field(
        "POINTSMAN_CLASSIFIER_MAX_BATCH_TEXTS",
        default=16,
        ge=1,
        le=1024,
        description="Texts encoded between two looks at the queue; more would only wait for each other",
    )

    redis_url: RedisUrl | None = env_field(
        "REDIS_URL",
        default=None,
        description="Redis that keeps judgements for all classifiers, as redis://, rediss:// or unix://; "
        "unset and without REDIS_HOST each keeps its own in memory",
    )
    redis_host: str | None = env_field("REDIS_HOST", default=None, description="the same by name, where REDIS_URL is not set")
    redis_port: RedisPort = env_field(
        "REDIS_PORT", default=DEFAULT_REDIS_PORT, ge=1, le=65535, description="port of REDIS_HOST; Redis's own by default"
    )
    cache_ttl_s: int = env_field(
        "CACHE_TTL",
        default=3600,
        ge=0,
        le=30 * 86_400,
        description="seconds that a judgement is kept, give or take a tenth; 0 keeps none; most conversations come back within an hour",
    )

    @property
    def redis_address(self) -> SecretStr | None:
        """Where Redis is; None where judgements are kept in memory."""
        if self.redis_url is not None or self.redis_host is None:
            return self.redis_url
        host = f"[{self.redis_host}]" if ":" in self.redis_host else self.redis_host
        return SecretStr(f"redis://{host}:{self.redis_port}")

    @property
    def worker_ports(self) -> list[tuple[int, int]]:
        """gRPC and REST port of each worker."""
        steps = range(0, self.worker_count * WORKER_PORT_STEP, WORKER_PORT_STEP)
        return [(self.port and self.port + step, self.rest_port and self.rest_port + step) for step in steps]

    @property
    def folder(self) -> Path:
        """Where the encoder's graph and the last configuration are kept."""
        return self.var_dir / "classifier"
