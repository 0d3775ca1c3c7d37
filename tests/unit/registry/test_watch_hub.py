import pytest

from pointsman.kit.errors import Overloaded
from pointsman.registry.core.snapshot import ConfigKind, Snapshot, Version
from pointsman.registry.engine.watch_hub import AppliedVersion, SubscriberName, SubscriberState, WatchHub
from tests.unit.registry.catalog_texts import HEAD, load

CATALOG = load(HEAD).configuration.catalog
CLASSIFICATION = load(HEAD).configuration.classification
GATEWAY = SubscriberName("gateway", "gw-1")


def catalog(number: int) -> Snapshot:
    return Snapshot(ConfigKind.CATALOG, Version("e", number), 0.0, CATALOG)


def classification(number: int) -> Snapshot:
    return Snapshot(ConfigKind.CLASSIFICATION, Version("e", number), 0.0, CLASSIFICATION)


async def test_a_subscriber_gets_the_newest_of_its_kinds_at_once() -> None:
    hub = WatchHub()
    for snapshot in (catalog(1), classification(1), catalog(2)):
        hub.publish(snapshot)
    with hub.subscribe(GATEWAY, [ConfigKind.CATALOG]) as subscription:
        assert await subscription.take(timeout_s=1) == [catalog(2)]
        assert await subscription.take(timeout_s=0) == []


async def test_a_slow_subscriber_gets_only_the_newest() -> None:
    hub = WatchHub()
    with hub.subscribe(GATEWAY, list(ConfigKind)) as subscription:
        for number in range(1, 100):
            hub.publish(catalog(number))
        hub.publish(classification(1))
        assert await subscription.take(timeout_s=1) == [catalog(99), classification(1)]


async def test_kinds_that_were_not_asked_for_are_not_sent() -> None:
    hub = WatchHub()
    with hub.subscribe(GATEWAY, [ConfigKind.CLASSIFICATION]) as subscription:
        hub.publish(catalog(1))
        assert await subscription.take(timeout_s=0) == []


async def test_what_a_live_subscriber_uses_is_remembered_until_it_leaves() -> None:
    hub = WatchHub()
    applied = AppliedVersion(Version("e", 1), "no such provider")
    hub.report_applied(GATEWAY, ConfigKind.CATALOG, applied)
    assert hub.subscribers() == []
    with hub.subscribe(GATEWAY, [ConfigKind.CATALOG]):
        assert hub.subscribers() == [SubscriberState(GATEWAY, ConfigKind.CATALOG, AppliedVersion(Version("", 0)))]
        hub.report_applied(GATEWAY, ConfigKind.CATALOG, applied)
        hub.report_applied(GATEWAY, ConfigKind.CLASSIFICATION, applied)
        assert hub.subscribers() == [SubscriberState(GATEWAY, ConfigKind.CATALOG, applied)]
        with hub.subscribe(GATEWAY, [ConfigKind.CATALOG]):  # a reconnect overlaps
            pass
        assert hub.subscribers() == [SubscriberState(GATEWAY, ConfigKind.CATALOG, applied)]
    assert hub.subscribers() == []
    with hub.subscribe(GATEWAY, [ConfigKind.CATALOG]):
        assert hub.subscribers() == [SubscriberState(GATEWAY, ConfigKind.CATALOG, AppliedVersion(Version("", 0)))]


async def test_watches_are_bounded() -> None:
    hub = WatchHub(max_subscriptions=1)
    with hub.subscribe(GATEWAY, [ConfigKind.CATALOG]), pytest.raises(Overloaded), hub.subscribe(GATEWAY, [ConfigKind.CATALOG]):
        pass
    with hub.subscribe(GATEWAY, [ConfigKind.CATALOG]):
        pass
