"""What a policy says of prompts that nobody is sure of."""

import pytest

from tests.unit.registry.catalog_texts import HEAD, load, problems_of


def test_a_policy_may_name_another_for_unsure_prompts() -> None:
    text = HEAD + "policies:\n  a: {value_usd_per_mtok: 1, default: true, when_unsure: b}\n  b: {value_usd_per_mtok: 9, when_unsure: a}\n"
    policies = load(text).configuration.catalog.policies
    assert [policies[name].when_unsure for name in ("a", "b")] == ["b", "a"]


@pytest.mark.parametrize(
    ("named", "problem"),
    [("a", "must name another policy than this one"), ("none-such", "there is no policy 'none-such'"), ("[b]", "must be text")],
    ids=["itself", "unknown", "a list"],
)
def test_what_names_no_other_policy_is_refused(named: str, problem: str) -> None:
    text = HEAD + f"policies:\n  a: {{value_usd_per_mtok: 1, default: true, when_unsure: {named}}}\n"
    assert problems_of(text) == [f"catalog.yaml:8: policies.a.when_unsure: {problem}"]
