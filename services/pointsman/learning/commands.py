"""`pointsman train` and `pointsman eval`."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pointsman.classifier.artifacts
from pointsman.classifier.adapters.artifact_file import ARTIFACT_FILE, read_artifact
from pointsman.classifier.adapters.encoder_loading import EncoderUnavailable
from pointsman.classifier.core.artifact import Artifact, InvalidArtifact, dump_artifact, require_model
from pointsman.classifier.core.fusion import Strategy
from pointsman.classifier.core.ports import EncoderFailed
from pointsman.classifier.settings import ClassifierSettings
from pointsman.learning.data import labelled
from pointsman.learning.data.collecting import Collected, collect
from pointsman.learning.data.encoding import PromptEncoder, load_prompt_encoder
from pointsman.learning.data.labelled import InvalidData
from pointsman.learning.data.training_data import TrainingData
from pointsman.learning.fitting.training import SuccessPart, train_artifact
from pointsman.learning.measuring.evaluation import EVALUATED, evaluate, table
from pointsman.learning.measuring.routing_report import MIN_PAIR_PROMPTS, pairs_of
from pointsman.rules.rules_file import load_default_rules
from pointsman.settings import load_one

COMMAND = "pointsman train --data DIR"


def run_learning(arguments: argparse.Namespace) -> int:
    """Run `train` (data, out, json) or `eval` (data, strategy, pair, plots, json); the exit status."""
    settings = load_one(ClassifierSettings)
    try:
        encoder = asyncio.run(
            load_prompt_encoder(settings.folder, settings.var_dir / "learning", runtime=settings.encoder, model=settings.encoder_model)
        )
        result = trained(arguments, encoder) if arguments.command == "train" else evaluated(arguments, encoder, settings.artifact)
    except (InvalidData, InvalidArtifact, EncoderUnavailable, EncoderFailed, OSError) as error:
        print(f"pointsman: {arguments.command}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result, indent=1) if arguments.json else "\n".join(table(result)))
    return 0


def trained(arguments: argparse.Namespace, encoder: PromptEncoder) -> dict[str, Any]:
    """Train an artefact and measure it; what would be refused in the end is refused before the work."""
    output = Path(arguments.out) if arguments.out else default_output(encoder)
    if output.is_dir() or not output.parent.is_dir():
        raise InvalidData(f"--out: {output}: not a file in a folder that is there")
    return train(collect(Path(arguments.data), encoder, load_default_rules()), encoder, output)


def evaluated(arguments: argparse.Namespace, encoder: PromptEncoder, source: Path | None) -> dict[str, Any]:
    """Figures of the artefact in use; what would be refused in the end is refused before the work."""
    artifact = read_artifact(source)
    require_model(artifact, encoder.model)
    pair = None if arguments.pair is None else pair_of(arguments.pair)
    plots = Path(arguments.plots) if arguments.plots else None
    if plots is not None:
        plots.mkdir(parents=True, exist_ok=True)
    collected = collect(Path(arguments.data), encoder, load_default_rules())
    if pair is not None and not pairs_of(collected.tested, pair):
        raise InvalidData(f"--pair: no source has {MIN_PAIR_PROMPTS} prompts for testing that both {' and '.join(pair)} have answered")
    strategies = EVALUATED if arguments.strategy is None else (Strategy(arguments.strategy),)
    return run_measurement(collected, encoder, artifact, strategies, pair, plots)


def pair_of(text: str) -> tuple[str, str]:
    """The strong and the weak model. Raises InvalidData."""
    strong, _, weak = (part.strip() for part in text.partition(","))
    if not strong or not weak or strong == weak:
        raise InvalidData("--pair: two models, STRONG,WEAK")
    return strong, weak


def default_output(encoder: PromptEncoder) -> Path:
    """Where the classifier reads the shipped artefact from. Raises InvalidData where that is of another encoder."""
    try:
        is_ours = encoder.model == read_artifact().encoder
    except InvalidArtifact:  # of another version: it is what is to be replaced
        is_ours = True
    if not is_ours:
        raise InvalidData(f"--out: needed, because the shipped artefact is not of {encoder.model}")
    return Path(pointsman.classifier.artifacts.__path__[0]) / ARTIFACT_FILE


def train(collected: Collected, encoder: PromptEncoder, output: Path) -> dict[str, Any]:
    """Train on everything and write the artefact; measured on what it was not trained on."""
    data = collected.training
    seen = sorted({labelled.fingerprint(prompt.text) for prompt in data.prompts if not prompt.is_own})
    report = {"command": COMMAND, "data": collected.sources, "seen": seen, "rules": load_default_rules().version}
    tell(f"training on {len(data.prompts)} labelled and {len(data.graded)} graded prompts")
    artifact = train_artifact(data, report)
    content = dump_artifact(artifact)
    output.write_bytes(content)
    tell(f"wrote {output}: version {artifact.version}, {len(content)} bytes")
    return run_measurement(collected, encoder, artifact, EVALUATED, None, None) | {"path": str(output)}


def run_measurement(
    collected: Collected,
    encoder: PromptEncoder,
    artifact: Artifact,
    strategies: tuple[Strategy, ...],
    pair: tuple[str, str] | None,
    plots: Path | None,
) -> dict[str, Any]:
    """Measure on labels that were not trained on; where all of them were, by heads that are trained anew without them."""
    data = collected.training
    unseen = data.subset(unseen_labels(data, artifact))
    tested = artifact
    if not unseen.prompts and any(not prompt.is_own for prompt in data.prompts):
        tell("training without the folder's labels, to test on them")
        own = [index for index, prompt in enumerate(data.prompts) if prompt.is_own]
        tested = train_artifact(data.subset(own), {}, success=SuccessPart(artifact.success, artifact.models, artifact.abilities))
        own_texts = {labelled.fingerprint(data.prompts[index].text) for index in own}
        unseen = data.subset(
            [i for i, prompt in enumerate(data.prompts) if not prompt.is_own and labelled.fingerprint(prompt.text) not in own_texts]
        )
    found = evaluate(tested, artifact, collected, unseen, encoder, strategies, pair, plots)
    return found | {"artifact": artifact.version, "labels": "unseen" if tested is artifact else "trained anew without them"}


def unseen_labels(data: TrainingData, artifact: Artifact) -> list[int]:
    """Those of the folder's labels that the artefact was not trained on."""
    seen = set(artifact.report.get("seen", ())) | {labelled.fingerprint(prompt.text) for prompt in data.prompts if prompt.is_own}
    return [i for i, prompt in enumerate(data.prompts) if not prompt.is_own and labelled.fingerprint(prompt.text) not in seen]


def tell(line: str) -> None:
    """One line of progress."""
    print(line, file=sys.stderr)
