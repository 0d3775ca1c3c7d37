"""`pointsman train` and `pointsman eval`."""

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import pointsman.classifier.artifacts
from pointsman.classifier.adapters.artifact_file import ARTIFACT_FILE, read_artifact
from pointsman.classifier.adapters.encoder_loading import EncoderUnavailable
from pointsman.classifier.core.artifact import Artifact, InvalidArtifact, dump_artifact, require_model
from pointsman.classifier.settings import ClassifierSettings
from pointsman.learning import graded, labelled
from pointsman.learning.encoding import PromptEncoder, load_prompt_encoder
from pointsman.learning.graded import Observations, observations_of
from pointsman.learning.labelled import InvalidData
from pointsman.learning.protocols import measure, measure_artifact, protocols_of, success_by_source, table
from pointsman.learning.training import TrainingData, train_artifact
from pointsman.rules.rules_file import load_default_rules
from pointsman.settings import load_one

# Prompts of each source on which difficulty is checked; no artefact is trained on them.
VALIDATION_PROMPTS_PER_SOURCE = 200
COMMAND = "pointsman train --data DIR"


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """A data folder, encoded."""

    training: TrainingData
    validation_inputs: np.ndarray[Any, np.dtype[np.float32]]
    validation: Observations
    sources: dict[str, Any]  # what it was made of: counts and hashes


def run_learning(arguments: argparse.Namespace) -> int:
    """Run `train` (data, out, json) or `eval` (data, json); the exit status."""
    settings = load_one(ClassifierSettings)
    try:
        encoder = asyncio.run(
            load_prompt_encoder(settings.folder, settings.var_dir / "learning", runtime=settings.encoder, model=settings.encoder_model)
        )
        collected = collect(Path(arguments.data), encoder)
        if arguments.command == "train":
            result = train(collected, Path(arguments.out) if arguments.out else default_output(encoder))
        else:
            result = evaluate(collected, read_artifact(settings.artifact))
    except (InvalidData, InvalidArtifact, EncoderUnavailable, OSError) as error:
        print(f"pointsman: {arguments.command}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result, indent=1) if arguments.json else "\n".join(table(result["protocols"])))
    return 0


def default_output(encoder: PromptEncoder) -> Path:
    """Where the classifier reads the shipped artefact from. Raises InvalidData where that is of another encoder."""
    if encoder.model != read_artifact().encoder:
        raise InvalidData(f"--out: needed, because the shipped artefact is not of {encoder.model}")
    return Path(pointsman.classifier.artifacts.__path__[0]) / ARTIFACT_FILE


def collect(folder: Path, encoder: PromptEncoder) -> Collected:
    """Read and encode a data folder and the own examples. Raises InvalidData."""
    if not folder.is_dir():
        raise InvalidData(f"{folder}: not a folder")
    own, labels = labelled.load_own_examples(), labelled.load_labels(folder)
    prompts = own + labels
    graded_prompts = graded.load_graded(folder, "train")
    validation = graded.load_graded(folder, "validation", max_per_source=VALIDATION_PROMPTS_PER_SOURCE)
    training = TrainingData(
        prompts=prompts,
        inputs=encoder.head_inputs([prompt.text for prompt in prompts]),
        graded_inputs=encoder.head_inputs([prompt.text for prompt in graded_prompts]),
        observations=observations_of(graded_prompts),
        encoder=encoder.model,
    )
    sources = {
        "own_examples": {"records": len(own), "sha256": labelled.digest_of(own)},
        "labels": {"records": len(labels), "sha256": labelled.digest_of(labels)},
        "graded": {"records": len(graded_prompts), "sha256": graded.digest_of(graded_prompts)},
    }
    return Collected(training, encoder.head_inputs([prompt.text for prompt in validation]), observations_of(validation), sources)


def train(collected: Collected, output: Path) -> dict[str, Any]:
    """Measure under every protocol, then train on everything and write the artefact."""
    rules = load_default_rules()
    figures = {protocol.name: measure(collected.training, rules, protocol) for protocol in protocols_of(collected.training)}
    seen = sorted({labelled.fingerprint(prompt.text) for prompt in collected.training.prompts})
    report = {"command": COMMAND, "data": collected.sources, "seen": seen, "rules": rules.version, "protocols": figures}
    artifact = train_artifact(collected.training, report)
    content = dump_artifact(artifact)
    output.write_bytes(content)
    print(f"wrote {output}: version {artifact.version}, {len(content)} bytes", file=sys.stderr)
    success = success_by_source(artifact, collected.validation_inputs, collected.validation)
    return {"artifact": artifact.version, "path": str(output), "data": collected.sources, "protocols": figures, "success": success}


def evaluate(collected: Collected, artifact: Artifact) -> dict[str, Any]:
    """Figures of the artefact in use on the labels that it was not trained on; where it was on all, by folds."""
    require_model(artifact, collected.training.encoder)
    rules = load_default_rules()
    figures = {protocol.name: measure(collected.training, rules, protocol) for protocol in protocols_of(collected.training)}
    main = "labels_five_fold" if "labels_five_fold" in figures else "own_held_out"
    if (unseen := measure_artifact(artifact, collected.training, rules)) is not None:
        main = "shipped_artifact"
        figures[main] = unseen
    return {
        "artifact": artifact.version,
        "data": collected.sources,
        "protocol": main,
        "strategies": figures[main]["strategies"],
        "protocols": figures,
        "success": success_by_source(artifact, collected.validation_inputs, collected.validation),
    }
