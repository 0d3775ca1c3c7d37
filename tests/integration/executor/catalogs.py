"""Catalogues for the executor's tests."""

from dataclasses import dataclass, field

from pointsman.api.config.v1 import config_pb2

EPOCH = "test"


@dataclass(frozen=True)
class Candidate:
    """A model and the provider that serves it; models of one provider repeat its fields."""

    model: str
    base_url: str = ""
    provider: str = "p"
    upstream: str = ""
    api_key: str = "env:KEY"
    kind: config_pb2.ProviderKind.ValueType = config_pb2.PROVIDER_KIND_OPENAI
    allow_private_address: bool = True
    tls_ca_file: str = ""
    timeouts_s: dict[str, float] = field(default_factory=dict)


def snapshot_of(candidates: list[Candidate], version: int) -> config_pb2.ConfigSnapshot:
    """The snapshot that holds them."""
    snapshot = config_pb2.ConfigSnapshot(kind=config_pb2.CONFIG_KIND_CATALOG, version=config_pb2.ConfigVersion(epoch=EPOCH, number=version))
    providers = {
        candidate.provider: config_pb2.Provider(
            id=candidate.provider,
            kind=candidate.kind,
            base_url=candidate.base_url,
            api_key=candidate.api_key,
            location=config_pb2.LOCATION_CLOUD,
            allow_private_address=candidate.allow_private_address,
            tls_ca_file=candidate.tls_ca_file,
        )
        for candidate in candidates
    }
    snapshot.catalog.providers.extend(providers.values())
    for candidate in candidates:
        model = snapshot.catalog.models.add(
            id=candidate.model,
            provider_id=candidate.provider,
            upstream=candidate.upstream or candidate.model,
            display_name=candidate.model,
            status=config_pb2.MODEL_STATUS_ACTIVE,
        )
        for phase, seconds in candidate.timeouts_s.items():
            getattr(model.timeouts, phase).FromNanoseconds(int(seconds * 1e9))
    return snapshot
