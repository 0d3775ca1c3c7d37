"""Wires the gateway: the only place that makes its parts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version

from pointsman.api.config.v1 import config_pb2
from pointsman.gateway import names
from pointsman.gateway.adapters import classifier_client, executor_client, ledger_client
from pointsman.gateway.adapters.catalog_snapshot import catalog_of
from pointsman.gateway.adapters.classification_snapshot import rules_of
from pointsman.gateway.adapters.classifier_client import ClassifierClient
from pointsman.gateway.adapters.executor_client import ExecutorClient
from pointsman.gateway.adapters.ledger_client import LedgerClient
from pointsman.gateway.adapters.outcome_client import LedgerOutcomes
from pointsman.gateway.adapters.prompt_hash import prompt_hasher
from pointsman.gateway.adapters.service_health import ServiceHealthClient, process_facts
from pointsman.gateway.adapters.spool_file import open_spool
from pointsman.gateway.adapters.usage_messages import unix_seconds_of
from pointsman.gateway.adapters.usage_reports import LedgerReports
from pointsman.gateway.core.circuit import Circuit
from pointsman.gateway.engine.backlog import Backlog
from pointsman.gateway.engine.completing import Completing
from pointsman.gateway.engine.decision_book import DecisionBook
from pointsman.gateway.engine.feedback_intake import FeedbackIntake
from pointsman.gateway.engine.judgement_cache import JudgementCache, KeyedHash, cache_scope
from pointsman.gateway.engine.judging import Judging
from pointsman.gateway.engine.llm_judging import LlmJudging
from pointsman.gateway.engine.measures import Measures
from pointsman.gateway.engine.outcome_watch import watch_outcomes
from pointsman.gateway.engine.provider_watch import watch_providers
from pointsman.gateway.engine.routing import Routing
from pointsman.gateway.engine.settling import Settling
from pointsman.gateway.engine.spending import Spending
from pointsman.gateway.engine.world import World
from pointsman.gateway.outcome_ports import OutcomeLedger
from pointsman.gateway.ports import Classifier, Executor, Ledger, Spool, SpoolEntry
from pointsman.gateway.report_ports import ProcessFacts, ServiceName
from pointsman.gateway.rest.app import build_app
from pointsman.gateway.rest.authentication import Access
from pointsman.gateway.rest.inference.kept_decisions import decision_record, recorded_plan
from pointsman.gateway.rest.inference.orders import PromptHash
from pointsman.gateway.rest.inference.running import Engine, InFlight, Limits
from pointsman.gateway.rest.reports.sources import Reports
from pointsman.gateway.settings import GatewaySettings
from pointsman.kit.background import in_background
from pointsman.kit.config_watch import REGISTRY_SERVICE, ConfigWatcher
from pointsman.kit.deadline import Deadline
from pointsman.kit.grpc_client import ServiceChannel
from pointsman.kit.http_hosts import TrustedHosts
from pointsman.kit.http_server import serve_http
from pointsman.kit.ids import new_id
from pointsman.kit.local_network import LocalNetwork
from pointsman.kit.logging import Logger, get_logger
from pointsman.kit.settings import require_safe_bind
from pointsman.kit.status import StatusReporter
from pointsman.kit.telemetry import Telemetry, degraded_gauge, open_telemetry, silent_telemetry, watch_config_metrics

SERVICE = "gateway"
REGISTRY_RETRYABLE_METHODS = ("ReportApplied",)
KINDS = (config_pb2.CONFIG_KIND_CATALOG, config_pb2.CONFIG_KIND_CLASSIFICATION)
# What is still to be booked gets so long at the end.
FLUSH_S = 5.0
# A service that has a catalogue to fetch gives it so long before it takes requests that it would have to refuse.
FIRST_WORLD_S = 10.0


@dataclass(frozen=True, slots=True)
class Services:
    """The other services, as ports."""

    classifier: Classifier
    executor: Executor
    ledger: Ledger
    outcomes: OutcomeLedger


@dataclass(frozen=True, slots=True)
class Parts:
    """The gateway's own long-lived parts."""

    engine: Engine
    backlog: Backlog
    book: DecisionBook
    degraded: Callable[[], list[str]]


