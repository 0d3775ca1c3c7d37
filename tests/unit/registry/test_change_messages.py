import pytest

from pointsman.api.config.v1 import config_pb2 as pb
from pointsman.api.registry.v1 import registry_pb2
from pointsman.kit.errors import InvalidArgument
from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.changes import DeleteEntry, EntryKind, PutEntry, check_entries
from pointsman.registry.core.problems import CatalogInvalid
from pointsman.registry.servicer.change_messages import change_of, changes_of, model_entry, provider_entry
from pointsman.registry.servicer.snapshot_messages import model_message, provider_message
from tests.unit.registry.catalog_texts import HEAD, load, model_text, provider_text

WHOLE_MODEL = (
    "upstream: o, display_name: Other, status: deprecated, capabilities: [chat, tools], context_window_tokens: 9, max_output_tokens: 8,"
    " price_usd_per_mtok: {input: 0.0375, cached_input: 0.000001, cache_write: 999999.999999, output: 3, per_image_usd: 0.01,"
    " above: [{input_tokens: 5, input: 4, output: 6, cached_input: 1}]}, ability: {skills: {overall: 1.5, math: -1}, source: s},"
    ' quality_score: 0, typical_latency_ms: 333, timeouts_s: {first_token: 0.1, total: 7}, deprecation_date: "2027-01-14",'
    " data_classes: [internal], tags: [a]"
)
WHOLE_PROVIDER = (
    'kind: azure_openai, base_url: "https://10.0.0.1:8443/v1", api_key: "env:K", allow_private_address: true, api_version: "1", region: eu,'
    " timeouts_s: {connect: 0.5}, max_in_flight: 4, requests_per_minute: 60, tokens_per_minute: 1000, headers: {X-Team: a},"
    " tls_ca_file: /ca.pem, data_classes: [public, internal]"
)


def test_a_model_is_the_same_by_message_and_by_file() -> None:
    from_file = load(model_text(WHOLE_MODEL)).configuration.catalog.models["other"]
    by_api = ApiEntries(models={"other": model_entry(model_message(from_file))})
    assert load(HEAD, api=by_api).configuration.catalog.models["other"] == from_file


def test_a_provider_is_the_same_by_message_and_by_file() -> None:
    from_file = load(provider_text(WHOLE_PROVIDER)).configuration.catalog.providers["p"]
    by_api = ApiEntries(providers={"p": provider_entry(provider_message(from_file))})
    assert load(HEAD, api=by_api).configuration.catalog.providers["p"] == from_file


def test_a_message_says_what_to_put_and_what_to_delete() -> None:
    put = registry_pb2.CatalogChange(put_model=pb.Model(id="m", provider_id="p"))
    assert change_of(put, 0) == PutEntry(EntryKind.MODEL, "m", {"id": "m", "provider": "p"})
    put = registry_pb2.CatalogChange(put_provider=pb.Provider(id="p", kind=pb.PROVIDER_KIND_SCRIPTED))
    assert change_of(put, 0) == PutEntry(EntryKind.PROVIDER, "p", {"kind": "scripted", "allow_private_address": False})
    assert change_of(registry_pb2.CatalogChange(delete_model_id="m"), 0) == DeleteEntry(EntryKind.MODEL, "m")
    assert change_of(registry_pb2.CatalogChange(delete_provider_id="p"), 0) == DeleteEntry(EntryKind.PROVIDER, "p")


@pytest.mark.parametrize("count", [0, 1_001])
def test_no_change_and_too_many_are_refused(count: int) -> None:
    change = registry_pb2.CatalogChange(delete_model_id="m")
    with pytest.raises(InvalidArgument):
        changes_of(registry_pb2.ApplyChangesRequest(changes=[change] * count))


def test_a_change_that_says_nothing_is_refused_by_its_place() -> None:
    change = registry_pb2.CatalogChange(delete_model_id="m")
    with pytest.raises(InvalidArgument) as refusal:
        changes_of(registry_pb2.ApplyChangesRequest(changes=[change, registry_pb2.CatalogChange()]))
    assert refusal.value.param == "changes[1]"


@pytest.mark.parametrize(
    ("message", "path"),
    [
        pytest.param(pb.Model(id="m", provider_id="p", capabilities=[99]), "capabilities[0]", id="unknown-enum"),  # type: ignore[list-item]  # a newer client's
        pytest.param(pb.Model(id="m", provider_id="p", context_window_token_count=-1), "context_window_tokens", id="negative-count"),
        pytest.param(pb.Model(id="m", provider_id="p", quality_score=float("nan")), "quality_score", id="nan"),
        pytest.param(pb.Model(id="m", provider_id="p", quality_score=float("inf")), "quality_score", id="infinite"),
        pytest.param(
            pb.Model(id="m", provider_id="p", price=pb.Price(input_microusd_per_mtok=-1)), "price_usd_per_mtok.input", id="negative-price"
        ),
        pytest.param(
            pb.Model(id="m", provider_id="p", price=pb.Price(output_microusd_per_mtok=2**62)), "price_usd_per_mtok.output", id="huge-price"
        ),
        pytest.param(pb.Model(provider_id="p"), "id", id="no-id"),
        pytest.param(pb.Model(id="m"), "provider", id="no-provider"),
        pytest.param(pb.Model(id="m\n", provider_id="p"), "id", id="control-character"),
    ],
)
def test_a_message_is_judged_as_a_file_is(message: pb.Model, path: str) -> None:
    with pytest.raises(CatalogInvalid) as refusal:
        check_entries([PutEntry(EntryKind.MODEL, message.id, model_entry(message))])
    assert [problem.path for problem in refusal.value.problems] == [f"changes[0].put_model.{path}"]
