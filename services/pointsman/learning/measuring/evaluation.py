"""How well a classifier does on a data folder: `pointsman eval`."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.core.artifact import Artifact
from pointsman.classifier.core.features import FEATURE_NAMES
from pointsman.classifier.core.fusion import WITHOUT_EMBEDDING, Judgement, Strategy, judge
from pointsman.learning.data.collecting import Collected
from pointsman.learning.data.encoding import PromptEncoder
from pointsman.learning.data.graded import GradedPrompt, grades_of
from pointsman.learning.data.labelled import LabelledPrompt
from pointsman.learning.data.training_data import TrainingData
from pointsman.learning.fitting.training import LEVELS
from pointsman.learning.measuring import baselines
from pointsman.learning.measuring.plots import cost_quality_plot, reliability_plot
from pointsman.learning.measuring.routing_metrics import sweep
from pointsman.learning.measuring.routing_report import Bench, Pair, baseline_ranks, baseline_report, pairs_of, rank_of, routing_report
from pointsman.learning.measuring.success_metrics import reliability
from pointsman.learning.measuring.success_prediction import plain_success_matrix, success_matrix
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES, RuleSet
from pointsman.rules.rules_file import load_default_rules

# `bert` needs a model of the operator's, `llm` a running gateway.
EVALUATED = (Strategy.RULES, Strategy.FEATURES, Strategy.SIMILARITY, Strategy.HYBRID)
LATENCY_PROMPTS = 200
# Sources with fewer answers are in the curve of all alone.
PLOTTED_ANSWERS = 1_000
BOOTSTRAP_SAMPLES = 2_000
BOOTSTRAP_SEED = 0
CALIBRATION_BINS = 10
NO_TAG = "plain"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A labelled prompt and what was said of it."""

    prompt: LabelledPrompt
    judgement: Judgement


def evaluate(
    readers: Artifact,
    artifact: Artifact,
    collected: Collected,
    labels: TrainingData,
    encoder: PromptEncoder,
    strategies: Sequence[Strategy],
    wanted_pair: tuple[str, str] | None,
    plots: Path | None,
) -> dict[str, Any]:
    """All figures. readers: judges the labels; artifact: predicts success on the graded prompts that are for testing."""
    rules, models = load_default_rules(), grades_of(collected.tested).models
    pairs = pairs_of(collected.tested, wanted_pair)
    found: dict[str, Any] = {}
    for strategy in strategies:
        probability = success_by(strategy, artifact, rules, collected, models)
        found[strategy.value] = (
            summary(judge_all(readers, rules, labels.prompts, labels.inputs, strategy)) if labels.prompts else {}
        ) | routing_report(collected.tested, probability, models, pairs)
        found[strategy.value]["latency_ms"] = latency(readers, rules, encoder, collected, strategy)
    probability = success_matrix(artifact, collected.tested_inputs, models)
    bench = Bench(collected.training.graded, collected.training.graded_inputs, collected.tested, collected.tested_inputs)
    ranks = baseline_ranks(bench, pairs)
    own = {pair.source: rank_of(pair, probability, models) for pair in pairs}
    if plots is not None:
        draw(plots, pairs, own, ranks, collected.tested, probability, models)
    return {
        "strategies": found,
        "baselines": {
            "pairs": {pair.source: baseline_report(pair, own[pair.source], ranks[pair.source]) for pair in pairs},
            "labels": label_baselines(collected.training, labels),
        },
        "data": {"sha256": digest(collected.sources), "records": sum(part["records"] for part in collected.sources.values())}
        | {"parts": collected.sources},
    }


def success_by(strategy: Strategy, artifact: Artifact, rules: RuleSet, collected: Collected, models: Sequence[str]) -> NDArray[np.float64]:
    """P(success) (n, m) on the tested prompts, as a ranking under this strategy has it."""
    if strategy not in WITHOUT_EMBEDDING:
        return success_matrix(artifact, collected.tested_inputs, models)
    texts = [prompt.text for prompt in collected.tested]
    b = np.array([judge(text, rules.match(text), None, artifact, strategy=strategy).difficulty_logit for text in texts], np.float64)
    return plain_success_matrix(artifact, b, models)


def latency(artifact: Artifact, rules: RuleSet, encoder: PromptEncoder, collected: Collected, strategy: Strategy) -> dict[str, float]:
    """Milliseconds of one classification in this process, from text to judgement, over own prompts."""
    texts = [prompt.text for prompt in collected.training.prompts[:LATENCY_PROMPTS]]
    times = []
    for text in texts:
        start = time.perf_counter()
        embedding = None if strategy in WITHOUT_EMBEDDING else encoder.embed(text)
        judge(text, rules.match(text), embedding, artifact, strategy=strategy)
        times.append(1_000.0 * (time.perf_counter() - start))
    return {"p50": round(float(np.percentile(times, 50)), 3), "p99": round(float(np.percentile(times, 99)), 3)}