def build_parts(
    settings: GatewaySettings,
    services: Services,
    world: World,
    prompt_hash: PromptHash,
    log: Logger,
    *,
    spool: Spool,
    leftover: Sequence[SpoolEntry] = (),
    telemetry: Telemetry | None = None,
) -> Parts:
    """The engine over any services. leftover: what the spool holds. telemetry: None for one that nobody looks at."""
    telemetry = telemetry or silent_telemetry(SERVICE)
    measures = Measures(telemetry)
    backlog = Backlog(ledger=services.ledger, spool=spool, leftover=leftover, log=log)
    settling = Settling(ledger=services.ledger, backlog=backlog, budget_s=settings.settle_timeout_s)
    book = DecisionBook(ledger=services.ledger, read_plan=recorded_plan, log=log)
    classifier_circuit = Circuit()
    cache = judgement_cache(settings, measures)
    judging = Judging(
        classifier=services.classifier,
        world=world,
        circuit=classifier_circuit,
        cache=cache,
        keyed_hash=prompt_hash,
        budget_s=settings.classifier_timeout_s,
        log=log,
    )
    spending = Spending(ledger=services.ledger, backlog=backlog, circuit=Circuit(), budget_s=settings.ledger_timeout_s)
    completing = Completing(executor=services.executor, spending=spending, settling=settling, measures=measures)
    routing = Routing(
        world=world,
        judging=judging,
        llm_judging=llm_judging(settings, judging, completing, world, cache, prompt_hash, measures, log),
        book=book,
        render=decision_record,
        measures=measures,
        cache_scope_of=lambda project_id: cache_scope("" if settings.share_classifications else project_id, prompt_hash),
        routing_threshold=settings.routing_threshold,
    )
    limits = Limits(settings.request_timeout_s, settings.slow_request_timeout_s)
    engine = Engine(
        world=world,
        routing=routing,
        completing=completing,
        book=book,
        feedback=FeedbackIntake(ledger=services.outcomes, book=book),
        prompt_hash=prompt_hash,
        limits=limits,
        in_flight=InFlight(settings.max_in_flight),
    )
    measures.watch_spool(lambda: len(backlog))
    parts = Parts(engine, backlog, book, degraded=lambda: degraded_reasons(world, classifier_circuit, backlog))
    degraded_gauge(telemetry, parts.degraded)
    return parts


def llm_judging(
    settings: GatewaySettings,
    judging: Judging,
    completing: Completing,
    world: World,
    cache: JudgementCache | None,
    keyed_hash: KeyedHash,
    measures: Measures,
    log: Logger,
) -> LlmJudging:
    """The judge of strategy `llm`, with what the classifier's has too."""
    return LlmJudging(
        judging=judging,
        completing=completing,
        world=world,
        circuit=Circuit(),
        cache=cache,
        keyed_hash=keyed_hash,
        measures=measures,
        model_id=settings.llm_classifier_model,
        budget_s=settings.llm_classifier_timeout_s,
        log=log,
    )


def degraded_reasons(world: World, classifier_circuit: Circuit, backlog: Backlog) -> list[str]:
    """What is missing now."""
    reasons = {
        names.DEGRADED_CATALOG: world.catalog is None,
        names.DEGRADED_CLASSIFIER: classifier_circuit.is_open,
        names.DEGRADED_EXECUTOR: world.are_conditions_stale,
        names.DEGRADED_LEDGER: backlog.is_failing,
        names.DEGRADED_SPOOL: backlog.is_full or backlog.is_spool_failing,
    }
    return [reason for reason, holds in reasons.items() if holds]


def judgement_cache(settings: GatewaySettings, measures: Measures) -> JudgementCache | None:
    """The memory of classifications; None where none is to be kept."""
    if settings.cache_ttl_s == 0:
        return None
    return JudgementCache(
        max_entries=settings.classification_cache_entries,
        max_bytes=settings.classification_cache_bytes,
        time_to_live_s=settings.cache_ttl_s,
        on_event=measures.count_cache_event,
    )


@asynccontextmanager
async def run_parts(parts: Parts, services: Services, world: World, log: Logger) -> AsyncIterator[None]:
    """Run what runs beside the requests; at the end, book what is still to be booked."""
    try:
        watching = (watch_providers(services.executor, world, log), watch_outcomes(services.outcomes, world, log))
        async with in_background(parts.backlog.run(), parts.backlog.save(), parts.book.run(), *watching):
            yield
    finally:
        deadline = Deadline.after(FLUSH_S)
        await parts.backlog.flush(deadline)
        await parts.book.flush(deadline)


def refuse_open_address(settings: GatewaySettings) -> None:
    """Raise SettingsError where other machines could call without a key."""
    require_safe_bind(
        settings.host,
        has_credential=settings.admin_key is not None,
        allow_anonymous=settings.allow_anonymous,
        what="gateway: set POINTSMAN_ADMIN_KEY",
    )


