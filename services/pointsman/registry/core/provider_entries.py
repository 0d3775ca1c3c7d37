"""Reads a provider's entry."""

import re

from pointsman.registry.core.addresses import url_fault
from pointsman.registry.core.catalog import DataClass, Location, Provider, ProviderKind, Timeouts
from pointsman.registry.core.document import Node
from pointsman.registry.core.fields import Place, Record, list_of, mapping_of
from pointsman.registry.core.values import (
    ENVIRONMENT_REFERENCE,
    choice,
    flag,
    integer,
    is_storable,
    name,
    number,
    refuse_own_reference,
    scalar,
    secret_reference,
    text,
)

MAX_TIMEOUT_S = 3_600.0
MAX_COUNT = 2**31 - 1
MAX_TOKENS_PER_MINUTE = 10**12
MAX_HEADER_COUNT = 32
MAX_HEADER_LENGTH = 1_024

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
# Headers that carry a credential by custom; a key has a field of its own, which keeps it out of this file.
CREDENTIAL_HEADER = re.compile(r"auth|cookie|key|token|secret|password|credential|signature", re.IGNORECASE)
# Written by the HTTP client, which a second value would mislead.
CLIENT_HEADERS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "te", "upgrade", "accept-encoding"}
)

# The kinds that this version's executor speaks; the others validate and wait.
SPOKEN_KINDS = frozenset({ProviderKind.OPENAI, ProviderKind.AZURE_OPENAI, ProviderKind.SCRIPTED})
# Read and handed on, and not yet held to by the executor.
LIMITS = ("max_in_flight", "requests_per_minute", "tokens_per_minute")


def read_timeouts(node: Node, place: Place) -> Timeouts:
    """Read timers in seconds."""
    record = Record(node, place)
    seconds = number(0, MAX_TIMEOUT_S, above=True)
    timeouts = Timeouts(
        connect_s=record.optional("connect", seconds),
        first_token_s=record.optional("first_token", seconds),
        idle_s=record.optional("idle", seconds),
        total_s=record.optional("total", seconds),
    )
    record.close()
    return timeouts


def read_provider(provider_id: str, node: Node, place: Place) -> Provider:
    """Read the provider of that id."""
    record = Record(node, place)
    kind = record.required("kind", choice(ProviderKind), instead=None)
    allow_private = record.optional("allow_private_address", flag, default=False)

    def read_base_url(value: Node, at: Place) -> str:
        return _read_base_url(value, at, allow_private_address=allow_private)

    provider = Provider(
        id=provider_id,
        kind=kind or ProviderKind.OPENAI,
        location=record.optional("location", choice(Location), Location.LOCAL if kind is ProviderKind.SCRIPTED else Location.CLOUD),
        base_url=record.optional("base_url", read_base_url),
        api_key=record.optional("api_key", secret_reference),
        allow_private_address=allow_private,
        api_version=record.optional("api_version", name()),
        timeouts=record.optional("timeouts_s", read_timeouts, Timeouts()),
        max_in_flight=record.optional("max_in_flight", integer(1, MAX_COUNT)),
        requests_per_minute=record.optional("requests_per_minute", integer(1, MAX_COUNT)),
        tokens_per_minute=record.optional("tokens_per_minute", integer(1, MAX_TOKENS_PER_MINUTE)),
        headers=record.optional("headers", _read_headers, {}),
        tls_ca_file=record.optional("tls_ca_file", text(max_length=MAX_HEADER_LENGTH)),
        region=record.optional("region", name()),
        data_classes=record.optional("data_classes", list_of(choice(DataClass), max_count=len(DataClass)), ()),
    )
    record.close()
    if kind is not None:
        _check_fields_of_kind(kind, record)
    return provider


def _check_fields_of_kind(kind: ProviderKind, record: Record) -> None:
    """Note what this kind needs and has not, or has and cannot use."""
    if kind not in SPOKEN_KINDS:
        record.place.report.inactive.append(f"providers of kind {kind.value}")
    record.place.report.inactive += [f"providers.{limit}" for limit in LIMITS if record.has(limit)]
    if kind is ProviderKind.SCRIPTED:
        for unused in ("base_url", "api_key"):
            if record.has(unused):
                record.place_of(unused).note("is no field of kind scripted, which calls nobody")
    elif not record.has("base_url"):
        record.place_of("base_url").note("is missing")
    if kind is ProviderKind.AZURE_OPENAI and not record.has("api_version"):
        record.place_of("api_version").note("is missing")
    if kind is not ProviderKind.AZURE_OPENAI and record.has("api_version"):
        record.place_of("api_version").note("is a field of kind azure_openai alone")


def _read_base_url(node: Node, place: Place, *, allow_private_address: bool) -> str:
    value = scalar(node, place, wanted="a URL or env:NAME").text
    if ENVIRONMENT_REFERENCE.fullmatch(value):
        refuse_own_reference(value, place)
        return value
    fault = url_fault(value, allow_private_address=allow_private_address)
    if fault is not None:
        place.refuse(fault)
    return value.rstrip("/")


def _read_headers(node: Node, place: Place) -> dict[str, str]:
    headers = mapping_of(text(max_length=MAX_HEADER_LENGTH), _read_header_name)(node, place)
    if len(headers) > MAX_HEADER_COUNT:
        place.refuse(f"must have at most {MAX_HEADER_COUNT} headers")
    if not all(value.isascii() and is_storable(value, allow_lines=False) for value in headers.values()):
        place.refuse("must have values of plain ASCII")
    return headers


def _read_header_name(node: Node, place: Place) -> str:
    header = scalar(node, place, wanted="a header's name").text
    if not HEADER_NAME.fullmatch(header):
        place.refuse("is no header's name")
    if CREDENTIAL_HEADER.search(header):
        place.refuse("must not carry a credential; use api_key")
    if header.lower() in CLIENT_HEADERS:
        place.refuse("is written by the HTTP client")
    return header
