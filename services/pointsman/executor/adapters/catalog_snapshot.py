"""The registry's snapshot as the executor's catalogue."""

from google.protobuf.duration_pb2 import Duration

from pointsman.api.config.v1 import config_pb2 as pb
from pointsman.executor.core.catalog import Catalog, CatalogVersion, Model, Provider, ProviderKind, TimeoutOverrides

KINDS: dict[pb.ProviderKind.ValueType, ProviderKind] = {
    pb.PROVIDER_KIND_OPENAI: ProviderKind.OPENAI,
    pb.PROVIDER_KIND_AZURE_OPENAI: ProviderKind.AZURE_OPENAI,
    pb.PROVIDER_KIND_ANTHROPIC: ProviderKind.ANTHROPIC,
    pb.PROVIDER_KIND_GEMINI: ProviderKind.GEMINI,
    pb.PROVIDER_KIND_SCRIPTED: ProviderKind.SCRIPTED,
}


def catalog_of(snapshot: pb.ConfigSnapshot) -> Catalog:
    """The catalogue. Raises ValueError where it names a kind, or a provider, that does not exist."""
    catalog = snapshot.catalog
    providers = {provider.id: provider_of(provider) for provider in catalog.providers}
    models = {model.id: model_of(model) for model in catalog.models}
    for model in models.values():
        if model.provider_id not in providers:
            raise ValueError(f"model {model.id}: provider {model.provider_id} is not in the catalogue")
    return Catalog(CatalogVersion(snapshot.version.epoch, snapshot.version.number), providers, models)


def provider_of(provider: pb.Provider) -> Provider:
    """One provider. Raises ValueError where its kind is not known here."""
    if provider.kind not in KINDS:
        raise ValueError(f"provider {provider.id}: kind {provider.kind} is not known")
    return Provider(
        id=provider.id,
        kind=KINDS[provider.kind],
        base_url=provider.base_url or None,
        api_key=provider.api_key or None,
        is_local=provider.location == pb.LOCATION_LOCAL,
        allow_private_address=provider.allow_private_address,
        api_version=provider.api_version or None,
        timeouts=timeouts_of(provider.timeouts),
        headers=dict(provider.headers),
        tls_ca_file=provider.tls_ca_file or None,
    )


def model_of(model: pb.Model) -> Model:
    """One model."""
    return Model(
        id=model.id,
        provider_id=model.provider_id,
        upstream=model.upstream,
        is_reasoning=pb.CAPABILITY_REASONING in model.capabilities,
        timeouts=timeouts_of(model.timeouts),
    )


def timeouts_of(timeouts: pb.Timeouts) -> TimeoutOverrides:
    """Timers that are set; a zero is as unset."""
    return TimeoutOverrides(
        connect_s=_seconds(timeouts.connect),
        first_token_s=_seconds(timeouts.first_token),
        idle_s=_seconds(timeouts.idle),
        total_s=_seconds(timeouts.total),
    )


def _seconds(duration: Duration) -> float | None:
    return duration.ToNanoseconds() / 1e9 or None
