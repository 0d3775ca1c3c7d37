"""The committed artefact is the one that the committed prompts and rules make, and says truly what it was trained on."""

from importlib import resources

import numpy as np

from pointsman.classifier.adapters.artifact_file import ARTIFACT_FILE, ARTIFACT_PACKAGE, read_artifact
from pointsman.learning.data.labelled import FINGERPRINT_LENGTH, digest_of, load_own
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES
from pointsman.rules.rules_file import load_default_rules

MAX_BYTES = 2 << 20
ARTIFACT = read_artifact()
OWN = load_own()


def test_it_is_small() -> None:
    assert len(resources.files(ARTIFACT_PACKAGE).joinpath(ARTIFACT_FILE).read_bytes()) < MAX_BYTES


def test_it_knows_the_built_in_categories() -> None:
    assert ARTIFACT.categories == BUILT_IN_CATEGORIES
    assert ARTIFACT.success.skills[: len(BUILT_IN_CATEGORIES)] == BUILT_IN_CATEGORIES


def test_it_shows_own_examples_alone() -> None:
    shown = [prompt for prompt in OWN if prompt.is_example]

    assert ARTIFACT.examples.texts == tuple(prompt.text for prompt in shown)
    assert ARTIFACT.examples.categories == tuple(prompt.category for prompt in shown)


def test_it_was_made_from_the_prompts_and_rules_as_they_are() -> None:
    assert ARTIFACT.report["data"]["own"] == {"records": len(OWN), "sha256": digest_of(OWN)}
    assert ARTIFACT.report["rules"] == load_default_rules().version


def test_it_tells_by_fingerknowneach_label_that_it_was_trained_on() -> None:
    seen = ARTIFACT.report["seen"]

    assert len(set(seen)) == len(seen) == ARTIFACT.report["data"]["labels"]["records"]
    assert all(len(known) == FINGERPRINT_LENGTH for known in seen)


def test_it_holds_no_text_but_the_examples_and_says_of_grades_only_how_many() -> None:
    assert set(ARTIFACT.report) == {"command", "data", "rules", "seen"}
    assert all(set(part) == {"records", "sha256"} for part in ARTIFACT.report["data"].values())


def test_its_models_differ_and_its_numbers_are_finite() -> None:
    assert len(ARTIFACT.models) == len(set(ARTIFACT.models)) > 0
    assert np.isfinite(ARTIFACT.abilities).all()
    assert ARTIFACT.abilities.mean(axis=1).std() > 0.1
