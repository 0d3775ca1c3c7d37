"""A service without a domain, to test how every service is served and called."""

import asyncio
import logging
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import grpc
import structlog
from google.protobuf.wrappers_pb2 import StringValue
from pydantic import SecretStr
from structlog.testing import LogCapture

from pointsman.kit.errors import ServiceError
from pointsman.kit.grpc_client import ServiceChannel
from pointsman.kit.grpc_server import GrpcServerLimits, RunningGrpcServer, serve_grpc
from pointsman.kit.local_channel import LocalChannel
from pointsman.kit.local_network import LocalNetwork
from pointsman.kit.logging import Logger
from pointsman.kit.request_context import current_request_id, request_deadline
from pointsman.kit.telemetry import Telemetry, silent_telemetry

SERVICE = "pointsman.test.v1.EchoService"
Context = Any
Answer = Callable[[str], Awaitable[str]]


@dataclass
class Echo:
    """What a test can tell the service to do, and what it saw."""

    answer: Answer | None = None
    failure: BaseException | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)
    stream_pause_s: float = 0.0
    begun_count: int = 0
    cancelled_count: int = 0
    seen_remaining_s: float | None = None
    seen_request_id: str | None = None

    def note_call(self) -> None:
        self.begun_count += 1
        self.seen_remaining_s = request_deadline().remaining_s()
        self.seen_request_id = current_request_id()
        self.started.set()
        if self.failure is not None:
            raise self.failure

    async def say(self, request: StringValue, context: Context) -> StringValue:
        self.note_call()
        try:
            return StringValue(value=await self.answer(request.value) if self.answer else request.value)
        except asyncio.CancelledError:
            self.cancelled_count += 1
            raise

    async def count(self, request: StringValue, context: Context) -> AsyncIterator[StringValue]:
        """Numbers without end."""
        self.note_call()
        number = 0
        try:
            while True:
                yield StringValue(value=str(number))
                number += 1
                await asyncio.sleep(self.stream_pause_s)
        finally:
            self.cancelled_count += 1

    def register(self, server: grpc.aio.Server) -> None:
        codec: dict[str, Any] = {"request_deserializer": StringValue.FromString, "response_serializer": StringValue.SerializeToString}
        handlers: dict[str, grpc.RpcMethodHandler[StringValue, StringValue]] = {
            "Say": grpc.unary_unary_rpc_method_handler(self.say, **codec),
            "Count": grpc.unary_stream_rpc_method_handler(self.count, **codec),
            "Watch": grpc.unary_stream_rpc_method_handler(self.count, **codec),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))


class EchoStub:
    """Its client's side."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        codec: dict[str, Any] = {"request_serializer": StringValue.SerializeToString, "response_deserializer": StringValue.FromString}
        self.say: grpc.aio.UnaryUnaryMultiCallable[StringValue, StringValue] = channel.unary_unary(f"/{SERVICE}/Say", **codec)
        self.count: grpc.aio.UnaryStreamMultiCallable[StringValue, StringValue] = channel.unary_stream(f"/{SERVICE}/Count", **codec)
        self.watch: grpc.aio.UnaryStreamMultiCallable[StringValue, StringValue] = channel.unary_stream(f"/{SERVICE}/Watch", **codec)
        self.unknown: grpc.aio.UnaryUnaryMultiCallable[StringValue, StringValue] = channel.unary_unary(f"/{SERVICE}/Unknown", **codec)


def capturing_log() -> tuple[Logger, LogCapture]:
    """A logger, and what was logged."""
    capture = LogCapture()
    wrapper = structlog.make_filtering_bound_logger(logging.DEBUG)
    log: Logger = structlog.wrap_logger(None, processors=[capture], wrapper_class=wrapper)
    return log, capture


def serve_echo(
    echo: Echo,
    *,
    log: Logger | None = None,
    limits: GrpcServerLimits | None = None,
    token: str | None = None,
    port: int = 0,
    drain_s: float = 0.5,
    telemetry: Telemetry | None = None,
    network: LocalNetwork | None = None,
) -> AbstractAsyncContextManager[RunningGrpcServer]:
    return serve_grpc(
        host="127.0.0.1",
        port=port,
        service_names=[SERVICE],
        register=echo.register,
        log=log or capturing_log()[0],
        limits=limits or GrpcServerLimits(),
        service_token=SecretStr(token) if token else None,
        drain_s=drain_s,
        telemetry=telemetry or silent_telemetry("echo"),
        network=network,
    )


def open_channel(
    address: str,
    *,
    token: str | None = None,
    retryable: bool = False,
    max_message_bytes: int = 8 << 20,
    network: LocalNetwork | None = None,
) -> ServiceChannel:
    return ServiceChannel(
        address,
        service=SERVICE,
        retryable_methods=["Say"] if retryable else [],
        service_token=SecretStr(token) if token else None,
        max_message_bytes=max_message_bytes,
        network=network,
    )


class Transport:
    """How calls reach the service: over a wire, or without one."""

    def __init__(self, network: LocalNetwork | None) -> None:
        self.network = network

    def serve(self, echo: Echo, **options: Any) -> AbstractAsyncContextManager[RunningGrpcServer]:
        return serve_echo(echo, network=self.network, **options)

    def dial(self, address: str, **options: Any) -> ServiceChannel:
        channel = open_channel(address, network=self.network, **options)
        assert isinstance(channel.channel, LocalChannel) == (self.network is not None)
        return channel

    def bare(self, server: RunningGrpcServer) -> grpc.aio.Channel:
        """A channel that sets no deadline, shows no token, and asks for nobody's health."""
        if self.network is None:
            return grpc.aio.insecure_channel(server.address)
        return LocalChannel(server.local, max_message_bytes=8 << 20)


async def failure_of(call: Awaitable[Any]) -> ServiceError:
    """The expected failure that the call ends with."""
    try:
        await call
    except ServiceError as error:
        return error
    raise AssertionError("the call did not fail")


async def until(holds: Callable[[], bool]) -> None:
    """Give both ends of the loopback time to notice, at most 2 s."""
    async with asyncio.timeout(2):
        while not holds():  # noqa: ASYNC110  # the other end has no event to give
            await asyncio.sleep(0.01)


async def read_all(messages: AsyncIterable[object]) -> None:
    """Read until the stream ends."""
    async for _ in messages:
        pass
