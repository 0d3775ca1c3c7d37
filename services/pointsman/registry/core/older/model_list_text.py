"""The effective catalogue as models.json: a file for other programs, which the registry reads again."""

import json
import re

from pointsman.registry.core.catalog import Catalog, Model, ModelStatus
from pointsman.registry.core.document import Plain
from pointsman.registry.core.plain_entries import plain_of_model, plain_of_provider

# The word that readers of such files know for what takes no requests.
INACTIVE = "inactive"
# What JSON may hold as it is and YAML takes for a line break, or not at all.
UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def models_json_text(catalog: Catalog) -> str:
    """`{"models": [...], "providers": {...}}` with every known fact, under the catalogue file's names.

    Keys are references and never secrets. Policies, rules and agents are no part of it.
    """
    document = {
        "models": [_entry(model) for model in catalog.models.values()],
        "providers": {provider.id: plain_of_provider(provider) for provider in catalog.providers.values()},
    }
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    return UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def _entry(model: Model) -> dict[str, Plain]:
    entry = plain_of_model(model)
    return {**entry, "status": INACTIVE} if model.status is ModelStatus.DISABLED else entry
