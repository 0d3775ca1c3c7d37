"""Reads a model's entry as older files have it: the catalogue's fields, and those that systems before it used.

`cost_per_1k_tokens` is US dollars per thousand tokens, one number for both directions or {input, output}.
`max_tokens` is the window, prompt and answer together. `quality_score` is 0 to 1 or 0 to 100: whichever
the whole file or update shows, for one score above 1 makes all of them percentages.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias, TypeVar

from pointsman.registry.core.catalog import Capability, DataClass, Model, ModelStatus, Price, Timeouts
from pointsman.registry.core.document import DECIMAL, ListNode, MapNode, Node, ScalarNode
from pointsman.registry.core.fields import Place, Reader, Record, list_of
from pointsman.registry.core.model_entries import (
    MAX_LATENCY_MS,
    MAX_TAG_COUNT,
    MAX_TOKEN_COUNT,
    read_ability,
    read_price,
)
from pointsman.registry.core.provider_entries import read_timeouts
from pointsman.registry.core.values import MAX_PRICE_USD_PER_MTOK, choice, day, flag, integer, money, name, number, scalar

T = TypeVar("T")

# A dollar per thousand tokens is a thousand dollars per million.
MICROUSD_PER_MTOK_PER_USD_PER_1K = 10**9
read_cost_per_1k_tokens = money(units_per_usd=MICROUSD_PER_MTOK_PER_USD_PER_1K, maximum_usd=MAX_PRICE_USD_PER_MTOK // 1_000)

STATUSES: Mapping[str, ModelStatus] = {
    **{status.value: status for status in ModelStatus},
    "available": ModelStatus.ACTIVE,
    "beta": ModelStatus.ACTIVE,
    "enabled": ModelStatus.ACTIVE,
    "preview": ModelStatus.ACTIVE,
    "inactive": ModelStatus.DISABLED,
    "maintenance": ModelStatus.DISABLED,
    "retired": ModelStatus.DISABLED,
    "unavailable": ModelStatus.DISABLED,
}
CapabilityWords: TypeAlias = Mapping[str, tuple[Capability, ...]]

CATALOG_CAPABILITIES: CapabilityWords = {capability.value: (capability,) for capability in Capability}
# Kinds of work, where the catalogue has what a model can do. Code is asked for in a chat too.
WORK_CAPABILITIES: CapabilityWords = {
    "text-generation": (Capability.CHAT,),
    "conversation": (Capability.CHAT,),
    "summarization": (Capability.CHAT,),
    "analysis": (Capability.CHAT,),
    "code-generation": (Capability.CHAT, Capability.CODE),
    "code-completion": (Capability.CHAT, Capability.CODE),
    "function-calling": (Capability.TOOLS,),
}
MODEL_LIST_CAPABILITIES: CapabilityWords = {**CATALOG_CAPABILITIES, **WORK_CAPABILITIES}
# Here "reasoning" is one more kind of work; what the catalogue calls so is a model that thinks before it answers.
PLATFORM_CAPABILITIES: CapabilityWords = {**MODEL_LIST_CAPABILITIES, "reasoning": (Capability.CHAT,)}

FULL_PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class OlderWords:
    """How one file or update is to be read. `quality_maximum`: 1 or 100."""

    capabilities: CapabilityWords
    quality_maximum: float


def quality_maximum_of(entries: Iterator[Node]) -> float:
    """100 where one of the entries has a quality score above 1, else 1."""
    for entry in entries:
        member = entry.members.get("quality_score") if isinstance(entry, MapNode) else None
        score = None if member is None else member.value
        if isinstance(score, ScalarNode) and score.is_plain and DECIMAL.fullmatch(score.text) and Decimal(score.text) > 1:
            return FULL_PERCENT
    return 1.0


def read_older_model(model_id: str, record: Record, words: OlderWords) -> Model:
    """Read the model of that id. What the record holds beyond it is left to the caller."""
    return Model(
        id=model_id,
        provider_id=record.required("provider", _read_provider_reference, instead=""),
        upstream=record.optional("upstream", name(), model_id),
        display_name=record.optional("display_name", name(), model_id),
        status=_read_status(record),
        capabilities=record.optional("capabilities", _capabilities_of(words.capabilities), ()),
        context_window_token_count=_either(
            record, "context_window_tokens", integer(1, MAX_TOKEN_COUNT), older="max_tokens", read_older=integer(1, MAX_TOKEN_COUNT)
        ),
        max_output_token_count=record.optional("max_output_tokens", integer(1, MAX_TOKEN_COUNT)),
        price=_either(record, "price_usd_per_mtok", read_price, older="cost_per_1k_tokens", read_older=_read_cost),
        ability=record.optional("ability", read_ability),
        quality_score=_share(record.optional("quality_score", number(0, words.quality_maximum)), words.quality_maximum),
        typical_latency_s=_seconds(
            _either(record, "typical_latency_ms", number(0, MAX_LATENCY_MS), older="latency_ms", read_older=number(0, MAX_LATENCY_MS))
        ),
        timeouts=record.optional("timeouts_s", read_timeouts, Timeouts()),
        deprecation_date=record.optional("deprecation_date", day),
        data_classes=record.optional("data_classes", list_of(choice(DataClass), max_count=len(DataClass)), ()),
        tags=record.optional("tags", list_of(name(max_length=64), max_count=MAX_TAG_COUNT), ()),
    )


def _either(record: Record, field: str, read: Reader[T], *, older: str, read_older: Reader[T]) -> T | None:
    """The value under one of two names; under both it would be a riddle which one is meant."""
    if record.has(field) and record.has(older):
        record.place_of(older).note(f"says the same as {field}; give one of them")
    own, from_older = record.optional(field, read), record.optional(older, read_older)
    return from_older if own is None else own


def _read_status(record: Record) -> ModelStatus:
    status = record.optional("status", _read_status_word, ModelStatus.ACTIVE)
    is_enabled = record.optional("enabled", flag, default=True)
    return status if is_enabled else ModelStatus.DISABLED


def _read_status_word(node: Node, place: Place) -> ModelStatus:
    return _read_word(node, place, STATUSES)


def _capabilities_of(words: CapabilityWords) -> Reader[tuple[Capability, ...]]:
    """Reads a list of words, several of which may mean one capability."""

    def read_capability(node: Node, place: Place) -> tuple[Capability, ...]:
        return _read_word(node, place, words)

    def read_capabilities(node: Node, place: Place) -> tuple[Capability, ...]:
        found = list_of(read_capability, max_count=64)(node, place)
        return tuple(dict.fromkeys(capability for one in found for capability in one))

    return read_capabilities


def _read_word(node: Node, place: Place, words: Mapping[str, T]) -> T:
    """One of the words, in either case; blanks, dashes and underscores are the same."""
    text = scalar(node, place, wanted="a word").text.strip().lower()
    spellings = (text, text.replace("_", "-").replace(" ", "-"), text.replace("-", "_").replace(" ", "_"))
    known = next((spelling for spelling in spellings if spelling in words), None)
    if known is None:
        place.refuse(f"must be one of {', '.join(words)}")
    return words[known]


def _read_cost(node: Node, place: Place) -> Price:
    if isinstance(node, ScalarNode | ListNode):
        both = read_cost_per_1k_tokens(node, place)
        return Price(both, both)
    record = Record(node, place)
    price = Price(
        input_microusd_per_mtok=record.required("input", read_cost_per_1k_tokens, instead=0),
        output_microusd_per_mtok=record.required("output", read_cost_per_1k_tokens, instead=0),
    )
    record.close()
    return price


def _read_provider_reference(node: Node, place: Place) -> str:
    provider_id = name()(node, place)
    place.refer("provider", provider_id, may_be_built_in=True)
    return provider_id


def _share(score: float | None, maximum: float) -> float | None:
    return None if score is None else score / maximum


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1e3