@asynccontextmanager
async def serve(settings: GatewaySettings, *, network: LocalNetwork | None = None) -> AsyncIterator[Mapping[str, str]]:
    """Serve until the context is left; yields {"gateway": address}.

    network: where services of the same process find each other; None: over sockets.

    Raises SettingsError for an open address without a key, AddressInUse where the port is taken.
    """
    log = get_logger(SERVICE)
    refuse_open_address(settings)
    access = Access(settings.admin_key, host=settings.host)
    if access.is_anonymous:
        log.warning(names.ANONYMOUS_ACCESS, host=settings.host)
    world = World()
    async with AsyncExitStack() as stack:
        telemetry = await stack.enter_async_context(open_telemetry(SERVICE, settings))
        instance_id = new_id(SERVICE)
        channels = await _connect(stack, settings, network)
        services = _services(channels)
        watcher = _watcher(channels[ServiceName.REGISTRY], instance_id, settings, world, log)
        watch_config_metrics(telemetry, watcher)
        spool, leftover = await stack.enter_async_context(open_spool(settings.spool_dir, log))
        prompt_hash = prompt_hasher(settings.state_dir, settings.service_token)
        parts = build_parts(settings, services, world, prompt_hash, log, spool=spool, leftover=leftover, telemetry=telemetry)
        await stack.enter_async_context(run_parts(parts, services, world, log))
        await stack.enter_async_context(in_background(watcher.run()))
        hosts = TrustedHosts(settings.trusted_hosts, bound_host=settings.host, service=SERVICE)
        reporter = StatusReporter(SERVICE, instance_id=instance_id, version=version("pointsman"))
        reports = Reports(
            world=world,
            usage=LedgerReports(channels[ServiceName.LEDGER]),
            health=ServiceHealthClient(channels),
            own_facts=lambda: own_facts(reporter, parts, watcher),
            telemetry=telemetry,
            anonymous_access=access.is_anonymous,
            dashboard_url=settings.dashboard_url,
        )
        app = build_app(parts.engine, reports, access=access, hosts=hosts, version=version("pointsman"), log=log)
        running = await stack.enter_async_context(
            serve_http(app, host=settings.host, port=settings.port, drain_s=settings.drain_s, log=log, telemetry=telemetry)
        )
        await _await_world(watcher, world)
        log.info(names.SERVING, address=running.address, ready=world.is_ready)
        try:
            yield {SERVICE: running.address}
        finally:
            world.is_draining = True


async def _connect(stack: AsyncExitStack, settings: GatewaySettings, network: LocalNetwork | None) -> dict[ServiceName, ServiceChannel]:
    """Channels to the services; they connect when first used."""
    token = settings.service_token
    channels = {
        ServiceName.CLASSIFIER: ServiceChannel(
            settings.classifier_target,
            service=classifier_client.SERVICE,
            retryable_methods=classifier_client.RETRYABLE_METHODS,
            service_token=token,
            network=network,
        ),
        ServiceName.REGISTRY: ServiceChannel(
            settings.registry_target,
            service=REGISTRY_SERVICE,
            retryable_methods=REGISTRY_RETRYABLE_METHODS,
            service_token=token,
            network=network,
        ),
        ServiceName.EXECUTOR: ServiceChannel(
            settings.executor_target,
            service=executor_client.SERVICE,
            service_token=token,
            max_message_bytes=executor_client.MAX_MESSAGE_BYTES,
            network=network,
        ),
        ServiceName.LEDGER: ServiceChannel(
            settings.ledger_target,
            service=ledger_client.SERVICE,
            retryable_methods=ledger_client.RETRYABLE_METHODS,
            service_token=token,
            network=network,
        ),
    }
    for channel in channels.values():
        await stack.enter_async_context(channel)
    return channels


def _services(channels: Mapping[ServiceName, ServiceChannel]) -> Services:
    return Services(
        ClassifierClient(channels[ServiceName.CLASSIFIER]),
        ExecutorClient(channels[ServiceName.EXECUTOR]),
        LedgerClient(channels[ServiceName.LEDGER]),
        LedgerOutcomes(channels[ServiceName.LEDGER]),
    )


def own_facts(reporter: StatusReporter, parts: Parts, watcher: ConfigWatcher) -> ProcessFacts:
    """How the gateway itself is."""
    in_flight_count = parts.engine.in_flight.count
    return process_facts(reporter.report(in_flight_count=in_flight_count, applied=watcher.applied(), degraded=parts.degraded()))


def _watcher(channel: ServiceChannel, instance_id: str, settings: GatewaySettings, world: World, log: Logger) -> ConfigWatcher:
    """The subscription to catalogue and rules, with the copies on disk already applied."""
    watcher = ConfigWatcher(
        channel=channel,
        service=SERVICE,
        instance_id=instance_id,
        kinds=KINDS,
        folder=settings.state_dir,
        apply=lambda snapshot: apply_snapshot(world, snapshot),
        log=log,
    )
    watcher.load_from_disk()
    return watcher


def apply_snapshot(world: World, snapshot: config_pb2.ConfigSnapshot) -> None:
    """Take a snapshot into use. Raises ValueError where it cannot be, and then changes nothing."""
    match snapshot.WhichOneof("content"):
        case "catalog":
            world.catalog = catalog_of(snapshot)
            world.catalog_create_time_s = unix_seconds_of(snapshot.create_time)
        case "classification":
            world.rules = rules_of(snapshot)
        case other:
            raise ValueError(f"snapshot: {other} is no content that the gateway uses")


async def _await_world(watcher: ConfigWatcher, world: World) -> None:
    """Give registry and executor a moment. Without the first the gateway lives, and says that it is not ready;
    without the second it takes every provider for callable."""
    with suppress(TimeoutError):
        async with asyncio.timeout(FIRST_WORLD_S):
            await watcher.wait_ready()
            await world.conditions_known.wait()
