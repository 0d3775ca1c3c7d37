"""What is measured on which prompts: each figure says what was trained on what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.core.artifact import Artifact
from pointsman.classifier.core.fusion import Strategy
from pointsman.learning.evaluation import judge_all, judge_unseen, summary
from pointsman.learning.graded import Observations
from pointsman.learning.labelled import HELD_OUT_ONE_IN, fingerprint
from pointsman.learning.training import FOLDS, TrainingData
from pointsman.rules.keyword_rules import RuleSet

STRATEGIES = (Strategy.RULES, Strategy.SIMILARITY, Strategy.HYBRID)
# A model's AUROC on fewer right or wrong answers than these says nothing.
MIN_ANSWERS_OF_A_KIND = 8


@dataclass(frozen=True, slots=True)
class Protocol:
    """Lists of test prompts, each judged by an artefact trained on all of `indices` but these."""

    name: str
    description: str
    indices: tuple[int, ...]
    tests: tuple[tuple[int, ...], ...]


def protocols_of(data: TrainingData) -> tuple[Protocol, ...]:
    """What can be measured with this data; the last two need labels beside the own examples."""
    own = tuple(index for index, prompt in enumerate(data.prompts) if prompt.is_own)
    labels = tuple(index for index, prompt in enumerate(data.prompts) if not prompt.is_own)
    held_out = tuple(index for index in own if data.prompts[index].bucket(HELD_OUT_ONE_IN) == 0)
    found = [Protocol("own_held_out", "a quarter of the own examples, trained on the rest", own, (held_out,))]
    if labels:
        folds = tuple(tuple(i for i in labels if data.prompts[i].bucket(FOLDS) == fold) for fold in range(FOLDS))
        everything = own + labels
        found.append(Protocol("labels_unseen", "all labels, trained on the own examples alone", everything, (labels,)))
        found.append(
            Protocol("labels_five_fold", "all labels in five folds, trained on the own examples and the other folds", everything, folds)
        )
    return tuple(found)


def measure(data: TrainingData, rules: RuleSet, protocol: Protocol) -> dict[str, Any]:
    """Figures of each strategy under a protocol."""
    places = {index: place for place, index in enumerate(protocol.indices)}
    tests = [[places[index] for index in test] for test in protocol.tests if test]
    outcomes = judge_unseen(data.subset(protocol.indices), rules, tests, STRATEGIES)
    return {"description": protocol.description, "strategies": {name: summary(found) for name, found in outcomes.items()}}


def measure_artifact(artifact: Artifact, data: TrainingData, rules: RuleSet) -> dict[str, Any] | None:
    """Figures of an artefact on the labels that it was not trained on; None where it was trained on all."""
    seen = set(artifact.report["seen"])
    unseen = [i for i, prompt in enumerate(data.prompts) if not prompt.is_own and fingerprint(prompt.text) not in seen]
    if not unseen:
        return None
    labels = data.subset(unseen)
    found = {s.value: summary(judge_all(artifact, rules, labels.prompts, labels.inputs, s)) for s in STRATEGIES}
    return {"description": "the labels that the shipped artefact was not trained on, by the shipped artefact", "strategies": found}


def success_by_source(artifact: Artifact, inputs: NDArray[np.float32], observed: Observations) -> dict[str, Any]:
    """How well b tells, within a source, which prompts a model fails: mean AUROC over its models."""
    difficulty = artifact.difficulty_head.apply(inputs)[:, 0]
    by_source: dict[str, list[float]] = {}
    for number, (source, _) in enumerate(observed.solvers):
        rows = observed.solver == number
        right = observed.score[rows] >= 0.5
        if min(right.sum(), (~right).sum()) >= MIN_ANSWERS_OF_A_KIND:
            by_source.setdefault(source, []).append(auroc(-difficulty[observed.prompt[rows]], right))
    return {source: {"models": len(values), "auroc": round(float(np.mean(values)), 3)} for source, values in by_source.items()}


def auroc(scores: NDArray[np.float32], right: NDArray[np.bool_]) -> float:
    """Probability that a right answer has the higher score; ties count half. Mann and Whitney 1947."""
    above = scores[right][:, None] > scores[~right][None, :]
    equal = scores[right][:, None] == scores[~right][None, :]
    return float((above + 0.5 * equal).mean())


def table(figures: Mapping[str, Mapping[str, Any]]) -> Sequence[str]:
    """The main figures as lines of text."""
    lines = [f"{'protocol':18} {'strategy':11} {'category':>8} {'95 %':>15} {'difficulty':>10} {'95 %':>15} {'n':>4}"]
    for name, found in figures.items():
        for strategy, figure in found["strategies"].items():
            category, difficulty = figure["category"], figure["difficulty"]
            intervals = ["-".join(f"{bound:.3f}" for bound in part["interval"]) for part in (category, difficulty)]
            parts = [f"{category['accuracy']:8.3f} {intervals[0]:>15}", f"{difficulty['accuracy']:10.3f} {intervals[1]:>15}"]
            lines.append(f"{name:18} {strategy:11} {' '.join(parts)} {category['n']:4}")
    return lines
