"""Reads a model's entry."""

import re

from pointsman.registry.core.catalog import Ability, Capability, DataClass, Model, ModelStatus, Price, PriceTier, Timeouts
from pointsman.registry.core.document import Node
from pointsman.registry.core.fields import Place, Record, list_of, mapping_of
from pointsman.registry.core.provider_entries import read_timeouts
from pointsman.registry.core.values import (
    MAX_PRICE_USD_PER_MTOK,
    MICROUSD_PER_USD,
    choice,
    day,
    integer,
    money,
    name,
    number,
    text,
)

# Names that stand for a choice, or for a route of the gateway.
RESERVED_MODEL_NAME = re.compile(r"auto|auto:.*|pointsman/.*|agent:.*|models", re.IGNORECASE | re.DOTALL)

MAX_TOKEN_COUNT = 10**9
MAX_LATENCY_MS = 3_600_000.0
MAX_SKILL_LOGIT = 10.0
MAX_TAG_COUNT = 64
MAX_SOURCE_LENGTH = 1_000
OVERALL = "overall"

read_price_per_mtok = money(units_per_usd=MICROUSD_PER_USD, maximum_usd=MAX_PRICE_USD_PER_MTOK)


def read_model_id(node: Node, place: Place) -> str:
    """Read a model's id, which clients use."""
    model_id = name()(node, place)
    if RESERVED_MODEL_NAME.fullmatch(model_id):
        place.refuse("is a reserved name: auto, auto:…, pointsman/…, agent:…, models")
    return model_id


def read_model(node: Node, place: Place) -> Model:
    """Read a model. That its provider exists is checked when all is read."""
    record = Record(node, place)
    model_id = record.required("id", read_model_id, instead="")
    model = Model(
        id=model_id,
        provider_id=record.required("provider", _read_provider_reference, instead=""),
        upstream=record.optional("upstream", name(), model_id),
        display_name=record.optional("display_name", name(), model_id),
        status=record.optional("status", choice(ModelStatus), ModelStatus.ACTIVE),
        capabilities=_without_repeats(record.optional("capabilities", list_of(choice(Capability), max_count=64), ())),
        context_window_token_count=record.optional("context_window_tokens", integer(1, MAX_TOKEN_COUNT)),
        max_output_token_count=record.optional("max_output_tokens", integer(1, MAX_TOKEN_COUNT)),
        price=record.optional("price_usd_per_mtok", read_price),
        ability=record.optional("ability", read_ability),
        quality_score=record.optional("quality_score", number(0, 1)),
        typical_latency_s=_seconds(record.optional("typical_latency_ms", number(0, MAX_LATENCY_MS))),
        timeouts=record.optional("timeouts_s", read_timeouts, Timeouts()),
        deprecation_date=record.optional("deprecation_date", day),
        data_classes=record.optional("data_classes", list_of(choice(DataClass), max_count=len(DataClass)), ()),
        tags=record.optional("tags", list_of(name(max_length=64), max_count=MAX_TAG_COUNT), ()),
    )
    record.close()
    return model


def read_price(node: Node, place: Place) -> Price:
    """Read prices, exactly; a price that is missing is unknown and never 0."""
    record = Record(node, place)
    price = Price(
        input_microusd_per_mtok=record.required("input", read_price_per_mtok, instead=0),
        output_microusd_per_mtok=record.required("output", read_price_per_mtok, instead=0),
        cached_input_microusd_per_mtok=record.optional("cached_input", read_price_per_mtok),
        cache_write_microusd_per_mtok=record.optional("cache_write", read_price_per_mtok),
        image_microusd=record.optional("per_image_usd", read_price_per_mtok),
        tiers=record.optional("above", _read_tiers, ()),
    )
    record.close()
    return price


def _read_tiers(node: Node, place: Place) -> tuple[PriceTier, ...]:
    tiers = list_of(_read_tier, max_count=16)(node, place)
    starts = [tier.above_input_token_count for tier in tiers]
    if starts != sorted(set(starts)):
        place.refuse("must be in order of rising input_tokens")
    return tiers


def _read_tier(node: Node, place: Place) -> PriceTier:
    record = Record(node, place)
    tier = PriceTier(
        above_input_token_count=record.required("input_tokens", integer(1, MAX_TOKEN_COUNT), instead=1),
        input_microusd_per_mtok=record.required("input", read_price_per_mtok, instead=0),
        output_microusd_per_mtok=record.required("output", read_price_per_mtok, instead=0),
        cached_input_microusd_per_mtok=record.optional("cached_input", read_price_per_mtok),
    )
    record.close()
    return tier


def read_ability(node: Node, place: Place) -> Ability:
    """Read an ability; a figure without a source is refused."""
    record = Record(node, place)
    logit = number(-MAX_SKILL_LOGIT, MAX_SKILL_LOGIT)
    ability = Ability(
        skills=record.required("skills", mapping_of(logit, _read_skill, min_count=1), instead={}),
        source=record.required("source", text(max_length=MAX_SOURCE_LENGTH), instead=""),
        as_of=record.optional("as_of", day),
    )
    record.close()
    return ability


def _read_skill(node: Node, place: Place) -> str:
    skill = name(max_length=64)(node, place)
    if skill != OVERALL:
        place.refer("category", skill)
    return skill


def _read_provider_reference(node: Node, place: Place) -> str:
    provider_id = name()(node, place)
    place.refer("provider", provider_id)
    return provider_id


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1e3


def _without_repeats(capabilities: tuple[Capability, ...]) -> tuple[Capability, ...]:
    return tuple(dict.fromkeys(capabilities))
