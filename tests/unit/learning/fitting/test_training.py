from dataclasses import replace

import numpy as np
import pytest

from pointsman.classifier.core.artifact import Artifact, dump_artifact
from pointsman.classifier.core.fusion import Difficulty, Strategy
from pointsman.learning.data.graded import GradedPrompt
from pointsman.learning.data.labelled import LabelledPrompt
from pointsman.learning.data.training_data import TrainingData
from pointsman.learning.fitting.text_fit import fit_head, share_loss
from pointsman.learning.fitting.training import (
    LEVEL_LOGITS,
    MIN_PROMPTS_OF_A_SKILL,
    SuccessPart,
    anchors,
    fit_success_part,
    fit_temperature,
    grade_weights,
    rescaled,
    scaling_of,
    text_inputs,
)
from pointsman.learning.measuring.evaluation import judge_all
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES
from tests.fakes.tiny_training import NO_RULES, train_quickly


def test_training_twice_gives_the_same_file(data: TrainingData, artifact: Artifact) -> None:
    again = train_quickly(data, {})

    assert dump_artifact(again) == dump_artifact(artifact)
    assert again.version == artifact.version != train_quickly(data, {"labels": 1}, success=part_of(artifact)).version


def part_of(artifact: Artifact) -> SuccessPart:
    return SuccessPart(artifact.success, artifact.models, artifact.abilities)


@pytest.mark.parametrize("strategy", [Strategy.FEATURES, Strategy.SIMILARITY, Strategy.HYBRID])
def test_trained_readers_know_what_they_were_shown(data: TrainingData, artifact: Artifact, strategy: Strategy) -> None:
    outcomes = judge_all(artifact, NO_RULES, data.prompts, data.inputs, strategy)

    assert [outcome.judgement.category for outcome in outcomes] == [prompt.category for prompt in data.prompts]


def test_only_examples_are_shipped(data: TrainingData, artifact: Artifact) -> None:
    assert set(artifact.examples.texts) == {prompt.text for prompt in data.prompts if prompt.is_example}


def test_artifact_tells_its_encoder_models_and_report(data: TrainingData, artifact: Artifact) -> None:
    found = train_quickly(replace(data, encoder="other"), {"labels": 1}, success=part_of(artifact))

    assert (found.encoder, found.models, found.report) == ("other", ("big", "small"), {"labels": 1})


def test_model_that_fails_more_is_the_weaker_one(artifact: Artifact) -> None:
    big, small = artifact.abilities[:, artifact.success.skills.index("maths")]

    assert big > small


def test_skill_needs_some_prompts(data: TrainingData) -> None:
    rare = tuple(replace(prompt, skill="rare") if n < MIN_PROMPTS_OF_A_SKILL - 1 else prompt for n, prompt in enumerate(data.graded))

    found = fit_success_part(replace(data, graded=rare), scaling_of(data))

    assert found.network.skills == (*BUILT_IN_CATEGORIES, "maths")


def test_labels_alone_make_an_artifact(data: TrainingData) -> None:
    found = train_quickly(replace(data, graded=(), graded_inputs=data.graded_inputs[:0]), {})

    assert found.models == ()
    assert found.success.skills == BUILT_IN_CATEGORIES
    assert all(np.isfinite(part).all() for part in found.success.apply(data.inputs))


def test_examples_alone_make_an_artifact(data: TrainingData, artifact: Artifact) -> None:
    shown = data.subset([index for index, prompt in enumerate(data.prompts) if prompt.is_example])

    assert len(train_quickly(shown, {}, success=part_of(artifact)).examples.texts) == len(shown.prompts)


def test_scaling_brings_features_to_one_size_and_survives_what_never_changes(data: TrainingData) -> None:
    scaling = scaling_of(data)
    features = [scaling.apply(inputs[:, data.dimensions :]) for inputs in (data.inputs, data.graded_inputs)]

    assert all(np.isfinite(part).all() for part in features)
    means = np.mean([part.mean(axis=0) for part in features], axis=0)
    assert means[0] == pytest.approx(0.0, abs=1e-3)


def test_rescaled_head_says_the_same_of_inputs_that_are_scaled_otherwise(data: TrainingData) -> None:
    scaling = scaling_of(data)
    one, other = (text_inputs(data, scaling, with_embedding=True, with_rules=True, embedding_scale=scale) for scale in (0.5, 2.0))
    head = fit_head(one, share_loss(np.linspace(0.1, 0.9, len(data.prompts))), 1, l2=1_000.0)

    np.testing.assert_allclose(rescaled(head, one, other).apply(other), head.apply(one), atol=1e-9)


def test_known_complexity_anchors_b_and_its_class_where_it_is_not_known() -> None:
    prompts = [LabelledPrompt("p", "chat", Difficulty.HARD, 0.5, complexity) for complexity in (0.5, None, 1.0)]

    found = anchors(prompts)

    assert found[:2].tolist() == [0.0, LEVEL_LOGITS[2]]
    assert 2.0 < found[2] < 4.0


def test_large_source_weighs_more_but_not_by_its_size() -> None:
    small, large = GradedPrompt("small", "p", (("m", 1.0),), "s"), GradedPrompt("large", "p", (("m", 1.0),), "s")

    weights = grade_weights([small] * 10 + [large] * 1_000)

    assert weights[:10].sum() < weights[10:].sum() < 100 * weights[:10].sum()


@pytest.mark.parametrize(("scale", "temperature"), [(1.0, 1.0), (1.8, 1.8), (0.5, 0.5)])
def test_temperature_undoes_a_scale(scale: float, temperature: float) -> None:
    generator = np.random.default_rng(3)
    logits = generator.normal(size=(4_000, 3)) * 2
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    picks = (chances.cumsum(axis=1) > generator.random((len(logits), 1))).argmax(axis=1)

    assert fit_temperature(logits * scale, np.eye(3)[picks]) == pytest.approx(temperature, rel=0.15)
