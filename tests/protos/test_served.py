"""Which of the declared calls are served. A call leaves the list below when it is; none may join it unnoticed."""

import re
from pathlib import Path

import pytest
from google.protobuf.descriptor import ServiceDescriptor

from pointsman.api.classifier.v1 import classifier_pb2
from pointsman.api.executor.v1 import executor_pb2
from pointsman.api.ledger.v1 import ledger_pb2, ledger_pb2_grpc
from pointsman.api.registry.v1 import registry_pb2
from pointsman.classifier.servicer import ClassifierServicer
from pointsman.executor.servicer import ExecutorServicer
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import MethodNotAllowed
from pointsman.kit.grpc_calls import is_served
from pointsman.kit.grpc_client import ServiceChannel
from pointsman.kit.grpc_server import serve_grpc
from pointsman.ledger.servicer import LedgerServicer
from pointsman.registry.servicer.registry_servicer import RegistryServicer
from tests.integration.kit.echo import capturing_log, failure_of, read_all

PROTOS = Path(__file__).parents[2] / "protos"
LEDGER = ledger_pb2.DESCRIPTOR.services_by_name["LedgerService"].full_name
SERVICERS = {
    classifier_pb2.DESCRIPTOR.services_by_name["ClassifierService"]: ClassifierServicer,
    registry_pb2.DESCRIPTOR.services_by_name["RegistryService"]: RegistryServicer,
    executor_pb2.DESCRIPTOR.services_by_name["ExecutorService"]: ExecutorServicer,
    ledger_pb2.DESCRIPTOR.services_by_name["LedgerService"]: LedgerServicer,
}
NOT_SERVED_YET = {
    "ExecutorService.CreateEmbeddings",
    "LedgerService.ForecastCost",
    "LedgerService.WatchAlerts",
}


def unserved_of(service: ServiceDescriptor, servicer: type) -> set[str]:
    return {f"{service.name}.{method.name}" for method in service.methods if not is_served(getattr(servicer, method.name))}


def test_every_service_of_the_protos_is_looked_at() -> None:
    declared = {
        service
        for path in PROTOS.rglob("*.proto")
        for service in re.findall(r"^service (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {service.name for service in SERVICERS} == declared


def test_all_declared_calls_are_served_but_those_listed() -> None:
    unserved = [unserved_of(service, servicer) for service, servicer in SERVICERS.items()]
    assert set().union(*unserved) == NOT_SERVED_YET


class HalfServed(ledger_pb2_grpc.LedgerServiceServicer):
    """Serves nothing of what it declares."""


async def test_what_is_not_served_is_answered_as_such_and_no_crash_is_logged() -> None:
    log, logged = capturing_log()
    servicer = HalfServed()  # type: ignore[abstract]  # that is the point
    async with (
        serve_grpc(
            host="127.0.0.1",
            port=0,
            service_names=[LEDGER],
            register=lambda server: ledger_pb2_grpc.add_LedgerServiceServicer_to_server(servicer, server),
            log=log,
        ) as server,
        ServiceChannel(server.address, service=LEDGER) as channel,
    ):
        await server.set_serving(LEDGER, serving=True)
        stub = ledger_pb2_grpc.LedgerServiceStub(channel.channel)
        one = await failure_of(channel.call(stub.ForecastCost, ledger_pb2.ForecastCostRequest(), deadline=Deadline.after(5)))
        with pytest.raises(MethodNotAllowed):
            async with channel.stream(stub.WatchAlerts, ledger_pb2.WatchAlertsRequest(), deadline=Deadline.after(5)) as alerts:
                await read_all(alerts)
    assert isinstance(one, MethodNotAllowed)
    assert (one.reason, one.message) == ("method_not_allowed", f"/{LEDGER}/ForecastCost: declared, and not served")
    assert {entry["outcome"] for entry in logged.entries if entry["event"] == "rpc_finished"} == {"method_not_allowed"}
    assert "rpc_crashed" not in {entry["event"] for entry in logged.entries}
