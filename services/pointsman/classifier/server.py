"""The classifier's wiring."""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import metadata

from pointsman.api.classifier.v1 import classifier_pb2
from pointsman.api.classifier.v1.classifier_pb2_grpc import add_ClassifierServiceServicer_to_server
from pointsman.api.config.v1 import config_pb2
from pointsman.api.status.v1.status_pb2 import ServiceStatus
from pointsman.classifier import names
from pointsman.classifier.adapters.artifact_file import read_artifact
from pointsman.classifier.adapters.cache_secret import cache_secret
from pointsman.classifier.adapters.config_translation import setup_of
from pointsman.classifier.adapters.encoder_files import UntrustedModelFile
from pointsman.classifier.adapters.encoder_loading import EncoderUnavailable, load_encoder, load_sequence_classifier
from pointsman.classifier.adapters.memory_cache import MemoryCache
from pointsman.classifier.core.artifact import InvalidArtifact, require_model
from pointsman.classifier.core.batching import BatchLimits
from pointsman.classifier.core.cache_key import SECRET_BYTES, secret_of_program
from pointsman.classifier.core.fine_tuned import UnusableLabels, reading_of
from pointsman.classifier.core.ports import CacheEvent, JudgementCache
from pointsman.classifier.core.setup import Setup
from pointsman.classifier.engine.answering import Answering, Caching
from pointsman.classifier.engine.classification import NOT_SET, ClassificationEngine, FineTunedPart, LearnedPart, NoFineTunedPart
from pointsman.classifier.engine.embedding_queue import EmbeddingQueue
from pointsman.classifier.engine.metrics import ClassifierMetrics
from pointsman.classifier.engine.setup_switch import SetupSwitch
from pointsman.classifier.rest.facade import build_facade
from pointsman.classifier.servicer import ClassifierServicer
from pointsman.classifier.settings import ClassifierSettings
from pointsman.kit.background import in_background
from pointsman.kit.config_watch import REGISTRY_SERVICE, ConfigWatcher
from pointsman.kit.errors import Unavailable
from pointsman.kit.grpc_client import ServiceChannel
from pointsman.kit.grpc_server import GrpcServerLimits, serve_grpc
from pointsman.kit.http_access import ServiceAccess
from pointsman.kit.http_facade import serve_facade
from pointsman.kit.ids import new_id
from pointsman.kit.local_network import LocalNetwork
from pointsman.kit.logging import Logger, get_logger
from pointsman.kit.settings import SettingsError, require_service_token
from pointsman.kit.status import StatusReporter
from pointsman.kit.telemetry import Telemetry, degraded_gauge, open_telemetry, watch_config_metrics
from pointsman.kit.tracing import Tracing
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES
from pointsman.rules.rules_file import load_default_rules

SERVICE = "classifier"
SERVICE_NAME = classifier_pb2.DESCRIPTOR.services_by_name["ClassifierService"].full_name

ProgressListener = Callable[[float, str], None]
"""Told the share done, 0 to 1, and the step's name, while the encoder's graph is built."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What is made before anything is served."""

    engine: ClassificationEngine
    switch: SetupSwitch
    queue: EmbeddingQueue | None
    fine_tuned: FineTunedPart | NoFineTunedPart


@asynccontextmanager
async def serve(
    settings: ClassifierSettings, *, on_progress: ProgressListener | None = None, network: LocalNetwork | None = None
) -> AsyncIterator[Mapping[str, str]]:
    """Serve until the context is left; yields the bound addresses when the first inference is done.

    on_progress: shows the building of the encoder's graph, at the first start only; else it is logged.
    network: where services of the same process find each other; None: over sockets.
    Raises Unavailable where a model file is not the pinned one; without any encoder the rules serve alone.
    """
    log = get_logger(SERVICE)
    require_service_token(settings, service=SERVICE)
    async with AsyncExitStack() as stack:
        telemetry = await stack.enter_async_context(open_telemetry(SERVICE, settings))
        encoding = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="encoder"))
        sorting = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="router-model"))
        parts = await make_parts(settings, encoding, sorting, telemetry.tracing, on_progress or log_progress(log), log)
        channel = await stack.enter_async_context(
            ServiceChannel(settings.registry_target, service=REGISTRY_SERVICE, service_token=settings.service_token, network=network)
        )
        instance_id = new_id(SERVICE)
        watcher = make_watcher(settings, channel, instance_id, parts.switch, log)
        if parts.queue is not None:
            await stack.enter_async_context(in_background(parts.queue.run()))
        if isinstance(parts.fine_tuned, FineTunedPart):
            await stack.enter_async_context(in_background(parts.fine_tuned.queue.run()))
        watcher.load_from_disk()
        await parts.switch.switch()
        await stack.enter_async_context(in_background(parts.switch.run(), watcher.run()))
        answering = await stack.enter_async_context(running_answering(settings, parts, telemetry, log))
        watch_config_metrics(telemetry, watcher)
        degraded_gauge(telemetry, lambda: answering.degraded)
        addresses = await stack.enter_async_context(serve_both(settings, answering, watcher, instance_id, telemetry, network, log))
        yield addresses


