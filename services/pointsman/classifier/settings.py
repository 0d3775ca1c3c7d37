"""The classifier's settings."""

from pathlib import Path

from pointsman.kit.settings import ServiceSettings, env_field


class ClassifierSettings(ServiceSettings):
    """What can be set, beside what every service has."""

    port: int = env_field(
        "POINTSMAN_CLASSIFIER_PORT",
        default=50051,
        ge=0,
        le=65535,
        description="gRPC port; 0 takes any free one",
    )
    registry_target: str = env_field(
        "POINTSMAN_REGISTRY_TARGET", default="127.0.0.1:50052", description="gRPC target of the registry; by default on this machine"
    )
    thread_count: int = env_field(
        "POINTSMAN_CLASSIFIER_THREADS",
        default=1,
        ge=1,
        le=64,
        description="Cores that one text is spread over; a short one gains little from a second, and replicas scale better",
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

    @property
    def folder(self) -> Path:
        """Where the encoder's graph and the last configuration are kept."""
        return self.var_dir / "classifier"
