import pytest

from pointsman.cli.route_command import policy_of


@pytest.mark.parametrize(("text", "policy"), [("cheap", "cheap"), ("0.25", 0.25), ("1", 1.0), ("1.5x", "1.5x")])
def test_policy_is_a_number_where_it_reads_as_one(text: str, policy: str | float) -> None:
    assert policy_of(text) == policy
