"""What is counted and traced of requests: each once, in words of ours, and the time of ours apart from providers'."""

import asyncio
import math
from dataclasses import replace
from typing import Any

import pytest

from pointsman.gateway.core.routing import Purpose
from pointsman.gateway.engine.completing import TimeAllowed
from pointsman.gateway.engine.routing import Order
from pointsman.gateway.ports import AttemptStarted, CompletionCall, CompletionDone, CompletionEvent
from pointsman.gateway.rest.inference.provider_bodies import ProviderBody
from pointsman.gateway.server import Parts
from pointsman.gateway.settings import GatewaySettings
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import ServiceError, Unavailable
from tests.fakes.gateway_services import FakeExecutor, FakeLedger, FakeSpool, Script, answer_body, fails, finished, let_all_run, says
from tests.fakes.gateways import FakeGateway
from tests.fakes.spans import RecordedSpans
from tests.unit.gateway.engine.test_routing import order

FOREVER = Deadline(math.inf)
STAGES = ["classify", "rank", "open_spend", "execute", "settle", "total"]


class Desk:
    """A gateway, and what it says of itself."""

    def __init__(self, script: Script | None = None, **changes: Any) -> None:
        self.spans = RecordedSpans()
        self.gateway = FakeGateway(executor=FakeExecutor(script or says("hi")), tracing=self.spans.tracing, **changes)
        self.parts: Parts = self.gateway.parts()

    async def recommend(self, **changes: Any) -> None:
        await self.parts.engine.routing.route(order(**changes), FOREVER)

    async def generate(self, **changes: Any) -> None:
        asked: Order = replace(order(**changes), purpose=Purpose.GENERATE)
        allowed = TimeAllowed(Deadline.after(0).at_s, usual_s=65.0, slow_s=600.0)
        routed = await self.parts.engine.routing.route(asked, FOREVER)
        body = ProviderBody({"messages": []})
        async with self.parts.engine.completing.run(routed, asked, body, stream=False, time_allowed=allowed) as completion:
            while await completion.next_chunk() is not None:
                pass
            await completion.settle()

    def value(self, name: str, **labels: str) -> float:
        return self.gateway.telemetry.registry.get_sample_value(name, labels) or 0.0

    def requests(self) -> dict[tuple[str, ...], float]:
        """Counts by policy, category, model, provider, cause and status."""
        return {
            tuple(sample.labels[name] for name in ("policy", "category", "model", "provider", "cause", "status")): sample.value
            for family in self.gateway.telemetry.registry.collect()
            for sample in family.samples
            if sample.name == "pointsman_requests_total"
        }

    def series_count(self) -> int:
        return sum(len(family.samples) for family in self.gateway.telemetry.registry.collect())


async def test_a_recommendation_and_an_answer_are_counted_once_each() -> None:
    desk = Desk()
    await desk.recommend()
    await desk.generate(model="strong")
    assert desk.requests() == {
        ("balanced", "coding", "small", "openai", "ranked", "ok"): 1.0,
        ("balanced", "coding", "strong", "openai", "explicit_model", "ok"): 1.0,
    }
    assert desk.value("pointsman_cost_usd_total", model="strong", provider="openai") == pytest.approx(180e-6)
    assert desk.value("pointsman_fallbacks_total") == 0.0


def falls_back(call: CompletionCall) -> list[CompletionEvent]:
    return [
        AttemptStarted(1, "strong", "openai"),
        finished("strong", reason="provider_error"),
        AttemptStarted(2, "small", "openai"),
        finished("small", number=2),
        CompletionDone("stop", answer_body("small", "hi")),
    ]


async def test_a_fallback_is_counted_under_the_model_that_served() -> None:
    desk = Desk(falls_back)
    await desk.generate(models=("strong", "small"))
    assert desk.requests() == {("balanced", "coding", "small", "openai", "fallback", "ok"): 1.0}
    assert desk.value("pointsman_fallbacks_total") == 1.0


async def test_a_failure_is_counted_under_its_code() -> None:
    desk = Desk(fails("provider_timeout"))
    with pytest.raises(ServiceError):
        await desk.generate()
    away = Unavailable("dependency_down", "away")
    poor = Desk(ledger=FakeLedger(error=away), spool=FakeSpool(error=away))
    with pytest.raises(ServiceError):
        await poor.generate(model="small")
    assert desk.requests() == {("balanced", "coding", "small", "openai", "ranked", "provider_timeout"): 1.0}
    assert poor.requests() == {("balanced", "coding", "none", "none", "explicit_model", "dependency_down"): 1.0}


