"""The committed artefact is the one that the committed examples and rules make."""

from importlib import resources

from pointsman.classifier.adapters.artifact_file import ARTIFACT_FILE, ARTIFACT_PACKAGE, read_artifact
from pointsman.learning.labelled import digest_of, load_own_examples
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES
from pointsman.rules.rules_file import load_default_rules

MAX_BYTES = 2 << 20
ARTIFACT = read_artifact()
OWN = load_own_examples()


def test_it_is_small() -> None:
    assert len(resources.files(ARTIFACT_PACKAGE).joinpath(ARTIFACT_FILE).read_bytes()) < MAX_BYTES


def test_it_knows_the_built_in_categories() -> None:
    assert ARTIFACT.categories == BUILT_IN_CATEGORIES


def test_it_shows_own_examples_alone() -> None:
    assert ARTIFACT.examples.texts == tuple(prompt.text for prompt in OWN)
    assert ARTIFACT.examples.categories == tuple(prompt.category for prompt in OWN)


def test_it_was_made_from_the_examples_and_rules_as_they_are() -> None:
    assert ARTIFACT.report["data"]["own_examples"]["sha256"] == digest_of(OWN)
    assert ARTIFACT.report["rules"] == load_default_rules().version


def test_it_carries_the_evaluation_that_its_thresholds_rest_on() -> None:
    hybrid = ARTIFACT.report["protocols"]["labels_unseen"]["strategies"]["hybrid"]["category"]

    assert hybrid["accuracy"] >= 0.85
    assert hybrid["interval"][0] < hybrid["accuracy"] < hybrid["interval"][1]
