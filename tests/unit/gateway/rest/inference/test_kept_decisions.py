"""Decisions and their terms, written into the ledger and read back."""

import json
from dataclasses import replace

import pytest

from pointsman.gateway.core.catalog import Capability, DataClass
from pointsman.gateway.core.routing import Constraints
from pointsman.gateway.engine.decision_terms import DecisionTerms
from pointsman.gateway.engine.world import World
from pointsman.gateway.ports import Account, DecisionRecord, RulesInForce
from pointsman.gateway.rest.inference.answer_shapes import DecisionShape
from pointsman.gateway.rest.inference.kept_decisions import (
    KEPT_CANDIDATES,
    MAX_DETAIL_BYTES,
    decision_answer,
    recorded_plan,
    terms_object,
    terms_of,
)
from pointsman.kit.deadline import Deadline
from tests.fakes.gateways import FakeGateway, ruled
from tests.unit.gateway.core.samples import catalog, model

ALL = DecisionTerms(
    Constraints(
        models=("a", "b*"),
        exclude_models=("c",),
        providers=("openai",),
        exclude_providers=("x*",),
        capabilities=frozenset({Capability.CHAT, Capability.JSON_SCHEMA}),
        local_only=True,
        data_class=DataClass.CONFIDENTIAL,
        max_cost_nanousd=1_234_567,
        max_latency_s=1.5,
        min_success_probability=0.7,
        max_fallback_cost_nanousd=0,
        max_attempts=1,
    ),
    200,
)


@pytest.mark.parametrize("terms", [ALL, DecisionTerms()], ids=["all", "none"])
def test_they_are_read_back_as_they_were(terms: DecisionTerms) -> None:
    assert terms_of(json.loads(json.dumps(terms_object(terms)))) == terms


def test_what_is_left_open_is_not_written() -> None:
    assert terms_object(DecisionTerms()) == {}


async def decided(model_count: int) -> tuple[dict[str, object], DecisionRecord]:
    """What was answered to one who asked for a recommendation among so many models, and what was kept of it."""
    many = catalog(*(model(f"{number:04}-of-many-models") for number in range(model_count)))
    gateway = FakeGateway(world=World(catalog=many, rules=RulesInForce(ruled)))
    parts = gateway.parts()
    async with gateway.client(parts) as client:
        answer = (await client.post("/route", json={"prompt": "hello", "mode": "recommend"})).json()
    return answer, await parts.book.find_record(answer["decision_id"], Account(), Deadline.after(5))


async def test_a_decision_is_shown_as_it_was_answered() -> None:
    answer, record = await decided(3)
    shown = decision_answer(record)
    assert shown.keys() == DecisionShape.__annotations__.keys()
    assert {name: shown[name] for name in answer} == answer
    assert (shown["constraints"], shown["left_out"], shown["cause"]) == ({}, None, "ranked")


async def test_of_a_huge_catalogue_the_first_candidates_are_kept_and_it_is_said() -> None:
    _, record = await decided(600)
    assert len(record.detail) <= MAX_DETAIL_BYTES
    shown = decision_answer(record)
    assert shown.keys() == DecisionShape.__annotations__.keys()
    assert shown["left_out"] == {"ranking": 600 - KEPT_CANDIDATES, "excluded": 0}
    assert len(recorded_plan(record).model_ids) == KEPT_CANDIDATES


async def test_a_record_from_before_terms_were_kept_has_every_field() -> None:
    _, record = await decided(3)
    detail = {name: value for name, value in json.loads(record.detail).items() if name != "constraints"}
    before = replace(record, detail=json.dumps(detail).encode())
    assert decision_answer(before).keys() == DecisionShape.__annotations__.keys()
    assert recorded_plan(before).terms == DecisionTerms()
