"""How one service calls another: every stub call goes through a ServiceChannel and has a deadline."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from types import TracebackType
from typing import Protocol, Self, TypeVar

import grpc
from pydantic import SecretStr

from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import DeadlineExceeded
from pointsman.kit.grpc_errors import RETRYABLE_STATUS_NAMES, to_service_error
from pointsman.kit.request_context import current_request_id
from pointsman.kit.tracing import TRACEPARENT_KEY, current_traceparent

REQUEST_ID_KEY = "x-request-id"
AUTHORIZATION_KEY = "authorization"
DEFAULT_MAX_MESSAGE_BYTES = 8 << 20
MAX_METADATA_BYTES = 16 << 10  # an error's details travel as metadata
# Two more tries within the time of a blink; none once more than half of the tokens are gone.
MAX_ATTEMPTS = 3
INITIAL_BACKOFF_S = 0.02
BACKOFF_MULTIPLIER = 2
MAX_RETRY_TOKENS = 10
RETRY_TOKEN_RATIO = 0.1

Request = TypeVar("Request")
Response = TypeVar("Response")
Metadata = Sequence[tuple[str, str]]


class UnaryMethod(Protocol[Request, Response]):
    """A stub's method that answers once."""

    def __call__(self, request: Request, *, timeout: float | None, metadata: Metadata) -> "grpc.aio.UnaryUnaryCall[Request, Response]":
        """Start the call."""


class StreamMethod(Protocol[Request, Response]):
    """A stub's method that answers with a stream."""

    def __call__(self, request: Request, *, timeout: float | None, metadata: Metadata) -> "grpc.aio.UnaryStreamCall[Request, Response]":
        """Start the call."""


class Shortcuts(Protocol):
    """Knows the servers that can be called without a socket."""

    def channel_to(self, target: str, *, service: str, retryable_methods: Sequence[str], max_message_bytes: int) -> grpc.aio.Channel | None:
        """A channel to that target; None where it must be called over the wire."""


def service_config(service: str, retryable_methods: Sequence[str]) -> str:
    """gRPC's service config for calls to a service, given its full proto name.

    Round robin over all addresses, those that keep failing left out (a frozen peer does not close its connection,
    and keepalive does not find it), those that say so themselves too; methods that may be repeated are, throttled.
    """
    # Measured with one of three frozen for 20 s at 50 calls a second: it is out after 0.5 to 1.2 s, and back within 1.4 s of its
    # return (of 6 a second within 3 s). With 1 s, at most 10 s and 3 calls it was back after up to 10 s; seldom called, it stayed in.
    outlier_detection = {
        "interval": "0.5s",
        "baseEjectionTime": "3s",
        "maxEjectionTime": "3s",
        "maxEjectionPercent": 30,  # one of three: where there is too much to do all of them fail, and each is needed
        "failurePercentageEjection": {"threshold": 50, "minimumHosts": 2, "requestVolume": 1},
        "childPolicy": [{"round_robin": {}}],
    }
    retry_policy = {
        "maxAttempts": MAX_ATTEMPTS,
        "initialBackoff": f"{INITIAL_BACKOFF_S}s",
        "maxBackoff": "0.2s",
        "backoffMultiplier": BACKOFF_MULTIPLIER,
        "retryableStatusCodes": RETRYABLE_STATUS_NAMES,
    }
    names = [{"service": service, "method": method} for method in retryable_methods]
    return json.dumps(
        {
            "loadBalancingConfig": [{"outlier_detection_experimental": outlier_detection}],
            "healthCheckConfig": {"serviceName": service},
            "methodConfig": [{"name": names, "retryPolicy": retry_policy}] if names else [],
            "retryThrottling": {"maxTokens": MAX_RETRY_TOKENS, "tokenRatio": RETRY_TOKEN_RATIO},
        }
    )


def channel_options(service: str, retryable_methods: Sequence[str], max_message_bytes: int) -> list[tuple[str, str | int]]:
    """Options of every channel between services."""
    return [
        ("grpc.service_config", service_config(service, retryable_methods)),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        # A channel of one service must not inherit another one's back-off.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        ("grpc.enable_http_proxy", 0),
    ]


class ServiceChannel:
    """A channel to one service. target: "host:port" or a gRPC name; service: its full proto name.

    retryable_methods: those that change nothing, or the same when repeated. network: the servers of this process, where
    several services share it.
    """

    def __init__(
        self,
        target: str,
        *,
        service: str,
        retryable_methods: Sequence[str] = (),
        service_token: SecretStr | None = None,
        max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
        network: Shortcuts | None = None,
    ) -> None:
        """Open the channel; it connects when first used. Must be called on the event loop."""
        self.service = service
        local = None
        if network is not None:
            local = network.channel_to(target, service=service, retryable_methods=retryable_methods, max_message_bytes=max_message_bytes)
        self.is_local = local is not None  # the server is in this process, and alone
        options = channel_options(service, retryable_methods, max_message_bytes)
        self.channel: grpc.aio.Channel = grpc.aio.insecure_channel(target, options=options) if local is None else local
        self._token = service_token

    async def __aenter__(self) -> Self:
        """Enter; leaving closes the channel."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the channel, and end what still runs on it."""
        await self.channel.close()

    @property
    def peer(self) -> str:
        """The service's name for people: "classifier" of "pointsman.api.classifier.v1.ClassifierService"."""
        return self.service.split(".")[-3] if self.service.count(".") >= 2 else self.service

    async def call(self, method: UnaryMethod[Request, Response], request: Request, *, deadline: Deadline) -> Response:
        """The answer. Raises ServiceError: the peer's own, Unavailable "dependency_down", DeadlineExceeded."""
        rpc = method(request, timeout=self._time_left_s(deadline), metadata=self._metadata())
        try:
            return await rpc
        except grpc.aio.AioRpcError as error:
            raise to_service_error(error, peer=self.peer) from error
        finally:
            rpc.cancel()

    @asynccontextmanager
    async def stream(
        self, method: StreamMethod[Request, Response], request: Request, *, deadline: Deadline
    ) -> AsyncIterator[AsyncIterator[Response]]:
        """The stream of answers; leaving the context ends the call. Raises as `call` does, while iterating."""
        rpc = method(request, timeout=self._time_left_s(deadline), metadata=self._metadata())
        try:
            async with aclosing(self._iterate(rpc)) as messages:
                yield messages
        finally:
            # Without it an abandoned stream goes on at the server, and keeps paying: grpc/grpc#43462.
            rpc.cancel()

    async def _iterate(self, rpc: "grpc.aio.UnaryStreamCall[Request, Response]") -> AsyncGenerator[Response, None]:
        try:
            async for message in rpc:
                yield message
        except grpc.aio.AioRpcError as error:
            raise to_service_error(error, peer=self.peer) from error

    def _time_left_s(self, deadline: Deadline) -> float:
        remaining_s = deadline.remaining_s()
        if remaining_s == 0.0:
            raise DeadlineExceeded("deadline_exceeded", f"call {self.peer}: no time is left")
        return remaining_s

    def _metadata(self) -> list[tuple[str, str]]:
        metadata: list[tuple[str, str]] = []
        request_id = current_request_id()
        if request_id is not None:
            metadata.append((REQUEST_ID_KEY, request_id))
        traceparent = current_traceparent()
        if traceparent is not None:
            metadata.append((TRACEPARENT_KEY, traceparent))
        if self._token is not None:
            metadata.append((AUTHORIZATION_KEY, f"Bearer {self._token.get_secret_value()}"))
        return metadata
