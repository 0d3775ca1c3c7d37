"""WatchConfig, ReportApplied and GetStatus over real gRPC, with a real file behind."""

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest

from pointsman.api.config.v1 import config_pb2
from pointsman.api.registry.v1 import registry_pb2 as pb
from pointsman.kit.errors import InvalidArgument
from pointsman.registry.core.snapshot import ConfigKind
from tests.integration.registry.conftest import Served
from tests.integration.registry.registry_process import BOTH_KINDS, CATALOG_TEXT, SUBSCRIBER, put_model

SECOND = "  - {id: second, provider: demo}\n"
TRIES = 100
PAUSE_S = 0.1


def model_ids(snapshot: config_pb2.ConfigSnapshot) -> list[str]:
    return [model.id for model in snapshot.catalog.models]


async def status_when(served: Served, is_so: Callable[[pb.GetStatusResponse], bool]) -> pb.GetStatusResponse:
    """The status once it is so. Asked again and again: nothing tells a client of a refused file."""
    for _ in range(TRIES):
        if is_so(status := await served.calls.status()):
            return status
        await asyncio.sleep(PAUSE_S)
    raise AssertionError(f"not within {TRIES * PAUSE_S:g} s; the error is {status.catalog_error!r}")


async def status_with_error(served: Served, expected: str) -> pb.GetStatusResponse:
    """The status once the catalogue's error is as expected."""
    return await status_when(served, lambda status: status.catalog_error == expected)


async def test_a_watch_begins_with_the_newest_snapshots_and_then_beats_each_second(served: Served) -> None:
    async with served.calls.watch() as watch:
        snapshots = [await watch.next_snapshot() for _ in BOTH_KINDS]
        assert {snapshot.kind for snapshot in snapshots} == set(BOTH_KINDS)
        assert all(snapshot.version.number == 1 and snapshot.version.epoch for snapshot in snapshots)
        start_s = time.monotonic()
        beats = [await watch.next_message() for _ in range(2)]
        assert all(beat.HasField("heartbeat") for beat in beats)
        assert 1.5 < time.monotonic() - start_s < 3.0
        assert abs(beats[0].heartbeat.send_time.ToSeconds() - time.time()) < 5


async def test_a_changed_file_reaches_the_watchers_of_its_kind(served: Served) -> None:
    async with served.calls.watch([config_pb2.CONFIG_KIND_CATALOG]) as watch:
        first = await watch.next_snapshot()
        served.write(CATALOG_TEXT + SECOND)
        second = await watch.next_snapshot()
    assert (model_ids(first), model_ids(second)) == (["first"], ["first", "second"])
    assert (second.version.epoch, second.version.number) == (first.version.epoch, 2)


async def test_a_file_that_is_written_in_place_reaches_the_watchers(served: Served) -> None:
    async with served.calls.watch([config_pb2.CONFIG_KIND_CATALOG]) as watch:
        await watch.next_snapshot()
        with served.catalog_path.open("a") as file:
            file.write("  - {id: sec")
            file.flush()
            await asyncio.sleep(0.3)  # a slow writer
            file.write("ond, provider: demo}\n")
        assert model_ids(await watch.next_snapshot()) == ["first", "second"]
    assert (await served.calls.status()).catalog_error == ""