async def make_parts(
    settings: ClassifierSettings,
    encoding: Executor,
    sorting: Executor,
    tracing: Tracing,
    on_progress: ProgressListener,
    log: Logger,
) -> Parts:
    """The engine and what feeds it. Each executor has one thread."""
    rules = load_default_rules()
    learned = await make_learned_part(settings, encoding, on_progress, log)
    fine_tuned = await make_fine_tuned_part(settings, sorting, log)
    engine = ClassificationEngine(Setup(rules, (), rules.version), learned, tracing=tracing, log=log, fine_tuned=fine_tuned)
    queue = learned.queue if learned is not None else None
    return Parts(engine, SetupSwitch(engine, queue, rules, log), queue, fine_tuned)


async def make_learned_part(
    settings: ClassifierSettings, executor: Executor, on_progress: ProgressListener, log: Logger
) -> LearnedPart | None:
    """Encoder and artefact; None, with one log line, where one of them cannot be had."""
    try:
        artifact = await asyncio.to_thread(read_artifact, settings.artifact)
        encoder = await load_encoder(
            settings.folder,
            thread_count=settings.thread_count,
            on_progress=on_progress,
            runtime=settings.encoder,
            model=settings.encoder_model,
        )
        require_model(artifact, encoder.model)
    except UntrustedModelFile as error:
        raise Unavailable("untrusted_model_file", str(error)) from error
    except (InvalidArtifact, EncoderUnavailable) as error:
        log.error(names.ENCODER_UNAVAILABLE, reason=str(error))
        return None
    return LearnedPart(artifact, EmbeddingQueue(encoder, limits_of(settings), executor=executor, now=time.monotonic))


async def make_fine_tuned_part(settings: ClassifierSettings, executor: Executor, log: Logger) -> FineTunedPart | NoFineTunedPart:
    """The classifier of strategy bert; where it cannot be had, why, with one log line where it was asked for."""
    if settings.router_model_path is None:
        return NOT_SET
    try:
        classifier = await load_sequence_classifier(settings.router_model_path, thread_count=settings.thread_count)
        reading = reading_of(classifier.labels, BUILT_IN_CATEGORIES)
    except (EncoderUnavailable, UnusableLabels) as error:
        log.error(names.ROUTER_MODEL_UNAVAILABLE, reason=str(error))
        return NoFineTunedPart(str(error), is_wanted=True)
    return FineTunedPart(EmbeddingQueue(classifier, limits_of(settings), executor=executor, now=time.monotonic), reading)


def limits_of(settings: ClassifierSettings) -> BatchLimits:
    """What one model has in hand at most."""
    return BatchLimits(settings.max_batch_tokens, settings.max_batch_texts, settings.max_texts)


def make_watcher(
    settings: ClassifierSettings, channel: ServiceChannel, instance_id: str, switch: SetupSwitch, log: Logger
) -> ConfigWatcher:
    """The subscription to the registry, whose absence stops nothing."""
    return ConfigWatcher(
        channel=channel,
        service=SERVICE,
        instance_id=instance_id,
        kinds=[config_pb2.CONFIG_KIND_CLASSIFICATION],
        folder=settings.folder,
        apply=lambda snapshot: switch.propose(setup_of(snapshot.classification)),
        log=log,
    )


