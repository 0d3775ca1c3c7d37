from collections import Counter

import pytest

from pointsman.gateway.core.catalog import Condition, Experiment, ExperimentUnit
from pointsman.gateway.core.experiment import Enrolment, assign_arm, enrol
from pointsman.gateway.core.label import label_of
from tests.unit.gateway.core.samples import judgement

HALVES = Experiment("halves", ExperimentUnit.SESSION, (("a", 50.0), ("b", 50.0)))
LABEL = label_of(judgement("coding"), None)


def test_a_unit_keeps_its_arm() -> None:
    assert {assign_arm(HALVES, "session 1") for _ in range(10)} == {assign_arm(HALVES, "session 1")}


def test_experiments_assign_independently() -> None:
    other = Experiment("other", ExperimentUnit.SESSION, HALVES.arms)
    assert any(assign_arm(HALVES, f"s{i}") != assign_arm(other, f"s{i}") for i in range(64))


def test_arms_share_by_weight() -> None:
    uneven = Experiment("uneven", ExperimentUnit.SESSION, (("a", 1.0), ("b", 3.0), ("never", 0.0)))
    counts = Counter(assign_arm(uneven, f"session {i}") for i in range(4_000))
    # 4,000 draws at 3/4: one standard deviation is 27.
    assert abs(counts["b"] - 3_000) < 5 * 27
    assert counts["never"] == 0


def test_without_weight_there_is_no_arm() -> None:
    with pytest.raises(ValueError, match="no arm has weight"):
        assign_arm(Experiment("none", ExperimentUnit.SESSION, (("a", 0.0),)), "s")


def enrolled(*experiments: Experiment, units: dict[str, str], can_lead: str = "ab") -> Enrolment | None:
    return enrol(experiments, units=units, label=LABEL, policy_id="balanced", can_lead=set(can_lead))


def test_the_first_experiment_that_matches_enrols() -> None:
    of_math = Experiment("math", ExperimentUnit.SESSION, HALVES.arms, Condition(category="math"))
    assert enrolled(of_math, HALVES, units={"session": "s"}) == Enrolment("halves", assign_arm(HALVES, "s"))
    assert enrolled(of_math, units={"session": "s"}) is None


@pytest.mark.parametrize(
    ("units", "can_lead", "note"),
    [
        pytest.param({"request": "r"}, "ab", "not enrolled: the request has no session", id="no_unit"),
        pytest.param({"session": "s"}, "", f"not enrolled: its arm {assign_arm(HALVES, 's')} cannot answer now", id="arm_excluded"),
    ],
)
def test_why_a_match_does_not_enrol(units: dict[str, str], can_lead: str, note: str) -> None:
    assert enrolled(HALVES, units=units, can_lead=can_lead) == Enrolment("halves", None, note)


def test_a_match_without_weight_does_not_enrol() -> None:
    none = Experiment("none", ExperimentUnit.SESSION, (("a", 0.0),))
    assert enrolled(none, units={"session": "s"}) == Enrolment("none", None, "not enrolled: no arm has weight")
