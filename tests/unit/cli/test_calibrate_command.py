"""What `pointsman calibrate` reads, says and refuses."""

import argparse
import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pointsman.__main__ import main
from pointsman.classifier.core.artifact import dump_artifact
from pointsman.cli import calibrate_command
from pointsman.cli.calibrate_command import calibrate, graded_by_both, judged_sources, summary
from pointsman.learning.data.encoding import PromptEncoder
from pointsman.learning.data.graded import GradedPrompt
from pointsman.learning.data.labelled import InvalidData
from pointsman.learning.measuring.calibration import Goal, propose
from tests.fakes.hashing_encoder import HashingEncoder
from tests.fakes.tiny_artifact import tiny_artifact
from tests.fakes.tiny_training import DIMENSIONS, graded_records, tiny_encoder, write_graded

PROMPTS = tuple(
    GradedPrompt(source, f"{number}", (("big", 1.0), ("small", float(number % 2))), source)
    for source in ("maths", "trivia")
    for number in range(40)
)


def predicted(texts: Sequence[str]) -> NDArray[np.float64]:
    """The weak model fails even numbers."""
    return np.array([0.8 if int(text) % 2 else 0.3 for text in texts])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    records = [
        {"id": f"{number}", "source": "maths", "split": "validation", "prompt": f"{number}", "scores": {model: 1.0}, "meta": {}}
        for number, model in enumerate(("big", "small-1b"))
    ]
    with gzip.open(tmp_path / "maths.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(record) + "\n" for record in records)
    return tmp_path


def test_two_names_of_one_model_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = argparse.Namespace(
        data="prompts", strong="small", weak="small", strong_share=None, quality=0.8, cost_ratio=None, json=False
    )

    assert calibrate(arguments) == 2
    assert "the same model" in capsys.readouterr().err


def test_line_to_set_comes_first_and_the_figures_with_their_intervals() -> None:
    sources = judged_sources(PROMPTS, predicted, strong="big", weak="small")
    proposal = propose(list(sources.values()), Goal(quality=0.8), cost_ratio=0.1, samples=50)
    assert proposal is not None

    text = summary(proposal, sources, strong="big", weak="small", cost_ratio=0.1).splitlines()

    assert 0.3 < float(text[0].removeprefix("ROUTING_THRESHOLD=")) <= 0.8
    assert "50.0 % (" in next(line for line in text if "calls to big" in line)
    assert "45.0 % (" in next(line for line in text if "saved" in line)
    assert "maths (40), trivia (40)" in text[-2]


def test_model_that_answered_nothing_is_named_with_one_like_it(folder: Path) -> None:
    with pytest.raises(InvalidData, match=r"small has answered none of the 2 .*for testing; there is: small-1b"):
        graded_by_both(folder, "big", "small")


def test_models_without_a_prompt_in_common_are_refused(folder: Path) -> None:
    with pytest.raises(InvalidData, match="none of the same"):
        graded_by_both(folder, "big", "small-1b")


def test_prompts_for_training_do_not_choose_a_threshold(folder: Path) -> None:
    write_graded(folder, graded_records("law", "train", "big", "small") + graded_records("law", "heldout", "big", "small", count=5))

    assert len(graded_by_both(folder, "big", "small")) == 5


def test_record_without_its_fields_is_refused_by_file_name(folder: Path) -> None:
    write_graded(folder, [{"source": "law"}])

    with pytest.raises(InvalidData, match=r"law\.jsonl\.gz"):
        graded_by_both(folder, "big", "small")


@pytest.mark.parametrize("goal", [("--quality", "0.8"), ("--strong-share", "0.3")])
def test_whole_command_proposes_a_threshold(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], goal: tuple[str, str]
) -> None:
    async def load(*_: object, **__: object) -> PromptEncoder:
        return tiny_encoder(tmp_path / "embeddings")

    encoder = HashingEncoder(DIMENSIONS)
    (tmp_path / "tiny.npz").write_bytes(dump_artifact(tiny_artifact(encoder)))
    monkeypatch.setattr(calibrate_command, "load_prompt_encoder", load)
    monkeypatch.setenv("POINTSMAN_ARTIFACT", str(tmp_path / "tiny.npz"))
    write_graded(folder, graded_records("law", "heldout", "big", "small"))

    assert main(["calibrate", "--data", str(folder), "--strong", "big", "--weak", "small", *goal, "--json"]) == 0

    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert 0.0 <= found["routing_threshold"] <= 1.0
    assert (found["n"], found["sources"]) == (30, ["law"])


def test_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="not a folder"):
        graded_by_both(tmp_path / "nowhere", "big", "small")
