"""From names in a request to the decision."""

import asyncio
import math
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from pointsman.gateway.core.catalog import Agent, Policy
from pointsman.gateway.core.request_shape import shape_of
from pointsman.gateway.core.routing import Cause, Constraints, Purpose
from pointsman.gateway.engine.routing import Order, Routed
from pointsman.gateway.ports import Account, Strategy
from pointsman.gateway.settings import GatewaySettings
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import Conflict, DeadlineExceeded, InvalidArgument, NotFound, PreconditionRequired, Unavailable
from tests.fakes.gateways import FakeGateway, three_models

DEADLINE = Deadline(math.inf)  # modules are loaded minutes before their tests run


def order(text: str = "hello", **changes: Any) -> Order:
    body = {"messages": [{"role": "user", "content": text}]}
    made = Order("req_1", Account(), Purpose.RECOMMEND, shape_of(body), sha256(text.encode()).digest())
    return replace(made, **changes)


async def route(asked: Order, gateway: FakeGateway | None = None) -> Routed:
    return await (gateway or FakeGateway()).parts().engine.routing.route(asked, DEADLINE)


def gateway_with(**changes: object) -> FakeGateway:
    gateway = FakeGateway()
    gateway.world.catalog = replace(three_models(), **changes)  # type: ignore[arg-type]  # named by the tests
    return gateway


def ids(routed: Routed) -> list[str]:
    return [candidate.model.id for candidate in routed.decision.ranking]


@pytest.mark.parametrize(
    ("changes", "label", "first"),
    [
        ({}, "balanced", "small"),
        ({"model": "auto"}, "balanced", "small"),
        ({"model": "pointsman/auto"}, "balanced", "small"),
        ({"model": "auto:quality"}, "quality", "strong"),
        ({"policy": "quality"}, "quality", "strong"),
        ({"model": "auto:cheap", "policy": "quality"}, "quality", "strong"),
        ({"policy": 1.0}, "1", "strong"),
        ({"model": "agent:critic"}, "quality", "strong"),
        ({"model": "agent:critic", "policy": "balanced"}, "balanced", "small"),
    ],
    ids=["none", "auto", "alias", "auto with policy", "policy", "policy over name", "number", "agent's policy", "policy over agent's"],
)
async def test_names_choose_the_policy(changes: dict[str, Any], label: str, first: str) -> None:
    gateway = gateway_with(agents={"critic": Agent("critic", policy_id="quality")})
    routed = await route(order(**changes), gateway)
    assert (routed.decision.policy_label, ids(routed)[0]) == (label, first)


@pytest.mark.parametrize(
    ("changes", "candidates"),
    [
        ({"model": "strong"}, ["strong"]),
        ({"models": ("local/tiny", "small")}, ["local/tiny", "small"]),
        ({"model": "strong", "models": ("strong", "small")}, ["strong", "small"]),
        ({"model": "auto", "models": ("small",)}, ["small"]),
    ],
    ids=["model", "list", "model first", "auto with a list"],
)
async def test_concrete_names_are_not_ranked(changes: dict[str, Any], candidates: list[str]) -> None:
    routed = await route(order(**changes))
    assert (ids(routed), routed.decision.cause) == (candidates, Cause.EXPLICIT_MODEL)


async def test_an_agents_system_prompt_counts_as_input() -> None:
    gateway = gateway_with(agents={"poet": Agent("poet", system_prompt="x" * 4_000)})
    with_agent, without = await route(order(model="agent:poet"), gateway), await route(order(), gateway)
    assert with_agent.decision.input_token_count - without.decision.input_token_count == 1_000


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({"model": "no-such"}, NotFound, "model_not_found"),
        ({"model": "agent:none"}, NotFound, "model_not_found"),
        ({"model": "agent:auto"}, NotFound, "model_not_found"),
        ({"models": ("small", "auto")}, NotFound, "model_not_found"),
        ({"policy": "none"}, InvalidArgument, "invalid_value"),
        ({"decision_id": "dec_none"}, NotFound, "decision_not_found"),
    ],
    ids=["model", "agent", "agent:auto", "virtual name in a list", "policy", "decision"],
)
async def test_unknown_names_are_refused(changes: dict[str, Any], kind: type[Exception], reason: str) -> None:
    with pytest.raises(kind) as refused:
        await route(order(**changes))
    assert getattr(refused.value, "reason", None) == reason


