import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointsman.learning.data.graded import GradedPrompt, digest_of, grades_of, load_graded, skill_of
from pointsman.learning.data.labelled import InvalidData

RECORDS: list[dict[str, Any]] = [
    {
        "id": f"x:{number}",
        "source": "x",
        "split": split,
        "prompt": f"prompt {number}",
        "scores": scores,
        "meta": {"contaminated": number == 4},
    }
    for number, (split, scores) in enumerate(
        [("train", {"b": 1.0, "a": 0.0}), ("train", {"a": 0.5}), ("validation", {"a": 1}), ("train", {}), ("heldout", {"a": 1.0})]
    )
]


def written(folder: Path, *records: object, name: str = "x.jsonl.gz") -> Path:
    with gzip.open(folder / name, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
    return folder


def test_graded_prompts_for_training_are_read(tmp_path: Path) -> None:
    found = load_graded(written(tmp_path, *RECORDS), training=True)

    assert {prompt.text for prompt in found} == {"prompt 0", "prompt 1"}
    assert GradedPrompt("x", "prompt 0", (("a", 0.0), ("b", 1.0)), "x") in found


def test_all_others_are_for_testing(tmp_path: Path) -> None:
    found = load_graded(written(tmp_path, *RECORDS), training=False)

    assert {prompt.text: prompt.is_contaminated for prompt in found} == {"prompt 2": False, "prompt 4": True}


def test_order_of_the_lines_changes_nothing(tmp_path: Path) -> None:
    first = load_graded(written(tmp_path, *RECORDS), training=True)

    assert load_graded(written(tmp_path, *reversed(RECORDS)), training=True) == first


def test_folder_without_files_holds_nothing(tmp_path: Path) -> None:
    assert load_graded(tmp_path, training=True) == ()


@pytest.mark.parametrize(
    "record",
    [
        pytest.param({key: value for key, value in RECORDS[0].items() if key != "id"}, id="no_id"),
        pytest.param({key: value for key, value in RECORDS[0].items() if key != "prompt"}, id="no_prompt"),
        pytest.param({key: value for key, value in RECORDS[0].items() if key != "scores"}, id="no_scores"),
        pytest.param([1], id="list"),
        pytest.param(RECORDS[0] | {"id": 5}, id="number_as_id"),
        pytest.param(RECORDS[0] | {"prompt": 5}, id="number_as_prompt"),
        pytest.param(RECORDS[0] | {"scores": [1.0]}, id="list_of_scores"),
        pytest.param(RECORDS[0] | {"scores": {"a": "good"}}, id="word_as_score"),
        pytest.param(RECORDS[0] | {"scores": {"a": 70}}, id="percent"),
        pytest.param(RECORDS[0] | {"scores": {"a": float("nan")}}, id="nan"),
        pytest.param(RECORDS[0] | {"meta": "none"}, id="text_as_meta"),
    ],
)
def test_faulty_record_is_refused_by_file_name(tmp_path: Path, record: object) -> None:
    with pytest.raises(InvalidData, match=r"x\.jsonl\.gz"):
        load_graded(written(tmp_path, record), training=True)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"not gzip", id="plain"),
        pytest.param(gzip.compress(b"{}\n" * 500)[:-20], id="cut"),
        pytest.param(gzip.compress(b"x" * 500)[:12] + b"\xff" * 20, id="damaged"),
        pytest.param(gzip.compress(b"no json\n"), id="no_json"),
        pytest.param(gzip.compress(b"\xff\xfe\n"), id="no_utf8"),
    ],
)
def test_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.jsonl.gz").write_bytes(content)

    with pytest.raises(InvalidData, match=r"bad\.jsonl\.gz"):
        load_graded(tmp_path, training=True)


@pytest.mark.parametrize(
    ("source", "meta", "skill"),
    [
        ("routellm_mmlu", {"subject": "professional_law", "contaminated": False}, "professional_law"),
        ("mmlu_pro", {"subject": "law", "src": "ori_mmlu-professional_law"}, "professional_law"),
        ("mmlu_pro", {"subject": "chemistry", "src": "stemez-Chemistry"}, "chemistry_stemez"),
        ("mmlu_pro", {"subject": "computer science", "src": "theoremQA-EECS"}, "computer_science_theoremqa"),
        ("llmrouter", {"task": "agentverse-mgsm"}, "gsm8k"),
        ("llmrouter", {"task": "math"}, "competition_math"),
        ("routerarena", {"task": "OpenTDB_Celebrities"}, "opentdb"),
        ("prometheus_vicuna", {"task": "fermi"}, "fermi"),
        ("autoj_prompts", {"scenario": "writing_biography"}, "prompts"),
        ("routellm_gsm8k", {"contaminated": True}, "gsm8k"),
        ("zeroeval_gsm", {}, "gsm8k"),
        ("zeroeval_crux", {}, "crux"),
        ("own", {"src": None, "subject": None, "task": None}, "own"),
    ],
)
def test_skill_is_the_finest_kind_of_work_that_is_known(source: str, meta: Mapping[str, Any], skill: str) -> None:
    assert skill_of(source, meta) == skill


def test_record_without_meta_has_its_source_s_skill(tmp_path: Path) -> None:
    records = [{key: value for key, value in RECORDS[0].items() if key != "meta"}, RECORDS[1] | {"meta": None}]

    assert {prompt.skill for prompt in load_graded(written(tmp_path, *records), training=True)} == {"x"}


PROMPTS = (
    GradedPrompt("x", "p", (("b", 1.0),), "x"),
    GradedPrompt("y", "q", (("a", 0.0), ("b", 0.5)), "y"),
)


def test_grades_make_a_table_with_a_gap_where_nobody_answered() -> None:
    found = grades_of(PROMPTS)

    assert found.models == ("a", "b")
    np.testing.assert_array_equal(found.scores, [[np.nan, 1.0], [0.0, 0.5]])


def test_grades_of_wanted_models_alone() -> None:
    found = grades_of(PROMPTS, ("b", "unknown"))

    np.testing.assert_array_equal(found.scores, [[1.0, np.nan], [0.5, np.nan]])
    assert grades_of(()).scores.shape == (0, 0)


def test_digest_tells_another_grade() -> None:
    changed = (PROMPTS[0], GradedPrompt("y", "q", (("a", 0.0), ("b", 0.6)), "y"))

    assert digest_of(PROMPTS) == digest_of(list(PROMPTS)) != digest_of(changed)
