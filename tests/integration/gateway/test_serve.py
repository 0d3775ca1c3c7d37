"""The whole wiring: start, refusal to start, the copy on disk, and real gRPC to services that answer."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import grpc
import httpx2 as httpx
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import SecretStr

from pointsman.api.classifier.v1 import classifier_pb2, classifier_pb2_grpc
from pointsman.api.config.v1 import config_pb2
from pointsman.api.executor.v1 import executor_pb2, executor_pb2_grpc
from pointsman.api.ledger.v1 import ledger_pb2, ledger_pb2_grpc
from pointsman.api.registry.v1 import registry_pb2, registry_pb2_grpc
from pointsman.api.usage.v1 import usage_pb2
from pointsman.gateway import server
from pointsman.gateway.settings import GatewaySettings
from pointsman.kit.config_watch import write_copy
from pointsman.kit.grpc_server import serve_grpc
from pointsman.kit.logging import get_logger
from pointsman.kit.settings import SettingsError
from tests.fakes.gateway_services import answer_body, text_chunk

NOWHERE = "127.0.0.1:9"
NAMES = {
    "classifier": "pointsman.api.classifier.v1.ClassifierService",
    "registry": "pointsman.api.registry.v1.RegistryService",
    "executor": "pointsman.api.executor.v1.ExecutorService",
    "ledger": "pointsman.api.ledger.v1.LedgerService",
}


def catalog() -> config_pb2.ConfigSnapshot:
    """One paid model."""
    model = config_pb2.Model(
        id="small",
        provider_id="openai",
        upstream="small",
        display_name="Small",
        status=config_pb2.MODEL_STATUS_ACTIVE,
        capabilities=[config_pb2.CAPABILITY_CHAT, config_pb2.CAPABILITY_STREAMING],
        context_window_token_count=128_000,
        price=config_pb2.Price(input_microusd_per_mtok=100_000, output_microusd_per_mtok=400_000),
        ability=config_pb2.Ability(skills={"overall": 1.0}),
    )
    content = config_pb2.Catalog(
        providers=[config_pb2.Provider(id="openai", location=config_pb2.LOCATION_CLOUD)],
        models=[model],
        policies=[config_pb2.Policy(id="balanced", value_usd_per_mtok=40.0, good_enough=0.75, is_default=True)],
    )
    version = config_pb2.ConfigVersion(epoch="e", number=1)
    return config_pb2.ConfigSnapshot(kind=config_pb2.CONFIG_KIND_CATALOG, version=version, catalog=content)


def rules() -> config_pb2.ConfigSnapshot:
    """One keyword rule."""
    rule = config_pb2.KeywordRule(name="python", category="coding", pattern=r"\bpython\b", weight=5.0)
    content = config_pb2.ClassificationConfig(keyword_rules=[rule])
    version = config_pb2.ConfigVersion(epoch="e", number=1)
    return config_pb2.ConfigSnapshot(kind=config_pb2.CONFIG_KIND_CLASSIFICATION, version=version, classification=content)


class Services:
    """All four services, each as small as can be, on one port."""

    def __init__(self) -> None:
        self.opened: list[ledger_pb2.OpenSpendRequest] = []
        self.settled: list[ledger_pb2.SettleSpendRequest] = []
        self.recorded: list[ledger_pb2.Decision] = []

    def __getattr__(self, name: str) -> object:
        """Methods that are registered, and not called here."""
        return None

    async def ClassifyPrompt(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802  # gRPC's names and types
        return classifier_pb2.ClassifyPromptResponse(
            classification=classifier_pb2.Classification(
                category="math",
                category_probabilities={"math": 1.0},
                discrimination=1.0,
                complexity_score=0.5,
                domain_confidence=0.9,
                difficulty=classifier_pb2.DIFFICULTY_MEDIUM,
                method=classifier_pb2.CLASSIFICATION_METHOD_HYBRID,
                version="v",
            )
        )

    async def WatchConfig(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802  # gRPC's names and types
        yield registry_pb2.WatchConfigResponse(snapshot=catalog())
        yield registry_pb2.WatchConfigResponse(snapshot=rules())

    async def ReportApplied(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802  # gRPC's names and types
        return registry_pb2.ReportAppliedResponse()

    async def StreamCompletion(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802  # gRPC's names and types
        started = executor_pb2.AttemptStarted(number=1, model_id="small", provider_id="openai")
        yield executor_pb2.StreamCompletionResponse(attempt_started=started)
        if request.stream:
            yield executor_pb2.StreamCompletionResponse(chunk=executor_pb2.CompletionChunk(events=text_chunk("small", "hi").events))
        attempt = usage_pb2.Attempt(
            attempt_id="att_1",
            number=1,
            model_id="small",
            provider_id="openai",
            outcome=usage_pb2.ATTEMPT_OUTCOME_SUCCEEDED,
            usage=usage_pb2.TokenUsage(input_token_count=10, output_token_count=20),
            start_time=Timestamp(seconds=1_700_000_000),
            billed_to=usage_pb2.BILLED_TO_OPERATOR,
        )
        yield executor_pb2.StreamCompletionResponse(attempt_finished=executor_pb2.AttemptFinished(attempt=attempt))
        body = b"" if request.stream else answer_body("small", "hi")
        yield executor_pb2.StreamCompletionResponse(done=executor_pb2.CompletionDone(finish_reason="stop", body=body))

    async def WatchProviderStates(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802  # gRPC's names and types
        state = executor_pb2.ProviderState(provider_id="openai", callable=True)
        yield executor_pb2.WatchProviderStatesResponse(providers=[state])

    async def OpenSpend(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802  # gRPC's names and types
        self.opened.append(request)
        return ledger_pb2.OpenSpendResponse(admitted_attempt_count=len(request.planned_attempts))

    async def SettleSpend(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802  # gRPC's names and types
        self.settled.append(request)
        return ledger_pb2.SettleSpendResponse()

    async def RecordDecisions(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802  # gRPC's names and types
        self.recorded += request.decisions
        return ledger_pb2.RecordDecisionsResponse()

    async def QueryDecisions(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802  # gRPC's names and types
        found = [decision for decision in self.recorded if decision.decision_id == request.decision_id]
        return ledger_pb2.QueryDecisionsResponse(decisions=found)


@asynccontextmanager
async def serving(services: Services) -> AsyncIterator[str]:
    """The services on one port."""

    def register(grpc_server: grpc.aio.Server) -> None:
        classifier_pb2_grpc.add_ClassifierServiceServicer_to_server(cast(Any, services), grpc_server)
        registry_pb2_grpc.add_RegistryServiceServicer_to_server(cast(Any, services), grpc_server)
        executor_pb2_grpc.add_ExecutorServiceServicer_to_server(cast(Any, services), grpc_server)
        ledger_pb2_grpc.add_LedgerServiceServicer_to_server(cast(Any, services), grpc_server)

    async with serve_grpc(
        host="127.0.0.1", port=0, service_names=list(NAMES.values()), register=register, log=get_logger("test"), drain_s=0.1
    ) as running:
        for name in NAMES.values():
            await running.set_serving(name, serving=True)
        yield running.address


def settings(folder: Path, target: str, **changes: object) -> GatewaySettings:
    """A gateway on a free port, with all services at one place."""
    targets = {f"{service}_target": target for service in NAMES}
    return GatewaySettings(var_dir=folder, port=0, drain_s=0.1, **{**targets, **changes})  # type: ignore[arg-type]  # named by the tests


def client_of(addresses: Mapping[str, str]) -> httpx.AsyncClient:
    """A client of the gateway, over loopback."""
    port = addresses["gateway"].rsplit(":", 1)[1]
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=5)


def on_disk(folder: Path) -> None:
    """What a gateway that ran before has left."""
    write_copy(folder / "gateway" / "config_kind_catalog.snapshot", catalog())
    write_copy(folder / "gateway" / "config_kind_classification.snapshot", rules())


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that has nobody to wait for."""
    monkeypatch.setattr(server, "FIRST_WORLD_S", 0.05)


