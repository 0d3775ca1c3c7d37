"""What the running ledger says, over its public gRPC API and with no code of ours but the generated."""

import grpc

from pointsman.api.ledger.v1 import ledger_pb2, ledger_pb2_grpc
from tests.e2e.stack import Stack

TIMEOUT_S = 5


def booked_total_nanousd(stack: Stack) -> int:
    """Sum of all booked costs."""
    with grpc.insecure_channel(stack.addresses["ledger_grpc"]) as channel:
        status = ledger_pb2_grpc.LedgerServiceStub(channel).GetStatus(ledger_pb2.GetStatusRequest(), timeout=TIMEOUT_S)
    return status.total_cost_nanousd