def label_baselines(training: TrainingData, labels: TrainingData) -> dict[str, Any]:
    """Accuracy of category and difficulty by simple means, fitted on the product's own prompts, tested on the labels."""
    own = [index for index, prompt in enumerate(training.prompts) if prompt.is_own]
    if not labels.prompts:
        return {}
    known, size = training.subset(own), training.dimensions
    categories, difficulties = (classes(part.prompts) for part in (known, labels)), [levels(part.prompts) for part in (known, labels)]
    (of_known, of_labels), count = tuple(categories), len(labels.prompts)
    inputs, tested = known.inputs[:, :size], labels.inputs[:, :size]
    return {
        "category": {
            "nearest_prototype": share(baselines.nearest_prototype(inputs, of_known, tested) == of_labels),
            "logistic": share(baselines.logistic_classes(inputs, of_known, tested) == of_labels),
        },
        "difficulty": {
            "majority": share(baselines.majority_class(difficulties[0], count) == difficulties[1]),
            "logistic": share(baselines.logistic_classes(inputs, difficulties[0], tested) == difficulties[1]),
        },
    }


def classes(prompts: Sequence[LabelledPrompt]) -> NDArray[np.int64]:
    """(n,) the category's number."""
    return np.array([BUILT_IN_CATEGORIES.index(prompt.category) for prompt in prompts], np.int64)


def levels(prompts: Sequence[LabelledPrompt]) -> NDArray[np.int64]:
    """(n,) the difficulty's number."""
    return np.array([LEVELS[prompt.difficulty] for prompt in prompts], np.int64)


def share(right: NDArray[np.bool_]) -> float:
    """Of true values."""
    return round(float(right.mean()), 4)


def draw(
    folder: Path,
    pairs: Sequence[Pair],
    own: Mapping[str, NDArray[np.float64]],
    ranks: Mapping[str, Mapping[str, NDArray[np.float64]]],
    tested: Sequence[GradedPrompt],
    probability: NDArray[np.float64],
    models: Sequence[str],
) -> None:
    """Write a cost-quality plot for each pair and a reliability plot of all and of the large sources, as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    for pair in pairs:
        curves = {"pointsman": own[pair.source], **ranks[pair.source]}
        sweeps = {name: sweep(rank, pair.weak, pair.strong) for name, rank in curves.items()}
        title = f"{pair.source}: {pair.strong_model} or {pair.weak_model}"
        (folder / f"cost-quality-{quote(pair.source, safe=' ')}.svg").write_text(cost_quality_plot(title, sweeps), encoding="utf-8")
    scores = grades_of(tested, models).scores.astype(np.float64)
    sources = np.array([prompt.source for prompt in tested])
    parts = {"all": np.ones(len(tested), np.bool_)} | {str(name): sources == name for name in np.unique(sources)}
    parts = {name: at for name, at in parts.items() if (~np.isnan(scores[at])).sum() >= PLOTTED_ANSWERS}
    curve = {name: reliability(probability[at], np.nan_to_num(scores[at]), ~np.isnan(scores[at])) for name, at in parts.items()}
    (folder / "reliability.svg").write_text(reliability_plot("P(model answers well)", curve), encoding="utf-8")


def digest(sources: Mapping[str, Any]) -> str:
    """One hash of all that was read."""
    return hashlib.sha256(" ".join(part["sha256"] for part in sources.values()).encode()).hexdigest()


def table(figures: Mapping[str, Any]) -> Sequence[str]:
    """The main figures as lines of text."""
    lines = [f"{'strategy':11} {'category':>8} {'95 %':>13} {'difficulty':>10} {'95 %':>13} {'p50 ms':>7}"]
    for name, found in figures["strategies"].items():
        parts = [interval_text(found[part]) if part in found else " " * 22 for part in ("category", "difficulty")]
        lines.append(f"{name:11} {parts[0]} {parts[1]:>24} {found['latency_ms']['p50']:7.2f}")
    main = figures["strategies"].get(Strategy.HYBRID.value) or next(iter(figures["strategies"].values()))
    lines += ["", f"{'source':20} {'n':>5} {'AUROC':>6} {'APGR':>6} {'95 %':>13} {'CPT50':>6} {'CPT80':>6}  strong, weak"]
    for source, pair in main["pairs"].items():
        numbers = " ".join(f"{number_text(pair[key]):>6}" for key in ("auroc", "apgr"))
        bounds = "-".join(number_text(bound) for bound in pair["apgr_interval"] or (None, None))
        shares = " ".join(f"{number_text(pair[key]):>6}" for key in ("cpt50", "cpt80"))
        lines.append(f"{source:20} {pair['n']:5} {numbers} {bounds:>13} {shares}  {pair['strong']}, {pair['weak']}")
    lines += ["", f"{'P(success)':20} {'n':>5} {'models':>6} {'AUROC':>6} {'Brier':>6} {'ECE':>6}"]
    for source, success in main["success"].items():
        numbers = " ".join(f"{number_text(success[key]):>6}" for key in ("auroc", "brier", "ece"))
        lines.append(f"{source:20} {success['n']:5} {success['models']:6} {numbers}")
    if (mixed := main["mixed"]) is not None:
        lines += ["", f"mixed traffic: saves {number_text(mixed['saved_share'])} at {number_text(mixed['gap_recovered'])} of the gap"]
    return lines


def interval_text(figure: Mapping[str, Any]) -> str:
    """A figure and its interval."""
    return f"{figure['accuracy']:8.3f} {'-'.join(f'{bound:.3f}' for bound in figure['interval']):>13}"


def number_text(value: float | None) -> str:
    """Three digits; a dash where there is no figure."""
    return "-" if value is None else f"{value:.3f}"


def judge_all(
    artifact: Artifact, rules: RuleSet, prompts: Sequence[LabelledPrompt], inputs: NDArray[np.float32], strategy: Strategy
) -> list[Outcome]:
    """Judge prompts exactly as the service does. inputs: their head inputs."""
    embeddings = inputs[:, : inputs.shape[1] - len(FEATURE_NAMES)]
    return [
        Outcome(prompt, judge(prompt.text, rules.match(prompt.text), embedding, artifact, strategy=strategy))
        for prompt, embedding in zip(prompts, embeddings, strict=True)
    ]


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Category and difficulty accuracy with 95 % intervals, and what they are made of."""
    return {"category": category_summary(outcomes), "difficulty": difficulty_summary(outcomes)}


