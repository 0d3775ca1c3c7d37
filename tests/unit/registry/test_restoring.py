"""Going back to an earlier version, over files and a store in memory."""

from dataclasses import replace

import pytest

from pointsman.registry.core.problems import CatalogInvalid, EntryInUse, EntryUnknown, VersionConflict, VersionMissing
from pointsman.registry.core.snapshot import ConfigKind, Origin, Version
from pointsman.registry.engine.preparation import MAX_DIFF_LINES
from tests.unit.registry.catalog_texts import HEAD, source_of
from tests.unit.registry.test_configuration_keeper import PUT_NEW, WITH_OTHER, Fixture, started

THIRD = HEAD + "  - {id: third, provider: demo}\n"


async def changed_file() -> Fixture:
    """Version 1 with the file's first text, version 2 with its second."""
    fixture = await started()
    fixture.source.text = WITH_OTHER
    await fixture.keeper.reload()
    return fixture


async def test_restoring_makes_a_new_version_with_the_earlier_content() -> None:
    fixture = await started()
    await fixture.apply(PUT_NEW)
    restored = await fixture.restore(1)
    assert (restored.version, restored.diff_lines) == (Version("epoch-1", 3), ("models.new: removed",))
    assert fixture.model_ids == ["small"]
    acceptance = fixture.store.acceptances[-1]
    assert (acceptance.origin, acceptance.author, acceptance.makes_version) == (Origin.RESTORE, "restorer", True)


async def test_restoring_keeps_whose_each_entry_was() -> None:
    fixture = await started()
    await fixture.apply(PUT_NEW)
    await fixture.restore(1)
    await fixture.restore(2)
    assert fixture.store.state is not None
    assert (list(fixture.store.state.api.models), fixture.model_ids) == (["new"], ["small", "new"])


async def test_restored_content_holds_until_the_file_changes_again() -> None:
    fixture = await changed_file()
    await fixture.restore(1)
    await fixture.keeper.reload()
    assert (fixture.version.number, fixture.model_ids) == (3, ["small"])
    assert len(fixture.events("catalog_files_passed_over")) == 1
    fixture.source.text = THIRD
    await fixture.keeper.reload()
    assert (fixture.version.number, fixture.model_ids) == (4, ["small", "third"])


async def test_restored_content_holds_over_a_restart() -> None:
    before = await changed_file()
    await before.restore(1)
    after = await started(WITH_OTHER, before.store)
    assert (after.version.number, after.model_ids) == (3, ["small"])
    assert (await started(THIRD, after.store)).model_ids == ["small", "third"]


async def test_restored_content_takes_changes_through_the_api_and_holds() -> None:
    fixture = await changed_file()
    await fixture.restore(1)
    await fixture.apply(PUT_NEW)
    await fixture.keeper.reload()
    assert fixture.model_ids == ["small", "new"]


async def test_a_file_that_was_passed_over_is_taken_where_it_comes_back_later() -> None:
    fixture = await changed_file()
    await fixture.restore(1)
    for text in (HEAD, WITH_OTHER):  # to the restored text, and back
        fixture.source.text = text
        await fixture.keeper.reload()
    assert fixture.model_ids == ["small", "other"]


async def test_a_faulty_file_after_a_restore_is_told_and_nothing_is_taken() -> None:
    fixture = await changed_file()
    await fixture.restore(1)
    fixture.source.text = "models: ["
    await fixture.keeper.reload()
    assert (fixture.model_ids, fixture.keeper.catalog_error != "") == (["small"], True)
    fixture.source.text = WITH_OTHER
    await fixture.keeper.reload()
    assert (fixture.model_ids, fixture.keeper.catalog_error) == (["small"], "")


async def test_restoring_what_the_file_holds_anyway_passes_nothing_over() -> None:
    fixture = await started()
    await fixture.apply(PUT_NEW)
    await fixture.restore(1)
    assert fixture.events("catalog_files_passed_over") == []
    assert fixture.store.state is not None
    assert fixture.store.state.passed_over == ""


async def test_restoring_the_newest_version_changes_nothing() -> None:
    fixture = await started()
    assert (await fixture.restore(1)).version.number == 1
    assert len(fixture.store.saved) == 1


async def test_restoring_needs_the_newest_version() -> None:
    fixture = await started()
    await fixture.apply(PUT_NEW)
    with pytest.raises(VersionConflict):
        await fixture.restore(1, base=Version("epoch-1", 1))
    with pytest.raises(VersionMissing):
        await fixture.restore(1, base=Version("", 0))


async def test_a_version_that_never_was_cannot_be_restored() -> None:
    fixture = await started()
    with pytest.raises(EntryUnknown, match="version 7 does not exist"):
        await fixture.restore(7)


async def test_restoring_what_would_drop_most_models_needs_force() -> None:
    fixture = await started()
    fixture.source.text = HEAD + "".join(f"  - {{id: m{number}, provider: demo}}\n" for number in range(3))
    await fixture.keeper.reload()
    with pytest.raises(EntryInUse):
        await fixture.restore(1)
    await fixture.restore(1, force=True)
    assert fixture.model_ids == ["small"]


async def test_content_that_no_longer_validates_is_refused() -> None:
    fixture = await changed_file()
    fixture.store.saved[0] = replace(fixture.store.saved[0], source=source_of("models: ["))
    with pytest.raises(CatalogInvalid):
        await fixture.restore(1)
    assert fixture.model_ids == ["small", "other"]


async def test_a_version_brings_its_rules_back() -> None:
    fixture = await started()
    fixture.source.text = WITH_OTHER + "classification: {categories: [{name: law, description: d, examples: [sue]}]}\n"
    await fixture.keeper.reload()
    restored = await fixture.restore(1)
    assert restored.diff_lines == ("models.other: removed", "categories.law: removed")
    assert fixture.keeper.running.snapshots[ConfigKind.CLASSIFICATION].version.number == 3


async def test_every_acceptance_tells_where_it_came_from_and_what_it_changed() -> None:
    fixture = await changed_file()
    await fixture.apply(PUT_NEW)
    told = [(one.origin, one.author, one.diff_lines) for one in fixture.store.acceptances]
    assert told[0][0] is Origin.START
    assert "models.small: added" in told[0][2]
    assert told[1:] == [
        (Origin.FILE, "", ("models.other: added",)),
        (Origin.API, "someone", ("models.new: added",)),
    ]


async def test_a_start_on_a_changed_file_tells_what_changed() -> None:
    before = await started()
    after = await started(WITH_OTHER, before.store)
    assert (after.store.acceptances[-1].origin, after.store.acceptances[-1].diff_lines) == (Origin.START, ("models.other: added",))


async def test_what_is_kept_of_a_great_change_is_bounded() -> None:
    fixture = await started()
    fixture.source.text = HEAD + "".join(f"  - {{id: m{number}, provider: demo}}\n" for number in range(300))
    await fixture.keeper.reload()
    lines = fixture.store.acceptances[-1].diff_lines
    assert (len(lines), lines[-1]) == (MAX_DIFF_LINES, "and 101 more")


async def test_a_change_of_comments_alone_is_kept_and_is_no_version() -> None:
    fixture = await started()
    fixture.source.text = "# a comment\n" + HEAD
    await fixture.keeper.reload()
    acceptance = fixture.store.acceptances[-1]
    assert (acceptance.makes_version, acceptance.diff_lines, fixture.version.number) == (False, (), 1)
