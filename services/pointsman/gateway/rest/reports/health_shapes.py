"""Shape of `GET /v1/health`. Every field is always present; null: not known."""

from typing import Literal

from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12


class NotCallableShape(TypedDict):
    """A model that cannot be called now."""

    id: str
    provider: str
    reason: str


class ModelsHealthShape(TypedDict):
    """The catalogue's models."""

    total: int
    active: int
    callable: int | None
    not_callable: list[NotCallableShape]


class AppliedConfigShape(TypedDict):
    """Which version of a kind of configuration is in use; 0: none yet. from_disk: no registry has confirmed it since the start."""

    kind: str
    version: int
    epoch: str
    from_disk: bool


class ServiceShape(TypedDict):
    """One service. Where it runs several times, the instance that answered."""

    ok: bool
    reason: str | None
    version: str | None
    instance: str | None
    started_at: str | None
    cpu_time_s: float | None
    memory_bytes: int | None
    open_connections: int | None
    in_flight: int | None
    round_trip_ms: float | None
    degraded: list[str]
    applied_configs: list[AppliedConfigShape]


class ServicesShape(TypedDict):
    """The gateway and the services that it calls."""

    gateway: ServiceShape
    classifier: ServiceShape
    registry: ServiceShape
    executor: ServiceShape
    ledger: ServiceShape


class SubscriberShape(TypedDict):
    """A process that takes its configuration from the registry. rejection: why the newest version is not in use there."""

    service: str
    instance: str
    kind: str
    version: int
    rejection: str | None


class ClassifierHealthShape(TypedDict):
    """What the classifier has loaded."""

    ml_model_available: bool
    encoder: str | None
    artifact: str | None
    categories: list[str]


class LedgerHealthShape(TypedDict):
    """What the ledger has booked since it was made."""

    attempts: int
    total_cost_usd: float
    open_spends: int
    reserved_usd: float


class HealthShape(TypedDict):
    """Answer to `GET /v1/health`.

    degraded: all that is not as it should be: services that are away, by name, and closed words. anonymous_access: no key is asked for.
    """

    status: Literal["ok", "degraded"]
    degraded: list[str]
    models: ModelsHealthShape
    services: ServicesShape
    anonymous_access: bool
    catalog_version: int | None
    catalog_error: str | None
    last_sync: str | None
    data_sources: list[str]
    inactive_sections: list[str]
    subscribers: list[SubscriberShape]
    classifier: ClassifierHealthShape | None
    ledger: LedgerHealthShape | None