def category_summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Accuracy of the category, by category and by tag, calibration, and the commonest confusions."""
    right = np.array([is_category_right(outcome) for outcome in outcomes])
    confidence = np.array([outcome.judgement.domain_confidence for outcome in outcomes])
    tags = [outcome.prompt.tags or (NO_TAG,) for outcome in outcomes]
    categories = sorted({outcome.prompt.category for outcome in outcomes})
    return {
        "n": len(outcomes),
        "accuracy": round(float(right.mean()), 4),
        "interval": bootstrap_interval(right),
        "by_category": {name: mean_where(right, [outcome.prompt.category == name for outcome in outcomes]) for name in categories},
        "by_tag": {name: mean_where(right, [name in own for own in tags]) for name in sorted({tag for own in tags for tag in own})},
        "calibration_error": round(calibration_error(confidence, right), 4),
        "confusions": confusions(outcomes),
    }


def difficulty_summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Accuracy of the class of difficulty, and the confusion matrix by label."""
    right = np.array([outcome.judgement.difficulty is outcome.prompt.difficulty for outcome in outcomes])
    pairs = [f"{outcome.prompt.difficulty} as {outcome.judgement.difficulty}" for outcome in outcomes]
    return {
        "n": len(outcomes),
        "accuracy": round(float(right.mean()), 4),
        "interval": bootstrap_interval(right),
        "counts": {pair: pairs.count(pair) for pair in sorted(set(pairs))},
    }


def is_category_right(outcome: Outcome) -> bool:
    """True where the category is the labelled one."""
    return outcome.judgement.category == outcome.prompt.category


def mean_where(values: NDArray[np.bool_], mask: Sequence[bool]) -> float:
    """Share of true values where the mask holds."""
    return round(float(values[np.array(mask)].mean()), 4)


def bootstrap_interval(values: NDArray[np.bool_]) -> list[float]:
    """95 % percentile interval of a mean: Efron and Tibshirani 1993, chapter 13."""
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    means = values[generator.integers(0, len(values), (BOOTSTRAP_SAMPLES, len(values)))].mean(axis=1)
    return [round(float(bound), 4) for bound in np.percentile(means, (2.5, 97.5))]


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error over 10 equal bins: Guo et al. 2017, equation 3."""
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [abs(float(confidence[bins == b].mean() - right[bins == b].mean())) * float((bins == b).mean()) for b in set(bins.tolist())]
    return sum(gaps)


def confusions(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """The commonest wrong answers, "label as answer"."""
    pairs = [f"{o.prompt.category} as {o.judgement.category}" for o in outcomes if not is_category_right(o)]
    counts: Mapping[str, int] = {pair: pairs.count(pair) for pair in sorted(set(pairs))}
    rank: Callable[[str], int] = counts.__getitem__
    return {pair: counts[pair] for pair in sorted(counts, key=rank, reverse=True)[:8]}
