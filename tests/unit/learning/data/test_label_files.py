"""Prompts in, labels out: what a kill leaves behind is taken up, and what is no label is left alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from pointsman.gateway.core.judgement import Difficulty
from pointsman.gateway.core.llm_judgement import LlmAnswer
from pointsman.learning.data.label_files import UnlabelledPrompt, left_to_label, open_labels, read_prompts
from pointsman.learning.data.labelled import InvalidData, load_labels

ANSWER = LlmAnswer("math", Difficulty.HARD, 0.9, 0.1)
ONE, TWO = UnlabelledPrompt("p1", "What is 1 + 1?"), UnlabelledPrompt("p2", "What is 2 + 2? 🙂")


def written(folder: Path, *lines: Any) -> Path:
    path = folder / "prompts.jsonl"
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


def test_prompts_are_read_with_their_id_or_one_of_their_text(tmp_path: Path) -> None:
    path = written(tmp_path, {"id": "p1", "prompt": "one", "source": "x"}, "", {"id": 7, "prompt": "two"}, {"prompt": "three"})
    first, second, third = read_prompts(path)
    assert (first, second.id, third.text) == (UnlabelledPrompt("p1", "one"), "7", "three")
    assert len(third.id) == 16
    assert "one" not in repr(first)


def test_the_same_prompt_twice_counts_once(tmp_path: Path) -> None:
    path = written(tmp_path, {"prompt": "hi"}, {"prompt": "hi"}, {"id": "a", "prompt": "hi"}, {"id": "a", "prompt": "hi"})
    assert len(read_prompts(path)) == 2


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '"text"', '{"prompt": ""}', '{"prompt": 1}', '{"text": "hi"}', '{"id": "p1", "prompt": "another"}', "[" * 100_000],
    ids=["half", "list", "text", "empty", "number", "no prompt", "another's id", "deep"],
)
def test_what_is_no_prompt_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(InvalidData, match=r"prompts\.jsonl:2: "):
        read_prompts(written(tmp_path, {"id": "p1", "prompt": "hi"}, line))


def test_a_file_that_cannot_be_read_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="cannot be read: No such file"):
        read_prompts(tmp_path / "none.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b"\xff\n")
    with pytest.raises(InvalidData, match="not UTF-8"):
        read_prompts(tmp_path / "latin.jsonl")


def test_training_reads_what_was_labelled(tmp_path: Path) -> None:
    with open_labels(tmp_path / "data" / "category_labels.jsonl") as labels:
        labels.add(ONE, ANSWER, judge="strong")
        labels.add(TWO, ANSWER, judge="strong")
    read = load_labels(tmp_path / "data")
    assert [(prompt.text, prompt.category, prompt.difficulty.value, prompt.creativity, prompt.tags) for prompt in read] == [
        (one.text, "math", "hard", 0.1, ()) for one in (ONE, TWO)
    ]


def test_a_label_is_in_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    with open_labels(path) as labels:
        labels.add(ONE, ANSWER, judge="strong")
        assert json.loads(path.read_bytes()) == {
            "id": "p1", "prompt": ONE.text, "category": "math", "difficulty": "hard", "complexity": 0.9, "creativity": 0.1, "tags": [],
            "judge": "strong",
        }  # fmt: skip


@pytest.mark.parametrize("rest", [b"", b'{"id": "p2", "pro', b"\xf0\x9f"], ids=["whole", "half a line", "half a character"])
def test_what_a_kill_left_of_a_line_is_dropped_and_asked_for_again(tmp_path: Path, rest: bytes) -> None:
    path = tmp_path / "labels.jsonl"
    with open_labels(path) as labels:
        labels.add(ONE, ANSWER, judge="strong")
    whole = path.read_bytes()
    path.write_bytes(whole + rest)
    with open_labels(path) as labels:
        assert left_to_label((ONE, TWO), labels) == (TWO,)
        assert path.read_bytes() == whole
        labels.add(TWO, ANSWER, judge="strong")
    assert [json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()] == ["p1", "p2"]


@pytest.mark.parametrize("content", [b"a diary\nmy own\n", b"[]\n", b'{"prompt": "x"}\nrest'], ids=["text", "list", "no id"])
def test_a_file_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_bytes(content)
    with pytest.raises(InvalidData, match=r"labels\.jsonl:1: is no label"), open_labels(path):
        pass
    assert path.read_bytes() == content


def test_two_do_not_write_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    with open_labels(path), pytest.raises(InvalidData, match="another process writes it"), open_labels(path):
        pass


def test_a_prompt_that_has_no_utf8_is_kept_all_the_same(tmp_path: Path) -> None:
    odd = UnlabelledPrompt("p3", "half a pair: \ud83d")
    with open_labels(tmp_path / "category_labels.jsonl") as labels:
        labels.add(odd, ANSWER, judge="strong")
    (read,) = load_labels(tmp_path)
    assert read.text == odd.text


def test_a_limit_counts_what_is_still_to_be_labelled(tmp_path: Path) -> None:
    with open_labels(tmp_path / "labels.jsonl") as labels:
        labels.add(ONE, ANSWER, judge="strong")
        assert left_to_label((ONE, TWO, UnlabelledPrompt("p3", "x")), labels, limit=1) == (TWO,)
