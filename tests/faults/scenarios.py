"""What happens to classifiers, and what callers of the gateway see of it."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from loadtest.calls import CLASSIFIER_SERVICE, classifying, fresh_prompts
from loadtest.measuring import Sample, closed_loop
from tests.e2e.stack import START_TIMEOUT_S
from tests.faults.fleet import TOLD_TIMEOUT_S, Fleet, Replica, free_port, list_target, running_fleet
from tests.faults.name_server import NameServer
from tests.faults.steady_load import OK, Asked, SteadyLoad

RATE = 50.0
FIRST_S = 1.0  # in which connections are made; not counted
LEAD_S = 2.0  # before anything happens
SAMPLE_S = 0.05
QUIET_S = 1.0  # a replica that is sent nothing for so long is out of rotation
HEALTH_SAMPLE_S = 0.05
FEW_CALLS = 40
HEALTH_CHECK = "/grpc.health.v1.Health/Check"
SERVING = "SERVING"
FAIR_SHARE = 0.8
SHARE_WINDOW_S = 2.0
JOIN_TIMEOUT_S = 120.0
CONNECTION_AGE_S = 5  # of the classifiers that are joined by one; a minute else


@dataclass(frozen=True, slots=True)
class Outcome:
    """What callers saw before, during and after, and how long it took to leave a replica out, and to take it back."""

    before: Sequence[Asked]
    during: Sequence[Asked]
    afterwards: Sequence[Asked] = ()
    out_after_s: float | None = None
    back_after_s: float | None = None

    @property
    def all_count(self) -> int:
        """Requests in all."""
        return len(self.before) + len(self.during) + len(self.afterwards)

    @property
    def failed_count(self) -> int:
        """Requests without a proper answer, at any time."""
        return sum(one.status != OK for one in (*self.before, *self.during, *self.afterwards))

    @property
    def degraded_count(self) -> int:
        """Requests that were judged by rules alone while it lasted."""
        return sum(one.is_degraded for one in self.during)

    @property
    def degraded_share(self) -> float:
        """Their share of those asked while it lasted."""
        return self.degraded_count / len(self.during)

    def __str__(self) -> str:
        """One line for people."""
        out = "" if self.out_after_s is None else f", out after {self.out_after_s:.2f} s"
        back = "" if self.back_after_s is None else f", back after {self.back_after_s:.2f} s"
        return (
            f"{self.all_count} requests, {self.failed_count} failed, {self.degraded_count} of {len(self.during)} degraded, p50 / p99 "
            f"{quantile_ms(self.before, 0.5):.0f} / {quantile_ms(self.before, 0.99):.0f} ms before, "
            f"{quantile_ms(self.during, 0.5):.0f} / {quantile_ms(self.during, 0.99):.0f} ms while it lasted{out}{back}"
        )


def quantile_ms(asked: Sequence[Asked], q: float) -> float:
    """The latency below which a share q of them lies, milliseconds."""
    latencies_s = sorted(one.latency_s for one in asked)
    return latencies_s[min(len(latencies_s) - 1, int(q * len(latencies_s)))] * 1e3 if latencies_s else float("nan")


def kill_one(fleet: Fleet, *, watch_s: float = 6.0) -> Outcome:
    """Kill the last classifier under load."""
    with SteadyLoad(fleet.url, RATE) as load:
        begin_s = pause(FIRST_S)
        pause(LEAD_S)
        killed_s = time.monotonic()
        fleet.replicas[-1].kill()
        end_s = pause(watch_s)
    during = load.between(killed_s, end_s)
    touched = [one.due_s - killed_s for one in during if one.is_degraded or one.status != OK]
    return Outcome(load.between(begin_s, killed_s), during, out_after_s=max(touched, default=0.0))


def freeze_one(fleet: Fleet, *, freeze_s: float = 20.0, watch_s: float = 8.0) -> Outcome:
    """Freeze the last classifier under load, then let it go on."""
    replica = fleet.replicas[-1]
    with SteadyLoad(fleet.url, RATE) as load:
        begin_s = pause(FIRST_S)
        pause(LEAD_S)
        frozen_s = time.monotonic()
        replica.freeze()
        sent = sample(replica.unread_byte_count, freeze_s)
        thawed_s = time.monotonic()
        replica.thaw()
        told = sample(lambda: told_count(replica), watch_s)
        end_s = time.monotonic()
    return Outcome(
        load.between(begin_s, frozen_s),
        load.between(frozen_s, thawed_s),
        load.between(thawed_s, end_s),
        out_after_s=quiet_since(sent) - frozen_s,
        back_after_s=busy_since(told) - thawed_s,
    )


@contextmanager
def fleet_of(count: int, folder: Path) -> Iterator[Fleet]:
    """So many classifiers, and a gateway that knows all their addresses."""
    with running_fleet(folder) as fleet:
        for _ in range(count):
            fleet.add_replica()
        fleet.start_gateway_of_all()
        yield fleet


def join_one(folder: Path, *, count: int = 3) -> Outcome:
    """Start a classifier more, under load of a gateway that knows a name; back: when the new one has four fifths of its share."""
    hosts = [f"127.0.0.{number}" for number in range(2, 3 + count)]
    port = free_port(hosts)
    extra = {"POINTSMAN_CLASSIFIER_CONNECTION_AGE_S": str(CONNECTION_AGE_S), "GRPC_DNS_RESOLVER": "ares"}
    settings = [{"POINTSMAN_HOST": host, "POINTSMAN_CLASSIFIER_PORT": str(port)} for host in hosts]
    with NameServer(hosts[:count]) as names, running_fleet(folder, extra) as fleet:
        for own in settings[:count]:
            fleet.add_replica(own)
        fleet.start_gateway(names.target(port))
        with SteadyLoad(fleet.url, RATE) as load:
            begin_s = pause(FIRST_S)
            fleet.add_replica(settings[-1])
            joined_s = time.monotonic()
            names.addresses.append(hosts[-1])
            end_s = await_share(fleet, joined_s + JOIN_TIMEOUT_S)
    return Outcome(load.between(begin_s, joined_s), load.between(joined_s, end_s), back_after_s=end_s - joined_s)


def await_share(fleet: Fleet, give_up_s: float) -> float:
    """When the last classifier had four fifths of its share for a while."""
    counts = [classified_counts(fleet)]
    while True:
        now_s = pause(SHARE_WINDOW_S)
        counts.append(classified_counts(fleet))
        grown = [after - before for before, after in zip(*counts[-2:], strict=True)]
        if grown[-1] >= FAIR_SHARE * sum(grown) / len(grown) or now_s > give_up_s:
            return now_s


@dataclass(frozen=True, slots=True)
class ColdStart:
    """A classifier's start under load. healths: what its health service said, in order, each once; None: nobody answered."""

    outcome: Outcome
    healths: Sequence[str | None]
    ready_s: float
    first_calls: Sample
    warm_calls: Sample

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"{self.outcome}; serving after {self.ready_s:.1f} s; its first {len(self.first_calls.latencies_s)} calls p95 "
            f"{self.first_calls.quantile_ms(0.95):.0f} ms, those of a warm one {self.warm_calls.quantile_ms(0.95):.0f} ms"
        )