async def test_a_request_goes_through_all_services(tmp_path: Path) -> None:
    services = Services()
    async with serving(services) as target, server.serve(settings(tmp_path, target)) as addresses, client_of(addresses) as client:
        answer = await client.post("/route", json={"prompt": "1 + 1"})
        chat = {"model": "auto", "messages": [{"role": "user", "content": "1 + 1"}], "stream": True}
        stream = await client.post("/v1/chat/completions", json=chat)
    body = answer.json()
    assert (body["classification"]["category"], body["degraded"], body["cost_usd"]) == ("math", [], 9e-6)
    assert stream.text.endswith("data: [DONE]\n\n")
    assert [request.planned_attempts[0].model_id for request in services.opened] == ["small", "small"]
    assert [request.attempts[0].cost_nanousd for request in services.settled] == [9_000, 9_000]
    assert {decision.decision_id for decision in services.recorded} >= {body["decision_id"]}, "recorded before the end"


@pytest.mark.usefixtures("alone")
async def test_it_starts_from_its_copy_and_routes_by_rules_where_all_else_is_away(tmp_path: Path) -> None:
    on_disk(tmp_path)
    async with server.serve(settings(tmp_path, NOWHERE)) as addresses, client_of(addresses) as client:
        ready = await client.get("/readyz")
        routed = await client.post("/route", json={"prompt": "sort it in python", "mode": "recommend"})
        refused = await client.post("/route", json={"prompt": "sort it in python"})
    assert ready.status_code == 200
    assert (routed.json()["degraded"], routed.json()["classification"]["category"]) == (["classifier"], "coding")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "dependency_down")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
async def test_an_open_address_without_a_key_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(SettingsError, match="POINTSMAN_ADMIN_KEY"):
        async with server.serve(settings(tmp_path, NOWHERE, host=host)):
            pass


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("changes", [{"admin_key": SecretStr("pm-ops-0123456789")}, {"allow_anonymous": True}], ids=["key", "told to"])
async def test_an_open_address_with_a_key_or_by_order_is_served(tmp_path: Path, changes: dict[str, object]) -> None:
    on_disk(tmp_path)
    async with server.serve(settings(tmp_path, NOWHERE, host="0.0.0.0", **changes)) as addresses, client_of(addresses) as client:
        answer = await client.get("/v1/models")
    assert answer.status_code == (401 if "admin_key" in changes else 200)
