"""A ledger in a process of its own, and calls to one: `python -m tests.integration.ledger.ledger_process FOLDER`."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.api.ledger.v1 import ledger_pb2_grpc
from pointsman.api.usage.v1 import usage_pb2
from pointsman.kit.deadline import Deadline
from pointsman.kit.grpc_client import ServiceChannel
from pointsman.kit.lifecycle import run_until_stopped
from pointsman.kit.logging import configure_logging
from pointsman.ledger.server import SERVICE_NAME, serve
from pointsman.ledger.settings import LedgerSettings

ROOT = Path(__file__).parents[3]
CALL_TIMEOUT_S = 20.0
ACCOUNT = pb.Account(project_id="default")
START = Timestamp(seconds=1_700_000_000)


class LedgerCalls:
    """The ledger's methods over gRPC."""

    def __init__(self, channel: ServiceChannel) -> None:
        self._channel = channel
        self._stub = ledger_pb2_grpc.LedgerServiceStub(channel.channel)

    async def open(self, spend_id: str, *worst_cases_nanousd: int, time_to_live_s: float = 600) -> pb.OpenSpendResponse:
        request = pb.OpenSpendRequest(
            spend_id=spend_id,
            request_id="req_1",
            account=ACCOUNT,
            planned_attempts=[pb.PlannedAttempt(model_id="m", provider_id="p", worst_case_nanousd=worst) for worst in worst_cases_nanousd],
            time_to_live=Duration(seconds=int(time_to_live_s), nanos=round(time_to_live_s % 1 * 1e9)),
        )
        return await self._channel.call(self._stub.OpenSpend, request, deadline=Deadline.after(CALL_TIMEOUT_S))

    async def settle(self, spend_id: str, attempts: Mapping[str, int]) -> pb.SettleSpendResponse:
        request = pb.SettleSpendRequest(
            spend_id=spend_id,
            request_id="req_1",
            account=ACCOUNT,
            attempts=[attempt(attempt_id, cost) for attempt_id, cost in attempts.items()],
        )
        return await self._channel.call(self._stub.SettleSpend, request, deadline=Deadline.after(CALL_TIMEOUT_S))

    async def settle_for(self, project_id: str) -> pb.SettleSpendResponse:
        """One attempt that cost 1 nano-dollar, for a project."""
        request = pb.SettleSpendRequest(
            request_id="req_1", account=pb.Account(project_id=project_id), attempts=[attempt(f"att_{project_id}", 1)]
        )
        return await self._channel.call(self._stub.SettleSpend, request, deadline=Deadline.after(CALL_TIMEOUT_S))

    async def record(self, *decisions: pb.Decision) -> pb.RecordDecisionsResponse:
        request = pb.RecordDecisionsRequest(decisions=decisions)
        return await self._channel.call(self._stub.RecordDecisions, request, deadline=Deadline.after(CALL_TIMEOUT_S))

    async def query(self, request: pb.QueryDecisionsRequest) -> pb.QueryDecisionsResponse:
        return await self._channel.call(self._stub.QueryDecisions, request, deadline=Deadline.after(CALL_TIMEOUT_S))

    async def answer(self, request_id: str, *, predicted: float = 0.5, tokens: int = 8) -> None:
        """Settle a whole answer of coding."""
        made = attempt(f"att_{request_id}", 1)
        made.usage.output_token_count = tokens
        request = pb.SettleSpendRequest(
            request_id=request_id,
            account=ACCOUNT,
            attempts=[made],
            category="coding",
            decision_id=request_id.replace("req", "dec"),
            predicted_success=predicted,
        )
        await self._channel.call(self._stub.SettleSpend, request, deadline=Deadline.after(CALL_TIMEOUT_S))

    async def judge(self, feedback_id: str, value: float, **subject: str) -> None:
        """Give feedback on a request_id or a decision_id."""
        request = pb.RecordFeedbackRequest(feedback_id=feedback_id, account=ACCOUNT, value=value, **subject)
        await self._channel.call(self._stub.RecordFeedback, request, deadline=Deadline.after(CALL_TIMEOUT_S))

    @asynccontextmanager
    async def outcomes(self) -> AsyncIterator[AsyncIterator[pb.WatchOutcomeStatsResponse]]:
        """What WatchOutcomeStats sends."""
        deadline = Deadline.after(CALL_TIMEOUT_S)
        async with self._channel.stream(self._stub.WatchOutcomeStats, pb.WatchOutcomeStatsRequest(), deadline=deadline) as messages:
            yield messages

    async def usage(self, request: pb.QueryUsageRequest) -> pb.QueryUsageResponse:
        return await self._channel.call(self._stub.QueryUsage, request, deadline=Deadline.after(CALL_TIMEOUT_S))

    async def status(self) -> pb.GetStatusResponse:
        return await self._channel.call(self._stub.GetStatus, pb.GetStatusRequest(), deadline=Deadline.after(CALL_TIMEOUT_S))


def attempt(attempt_id: str, cost_nanousd: int) -> usage_pb2.Attempt:
    return usage_pb2.Attempt(
        attempt_id=attempt_id,
        number=1,
        model_id="m",
        provider_id="p",
        outcome=usage_pb2.ATTEMPT_OUTCOME_SUCCEEDED,
        usage=usage_pb2.TokenUsage(input_token_count=9, output_token_count=8),
        start_time=START,
        latency=Duration(nanos=5_000_000),
        billed_to=usage_pb2.BILLED_TO_OPERATOR,
        cost_nanousd=cost_nanousd,
    )


@asynccontextmanager
async def calls_to(address: str) -> AsyncIterator[LedgerCalls]:
    """Calls to the ledger at that address."""
    async with ServiceChannel(address, service=SERVICE_NAME) as channel:
        yield LedgerCalls(channel)


@asynccontextmanager
async def ledger_in_process(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A ledger's process and its address; killed at the end where it still runs."""
    process = await start(folder)
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        assert line, "the ledger did not start"
        yield process, json.loads(line)["ledger_grpc"]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def start(folder: Path) -> asyncio.subprocess.Process:
    """The process; it prints its address when it is ready."""
    module = "tests.integration.ledger.ledger_process"
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, "-m", module, str(folder), cwd=ROOT, stdout=pipe, stderr=pipe)


def main() -> int:
    async def print_addresses(addresses: Mapping[str, str]) -> None:
        print(json.dumps(dict(addresses)), flush=True)

    configure_logging("error")  # nobody reads the pipe while it runs
    settings = LedgerSettings(port=0, rest_port=0, database_path=Path(sys.argv[1]), drain_s=5)
    return run_until_stopped(serve(settings), on_ready=print_addresses)


if __name__ == "__main__":
    sys.exit(main())
