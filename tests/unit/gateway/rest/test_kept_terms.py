"""Terms of a decision, written into its record and read back."""

import json

import pytest

from pointsman.gateway.core.catalog import Capability, DataClass
from pointsman.gateway.core.routing import Constraints
from pointsman.gateway.engine.decision_terms import DecisionTerms
from pointsman.gateway.rest.kept_terms import terms_object, terms_of

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