def start_cold(fleet: Fleet, *, watch_s: float = 5.0) -> ColdStart:
    """Start the last classifier, which is not running, under load; call it alone as soon as it says that it serves, and then a warm one."""
    replica, warm = fleet.replicas[-1], fleet.replicas[0]
    with SteadyLoad(fleet.url, RATE) as load, ThreadPoolExecutor(1) as executor:
        begin_s = pause(FIRST_S)
        start_s = pause(LEAD_S)
        watching = executor.submit(watch_health, replica.address, START_TIMEOUT_S)
        replica.restart()
        healths, serving_s = watching.result()
        first, then = (asyncio.run(few_calls(one.address)) for one in (replica, warm))
        end_s = pause(watch_s)
    outcome = Outcome(load.between(begin_s, start_s), load.between(start_s, end_s))
    return ColdStart(outcome, healths, serving_s - start_s, first, then)


def watch_health(address: str, timeout_s: float) -> tuple[list[str | None], float]:
    """What a classifier's health service says until it says SERVING, each answer once, and when it did."""
    said: list[str | None] = [None]
    end_s = time.monotonic() + timeout_s
    while time.monotonic() < end_s:
        # Anew each time: a channel would wait before it tries again.
        with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            try:
                check = channel.unary_unary(HEALTH_CHECK, HealthCheckRequest.SerializeToString, HealthCheckResponse.FromString)
                answer = check(HealthCheckRequest(service=CLASSIFIER_SERVICE), timeout=TOLD_TIMEOUT_S)
                status: str | None = HealthCheckResponse.ServingStatus.Name(answer.status)
            except grpc.RpcError:
                status = None
        if status != said[-1]:
            said.append(status)
        if status == SERVING:
            return said, time.monotonic()
        time.sleep(HEALTH_SAMPLE_S)
    raise TimeoutError(f"{address} did not serve within {timeout_s:g} s: {said}")


