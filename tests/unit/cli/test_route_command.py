"""What `pointsman route` shows."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from pointsman.cli.route_command import policy_of, show, usd_text
from pointsman.gateway.engine.world import World
from pointsman.kit.errors import Unavailable
from tests.fakes.gateway_services import FakeClassifier
from tests.fakes.gateways import FakeGateway, three_models


@pytest.mark.parametrize(("text", "policy"), [("cheap", "cheap"), ("0.25", 0.25), ("1", 1.0), ("1.5x", "1.5x")])
def test_policy_is_a_number_where_it_reads_as_one(text: str, policy: str | float) -> None:
    assert policy_of(text) == policy


async def shown(gateway: FakeGateway, body: dict[str, Any]) -> str:
    async with gateway.client() as client:
        answer = (await client.post("/route", json={"prompt": "hello", **body})).json()
    written = StringIO()
    show(answer, Console(width=200, file=written))
    return written.getvalue()


async def test_a_decision_is_shown_with_its_candidates() -> None:
    text = await shown(FakeGateway(), {"mode": "recommend"})
    assert text.startswith("coding, medium (100% sure, ")
    assert "small comes first" in text
    assert "0.0002002" in text


async def test_an_answer_is_shown_with_its_cost() -> None:
    text = await shown(FakeGateway(), {})
    assert "Hello there" in text
    assert "small, cost 0.000009 USD, " in text


async def test_a_prompt_that_nobody_classified_is_shown_too() -> None:
    away = FakeClassifier(error=Unavailable("dependency_down", "away"))
    text = await shown(FakeGateway(classifier=away, world=World(catalog=three_models())), {"mode": "recommend"})
    assert text.startswith("not classified")
    assert "degraded: classifier" in text


@pytest.mark.parametrize(
    ("cost_usd", "text"), [(8.8e-06, "0.0000088"), (0.0, "0"), (1e-9, "0.000000001"), (12.5, "12.5"), (None, "unknown")]
)
def test_money_is_written_without_an_exponent(cost_usd: float | None, text: str) -> None:
    assert usd_text(cost_usd) == text
