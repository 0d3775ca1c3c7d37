from pathlib import Path

import pytest

from pointsman.classifier.core.fusion import Difficulty
from pointsman.learning.labelled import InvalidData, LabelledPrompt, digest_of, load_labels, load_own_examples
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES

OWN = load_own_examples()
LABEL = '{"prompt": "hi", "category": "chat", "difficulty": "easy", "creativity": 0.2, "tags": ["typo"]}\n'


@pytest.mark.parametrize("category", BUILT_IN_CATEGORIES)
def test_every_category_has_enough_examples_of_each_difficulty(category: str) -> None:
    found = [prompt.difficulty for prompt in OWN if prompt.category == category]

    assert len(found) >= 60
    assert {Difficulty.EASY, Difficulty.MEDIUM, Difficulty.HARD} == set(found)


def test_no_two_examples_are_alike() -> None:
    plain = [" ".join("".join(c for c in prompt.text.lower() if c.isalnum() or c.isspace()).split()) or prompt.text for prompt in OWN]

    assert len(set(plain)) == len(OWN)


def test_examples_are_of_known_categories_and_within_range() -> None:
    assert {prompt.category for prompt in OWN} == set(BUILT_IN_CATEGORIES)
    assert all(0.0 <= prompt.creativity <= 1.0 and prompt.text.strip() and len(prompt.text) < 1_000 for prompt in OWN)


def test_a_good_part_of_the_examples_is_in_other_scripts() -> None:
    assert sum(not prompt.text.isascii() for prompt in OWN) > len(OWN) / 10


def test_labels_are_read(tmp_path: Path) -> None:
    (tmp_path / "category_labels.jsonl").write_text(LABEL)

    assert load_labels(tmp_path) == (LabelledPrompt("hi", "chat", Difficulty.EASY, 0.2, ("typo",), is_own=False),)


def test_folder_without_labels_has_none(tmp_path: Path) -> None:
    assert load_labels(tmp_path) == ()


@pytest.mark.parametrize("line", ["no json", "{}", LABEL.replace("easy", "simple"), "[1]"], ids=["text", "empty", "difficulty", "list"])
def test_faulty_labels_are_refused_by_file_name(tmp_path: Path, line: str) -> None:
    (tmp_path / "category_labels.jsonl").write_text(line)

    with pytest.raises(InvalidData, match=r"category_labels\.jsonl"):
        load_labels(tmp_path)


def test_digest_tells_other_labels_but_not_another_order() -> None:
    assert digest_of(OWN) == digest_of(tuple(reversed(OWN))) != digest_of(OWN[1:])


def test_bucket_depends_on_the_text_alone() -> None:
    first, second = OWN[0], LabelledPrompt(OWN[0].text, "chat", Difficulty.HARD, 1.0)

    assert first.bucket(4) == second.bucket(4)
    assert {prompt.bucket(4) for prompt in OWN} == {0, 1, 2, 3}