async def test_a_changed_rules_file_reaches_the_watchers_of_the_classification(served: Served) -> None:
    rules = served.catalog_path.with_name("rules.yaml")
    rules.write_text("rules: {coding: {a: {pattern: a, weight: 1}}}\n")
    async with served.calls.watch([config_pb2.CONFIG_KIND_CLASSIFICATION]) as watch:
        assert len((await watch.next_snapshot()).classification.keyword_rules) > 1
        served.write(CATALOG_TEXT + "classification: {rules: rules.yaml}\n")
        assert [rule.name for rule in (await watch.next_snapshot()).classification.keyword_rules] == ["a"]
        rules.write_text("rules: {coding: {b: {pattern: b, weight: 1}}}\n")
        assert [rule.name for rule in (await watch.next_snapshot()).classification.keyword_rules] == ["b"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("", "catalog.yaml:1: is empty", id="empty"),
        pytest.param(
            CATALOG_TEXT[:45], "catalog.yaml:4: is no YAML: while parsing a flow mapping, did not find expected ',' or '}'", id="half"
        ),
        pytest.param(CATALOG_TEXT + "  - {id: auto}\n", "", id="faults"),
        pytest.param("schema_version: 1\nmodels: []\n", "models: 1 of 1 would go, which only force allows", id="shrunk"),
    ],
)
async def test_a_refused_file_leaves_the_old_snapshot_and_says_why(served: Served, text: str, error: str) -> None:
    faults = (
        "catalog.yaml:6: models[1].id: is a reserved name: auto, auto:…, pointsman/…, agent:…, models\n"
        "catalog.yaml:6: models[1].provider: is missing"
    )
    served.write(text)
    status = await status_with_error(served, error or faults)
    assert status.status.degraded == ["catalog_refused"]
    snapshot = await served.calls.catalog()
    assert (snapshot.version.number, model_ids(snapshot)) == (1, ["first"])
    served.write(CATALOG_TEXT)
    assert (await status_with_error(served, "")).status.degraded == []


async def test_all_watchers_hear_of_a_change_through_the_api(served: Served) -> None:
    base = (await served.calls.catalog()).version
    names = [pb.Subscriber(service="executor", instance_id=f"ex-{number}") for number in range(5)]

    async def watched(subscriber: pb.Subscriber) -> Sequence[str]:
        async with served.calls.watch([config_pb2.CONFIG_KIND_CATALOG], subscriber) as watch:
            while (snapshot := await watch.next_snapshot()).version.number < 2:
                pass
            return model_ids(snapshot)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(watched(name)) for name in names]
        await served.calls.apply(base, put_model("second"))
    assert [task.result() for task in tasks] == [["first", "second"]] * 5


async def test_the_status_knows_what_live_subscribers_use(served: Served) -> None:
    async with served.calls.watch([config_pb2.CONFIG_KIND_CATALOG]) as watch:
        snapshot = await watch.next_snapshot()
        await served.calls.report_applied(snapshot, rejection="no such kind of provider")
        status = await served.calls.status()
        assert [(one.subscriber, one.version.number, one.rejection) for one in status.subscribers] == [
            (SUBSCRIBER, 1, "no such kind of provider")
        ]
    await status_when(served, lambda status: not status.subscribers)


async def test_the_status_tells_of_the_catalogue(served: Served) -> None:
    served.write(CATALOG_TEXT + "  - {id: off, provider: demo, status: disabled}\nprojects: [{id: p}]\n")
    status = await status_when(served, lambda status: status.model_count == 2)
    assert (status.active_model_count, list(status.inactive_sections)) == (1, ["projects"])
    assert status.data_sources == [str(served.catalog_path)]
    assert (status.status.service, status.status.in_flight_count) == ("registry", 1)
    assert abs(status.last_sync_time.ToSeconds() - time.time()) < 60


@pytest.mark.parametrize(
    ("kinds", "subscriber"),
    [
        pytest.param([], SUBSCRIBER, id="no-kind"),
        pytest.param([config_pb2.CONFIG_KIND_UNSPECIFIED], SUBSCRIBER, id="unspecified-kind"),
        pytest.param([99], SUBSCRIBER, id="unknown-kind"),
        pytest.param(BOTH_KINDS, pb.Subscriber(service="gateway"), id="no-instance"),
        pytest.param(BOTH_KINDS, pb.Subscriber(service="x" * 200, instance_id="1"), id="long-service"),
        pytest.param(BOTH_KINDS, pb.Subscriber(service="a\nb", instance_id="1"), id="line-break"),
    ],
)
async def test_a_watch_that_asks_for_nonsense_is_refused(
    served: Served, kinds: list[config_pb2.ConfigKind.ValueType], subscriber: pb.Subscriber
) -> None:
    with pytest.raises(InvalidArgument):
        async with served.calls.watch(kinds, subscriber) as watch:
            await watch.next_message()


def test_every_kind_can_be_watched() -> None:
    assert len(BOTH_KINDS) == len(ConfigKind)
