"""Changes from their wire form to the catalogue file's shape, so that one reader judges both.

What a message leaves unset is left out; an enum value that this version does not know keeps its
number, which the reader refuses.
"""

from collections.abc import Mapping
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from pointsman.api.config.v1 import config_pb2 as pb
from pointsman.api.registry.v1 import registry_pb2
from pointsman.kit.errors import InvalidArgument
from pointsman.registry.core.changes import Change, DeleteEntry, EntryKind, PutEntry
from pointsman.registry.core.document import Plain
from pointsman.registry.core.values import MICROUSD_PER_USD
from pointsman.registry.engine.configuration_keeper import MAX_CHANGE_COUNT
from pointsman.registry.servicer.snapshot_messages import CAPABILITIES, DATA_CLASSES, LOCATIONS, MODEL_STATUSES, PROVIDER_KINDS

E = TypeVar("E")


def changes_of(request: registry_pb2.ApplyChangesRequest) -> list[Change]:
    """The request's changes. Raises InvalidArgument where there is none, too many, or one is empty."""
    if not 1 <= len(request.changes) <= MAX_CHANGE_COUNT:
        raise InvalidArgument("invalid_value", f"changes: must be 1 to {MAX_CHANGE_COUNT}", param="changes")
    return [change_of(message, index) for index, message in enumerate(request.changes)]


def change_of(message: registry_pb2.CatalogChange, index: int) -> Change:
    """One change. Raises InvalidArgument where it says nothing."""
    match message.WhichOneof("change"):
        case "put_model":
            return PutEntry(EntryKind.MODEL, message.put_model.id, model_entry(message.put_model))
        case "delete_model_id":
            return DeleteEntry(EntryKind.MODEL, message.delete_model_id)
        case "put_provider":
            return PutEntry(EntryKind.PROVIDER, message.put_provider.id, provider_entry(message.put_provider))
        case "delete_provider_id":
            return DeleteEntry(EntryKind.PROVIDER, message.delete_provider_id)
        case _:
            raise InvalidArgument("invalid_value", f"changes[{index}]: must be one of the known changes", param=f"changes[{index}]")


def provider_entry(message: pb.Provider) -> dict[str, Plain]:
    """A provider in the file's shape; its id stands outside, as in the file."""
    return given(
        kind=word(message.kind, PROVIDER_KINDS),
        base_url=message.base_url,
        api_key=message.api_key,
        location=word(message.location, LOCATIONS),
        allow_private_address=message.allow_private_address,
        api_version=message.api_version,
        timeouts_s=timeouts_entry(message.timeouts),
        max_in_flight=optional(message, "max_in_flight"),
        requests_per_minute=optional(message, "requests_per_minute"),
        tokens_per_minute=optional(message, "tokens_per_minute"),
        headers=dict(message.headers),
        tls_ca_file=message.tls_ca_file,
        region=message.region,
        data_classes=[word(value, DATA_CLASSES) for value in message.data_classes],
    )


def model_entry(message: pb.Model) -> dict[str, Plain]:
    """A model in the file's shape."""
    latency = seconds(message, "typical_latency")
    return given(
        id=message.id,
        provider=message.provider_id,
        upstream=message.upstream,
        display_name=message.display_name,
        status=word(message.status, MODEL_STATUSES),
        capabilities=[word(value, CAPABILITIES) for value in message.capabilities],
        context_window_tokens=optional(message, "context_window_token_count"),
        max_output_tokens=optional(message, "max_output_token_count"),
        price_usd_per_mtok=price_entry(message.price) if message.HasField("price") else None,
        ability=ability_entry(message.ability) if message.HasField("ability") else None,
        quality_score=optional(message, "quality_score"),
        typical_latency_ms=None if latency is None else latency * 1e3,
        timeouts_s=timeouts_entry(message.timeouts),
        deprecation_date=message.deprecation_date,
        data_classes=[word(value, DATA_CLASSES) for value in message.data_classes],
        tags=list(message.tags),
    )


def price_entry(message: pb.Price) -> dict[str, Plain]:
    """Prices in the file's shape."""
    return given(
        input=usd(message, "input_microusd_per_mtok"),
        output=usd(message, "output_microusd_per_mtok"),
        cached_input=optional_usd(message, "cached_input_microusd_per_mtok"),
        cache_write=optional_usd(message, "cache_write_microusd_per_mtok"),
        per_image_usd=optional_usd(message, "image_microusd"),
        above=[tier_entry(tier) for tier in message.tiers],
    )


def tier_entry(message: pb.PriceTier) -> dict[str, Plain]:
    """Prices above a length in the file's shape."""
    return given(
        input_tokens=message.above_input_token_count,
        input=usd(message, "input_microusd_per_mtok"),
        output=usd(message, "output_microusd_per_mtok"),
        cached_input=optional_usd(message, "cached_input_microusd_per_mtok"),
    )


def ability_entry(message: pb.Ability) -> dict[str, Plain]:
    """Abilities in the file's shape."""
    return given(skills=dict(message.skills), source=message.source, as_of=message.as_of)


def timeouts_entry(message: pb.Timeouts) -> dict[str, Plain]:
    """Timers in the file's shape."""
    return given(**{name: seconds(message, name) for name in ("connect", "first_token", "idle", "total")})


def given(**fields: Plain) -> dict[str, Plain]:
    """The fields that say something: an empty text, list or mapping is how a message leaves one unset."""
    return {name: value for name, value in fields.items() if value is not None and value not in ("", [], {})}


def word(value: int, table: Mapping[E, int]) -> str | None:
    """An enum value as the file writes it; None where it is unset."""
    known = {number: str(member) for member, number in table.items()}
    return None if value == 0 else known.get(value, str(value))


def optional(message: Message, field: str) -> int | float | None:
    """A number that may be unset."""
    value: int | float | None = getattr(message, field) if message.HasField(field) else None
    return value


def optional_usd(message: Message, field: str) -> float | None:
    """US dollars that may be unset."""
    return usd(message, field) if message.HasField(field) else None


def usd(message: Message, field: str) -> float:
    """US dollars of a count of micro-dollars. Exact up to the highest price allowed: 12 digits of a float's 15."""
    microusd: int = getattr(message, field)
    return microusd / MICROUSD_PER_USD


def seconds(message: Message, field: str) -> float | None:
    """A duration in seconds; None where it is unset."""
    if not message.HasField(field):
        return None
    value: Duration = getattr(message, field)
    return value.seconds + value.nanos / 1e9
