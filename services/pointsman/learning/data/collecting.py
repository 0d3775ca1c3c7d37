"""A data folder and the product's own prompts, read and encoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.core.fusion import rule_evidence
from pointsman.learning.data import graded, labelled
from pointsman.learning.data.encoding import PromptEncoder
from pointsman.learning.data.graded import GradedPrompt
from pointsman.learning.data.labelled import InvalidData, LabelledPrompt
from pointsman.learning.data.training_data import TrainingData, ngram_rows
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES, RuleSet


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """What a folder holds. tested_inputs: float32 (n, d + f) of the graded prompts that are for testing."""

    training: TrainingData  # with the folder's labels, and its graded prompts for training
    tested: tuple[GradedPrompt, ...]
    tested_inputs: NDArray[np.float32]
    sources: dict[str, Any]  # counts and hashes


def collect(folder: Path, encoder: PromptEncoder, rules: RuleSet) -> Collected:
    """Read and encode. Raises InvalidData."""
    if not folder.is_dir():
        raise InvalidData(f"{folder}: not a folder")
    own, labels = labelled.load_own(), labelled.load_labels(folder)
    graded_prompts, tested = (graded.load_graded(folder, training=wanted) for wanted in (True, False))
    if not labels and not graded_prompts and not tested:
        raise InvalidData(f"{folder}: holds neither {labelled.LABELS_FILE} nor graded prompts ({graded.GRADED_FILES})")
    training = training_data((*own, *labels), graded_prompts, encoder, rules)
    sources = {
        "own": {"records": len(own), "sha256": labelled.digest_of(own)},
        "labels": {"records": len(labels), "sha256": labelled.digest_of(labels)},
        "graded": {"records": len(graded_prompts), "sha256": graded.digest_of(graded_prompts)},
        "tested": {"records": len(tested), "sha256": graded.digest_of(tested)},
    }
    return Collected(training, tested, encoder.head_inputs([prompt.text for prompt in tested]), sources)


def training_data(
    prompts: Sequence[LabelledPrompt], graded_prompts: Sequence[GradedPrompt], encoder: PromptEncoder, rules: RuleSet
) -> TrainingData:
    """Prompts with all that the heads read of them."""
    texts = [prompt.text for prompt in prompts]
    return TrainingData(
        prompts=tuple(prompts),
        inputs=encoder.head_inputs(texts),
        ngrams=ngram_rows(texts),
        evidence=np.array([rule_evidence(rules.match(text), BUILT_IN_CATEGORIES) for text in texts]),
        graded=tuple(graded_prompts),
        graded_inputs=encoder.head_inputs([prompt.text for prompt in graded_prompts]),
        encoder=encoder.model,
    )
