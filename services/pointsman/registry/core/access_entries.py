"""Checks what a catalogue says of projects, budgets, keys, sign-on and alerts.

No service of this version acts on these sections, so nothing is kept of them: a fault is told all
the same, and that they are inactive is said wherever one of them is in use.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

from pointsman.registry.core.addresses import url_fault
from pointsman.registry.core.document import Node
from pointsman.registry.core.fields import Place, Record, list_of, mapping_of, refuse_repeats
from pointsman.registry.core.provider_entries import MAX_COUNT, MAX_TOKENS_PER_MINUTE
from pointsman.registry.core.values import NANOUSD_PER_USD, flag, integer, money, name, number, one_of, scalar, secret_reference

MAX_BUDGET_USD = 1_000_000_000
MAX_ENTRY_COUNT = 100_000
SHA256 = re.compile(r"[0-9a-f]{64}")
TIME_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}")
EXPIRY = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?)?")

SCOPES = ("inference", "metrics", "admin")
WINDOWS = ("day", "month", "total")
ENFORCEMENTS = ("hard", "alert")

Check: TypeAlias = Callable[[Node, Place], object]


def check_access_sections(record: Record) -> None:
    """Check the sections of the catalogue's top that are about who may do what."""
    sections: dict[str, Check] = {
        "projects": list_of(_check_project, max_count=MAX_ENTRY_COUNT),
        "budgets": list_of(_check_budget, max_count=MAX_ENTRY_COUNT),
        "keys": list_of(_check_key, max_count=MAX_ENTRY_COUNT),
        "oidc": _check_oidc,
        "alerts": _check_alerts,
    }
    for section, check in sections.items():
        if record.optional(section, check):
            record.place.report.inactive.append(section)
    for section in ("projects", "keys"):
        refuse_repeats(record.node_of(section), record.place_of(section), "id")


def _check_project(node: Node, place: Place) -> str:
    record = Record(node, place)
    project_id = record.required("id", name(), instead="")
    record.optional("time_zone", _pattern(TIME_ZONE, "a time zone such as Europe/Berlin"))
    record.optional("capture", flag)
    record.optional("policy", name())
    _check_limits(record)
    record.close()
    return project_id


def _check_budget(node: Node, place: Place) -> bool:
    record = Record(node, place)
    record.required("limit_usd", money(units_per_usd=NANOUSD_PER_USD, maximum_usd=MAX_BUDGET_USD), instead=0)
    record.required("window", one_of(*WINDOWS), instead="")
    record.optional("enforcement", one_of(*ENFORCEMENTS))
    record.optional("alert_at", list_of(number(0, 1, above=True), max_count=16))
    record.close()
    return True


def _check_key(node: Node, place: Place) -> str:
    record = Record(node, place)
    key_id = record.required("id", name(), instead="")
    record.required("sha256", _pattern(SHA256, "64 lower-case hexadecimal digits"), instead="")
    record.optional("project", name())
    record.optional("scopes", list_of(one_of(*SCOPES), min_count=1, max_count=len(SCOPES)))
    record.optional("models", list_of(name()))
    record.optional("policies", list_of(name()))
    record.optional("max_in_flight", integer(1, MAX_COUNT))
    record.optional("per_user", _check_per_user)
    record.optional("expires_at", _pattern(EXPIRY, "a time such as 2026-12-31T00:00:00Z"))
    _check_limits(record)
    record.close()
    return key_id


def _check_limits(record: Record) -> None:
    record.optional("requests_per_minute", integer(1, MAX_COUNT))
    record.optional("tokens_per_minute", integer(1, MAX_TOKENS_PER_MINUTE))
    record.optional("budgets", list_of(_check_budget, max_count=16))


def _check_per_user(node: Node, place: Place) -> bool:
    record = Record(node, place)
    record.optional("requests_per_minute", integer(1, MAX_COUNT))
    record.close()
    return True


def _check_oidc(node: Node, place: Place) -> bool:
    record = Record(node, place)
    record.required("issuer", _check_public_url, instead="")
    record.required("client_id", name(), instead="")
    record.optional("client_secret", secret_reference)
    record.optional("scopes_by_group", mapping_of(list_of(one_of(*SCOPES)), name()))
    record.close()
    return True


def _check_alerts(node: Node, place: Place) -> bool:
    record = Record(node, place)
    webhooks = record.optional("webhooks", list_of(_check_webhook, max_count=100), ())
    record.close()
    return bool(webhooks)


def _check_webhook(node: Node, place: Place) -> bool:
    record = Record(node, place)
    record.required("url", _check_public_url, instead="")
    record.required("secret", secret_reference, instead="")
    record.close()
    return True


def _check_public_url(node: Node, place: Place) -> str:
    url = scalar(node, place, wanted="a URL").text
    fault = url_fault(url, allow_private_address=False)
    if fault is not None:
        place.refuse(fault.replace(" or be env:NAME", ""))
    return url


def _pattern(pattern: re.Pattern[str], wanted: str) -> Callable[[Node, Place], str]:
    def read(node: Node, place: Place) -> str:
        value = scalar(node, place, wanted=wanted).text
        if not pattern.fullmatch(value):
            place.refuse(f"must be {wanted}")
        return value

    return read
