from collections import Counter
from pathlib import Path

import pytest

from pointsman.classifier.core.fusion import Difficulty, difficulty_of
from pointsman.learning.data.labelled import (
    EXAMPLES_FOLDER,
    LABELS,
    PROMPTS_FOLDER,
    InvalidData,
    LabelledPrompt,
    digest_of,
    documents,
    fingerprint,
    load_labels,
    load_own,
    load_own_examples,
)
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES

OWN, EXAMPLES = load_own(), load_own_examples()
PROMPTS = tuple(prompt for prompt in OWN if not prompt.is_example)
FILES = [name for name, _ in documents(PROMPTS_FOLDER)]
TAGS = {"typo", "non_english", "adversarial", "long", "code_only"}
LABEL = '{"prompt": "hi", "category": "chat", "difficulty": "easy", "complexity": 0.1, "creativity": 0.2, "tags": ["typo"]}\n'


@pytest.mark.parametrize("category", BUILT_IN_CATEGORIES)
def test_every_category_has_enough_examples_of_each_difficulty(category: str) -> None:
    found = [prompt.difficulty for prompt in EXAMPLES if prompt.category == category]

    assert len(found) >= 60
    assert {Difficulty.EASY, Difficulty.MEDIUM, Difficulty.HARD} == set(found)


def test_own_prompts_are_of_known_categories_and_within_range() -> None:
    assert {prompt.category for prompt in OWN} == set(BUILT_IN_CATEGORIES)
    assert all(0.0 <= prompt.creativity <= 1.0 and prompt.text.strip() for prompt in OWN)
    assert {tag for prompt in OWN for tag in prompt.tags} <= TAGS


def test_no_text_is_there_twice_in_any_file() -> None:
    plain = Counter("".join(c for c in p.text.lower() if c.isalnum()) or p.text for p in EXAMPLES)

    assert [text for text, count in Counter(fingerprint(prompt.text) for prompt in OWN).items() if count > 1] == []
    assert plain.most_common(1)[0][1] == 1


def test_a_good_part_is_in_other_scripts() -> None:
    assert sum(not prompt.text.isascii() for prompt in EXAMPLES) > len(EXAMPLES) / 10
    assert sum("non_english" in prompt.tags for prompt in PROMPTS) > len(PROMPTS) / 10


def test_examples_are_shown_and_stay_short() -> None:
    assert all(prompt.origin == EXAMPLES_FOLDER and len(prompt.text) < 1_000 for prompt in EXAMPLES)
    assert OWN[: len(EXAMPLES)] == EXAMPLES


@pytest.mark.parametrize("name", FILES)
def test_file_of_prompts_is_balanced(name: str) -> None:
    found = [prompt for prompt in PROMPTS if prompt.origin == name]

    counts = Counter(prompt.category for prompt in found)
    assert set(counts) == set(BUILT_IN_CATEGORIES)
    assert max(counts.values()) <= 2 * min(counts.values())
    assert set(Counter(prompt.difficulty for prompt in found)) == set(Difficulty)


def test_complexity_of_prompts_is_of_their_class() -> None:
    wrong = [
        (prompt.origin, prompt.text[:40])
        for prompt in PROMPTS
        if prompt.complexity is None or not 0.0 <= prompt.complexity <= 1.0 or difficulty_of(prompt.complexity) is not prompt.difficulty
    ]

    assert wrong == []


def test_labels_are_read(tmp_path: Path) -> None:
    (tmp_path / "category_labels.jsonl").write_text(f"{LABEL}\n")

    assert load_labels(tmp_path) == (LabelledPrompt("hi", "chat", Difficulty.EASY, 0.2, 0.1, ("typo",), LABELS),)


def test_complexity_and_tags_may_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "category_labels.jsonl").write_text('{"prompt": "hi", "category": "chat", "difficulty": "easy", "creativity": 0}')

    (found,) = load_labels(tmp_path)

    assert (found.complexity, found.tags, found.is_own, found.is_example) == (None, (), False, False)


def test_folder_without_labels_has_none(tmp_path: Path) -> None:
    assert load_labels(tmp_path) == ()


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("no json", id="text"),
        pytest.param("{}", id="empty"),
        pytest.param("[1]", id="list"),
        pytest.param(LABEL.replace("easy", "simple"), id="difficulty"),
        pytest.param(LABEL.replace("chat", "sports"), id="category"),
        pytest.param(LABEL.replace("0.2", "2"), id="creativity"),
        pytest.param(LABEL.replace("0.2", "null"), id="no_creativity"),
        pytest.param(LABEL.replace("0.1", "70"), id="complexity"),
        pytest.param(LABEL.replace('"hi"', "5"), id="number"),
        pytest.param(LABEL.replace('["typo"]', "5"), id="tags"),
    ],
)
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


def test_fingerprint_knows_a_prompt_again_without_regard_to_case_and_spacing() -> None:
    assert fingerprint(" Hello  World\n") == fingerprint("hello world") != fingerprint("hello worlds")
    assert fingerprint("\ud800")