async def few_calls(target: str) -> Sample:
    """Calls one after the other."""
    async with classifying(target, fresh_prompts()) as call:
        return await closed_loop(call, count=FEW_CALLS, in_flight=1)


@dataclass(frozen=True, slots=True)
class Throughput:
    """As many calls as classifiers take. cpu_s: processor time that they took; shares: the calls of each."""

    calls: Sample
    cpu_s: float
    shares: Sequence[int]

    def __str__(self) -> str:
        """One line for people."""
        calls = self.calls
        return (
            f"{len(self.shares)} classifiers: {calls.rate:.0f} a second, p50 / p99 {calls.quantile_ms(0.5):.0f} / "
            f"{calls.quantile_ms(0.99):.0f} ms, {self.cpu_ms_per_call:.1f} ms of processor a call, shares {list(self.shares)}"
        )

    @property
    def cpu_ms_per_call(self) -> float:
        """Processor time of a call, milliseconds."""
        return self.cpu_s / sum(self.shares) * 1e3


def throughput(replicas: Sequence[Replica], *, count: int = 1_500, in_flight: int = 32) -> Throughput:
    """Classifications, as many as these replicas do, without a gateway."""

    async def measure() -> Sample:
        async with classifying(list_target(replicas), fresh_prompts()) as call:
            return await closed_loop(call, count=count, in_flight=in_flight)

    before = [(told_count(replica), cpu_s(replica)) for replica in replicas]
    calls = asyncio.run(measure())
    after = [(told_count(replica), cpu_s(replica)) for replica in replicas]
    grown = [(now[0] - then[0], now[1] - then[1]) for then, now in zip(before, after, strict=True)]
    return Throughput(calls, sum(seconds for _, seconds in grown), [count for count, _ in grown])


def cpu_s(replica: Replica) -> float:
    """Processor time that it took until now."""
    times = psutil.Process(replica.process.popen.pid).cpu_times()
    return times.user + times.system


def pause(seconds: float) -> float:
    """Wait; the time after it."""
    time.sleep(seconds)
    return time.monotonic()


def sample(count: Callable[[], int], seconds: float) -> list[tuple[float, int]]:
    """Time and count, over and over."""
    end_s = time.monotonic() + seconds
    samples = []
    while time.monotonic() < end_s:
        samples.append((time.monotonic(), count()))
        time.sleep(SAMPLE_S)
    return samples


def classified_counts(fleet: Fleet) -> list[int]:
    """What each of them has classified."""
    return [told_count(replica) for replica in fleet.replicas]


def told_count(replica: Replica) -> int:
    """What it has classified; nothing where it does not say."""
    with suppress(OSError):
        return replica.classified_count()
    return 0


def growth(samples: Sequence[tuple[float, int]]) -> list[float]:
    """The times at which the count had grown."""
    return [now_s for (_, before), (now_s, after) in itertools.pairwise(samples) if after > before]


def quiet_since(samples: Sequence[tuple[float, int]]) -> float:
    """When the count first grew for the last time before it did not for a while; its end where it always grew."""
    times = [samples[0][0], *growth(samples), samples[-1][0] + QUIET_S]
    return next((earlier for earlier, later in itertools.pairwise(times) if later - earlier >= QUIET_S), samples[-1][0])


def busy_since(samples: Sequence[tuple[float, int]]) -> float:
    """When the count began to grow for good, never to rest for a while again; its end where it did not."""
    times = [*growth(samples), samples[-1][0]]
    since_s = times[-1]
    for earlier, later in zip(reversed(times[:-1]), reversed(times), strict=False):
        if later - earlier >= QUIET_S:
            break
        since_s = earlier
    return since_s
