import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.gateway.core.catalog import Agent
from pointsman.gateway.core.policies import ModelName, ModelNameKind, find_agent, parse_model_name, policy_from_number, resolve_policy
from pointsman.gateway.core.routing_errors import InvalidPolicy, ModelNotFound
from tests.unit.gateway.core.samples import BALANCED, CHEAP, QUALITY, catalog

CATALOG = catalog(agents={"sql": Agent("sql")})


@pytest.mark.parametrize(
    ("u", "value_usd_per_mtok", "good_enough"),
    [
        pytest.param(0.0, 8.0, 0.6, id="0_is_cheap"),
        pytest.param(0.5, 80.0, 0.8, id="half"),
        pytest.param(1.0, 800.0, 1.0, id="1_is_quality"),
        # 8 * 100^0.35 = 8 * 10^0.7 = 40.09; 0.6 + 0.4 * 0.35 = 0.74.
        pytest.param(0.35, 40.0949787, 0.74, id="0.35_is_nearly_balanced"),
    ],
)
def test_policy_of_a_number(u: float, value_usd_per_mtok: float, good_enough: float) -> None:
    policy = policy_from_number(u)
    assert policy.value_usd_per_mtok == pytest.approx(value_usd_per_mtok)
    assert policy.good_enough == pytest.approx(good_enough)


@pytest.mark.parametrize("u", [-0.01, 1.01, float("nan"), float("inf"), -float("inf")])
def test_numbers_outside_0_to_1_are_refused(u: float) -> None:
    with pytest.raises(InvalidPolicy) as raised:
        policy_from_number(u)
    assert (raised.value.reason, raised.value.param) == ("invalid_value", "policy")


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_higher_number_never_asks_less(one: float, other: float) -> None:
    low, high = policy_from_number(min(one, other)), policy_from_number(max(one, other))
    assert low.value_usd_per_mtok <= high.value_usd_per_mtok
    assert low.good_enough <= high.good_enough


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        pytest.param({"request": "cheap", "agent": "quality", "key": "quality", "project": "quality"}, CHEAP, id="request_first"),
        pytest.param({"agent": "cheap", "key": "quality", "project": "quality"}, CHEAP, id="then_agent"),
        pytest.param({"key": "cheap", "project": "quality"}, CHEAP, id="then_key"),
        pytest.param({"project": "quality"}, QUALITY, id="then_project"),
        pytest.param({}, BALANCED, id="then_the_catalogues_default"),
    ],
)
def test_order_of_policies(sources: dict[str, str], expected: object) -> None:
    choice = resolve_policy(CATALOG, **sources)
    assert choice.policy == expected
    assert choice.label == choice.policy.id


@pytest.mark.parametrize("named", [0.5, "0.5"])
def test_a_number_is_a_policy_also_as_text(named: str | float) -> None:
    choice = resolve_policy(CATALOG, request=named)
    assert choice.policy == policy_from_number(0.5)
    assert choice.label == "0.5"


@pytest.mark.parametrize("named", ["chaep", "2", "nan", "-1", 7])
def test_an_unknown_policy_is_refused_without_an_echo(named: str | float) -> None:
    with pytest.raises(InvalidPolicy) as raised:
        resolve_policy(CATALOG, request=named)
    assert "chaep" not in raised.value.message


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, ModelName(ModelNameKind.AUTO)),
        ("auto", ModelName(ModelNameKind.AUTO)),
        ("pointsman/auto", ModelName(ModelNameKind.AUTO)),
        ("auto:cheap", ModelName(ModelNameKind.AUTO, policy="cheap")),
        ("auto:0.2", ModelName(ModelNameKind.AUTO, policy="0.2")),
        ("pointsman/auto:cheap", ModelName(ModelNameKind.AUTO, policy="cheap")),
        ("agent:sql", ModelName(ModelNameKind.AGENT, value="sql")),
        ("agent:auto", ModelName(ModelNameKind.AGENT, value="auto")),
        ("gpt-4.1", ModelName(ModelNameKind.CONCRETE, value="gpt-4.1")),
        ("meta/auto", ModelName(ModelNameKind.CONCRETE, value="meta/auto")),
        ("Auto", ModelName(ModelNameKind.CONCRETE, value="Auto")),
    ],
)
def test_what_a_models_name_asks_for(name: str | None, expected: ModelName) -> None:
    assert parse_model_name(name) == expected


def test_an_agent_is_found_by_name() -> None:
    assert find_agent(CATALOG, "sql").name == "sql"
    with pytest.raises(ModelNotFound):
        find_agent(CATALOG, "nobody")
