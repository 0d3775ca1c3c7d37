"""What SIGHUP does."""

import os
import signal

from pointsman.registry.adapters.hangup_signal import on_hangup
from pointsman.registry.core.snapshot import ConfigKind
from pointsman.registry.engine.watch_hub import SubscriberName
from tests.unit.registry.test_configuration_keeper import WITH_OTHER, started


async def test_a_hangup_reloads_where_there_is_no_terminal() -> None:
    fixture = await started()
    with (
        fixture.hub.subscribe(SubscriberName("gateway", "1"), [ConfigKind.CATALOG]) as subscription,
        on_hangup(fixture.keeper.reload, has_terminal=False),
    ):
        await subscription.take(timeout_s=5)
        fixture.source.text = WITH_OTHER
        os.kill(os.getpid(), signal.SIGHUP)
        assert [snapshot.version.number for snapshot in await subscription.take(timeout_s=5)] == [2]
    assert fixture.model_ids == ["small", "other"]


async def test_a_hangup_keeps_its_meaning_where_there_is_a_terminal() -> None:
    fixture = await started()
    before = signal.getsignal(signal.SIGHUP)
    with on_hangup(fixture.keeper.reload, has_terminal=True):
        assert signal.getsignal(signal.SIGHUP) == before == signal.SIG_DFL
