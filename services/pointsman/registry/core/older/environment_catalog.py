"""The two models that the environment may name instead of a catalogue: one on this machine, one in the cloud."""

from collections.abc import Mapping
from typing import TypeVar

from pointsman.registry.core.document import Plain, ScalarNode
from pointsman.registry.core.fields import Place, Reader, Refused, Report
from pointsman.registry.core.model_entries import read_model_id, read_price_per_mtok
from pointsman.registry.core.problems import ProblemList
from pointsman.registry.core.shipped import is_built_in_provider
from pointsman.registry.core.values import MICROUSD_PER_USD

T = TypeVar("T")

# What problems call the document; no file stands behind it.
ENVIRONMENT_ORIGIN = "environment"
LOCAL_MODEL = "OLLAMA_MODEL"
CLOUD_MODEL = "CLOUD_MODEL"
CLOUD_COSTS = {"input": "CLOUD_INPUT_COST_PER_1M", "output": "CLOUD_OUTPUT_COST_PER_1M"}

LOCAL_PROVIDER_ID = "ollama"
CLOUD_PROVIDER_ID = "openai"
# Ollama's default below 24 GiB of VRAM, whatever the model could take (docs.ollama.com/context-length, 2026-11-21).
OLLAMA_WINDOW_TOKEN_COUNT = 4096
# What Ollama calls a model that is named without a tag.
OLLAMA_DEFAULT_TAG = ":latest"


def environment_entries(values: Mapping[str, str]) -> Plain:
    """The models that the environment names, as a document of the models.json shape; None where it names none.

    values: OLLAMA_MODEL; CLOUD_MODEL, as "model" or, for a built-in provider, "provider/model";
    CLOUD_INPUT_COST_PER_1M and CLOUD_OUTPUT_COST_PER_1M in US dollars per million tokens. Blank ones
    count as unset, others are ignored. Raises CatalogInvalid, each fault by the name of its variable.
    """
    report = Report(ENVIRONMENT_ORIGIN, ProblemList())
    entries = [entry for entry in (_local_entry(values, report), _cloud_entry(values, report)) if entry is not None]
    report.problems.raise_any()
    return {"models": entries} if entries else None


def _local_entry(values: Mapping[str, str], report: Report) -> Plain:
    model_id = _read(values, LOCAL_MODEL, read_model_id, report)
    if model_id is None:
        return None
    return {
        "id": model_id,
        "provider": LOCAL_PROVIDER_ID,
        "upstream": model_id if ":" in model_id else model_id + OLLAMA_DEFAULT_TAG,
        "context_window_tokens": OLLAMA_WINDOW_TOKEN_COUNT,
        "price_usd_per_mtok": {"input": 0, "output": 0},
    }


def _cloud_entry(values: Mapping[str, str], report: Report) -> Plain:
    price = _cloud_price(values, report)
    model_id = _read(values, CLOUD_MODEL, read_model_id, report)
    if model_id is None:
        return None
    prefix, _, rest = model_id.partition("/")
    provider_id, upstream = (prefix, rest) if rest and is_built_in_provider(prefix) else (CLOUD_PROVIDER_ID, model_id)
    entry: dict[str, Plain] = {"id": model_id, "provider": provider_id, "upstream": upstream}
    return entry if price is None else {**entry, "price_usd_per_mtok": price}


def _cloud_price(values: Mapping[str, str], report: Report) -> Plain:
    """Both costs, or None: half a price is none, and a fault."""
    costs = {direction: _read(values, name, read_price_per_mtok, report, is_plain=True) for direction, name in CLOUD_COSTS.items()}
    set_names = {name for name in CLOUD_COSTS.values() if values.get(name, "").strip()}
    if len(set_names) == 1:
        (missing,) = set(CLOUD_COSTS.values()) - set_names
        Place(report, missing, 0).note("is missing; a price has both")
    known: dict[str, Plain] = {direction: cost / MICROUSD_PER_USD for direction, cost in costs.items() if cost is not None}
    return known if len(known) == len(CLOUD_COSTS) else None


def _read(values: Mapping[str, str], variable: str, read: Reader[T], report: Report, *, is_plain: bool = False) -> T | None:
    """The variable's value; None where it is not set, or refused and on the list."""
    value = values.get(variable, "").strip()
    if not value:
        return None
    try:
        return read(ScalarNode(value, is_plain=is_plain, line=0), Place(report, variable, 0))
    except Refused:
        return None
