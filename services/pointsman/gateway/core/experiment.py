"""Which arm of an experiment a request belongs to."""

import hashlib
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from pointsman.gateway.core.catalog import Experiment
from pointsman.gateway.core.label import Label

HASH_BYTE_COUNT = 8


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The outcome for the first experiment that matches. No model: not enrolled, and the note says why."""

    experiment_id: str
    model_id: str | None
    note: str | None = None


def enrol(
    experiments: Sequence[Experiment], *, units: Mapping[str, str], label: Label, policy_id: str, can_lead: Container[str]
) -> Enrolment | None:
    """Assign the request to an arm of the first experiment that matches it; None where none does.

    units: id by unit ("request", "session", "user"). can_lead: ids of models that may be rank 1.
    """
    for experiment in experiments:
        if experiment.arms and label.satisfies(experiment.when, policy_id):
            return _enrol_in(experiment, units, can_lead)
    return None


def assign_arm(experiment: Experiment, unit_id: str) -> str:
    """The arm's model for this unit: the same at every gateway and time, in proportion to the weights.

    Raises ValueError where no arm has weight.
    """
    digest = hashlib.blake2b(f"{experiment.id}\0{unit_id}".encode(), digest_size=HASH_BYTE_COUNT).digest()
    u = int.from_bytes(digest, "big") / 256**HASH_BYTE_COUNT
    arms = [(model_id, weight) for model_id, weight in experiment.arms if weight > 0]
    if not arms:
        raise ValueError(f"experiment {experiment.id}: no arm has weight")
    point = u * sum(weight for _, weight in arms)
    for model_id, weight in arms:
        point -= weight
        if point < 0:
            return model_id
    return arms[-1][0]


def _enrol_in(experiment: Experiment, units: Mapping[str, str], can_lead: Container[str]) -> Enrolment:
    unit_id = units.get(experiment.unit)
    if unit_id is None:
        return Enrolment(experiment.id, None, f"not enrolled: the request has no {experiment.unit}")
    if all(weight <= 0 for _, weight in experiment.arms):
        return Enrolment(experiment.id, None, "not enrolled: no arm has weight")
    model_id = assign_arm(experiment, unit_id)
    if model_id not in can_lead:
        return Enrolment(experiment.id, None, f"not enrolled: its arm {model_id} cannot answer now")
    return Enrolment(experiment.id, model_id)