async def test_a_dead_classifier_marks_the_decision() -> None:
    gateway = FakeGateway()
    gateway.classifier.error = Unavailable("dependency_down", "away")
    routed = await route(order(), gateway)
    assert (routed.degraded, ids(routed) != []) == (("classifier",), True)


async def test_a_prompt_without_words_is_not_classified() -> None:
    gateway = FakeGateway()
    body = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]}
    routed = await route(replace(order(), shape=shape_of(body)), gateway)
    assert (routed.judgement, routed.degraded, gateway.classifier.calls) == (None, ("no_text",), [])
    assert routed.decision.cause is Cause.DEGRADED


@pytest.mark.parametrize(
    ("asked", "of_policy", "used", "degraded"),
    [
        (None, None, Strategy.HYBRID, ()),
        (None, "rules", Strategy.RULES, ()),
        (Strategy.SIMILARITY, "rules", Strategy.SIMILARITY, ()),
        (None, "bert", Strategy.BERT, ()),
        (None, "llm", Strategy.HYBRID, ("strategy",)),
    ],
    ids=["default", "policy's", "request's", "one of the classifier's", "one that cannot run"],
)
async def test_strategy_is_the_requests_then_the_policys(
    asked: Strategy | None, of_policy: str | None, used: Strategy, degraded: tuple[str, ...]
) -> None:
    gateway = gateway_with(policies={"balanced": Policy("balanced", 40.0, 0.75, strategy=of_policy)})
    routed = await route(order(strategy=asked), gateway)
    assert (gateway.classifier.calls[0][1], routed.degraded) == (used, degraded)


async def test_strategy_that_the_classifier_cannot_do_is_told() -> None:
    gateway = FakeGateway()
    gateway.classifier.errors_by_strategy[Strategy.BERT] = PreconditionRequired("strategy_unavailable", "no model", param="strategy")
    routed = await route(order(strategy=Strategy.BERT), gateway)
    assert ([strategy for _, strategy in gateway.classifier.calls], routed.degraded) == ([Strategy.BERT, Strategy.HYBRID], ("strategy",))


async def test_a_long_prompt_goes_to_the_classifier_by_its_ends() -> None:
    gateway = FakeGateway()
    await route(order("a" * 500_000 + "z"), gateway)
    (text, _) = gateway.classifier.calls[0]
    assert (len(text.text), text.text[-1]) == (4_001, "z")


async def test_a_prompt_judged_before_is_not_judged_again() -> None:
    gateway = FakeGateway()
    engine = gateway.parts().engine
    routed = [await engine.routing.route(order(text), DEADLINE) for text in ("hello", " hello\n", "other")]
    assert ([one.cache.value for one in routed], len(gateway.classifier.calls)) == (["miss", "hit", "miss"], 2)


@pytest.mark.parametrize(("shared", "uses"), [(False, ["miss", "miss"]), (True, ["miss", "hit"])], ids=["apart", "shared"])
async def test_projects_share_judgements_only_where_told_to(*, shared: bool, uses: list[str]) -> None:
    gateway = FakeGateway(settings=GatewaySettings(share_classifications=shared))
    engine = gateway.parts().engine
    accounts = [Account("acme"), Account("globex")]
    routed = [await engine.routing.route(order(account=account), DEADLINE) for account in accounts]
    assert [one.cache.value for one in routed] == uses
    scopes = [prompt.cache_scope for prompt, _ in gateway.classifier.calls]
    assert len(set(scopes)) == len(scopes)
    assert not any(account.project_id in scope for account in accounts for scope in scopes), "the classifier learns no names"