async def test_a_client_who_leaves_is_counted() -> None:
    desk = Desk(lambda call: [AttemptStarted(1, "small", "openai"), asyncio.Event()])
    asking = asyncio.create_task(desk.generate())
    await let_all_run()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert [labels[-1] for labels in desk.requests()] == ["client_gone"]


async def test_words_of_callers_make_no_series() -> None:
    desk = Desk()
    asked: list[dict[str, Any]] = [
        *({"model": f"unknown-{number}"} for number in range(1_000)),
        *({"models": ("small", f"unknown-{number}")} for number in range(10)),
        *({"policy": f"no-such-{number}"} for number in range(10)),
        *({"model": f"agent:nobody-{number}"} for number in range(10)),
        *({"decision_id": f"dec_{number}"} for number in range(10)),
        *({"policy": number / 100} for number in range(10)),
    ]
    counts = []
    for _ in range(2):
        for changes in asked:
            try:
                await desk.recommend(**changes)
            except ServiceError:
                continue
        counts.append(desk.series_count())
    assert counts[0] == counts[1]
    assert {labels for labels in desk.requests() if labels[-1] != "ok"} == {
        ("none", "none", "other", "none", "none", "model_not_found"),
        ("none", "none", "none", "none", "none", "invalid_value"),
        ("none", "none", "none", "none", "none", "decision_not_found"),
    }
    assert {labels[0] for labels in desk.requests() if labels[-1] == "ok"} == {"number"}


async def test_each_stage_is_timed_and_the_providers_time_is_nobodys() -> None:
    desk = Desk()
    await desk.generate(model="small")
    counts = {stage: desk.value("pointsman_overhead_seconds_count", stage=stage) for stage in STAGES}
    assert counts == dict.fromkeys(STAGES, 1.0)
    assert desk.value("pointsman_overhead_seconds_sum", stage="total") < 0.25, "the provider says that it took as long"


async def test_stages_are_spans_one_after_the_other() -> None:
    desk = Desk()
    with desk.spans.tracing.server_span("POST", traceparent=None):
        await desk.generate(model="small", text="secret words")
    server, *stages = desk.spans.all
    assert [span.name for span in stages] == ["classify", "rank", "open_spend", "execute", "settle"]
    assert all(span.parent == server.traceparent and span.has_ended and span.error_type is None for span in stages)
    execute = stages[3].attributes
    assert str(execute.pop("pointsman.decision.id")).startswith("dec_")
    assert execute == {"gen_ai.request.model": "small", "gen_ai.response.model": "small", "pointsman.cause": "explicit_model"}
    assert "secret" not in repr(desk.spans.all)


async def test_a_failure_fails_its_span() -> None:
    desk = Desk(fails("provider_error"))
    with pytest.raises(ServiceError):
        await desk.generate()
    assert {span.name: span.error_type for span in desk.spans.all}["execute"] == "UpstreamFailed"


async def test_the_caches_events_are_counted() -> None:
    desk = Desk(settings=GatewaySettings(classification_cache_entries=1))
    for text in ("one", "one", "two"):
        await desk.recommend(text=text)
    events = {event: desk.value("pointsman_cache_events_total", cache="memory", event=event) for event in ("hit", "miss", "evicted")}
    assert events == {"hit": 1.0, "miss": 2.0, "evicted": 1.0}


async def test_what_is_missing_and_what_waits_is_told_when_asked() -> None:
    desk = Desk(ledger=FakeLedger(error=Unavailable("dependency_down", "away")))
    assert desk.value("pointsman_degraded", reason="ledger") == 0.0
    await desk.generate(model="small")
    assert (desk.value("pointsman_degraded", reason="ledger"), desk.value("pointsman_queue_depth", queue="spool")) == (1.0, 2.0)
    desk.gateway.ledger.error = None
    await desk.parts.backlog.flush(FOREVER)
    assert (desk.value("pointsman_degraded", reason="ledger"), desk.value("pointsman_queue_depth", queue="spool")) == (0.0, 0.0)
    desk.gateway.world.catalog = None
    desk.gateway.world.are_conditions_stale = True
    assert (desk.value("pointsman_degraded", reason="catalog"), desk.value("pointsman_degraded", reason="executor")) == (1.0, 1.0)
