"""Entries as plain values in the catalogue file's shape, which its readers take back without loss."""

from collections.abc import Mapping
from decimal import Decimal

from pointsman.registry.core.catalog import Ability, Location, Model, Price, Provider, ProviderKind, Timeouts
from pointsman.registry.core.document import Plain
from pointsman.registry.core.values import MICROUSD_PER_USD

MS_PER_S = 1_000


def plain_of_model(model: Model) -> dict[str, Plain]:
    """A model's entry; what is unknown is left out."""
    known: dict[str, Plain] = {
        "id": model.id,
        "provider": model.provider_id,
        "display_name": model.display_name,
        "status": model.status.value,
        "upstream": model.upstream,
        "capabilities": [capability.value for capability in model.capabilities],
        "context_window_tokens": model.context_window_token_count,
        "max_output_tokens": model.max_output_token_count,
        "price_usd_per_mtok": None if model.price is None else _plain_price(model.price),
        "ability": None if model.ability is None else _plain_ability(model.ability),
        "quality_score": model.quality_score,
        "typical_latency_ms": _milliseconds(model.typical_latency_s),
        "timeouts_s": _plain_timeouts(model.timeouts),
        "deprecation_date": model.deprecation_date,
        "data_classes": [data_class.value for data_class in model.data_classes],
        "tags": list(model.tags),
    }
    return _without_unknown(known)


def plain_of_provider(provider: Provider) -> dict[str, Plain]:
    """A provider's entry; its key is only ever a reference."""
    known: dict[str, Plain] = {
        "kind": provider.kind.value,
        "location": None if _has_default_location(provider) else provider.location.value,
        "base_url": provider.base_url,
        "api_key": provider.api_key,
        "allow_private_address": provider.allow_private_address or None,
        "api_version": provider.api_version,
        "timeouts_s": _plain_timeouts(provider.timeouts),
        "max_in_flight": provider.max_in_flight,
        "requests_per_minute": provider.requests_per_minute,
        "tokens_per_minute": provider.tokens_per_minute,
        "headers": dict(provider.headers),
        "tls_ca_file": provider.tls_ca_file,
        "region": provider.region,
        "data_classes": [data_class.value for data_class in provider.data_classes],
    }
    return _without_unknown(known)


def _plain_price(price: Price) -> dict[str, Plain]:
    tiers: list[Plain] = [
        _without_unknown(
            {
                "input_tokens": tier.above_input_token_count,
                "input": _usd(tier.input_microusd_per_mtok),
                "cached_input": _usd(tier.cached_input_microusd_per_mtok),
                "output": _usd(tier.output_microusd_per_mtok),
            }
        )
        for tier in price.tiers
    ]
    return _without_unknown(
        {
            "input": _usd(price.input_microusd_per_mtok),
            "cached_input": _usd(price.cached_input_microusd_per_mtok),
            "cache_write": _usd(price.cache_write_microusd_per_mtok),
            "output": _usd(price.output_microusd_per_mtok),
            "per_image_usd": _usd(price.image_microusd),
            "above": tiers,
        }
    )


def _plain_ability(ability: Ability) -> dict[str, Plain]:
    return _without_unknown({"skills": dict(ability.skills), "source": ability.source, "as_of": ability.as_of})


def _plain_timeouts(timeouts: Timeouts) -> dict[str, Plain]:
    return _without_unknown(
        {
            "connect": timeouts.connect_s,
            "first_token": timeouts.first_token_s,
            "idle": timeouts.idle_s,
            "total": timeouts.total_s,
        }
    )


def _has_default_location(provider: Provider) -> bool:
    return (provider.location is Location.LOCAL) == (provider.kind is ProviderKind.SCRIPTED)


def _usd(microusd: int | None) -> int | float | None:
    """Exact: at most a million dollars to six decimals are 13 digits, and a float's shortest text keeps 15."""
    if microusd is None or microusd % MICROUSD_PER_USD == 0:
        return None if microusd is None else microusd // MICROUSD_PER_USD
    return microusd / MICROUSD_PER_USD


def _milliseconds(seconds: float | None) -> float | None:
    """By way of the decimal text, as reading goes, so that 0.29 s are 290 ms and not 290.00000000000006."""
    return None if seconds is None else float(Decimal(repr(seconds)) * MS_PER_S)


def _without_unknown(values: Mapping[str, Plain]) -> dict[str, Plain]:
    return {key: value for key, value in values.items() if value is not None and value != [] and value != {}}
