import gzip
import json
from pathlib import Path

import pytest

from pointsman.learning.graded import GradedPrompt, load_graded, observations_of
from pointsman.learning.labelled import InvalidData

RECORDS = [
    {"id": f"x:{number}", "source": "x", "split": split, "prompt": f"prompt {number}", "scores": scores}
    for number, (split, scores) in enumerate(
        [("train", {"b": 1.0, "a": 0.0}), ("train", {"a": 0.5}), ("validation", {"a": 1.0}), ("train", {}), ("heldout", {"a": 1.0})]
    )
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with gzip.open(tmp_path / "x.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(record) + "\n" for record in RECORDS)
    return tmp_path


def test_graded_prompts_of_one_split_are_read(folder: Path) -> None:
    found = load_graded(folder, "train")

    assert {prompt.text for prompt in found} == {"prompt 0", "prompt 1"}
    assert GradedPrompt("x", "prompt 0", (("a", 0.0), ("b", 1.0))) in found


def test_the_same_part_of_a_large_source_is_read_each_time(folder: Path) -> None:
    assert load_graded(folder, "train", max_per_source=1) == load_graded(folder, "train", max_per_source=1)
    assert len(load_graded(folder, "train", max_per_source=1)) == 1


def test_the_final_test_is_not_trained_on(folder: Path) -> None:
    with pytest.raises(InvalidData, match="final test"):
        load_graded(folder, "heldout")


def test_damaged_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl.gz").write_bytes(b"not gzip")

    with pytest.raises(InvalidData, match=r"bad\.jsonl\.gz"):
        load_graded(tmp_path, "train")


def test_model_on_two_sources_is_two_solvers() -> None:
    observed = observations_of([GradedPrompt("x", "p", (("a", 1.0),)), GradedPrompt("y", "q", (("a", 0.0), ("b", 0.5)))])

    assert observed.solvers == (("x", "a"), ("y", "a"), ("y", "b"))
    assert observed.prompt.tolist() == [0, 1, 1]
    assert observed.solver.tolist() == [0, 1, 2]
    assert observed.score.tolist() == [1.0, 0.0, 0.5]


def test_nothing_graded_is_no_observation() -> None:
    assert len(observations_of([]).score) == 0
