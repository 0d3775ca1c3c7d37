import pytest

from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.changes import (
    Change,
    DeleteEntry,
    EntryKind,
    PutEntry,
    apply_to_entries,
    check_base_version,
    check_entries,
    check_removed_models,
    check_removed_providers,
    check_shrink,
)
from pointsman.registry.core.problems import (
    CatalogInvalid,
    EntryInUse,
    EntryUnknown,
    ManagedByFile,
    VersionConflict,
    VersionMissing,
)
from pointsman.registry.core.snapshot import Version
from tests.unit.registry.catalog_texts import HEAD, NO_ENTRIES, load, problems_of

NEW = {"id": "new", "provider": "openai"}
PUT_NEW = PutEntry(EntryKind.MODEL, "new", NEW)
PUT_SMALL = PutEntry(EntryKind.MODEL, "small", {"id": "small", "provider": "openai", "quality_score": 0.5})
DELETE_SMALL = DeleteEntry(EntryKind.MODEL, "small")
OWN_NEW = ApiEntries(models={"new": NEW})
FILE = load(HEAD).file


def apply(*changes: Change, api: ApiEntries = NO_ENTRIES, adopt: bool = False) -> ApiEntries:
    return apply_to_entries(changes, file=FILE, api=api, adopt=adopt)


@pytest.mark.parametrize(
    ("base", "refusal"),
    [
        pytest.param(Version("e", 3), None, id="newest"),
        pytest.param(Version("e", 2), VersionConflict, id="stale"),
        pytest.param(Version("e", 4), VersionConflict, id="future"),
        pytest.param(Version("old", 3), VersionConflict, id="of-another-epoch"),
        pytest.param(Version("", 0), VersionMissing, id="none"),
    ],
)
def test_changes_are_taken_against_the_newest_version_only(base: Version, refusal: type[Exception] | None) -> None:
    if refusal is None:
        check_base_version(base, Version("e", 3))
    else:
        with pytest.raises(refusal):
            check_base_version(base, Version("e", 3))


def test_a_version_of_a_rebuilt_registry_is_told_apart_from_a_stale_one() -> None:
    with pytest.raises(VersionConflict, match="another registry's history"):
        check_base_version(Version("old", 3), Version("e", 3))


def test_a_new_entry_belongs_to_the_api() -> None:
    assert apply(PUT_NEW) == OWN_NEW


def test_an_entry_of_the_file_is_not_touched_unless_adopted() -> None:
    with pytest.raises(ManagedByFile):
        apply(PUT_SMALL)
    with pytest.raises(ManagedByFile):
        apply(DELETE_SMALL)
    with pytest.raises(ManagedByFile):
        apply(PutEntry(EntryKind.PROVIDER, "openai", {"kind": "scripted"}))


def test_an_adopted_entry_is_the_apis_for_good() -> None:
    adopted = apply(PUT_SMALL, adopt=True)
    assert apply(PUT_SMALL, api=adopted) == adopted
    loaded = load(HEAD, api=adopted)
    assert loaded.configuration.catalog.models["small"].quality_score == 0.5
    assert loaded.warnings == ("models.small: belongs to the API; the file's entry is not used",)


def test_an_entry_of_the_file_that_the_api_removed_stays_away() -> None:
    removed = apply(DELETE_SMALL, adopt=True)
    assert removed == ApiEntries(models={"small": None})
    assert load(HEAD, api=removed).configuration.catalog.models == {}
    assert apply(PUT_SMALL, api=removed).models["small"] is not None


def test_an_entry_of_the_api_is_removed_without_trace() -> None:
    assert apply(DeleteEntry(EntryKind.MODEL, "new"), api=OWN_NEW) == NO_ENTRIES


def test_what_does_not_exist_is_not_removed() -> None:
    with pytest.raises(EntryUnknown):
        apply(DeleteEntry(EntryKind.MODEL, "none-such"))
    with pytest.raises(EntryUnknown):
        apply(DELETE_SMALL, api=ApiEntries(models={"small": None}))


def test_changes_apply_in_order() -> None:
    assert apply(PUT_NEW, DeleteEntry(EntryKind.MODEL, "new")) == NO_ENTRIES
    with pytest.raises(EntryUnknown):
        apply(DeleteEntry(EntryKind.MODEL, "new"), PUT_NEW)


def test_each_fault_of_an_entry_is_named_by_its_change() -> None:
    with pytest.raises(CatalogInvalid) as refusal:
        check_entries(
            [
                PUT_NEW,
                PutEntry(EntryKind.MODEL, "auto", {"id": "auto", "quality_score": 3}),
                PutEntry(EntryKind.PROVIDER, "", {"kind": "openai", "base_url": "https://127.0.0.1", "api_key": "sk-SECRET-1"}),
            ]
        )
    assert refusal.value.lines() == [
        "changes[1].put_model.id: is a reserved name: auto, auto:…, pointsman/…, agent:…, models",
        "changes[1].put_model.provider: is missing",
        "changes[1].put_model.quality_score: must be 1 or less",
        "changes[2].put_provider.id: must have 1 to 128 characters",
    ]


def test_a_faulty_provider_never_repeats_its_secret() -> None:
    entry = {"kind": "openai", "base_url": "https://127.0.0.1", "api_key": "sk-SECRET-1"}
    with pytest.raises(CatalogInvalid) as refusal:
        check_entries([PutEntry(EntryKind.PROVIDER, "p", entry)])
    assert len(refusal.value.problems) == 2
    assert "SECRET" not in str(refusal.value)


def test_an_api_entry_that_names_no_provider_is_told_with_its_origin_and_what_there_is() -> None:
    lost = ApiEntries(models={"new": {"id": "new", "provider": "gone"}})
    (problem,) = problems_of(HEAD, api=lost)
    assert problem.startswith("api: models.new.provider: there is no provider 'gone'; built in are ollama, openai, ")


def test_dropping_more_than_half_of_the_models_is_refused() -> None:
    four = HEAD + "".join(f"  - {{id: m{number}, provider: demo}}\n" for number in range(3))
    before = load(four).configuration.catalog
    check_shrink(before, load(HEAD + "  - {id: m0, provider: demo}\n").configuration.catalog)
    with pytest.raises(EntryInUse, match="3 of 4 would go"):
        check_shrink(before, load(HEAD).configuration.catalog)
    with pytest.raises(EntryInUse):
        check_shrink(before, load(HEAD.replace("small", "renamed") + "  - {id: m9, provider: demo}\n").configuration.catalog)


def test_a_model_that_a_rule_names_is_not_removed() -> None:
    rule = "routing_rules:\n  - {task: coding, preferred: [other], fallback: [small]}\n"
    before = load(HEAD + "  - {id: other, provider: demo}\n" + rule).configuration.catalog
    with pytest.raises(EntryInUse, match="'other'"):
        check_removed_models(before, load(HEAD + rule).configuration.catalog)
    check_removed_models(before, before)


def test_a_provider_in_use_is_not_removed() -> None:
    delete = DeleteEntry(EntryKind.PROVIDER, "openai")
    removed = apply(delete, adopt=True)
    with pytest.raises(EntryInUse, match="'openai' is used by model 'small'"):
        check_removed_providers([delete], file=FILE, api=removed)
    with pytest.raises(EntryInUse, match="'openai' is used by model 'new'"):
        check_removed_providers([delete], file=FILE, api=ApiEntries(models={"small": None, "new": NEW}))
    check_removed_providers([delete], file=FILE, api=ApiEntries(models={"small": None}))
