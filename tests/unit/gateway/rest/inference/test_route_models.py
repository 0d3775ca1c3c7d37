"""Bodies of `/route`: strict, and no text of the caller's in the refusal."""

from typing import Any

import pytest

from pointsman.gateway.core.catalog import Capability, DataClass
from pointsman.gateway.rest.inference.route_models import ConstraintsBody, ExtensionBody, RouteBody, RoutingFields, nanousd_of, parse
from pointsman.kit.errors import InvalidArgument

CANARY = "canary-51c0"

BAD: list[tuple[dict[str, Any], str, str | None]] = [
    ({CANARY: 1}, "unknown_field", None),
    ({"conversation_id": CANARY}, "unknown_field", "conversation_id"),
    ({"priority": 3}, "unknown_field", "priority"),
    ({"cache": {"mode": CANARY}}, "unknown_field", "cache"),
    ({"constraints": {"priority": 3}}, "unknown_field", "constraints"),
    ({"constraints": {CANARY: 1}}, "unknown_field", "constraints"),
    ({"prompt": [CANARY]}, "invalid_value", "prompt"),
    ({"messages": CANARY}, "invalid_value", "messages"),
    ({"mode": CANARY}, "invalid_value", "mode"),
    ({"policy": 1.5}, "invalid_value", "policy"),
    ({"policy": True}, "invalid_value", "policy"),
    ({"policy": "a\r\nx-evil: 1"}, "invalid_value", "policy"),
    ({"strategy": "oracle"}, "invalid_value", "strategy"),
    ({"stream": 1}, "invalid_value", "stream"),
    ({"temperature": 2.5}, "invalid_value", "temperature"),
    ({"temperature": "0.5"}, "invalid_value", "temperature"),
    ({"max_tokens": True}, "invalid_value", "max_tokens"),
    ({"max_tokens": 0}, "invalid_value", "max_tokens"),
    ({"models": "gpt"}, "invalid_value", "models"),
    ({"models": [CANARY + "\x00"]}, "invalid_value", "models"),
    ({"metadata": {CANARY: 5}}, "invalid_value", "metadata"),
    ({"metadata": {str(number): "x" for number in range(17)}}, "invalid_value", "metadata"),
    ({"constraints": {"max_cost_usd": -1}}, "invalid_value", "constraints.max_cost_usd"),
    ({"constraints": {"max_cost_usd": float("nan")}}, "invalid_value", "constraints.max_cost_usd"),
    ({"constraints": {"max_attempts": 4}}, "invalid_value", "constraints.max_attempts"),
    ({"constraints": {"capabilities": [CANARY]}}, "invalid_value", "constraints.capabilities"),
    ({"constraints": {"data_class": "secret"}}, "invalid_value", "constraints.data_class"),
    ({"constraints": {"local_only": "yes"}}, "invalid_value", "constraints.local_only"),
    ({"constraints": {"min_success_probability": 1.1}}, "invalid_value", "constraints.min_success_probability"),
    ({"constraints": 5}, "invalid_value", "constraints"),
    ({"openai_api_key": ""}, "invalid_value", "openai_api_key"),
]


@pytest.mark.parametrize(("fields", "code", "param"), BAD, ids=[f"{next(iter(case[0]))}-{number}" for number, case in enumerate(BAD)])
def test_bad_body_is_refused_without_echo(fields: dict[str, Any], code: str, param: str | None) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parse(RouteBody, {"prompt": "x", **fields})
    assert (refused.value.reason, refused.value.param) == (code, param)
    assert CANARY not in refused.value.message


def test_extension_is_strict_and_named_by_its_place() -> None:
    with pytest.raises(InvalidArgument) as refused:
        parse(ExtensionBody, {"cache": {"mode": "exact"}}, within="pointsman")
    assert (refused.value.reason, refused.value.param) == ("unknown_field", "pointsman.cache")
    assert refused.value.message == "pointsman.cache: this version does not act on it"
    with pytest.raises(InvalidArgument) as refused:
        parse(ExtensionBody, {CANARY: 1}, within="pointsman")
    assert (refused.value.reason, refused.value.param) == ("unknown_field", "pointsman")
    with pytest.raises(InvalidArgument) as refused:
        parse(ExtensionBody, {"constraints": {"max_attempts": 0}}, within="pointsman")
    assert refused.value.param == "pointsman.constraints.max_attempts"


def test_constraints_become_exact_whole_numbers() -> None:
    body: dict[str, Any] = {
        "max_cost_usd": 0.000123,
        "max_latency_ms": 1500,
        "capabilities": ["vision"],
        "data_class": "internal",
        "providers": ["open*"],
        "max_fallback_cost_usd": 0.1,
    }
    constraints = parse(ConstraintsBody, body).to_constraints()
    assert (constraints.max_cost_nanousd, constraints.max_fallback_cost_nanousd) == (123_000, 100_000_000)
    assert (constraints.max_latency_s, constraints.capabilities) == (1.5, frozenset({Capability.VISION}))
    assert (constraints.data_class, constraints.providers) == (DataClass.INTERNAL, ("open*",))


def test_budget_limit_is_another_name_of_max_cost() -> None:
    assert parse(ConstraintsBody, {"budget_limit": 0.5}).to_constraints().max_cost_nanousd == 500_000_000
    assert parse(ConstraintsBody, {"budget_limit": 0.5, "max_cost_usd": 0.5}).to_constraints().max_cost_nanousd == 500_000_000
    with pytest.raises(InvalidArgument):
        parse(ConstraintsBody, {"budget_limit": 0.5, "max_cost_usd": 0.4}).to_constraints()


@pytest.mark.parametrize(("usd", "nanousd"), [(0.1, 100_000_000), (1e-9, 1), (1e-10, 0), (0.29, 290_000_000), (1, 1_000_000_000)], ids=str)
def test_limits_are_exact_and_never_raised(usd: float, nanousd: int) -> None:
    assert nanousd_of(usd) == nanousd


def test_the_callers_key_does_not_show() -> None:
    body = parse(RouteBody, {"prompt": "x", "openai_api_key": "sk-canary-000000"})
    assert "canary" not in repr(body)


def test_null_counts_as_absent_as_in_the_openai_api() -> None:
    fields = {name: None for name in RouteBody.model_fields if name != "prompt"}
    assert parse(RouteBody, {"prompt": "x", **fields}) == parse(RouteBody, {"prompt": "x"})
    constraints = dict.fromkeys(ConstraintsBody.model_fields)
    assert parse(RouteBody, {"prompt": "x", "constraints": constraints}) == parse(RouteBody, {"prompt": "x"})
    with pytest.raises(InvalidArgument, match="not known"):
        parse(RouteBody, {"prompt": "x", "nonsense": None})


def test_refusals_are_in_words_for_people() -> None:
    bodies: list[dict[str, Any]] = [{"model": "a b"}, {"models": ["a b"]}, {"constraints": {"exclude_models": ["\x00"]}}]
    for fields in bodies:
        with pytest.raises(InvalidArgument, match="a name of 1 to 256 characters without blanks is asked for"):
            parse(RouteBody, {"prompt": "x", **fields})


@pytest.mark.parametrize("policy", [1.5, -1, True, {}, "a b"], ids=str)
@pytest.mark.parametrize(("model", "within"), [(RouteBody, None), (ExtensionBody, "pointsman")])
def test_what_is_no_policy_is_told_both_forms(model: type[RoutingFields], within: str | None, policy: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"policy: a policy's name, or a number from 0 to 1, is asked for$"):
        parse(model, {"policy": policy}, within=within)