@asynccontextmanager
async def running_answering(settings: ClassifierSettings, parts: Parts, telemetry: Telemetry, log: Logger) -> AsyncIterator[Answering]:
    """What answers, with its cache at work, until the context is left."""
    metrics = ClassifierMetrics(telemetry.registry)
    queue = parts.queue
    if queue is not None:
        metrics.watch_queue(lambda: queue.admitted_count)
    async with AsyncExitStack() as stack:
        caching = None
        if settings.cache_ttl_s > 0:
            cache, count = await running_cache(stack, settings, metrics, log)
            secret = secret_of_program(await load_secret(settings, log), metadata.version("pointsman"))
            caching = Caching(cache, secret, count)
        answering = Answering(parts.engine, caching, metrics=metrics, tracing=telemetry.tracing, now=time.monotonic)
        stack.push_async_callback(answering.aclose)
        yield answering


async def running_cache(
    stack: AsyncExitStack, settings: ClassifierSettings, metrics: ClassifierMetrics, log: Logger
) -> tuple[JudgementCache, Callable[[CacheEvent], None]]:
    """The cache that is configured, and what counts its events. Raises SettingsError where it cannot be addressed."""
    address = settings.redis_address
    if address is None:
        memory = MemoryCache(ttl_s=settings.cache_ttl_s, now=time.monotonic, uniform=random.random)
        return memory, metrics.cache_counter(memory.name)
    # Here, because the client takes 0.4 s to import, and most installations have no Redis.
    from pointsman.classifier.adapters.redis_cache import NAME, InvalidAddress, RedisCache, redis_client

    try:
        client = redis_client(address.get_secret_value())
    except InvalidAddress as error:
        raise SettingsError([f"{'REDIS_HOST' if settings.redis_url is None else 'REDIS_URL'}: {error}"]) from error
    count = metrics.cache_counter(NAME)
    redis = RedisCache(client, ttl_s=settings.cache_ttl_s, uniform=random.random, count=count, log=log)
    stack.push_async_callback(redis.aclose)
    await stack.enter_async_context(in_background(redis.run()))
    return redis, count


async def load_secret(settings: ClassifierSettings, log: Logger) -> bytes:
    """The secret of the cache's keys. Where it cannot be kept, one for this process alone: then nothing is shared."""
    try:
        return await asyncio.to_thread(cache_secret, settings.folder, settings.service_token)
    except OSError as error:
        log.warning(names.CACHE_NOT_SHARED, reason=error.strerror)
        return secrets.token_bytes(SECRET_BYTES)


@asynccontextmanager
async def serve_both(
    settings: ClassifierSettings,
    answering: Answering,
    watcher: ConfigWatcher,
    instance_id: str,
    telemetry: Telemetry,
    network: LocalNetwork | None,
    log: Logger,
) -> AsyncIterator[Mapping[str, str]]:
    """REST and gRPC over what answers; yields both addresses once both take work."""
    version = metadata.version("pointsman")
    reporter = StatusReporter(SERVICE, instance_id=instance_id, version=version)
    takes_work = False

    def report_status() -> ServiceStatus:
        return reporter.report(in_flight_count=server.in_flight_count, applied=watcher.applied(), degraded=answering.degraded)

    access = ServiceAccess(settings.host, settings.service_token)
    app = build_facade(answering, version=version, telemetry=telemetry, access=access, is_ready=lambda: takes_work)
    async with (
        serve_facade(app, host=settings.host, port=settings.rest_port, drain_s=settings.drain_s, telemetry=telemetry, log=log) as facade,
        serve_grpc(
            host=settings.host,
            port=settings.port,
            service_names=[SERVICE_NAME],
            register=lambda grpc_server: add_ClassifierServiceServicer_to_server(ClassifierServicer(answering, report_status), grpc_server),
            limits=GrpcServerLimits(max_connection_age_s=settings.max_connection_age_s),
            service_token=settings.service_token,
            drain_s=settings.drain_s,
            telemetry=telemetry,
            network=network,
            log=log,
        ) as server,
    ):
        await server.set_serving(SERVICE_NAME, serving=True)
        takes_work = True
        try:
            yield {"classifier_rest": facade.address, "classifier_grpc": server.address}
        finally:
            takes_work = False


def log_progress(log: Logger) -> ProgressListener:
    """A listener for a service that runs alone."""
    return lambda share, step: log.info(names.ENCODER_BUILDING, share=share, step=step)
