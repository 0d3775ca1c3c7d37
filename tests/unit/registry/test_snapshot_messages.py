from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

import pytest

from pointsman.api.config.v1 import config_pb2 as pb
from pointsman.registry.core.catalog import (
    Capability,
    DataClass,
    ExperimentStatus,
    ExperimentUnit,
    Location,
    ModelStatus,
    Policy,
    ProviderKind,
    SessionPin,
)
from pointsman.registry.core.snapshot import ConfigKind, Snapshot, Version
from pointsman.registry.servicer import snapshot_messages
from pointsman.registry.servicer.snapshot_messages import catalog_message, encode_content, policy_message, snapshot_message
from tests.unit.registry.catalog_texts import DEFAULT_RULES, HEAD, load, model_text, provider_text


@pytest.mark.parametrize(
    ("words", "table"),
    [
        (ConfigKind, snapshot_messages.CONFIG_KINDS),
        (ProviderKind, snapshot_messages.PROVIDER_KINDS),
        (Location, snapshot_messages.LOCATIONS),
        (DataClass, snapshot_messages.DATA_CLASSES),
        (ModelStatus, snapshot_messages.MODEL_STATUSES),
        (Capability, snapshot_messages.CAPABILITIES),
        (SessionPin, snapshot_messages.SESSION_PINS),
        (ExperimentStatus, snapshot_messages.EXPERIMENT_STATUSES),
        (ExperimentUnit, snapshot_messages.EXPERIMENT_UNITS),
    ],
)
def test_every_word_has_a_wire_value_of_its_own(words: type[StrEnum], table: Mapping[StrEnum, int]) -> None:
    assert set(table) == set(words)
    assert 0 not in table.values()
    assert len(set(table.values())) == len(table)


def test_a_whole_model_travels() -> None:
    fields = (
        "upstream: o, display_name: Other, status: draining, capabilities: [chat, pdf], context_window_tokens: 9, max_output_tokens: 8,"
        " price_usd_per_mtok: {input: 1, cached_input: 0.5, cache_write: 2, output: 3, per_image_usd: 0.01,"
        " above: [{input_tokens: 5, input: 4, output: 6}]},"
        ' ability: {skills: {overall: 1.5, math: -1}, source: s, as_of: "2026-11-01"}, quality_score: 0, typical_latency_ms: 400,'
        ' timeouts_s: {first_token: 1.5}, deprecation_date: "2027-01-14", data_classes: [internal], tags: [a, b]'
    )
    message = catalog_message(load(model_text(fields)).configuration.catalog).models[1]
    expected = pb.Model(
        id="other",
        provider_id="openai",
        upstream="o",
        display_name="Other",
        status=pb.MODEL_STATUS_DRAINING,
        capabilities=[pb.CAPABILITY_CHAT, pb.CAPABILITY_PDF],
        context_window_token_count=9,
        max_output_token_count=8,
        price=pb.Price(
            input_microusd_per_mtok=1_000_000,
            cached_input_microusd_per_mtok=500_000,
            cache_write_microusd_per_mtok=2_000_000,
            output_microusd_per_mtok=3_000_000,
            image_microusd=10_000,
            tiers=[pb.PriceTier(above_input_token_count=5, input_microusd_per_mtok=4_000_000, output_microusd_per_mtok=6_000_000)],
        ),
        ability=pb.Ability(skills={"overall": 1.5, "math": -1.0}, source="s", as_of="2026-11-01"),
        quality_score=0.0,
        deprecation_date="2027-01-14",
        data_classes=[pb.DATA_CLASS_INTERNAL],
        tags=["a", "b"],
    )
    expected.typical_latency.FromMilliseconds(400)
    expected.timeouts.first_token.FromMilliseconds(1_500)
    assert message == expected


def test_what_is_unknown_stays_unset() -> None:
    message = catalog_message(load(HEAD).configuration.catalog).models[0]
    assert {field.name for field, _ in message.ListFields()} == {"id", "provider_id", "upstream", "display_name", "status"}


def test_a_whole_provider_travels() -> None:
    fields = (
        'kind: azure_openai, base_url: "env:AZ", api_key: "file:/run/key", location: cloud, api_version: "2024-10-21", region: eu,'
        " max_in_flight: 4, requests_per_minute: 60, tokens_per_minute: 1000, headers: {X-Team: a},"
        " tls_ca_file: /ca.pem, data_classes: [public]"
    )
    message = catalog_message(load(provider_text(fields)).configuration.catalog).providers[0]
    assert message == pb.Provider(
        id="p",
        kind=pb.PROVIDER_KIND_AZURE_OPENAI,
        base_url="env:AZ",
        api_key="file:/run/key",
        location=pb.LOCATION_CLOUD,
        api_version="2024-10-21",
        max_in_flight=4,
        requests_per_minute=60,
        tokens_per_minute=1_000,
        headers={"X-Team": "a"},
        tls_ca_file="/ca.pem",
        region="eu",
        data_classes=[pb.DATA_CLASS_PUBLIC],
    )


def test_a_snapshot_names_its_kind_version_and_time() -> None:
    configuration = load(HEAD).configuration
    version = Version("e", 7)
    catalog = snapshot_message(Snapshot(ConfigKind.CATALOG, version, 1.5, configuration.catalog))
    assert (catalog.kind, catalog.version.epoch, catalog.version.number) == (pb.CONFIG_KIND_CATALOG, "e", 7)
    assert (catalog.create_time.ToMilliseconds(), catalog.WhichOneof("content")) == (1_500, "catalog")
    classification = snapshot_message(Snapshot(ConfigKind.CLASSIFICATION, version, 1.5, configuration.classification))
    assert (classification.kind, classification.WhichOneof("content")) == (pb.CONFIG_KIND_CLASSIFICATION, "classification")
    assert classification.classification.keyword_rules[0].pattern == DEFAULT_RULES[0].pattern


def test_equal_contents_have_equal_bytes() -> None:
    text = model_text("ability: {skills: {overall: 1, math: 2, coding: 3}, source: s}")
    assert encode_content(load(text).configuration.catalog) == encode_content(load("# again\n" + text).configuration.catalog)


def test_a_policy_says_what_applies_in_doubt() -> None:
    doubtful = Policy("a", value_usd_per_mtok=1.0, good_enough=1.0, when_unsure="b")
    assert policy_message(doubtful).when_unsure == "b"
    assert policy_message(replace(doubtful, when_unsure=None)).when_unsure == ""