async def test_a_cache_that_is_off_keeps_nothing() -> None:
    gateway = FakeGateway(settings=GatewaySettings(cache_ttl_s=0))
    engine = gateway.parts().engine
    routed = [await engine.routing.route(order(), DEADLINE) for _ in range(2)]
    assert ([one.cache.value for one in routed], len(gateway.classifier.calls)) == (["off", "off"], 2)


async def test_a_request_sees_one_catalogue_from_start_to_end() -> None:
    gateway = FakeGateway()
    gateway.classifier.gate = asyncio.Event()
    routing = asyncio.create_task(route(order(), gateway))
    await asyncio.sleep(0)
    gateway.world.catalog = replace(three_models(), models={})
    gateway.classifier.gate.set()
    assert set(ids(await routing)) == {"small", "strong", "local/tiny"}


async def test_a_decision_is_run_in_its_order_and_kept_once() -> None:
    gateway = FakeGateway()
    engine = gateway.parts().engine
    decided = await engine.routing.route(order(policy="quality"), DEADLINE)
    again = await engine.routing.route(order(decision_id=decided.decision_id, purpose=Purpose.GENERATE), DEADLINE)
    assert (ids(again), again.decision_id, again.decision.cause) == (ids(decided), decided.decision_id, Cause.RANKED)
    with pytest.raises(Conflict, match="another prompt"):
        await engine.routing.route(order("other", decision_id=decided.decision_id), DEADLINE)
    await engine.book.flush(DEADLINE)
    assert list(gateway.ledger.records) == [decided.decision_id]


async def test_a_decision_whose_model_is_gone_is_stale() -> None:
    gateway = FakeGateway()
    engine = gateway.parts().engine
    decided = await engine.routing.route(order(), DEADLINE)
    catalog = three_models()
    gateway.world.catalog = replace(catalog, models={"strong": catalog.models["strong"]})
    with pytest.raises(Conflict) as stale:
        await engine.routing.route(order(decision_id=decided.decision_id), DEADLINE)
    assert stale.value.reason == "decision_stale"


LIMITED = Constraints(exclude_models=("strong",), max_attempts=2, max_cost_nanousd=50_000_000)


@pytest.mark.parametrize("where", ["here", "on another gateway"])
async def test_a_decision_is_run_within_the_constraints_that_it_was_made_with(where: str) -> None:
    gateway = FakeGateway()
    engine = gateway.parts().engine
    decided = await engine.routing.route(order(constraints=LIMITED, max_output_token_count=100), DEADLINE)
    if where == "on another gateway":
        await engine.book.flush(DEADLINE)
        engine = gateway.parts().engine
    again = await engine.routing.route(order(decision_id=decided.decision_id, purpose=Purpose.GENERATE), DEADLINE)
    assert (again.request.constraints, again.request.max_output_token_count) == (LIMITED, 100)


async def test_whoever_runs_a_decision_can_allow_less_but_not_more() -> None:
    engine = FakeGateway().parts().engine
    decided = await engine.routing.route(order(constraints=LIMITED, max_output_token_count=100), DEADLINE)
    asked = Constraints(exclude_models=("local/*",), max_attempts=3, max_cost_nanousd=60_000_000, local_only=True)
    run = order(decision_id=decided.decision_id, constraints=replace(asked, local_only=False), max_output_token_count=50)
    again = await engine.routing.route(run, DEADLINE)
    joined = replace(LIMITED, exclude_models=("strong", "local/*"))
    assert (again.request.constraints, again.request.max_output_token_count, ids(again)) == (joined, 50, ["small"])


async def test_a_strangers_decision_cannot_be_run() -> None:
    engine = FakeGateway().parts().engine
    decided = await engine.routing.route(order(account=Account("acme")), DEADLINE)
    with pytest.raises(NotFound) as refused:
        await engine.routing.route(order(account=Account("globex"), decision_id=decided.decision_id), DEADLINE)
    assert refused.value.reason == "decision_not_found"


async def test_a_request_whose_time_is_over_is_dropped_before_anything_is_asked() -> None:
    gateway = FakeGateway()
    with pytest.raises(DeadlineExceeded):
        await gateway.parts().engine.routing.route(order(), Deadline(0.0))
    assert gateway.classifier.calls == []
