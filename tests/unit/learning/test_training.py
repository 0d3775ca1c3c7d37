from dataclasses import replace

import numpy as np
import pytest

from pointsman.classifier.core.artifact import dump_artifact
from pointsman.classifier.core.features import lexical_features
from pointsman.classifier.core.fusion import Difficulty
from pointsman.learning.graded import observations_of
from pointsman.learning.labelled import LabelledPrompt
from pointsman.learning.training import TrainingData, fit_temperature, train_artifact
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES
from tests.fakes.hashing_encoder import HashingEncoder

SUBJECTS = ("apples", "rivers", "engines", "ladders", "clouds", "violins", "harbours", "lanterns")


def training_data() -> TrainingData:
    """Prompts in which one word gives the category away."""
    levels = list(Difficulty)
    prompts = tuple(
        LabelledPrompt(f"{category} {category} {subject}", category, levels[number % 3], 0.5, is_own=number != 0)
        for category in BUILT_IN_CATEGORIES
        for number, subject in enumerate(SUBJECTS)
    )
    encoder = HashingEncoder(dimensions=64)
    embeddings = encoder.encode([encoder.tokenize(prompt.text) for prompt in prompts])
    inputs = np.concatenate((embeddings, np.stack([lexical_features(prompt.text) for prompt in prompts])), axis=1)
    return TrainingData(prompts, inputs, np.zeros((0, inputs.shape[1]), np.float32), observations_of([]), encoder.name)


DATA = training_data()


def test_training_twice_gives_the_same_file() -> None:
    assert dump_artifact(train_artifact(DATA, {})) == dump_artifact(train_artifact(DATA, {}))


def test_trained_head_knows_what_it_was_shown() -> None:
    artifact = train_artifact(DATA, {})

    found = artifact.category_head.apply(DATA.inputs).argmax(axis=1)

    assert [artifact.categories[index] for index in found] == [prompt.category for prompt in DATA.prompts]


def test_only_own_examples_are_shipped() -> None:
    artifact = train_artifact(DATA, {})

    assert set(artifact.examples.texts) == {prompt.text for prompt in DATA.prompts if prompt.is_own}


def test_artifact_tells_its_encoder_and_report() -> None:
    artifact = train_artifact(replace(DATA, encoder="other"), {"labels": 1})

    assert (artifact.encoder, artifact.report) == ("other", {"labels": 1})


@pytest.mark.parametrize(("scale", "temperature"), [(1.0, 1.0), (3.0, 3.0), (0.5, 0.5)])
def test_temperature_undoes_a_scale(scale: float, temperature: float) -> None:
    generator = np.random.default_rng(3)
    logits = generator.normal(size=(4_000, 3)) * 2
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    picks = (chances.cumsum(axis=1) > generator.random((len(logits), 1))).argmax(axis=1)

    assert fit_temperature(logits * scale, np.eye(3)[picks]) == pytest.approx(temperature, rel=0.15)
