"""What the registry's wiring does by itself."""

import os
import signal

from pointsman.registry.core.snapshot import ConfigKind
from pointsman.registry.engine.watch_hub import SubscriberName
from pointsman.registry.server import reload_on_signal
from tests.unit.registry.test_configuration_keeper import WITH_OTHER, started


async def test_a_signal_reloads() -> None:
    fixture = await started()
    with fixture.hub.subscribe(SubscriberName("gateway", "1"), [ConfigKind.CATALOG]) as subscription, reload_on_signal(fixture.keeper):
        await subscription.take(timeout_s=5)
        fixture.source.text = WITH_OTHER
        os.kill(os.getpid(), signal.SIGHUP)
        assert [snapshot.version.number for snapshot in await subscription.take(timeout_s=5)] == [2]
    assert fixture.model_ids == ["small", "other"]
