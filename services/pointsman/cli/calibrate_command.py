"""`pointsman calibrate`: a ROUTING_THRESHOLD for a wanted share of calls to the strong model, or a wanted quality. Nothing is set."""

import argparse
import asyncio
import difflib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.adapters.artifact_file import read_artifact
from pointsman.classifier.adapters.encoder_loading import EncoderUnavailable
from pointsman.classifier.core.artifact import InvalidArtifact, require_model
from pointsman.classifier.settings import ClassifierSettings
from pointsman.learning.data.encoding import load_prompt_encoder
from pointsman.learning.data.graded import GradedPrompt, load_graded
from pointsman.learning.data.labelled import InvalidData
from pointsman.learning.measuring.calibration import Goal, Judged, Proposal, propose
from pointsman.learning.measuring.mixed_traffic import WEAK_COST_RATIO
from pointsman.learning.measuring.resampling import Figure
from pointsman.learning.measuring.success_prediction import success_matrix
from pointsman.settings import load_one

SHOWN_MODELS = 5
DONE, FAILED, MISUSED = 0, 1, 2

Predict = Callable[[Sequence[str]], NDArray[np.float64]]
"""P(the weak model answers well) (n,) of prompts."""


def calibrate(arguments: argparse.Namespace) -> int:
    """Propose a threshold (data, strong, weak, strong_share or quality, cost_ratio, json); the exit status."""
    if arguments.strong == arguments.weak:
        return complain("--strong and --weak are the same model", MISUSED)
    settings = load_one(ClassifierSettings)
    try:
        artifact = read_artifact(settings.artifact)
        encoder = asyncio.run(
            load_prompt_encoder(settings.folder, settings.var_dir / "learning", runtime=settings.encoder, model=settings.encoder_model)
        )
        require_model(artifact, encoder.model)
        # The heads were not fitted on prompts for testing: what they say of these is what they will say of others.
        sources = judged_sources(
            graded_by_both(Path(arguments.data), arguments.strong, arguments.weak),
            lambda texts: success_matrix(artifact, encoder.head_inputs(texts), [arguments.weak])[:, 0],
            strong=arguments.strong,
            weak=arguments.weak,
        )
    except (InvalidData, InvalidArtifact, EncoderUnavailable, OSError) as error:
        return complain(str(error), FAILED)
    cost_ratio = WEAK_COST_RATIO if arguments.cost_ratio is None else arguments.cost_ratio
    goal = Goal(strong_share=arguments.strong_share, quality=arguments.quality)
    proposal = propose(list(sources.values()), goal, cost_ratio=cost_ratio)
    if proposal is None:
        return complain(f"{arguments.strong} answers no better than {arguments.weak} here: there is nothing to choose", FAILED)
    if arguments.json:
        print(json.dumps({**proposal.as_object(), "strong": arguments.strong, "weak": arguments.weak, "sources": list(sources)}))
    else:
        print(summary(proposal, sources, strong=arguments.strong, weak=arguments.weak, cost_ratio=cost_ratio))
    return DONE


def complain(message: str, status: int) -> int:
    """Say what is wrong; the status given."""
    print(f"pointsman: calibrate: {message}", file=sys.stderr)
    return status


def graded_by_both(folder: Path, strong: str, weak: str) -> tuple[GradedPrompt, ...]:
    """The prompts that both models have answered. Raises InvalidData where there are none, naming models that are there."""
    if not folder.is_dir():
        raise InvalidData(f"{folder}: not a folder")
    prompts = load_graded(folder, training=False)
    found = tuple(prompt for prompt in prompts if {strong, weak} <= {model for model, _ in prompt.scores})
    if not found:
        models = sorted({model for prompt in prompts for model, _ in prompt.scores})
        missing = [model for model in (strong, weak) if model not in models]
        if not missing:
            raise InvalidData(f"{folder}: {strong} and {weak} have answered none of the same prompts that are for testing")
        holding = [model for model in models if missing[0] in model]
        like = (holding or difflib.get_close_matches(missing[0], models, SHOWN_MODELS) or models)[:SHOWN_MODELS]
        raise InvalidData(
            f"{folder}: {missing[0]} has answered none of the {len(prompts)} prompts for testing; there is: {', '.join(like) or 'no model'}"
        )
    return found


def judged_sources(prompts: Sequence[GradedPrompt], predict: Predict, *, strong: str, weak: str) -> dict[str, Judged]:
    """The prompts by source, with what is predicted of the weak model and what both scored."""
    success = predict([prompt.text for prompt in prompts])
    names = np.array([prompt.source for prompt in prompts])
    scores = {model: np.array([dict(prompt.scores)[model] for prompt in prompts]) for model in (weak, strong)}
    everything = Judged(success, scores[weak], scores[strong])
    return {str(name): everything.part(names == name) for name in np.unique(names)}


def summary(proposal: Proposal, sources: Mapping[str, Judged], *, strong: str, weak: str, cost_ratio: float) -> str:
    """For people; the first line is the one to set."""
    figures = proposal.figures()
    counts = ", ".join(f"{name} ({len(source.weak)})" for name, source in sources.items())
    lines = {
        f"calls to {strong}": share_text(figures["strong_share"]),
        "mean score of the answers": score_text(figures["quality"]),
        f"the same of {weak} alone": f"{proposal.weak_quality:.3f}",
        f"the same of {strong} alone": f"{proposal.strong_quality:.3f}",
        "of the gap between them recovered": share_text(figures["gap_recovered"]),
        f"of the cost of {strong} saved": f"{share_text(figures['saved_share'])}, at {cost_ratio:.0%} of it for a call of {weak}",
    }
    width = max(len(name) for name in lines)
    return "\n".join(
        (
            f"ROUTING_THRESHOLD={proposal.threshold}",
            "",
            "A proposal; nothing was set. Expected, with 95 % intervals, on prompts that did not choose it:",
            *(f"  {name:{width}}  {text}" for name, text in lines.items()),
            f"Prompts that no head was fitted on, each source weighing the same: {counts}.",
            f"It holds where {weak} is the local model, and a policy takes it whenever the threshold admits it, as cheap does.",
        )
    )


def share_text(figure: Figure) -> str:
    """A share and its interval in percent."""
    return _text(figure, lambda value: f"{100 * value:.1f}", " %")


def score_text(figure: Figure) -> str:
    """A score and its interval."""
    return _text(figure, lambda value: f"{value:.3f}", "")


def _text(figure: Figure, written: Callable[[float], str], unit: str) -> str:
    if figure.value is None:
        return "not known"
    interval = "" if figure.interval is None else f" ({written(figure.interval[0])} to {written(figure.interval[1])})"
    return f"{written(figure.value)}{unit}{interval}"
