from prometheus_client.exposition import generate_latest

from pointsman.kit.telemetry import Telemetry, degraded_gauge, silent_telemetry, watch_config_metrics
from pointsman.registry.core.snapshot import ConfigKind, Version
from pointsman.registry.engine.condition import degraded_words
from pointsman.registry.engine.watch_hub import AppliedVersion, SubscriberName
from pointsman.registry.servicer.registry_metrics import KeptConfigs, RegistryMetrics
from tests.unit.registry.test_configuration_keeper import PUT_NEW, Fixture, started


def measured(fixture: Fixture) -> Telemetry:
    telemetry = silent_telemetry("registry")
    watch_config_metrics(telemetry, KeptConfigs(fixture.keeper))
    degraded_gauge(telemetry, lambda: degraded_words(fixture.keeper, None))
    telemetry.registry.register(RegistryMetrics(fixture.keeper, fixture.hub))
    return telemetry


def lines_of(telemetry: Telemetry, family: str) -> set[str]:
    return {line for line in generate_latest(telemetry.registry).decode().splitlines() if line.startswith(family)}


async def test_each_kinds_version_is_told() -> None:
    fixture = await started()
    telemetry = measured(fixture)
    await fixture.apply(PUT_NEW)
    assert lines_of(telemetry, "pointsman_config_version{") == {
        'pointsman_config_version{kind="catalog"} 2.0',
        'pointsman_config_version{kind="classification"} 1.0',
    }
    assert len(lines_of(telemetry, "pointsman_config_age_seconds{")) == 2


async def test_a_refused_reload_is_counted_once_and_shown_while_it_lasts() -> None:
    fixture = await started()
    telemetry = measured(fixture)
    good, fixture.source.text = fixture.source.text, "models: ["
    for _ in range(3):
        await fixture.keeper.reload()
    assert lines_of(telemetry, "pointsman_config_reload_failures_total") == {"pointsman_config_reload_failures_total 1.0"}
    assert lines_of(telemetry, "pointsman_degraded{") == {'pointsman_degraded{reason="catalog_refused"} 1.0'}
    fixture.source.text = good
    await fixture.keeper.reload()
    assert lines_of(telemetry, "pointsman_degraded{") == set()


async def test_how_far_subscribers_are_behind() -> None:
    fixture = await started()
    telemetry = measured(fixture)
    fast, slow, stranger = SubscriberName("gateway", "1"), SubscriberName("gateway", "2"), SubscriberName("user's word", "3")
    kinds = [ConfigKind.CATALOG]
    with fixture.hub.subscribe(fast, kinds), fixture.hub.subscribe(slow, kinds), fixture.hub.subscribe(stranger, kinds):
        for name in (fast, slow):
            fixture.hub.report_applied(name, ConfigKind.CATALOG, AppliedVersion(fixture.version))
        fixture.hub.report_applied(stranger, ConfigKind.CATALOG, AppliedVersion(Version("another epoch", 9)))
        await fixture.apply(PUT_NEW)
        fixture.hub.report_applied(fast, ConfigKind.CATALOG, AppliedVersion(fixture.version))
        lag = "pointsman_config_subscriber_lag_versions{"
        assert lines_of(telemetry, lag) == {f'{lag}kind="catalog",service="gateway"}} 1.0', f'{lag}kind="catalog",service="other"}} 2.0'}
        assert 'pointsman_config_subscribers{kind="catalog",service="gateway"} 2.0' in lines_of(telemetry, "pointsman_config_subscribers{")
        fixture.hub.report_applied(slow, ConfigKind.CATALOG, AppliedVersion(fixture.version, "no such kind of provider"))
        assert f'{lag}kind="catalog",service="gateway"}} 1.0' in lines_of(telemetry, lag)
    assert lines_of(telemetry, lag) == set()
