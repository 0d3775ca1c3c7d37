import pytest

from pointsman.kit.errors import DeadlineExceeded
from pointsman.registry.engine.configuration_keeper import ChangeRequest
from pointsman.registry.rest import app
from pointsman.registry.rest.app import apply_in_time, rfc_3339
from tests.unit.registry.test_configuration_keeper import PUT_NEW, started


async def test_an_update_that_the_disk_holds_up_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "UPDATE_TIMEOUT_S", 0.1)
    fixture = await started()
    fixture.store.may_finish.clear()
    fixture.store.has_begun.clear()
    with pytest.raises(DeadlineExceeded):
        await apply_in_time(fixture.keeper, ChangeRequest([PUT_NEW], base=None))
    assert fixture.store.has_begun.is_set()
    fixture.store.may_finish.set()
    await fixture.keeper.finish()
    assert fixture.model_ids == ["small", "new"]


def test_times_are_told_in_utc() -> None:
    assert rfc_3339(0.9) == "1970-01-01T00:00:00Z"
