"""`pointsman train` and `pointsman eval` on folders of every kind, with an encoder that needs no model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pointsman.__main__ import main
from pointsman.classifier.adapters.artifact_file import read_artifact
from pointsman.classifier.core.artifact import Artifact, dump_artifact
from pointsman.learning import commands
from pointsman.learning.data import labelled
from pointsman.learning.data.encoding import PromptEncoder
from pointsman.learning.fitting import text_fit
from tests.fakes.tiny_training import FEW_STEPS, FOLDER_LABELS, OWN, graded_records, write_graded, write_labels

Run = Callable[..., dict[str, Any]]
PAIR_KEYS = {"strong", "weak", "n", "auroc", "apgr", "apgr_interval", "cpt50", "cpt80"}


@pytest.fixture(autouse=True)
def tiny_product(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoder: PromptEncoder, own_artifact: Artifact) -> None:
    """Few own prompts, and an artefact of theirs."""

    async def load(*_: object, **__: object) -> PromptEncoder:
        return encoder

    monkeypatch.setattr(commands, "load_prompt_encoder", load)
    monkeypatch.setattr(labelled, "load_own", lambda: OWN)
    monkeypatch.setattr(text_fit, "MAX_ITERATIONS", FEW_STEPS)
    (tmp_path / "own.npz").write_bytes(dump_artifact(own_artifact))
    monkeypatch.setenv("POINTSMAN_ARTIFACT", str(tmp_path / "own.npz"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    return path


@pytest.fixture
def evaluated(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """`pointsman eval --json` on the folder: what it prints, which holds nothing that JSON does not know."""

    def run(*more: str) -> dict[str, Any]:
        assert main(["eval", "--data", str(folder), "--json", *more]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
        return found

    return run


@pytest.fixture
def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a command on the folder complains of."""

    def run(command: str, *more: str) -> str:
        assert main([command, "--data", str(folder), *more]) == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith(f"pointsman: {command}: ")
        return said.err

    return run


def write_whole_folder(folder: Path) -> None:
    """Labels, a source with all splits, and one that is held out, of models that the artefact does not know."""
    write_labels(folder)
    write_graded(folder, graded_records("maths", "train", "big", "small") + graded_records("maths", "validation", "big", "small"))
    write_graded(folder, graded_records("law", "heldout", "unknown-1", "unknown-2", count=24))


def test_all_figures_of_a_whole_folder(folder: Path, evaluated: Run) -> None:
    write_whole_folder(folder)

    found = evaluated()

    hybrid = found["strategies"]["hybrid"]
    assert set(found) >= {"strategies", "baselines", "data", "artifact"}
    assert list(found["strategies"]) == ["rules", "features", "similarity", "hybrid"]
    assert set(hybrid["category"]) >= {"n", "accuracy", "interval", "by_category", "by_tag"}
    assert set(hybrid["difficulty"]) >= {"n", "accuracy", "interval"}
    assert set(hybrid["pairs"]) == {"maths", "law"}
    assert all(set(pair) >= PAIR_KEYS for strategy in found["strategies"].values() for pair in strategy["pairs"].values())
    assert set(hybrid["success"]) == {"maths", "law", "all"}
    assert all(set(part) >= {"n", "models", "auroc", "brier", "ece"} for part in hybrid["success"].values())
    assert set(hybrid["mixed"]) >= {"saved_share", "gap_recovered", "interval"}
    assert set(hybrid["latency_ms"]) == {"p50", "p99"}
    assert len(found["data"]["sha256"]) == 64
    assert found["data"]["records"] == len(OWN) + len(FOLDER_LABELS) + 30 + 30 + 24
    assert found["labels"] == "unseen"
    assert hybrid["category"]["n"] == len(FOLDER_LABELS)
    assert set(hybrid["category"]["by_tag"]) == {"plain", "typo"}
    assert {"mirt", "logistic_needed", "oracle", "random"} <= set(found["baselines"]["pairs"]["maths"])


def test_held_out_folder_with_models_that_the_artifact_does_not_know(folder: Path, evaluated: Run) -> None:
    write_labels(folder)
    write_graded(folder, graded_records("law", "heldout", "unknown-1", "unknown-2"))

    found = evaluated()

    pair = found["strategies"]["hybrid"]["pairs"]["law"]
    assert (pair["strong"], pair["weak"], pair["n"]) == ("unknown-1", "unknown-2", 30)
    # Nothing is known of either: neither is expected to be better on any prompt.
    assert pair["apgr"] == pytest.approx(0.5)
    assert found["strategies"]["hybrid"]["success"]["law"]["brier"] is not None
    assert set(found["baselines"]["pairs"]["law"]) == {"random", "oracle", "prompt_length"}


def test_folder_of_labels_alone(folder: Path, evaluated: Run) -> None:
    write_labels(folder)

    found = evaluated()["strategies"]["hybrid"]

    assert found["category"]["accuracy"] > 0.9
    assert (found["pairs"], found["mixed"]) == ({}, None)
    assert found["success"]["all"]["n"] == 0


def test_folder_of_grades_alone(folder: Path, evaluated: Run) -> None:
    write_graded(folder, graded_records("maths", "validation", "big", "small"))

    found = evaluated()

    assert "category" not in found["strategies"]["hybrid"]
    assert found["baselines"]["labels"] == {}
    assert found["strategies"]["hybrid"]["pairs"]["maths"]["strong"] == "big"


def test_prompts_for_training_alone_leave_nothing_to_route(folder: Path, evaluated: Run) -> None:
    write_graded(folder, graded_records("maths", "train", "big", "small"))

    assert evaluated()["strategies"]["hybrid"]["pairs"] == {}


@pytest.mark.parametrize(
    "records",
    [
        pytest.param(graded_records("one", "heldout", "only"), id="one_model"),
        pytest.param(graded_records("few", "heldout", "big", "small", count=5), id="few_prompts"),
        pytest.param(graded_records("one_prompt", "heldout", "big", "small", count=1), id="one_prompt"),
        pytest.param(graded_records("crowd", "heldout", "a", "b", "c"), id="three_models"),
        pytest.param([r | {"scores": {"a": 1.0, "b": 1.0}} for r in graded_records("equal", "heldout", "a", "b")], id="no_gap"),
        pytest.param([r | {"meta": {"contaminated": True}} for r in graded_records("seen", "heldout", "a", "b")], id="contaminated"),
        pytest.param(
            [r | {"scores": {"ab"[n % 2]: 1.0}} for n, r in enumerate(graded_records("apart", "heldout", "a", "b"))], id="none_in_common"
        ),
    ],
)
def test_source_that_tells_little_is_no_failure(
    folder: Path, evaluated: Run, capsys: pytest.CaptureFixture[str], records: list[dict[str, Any]]
) -> None:
    write_graded(folder, records)

    found = evaluated("--plots", str(folder / "plots"))
    assert main(["eval", "--data", str(folder)]) == 0

    assert found["strategies"]["hybrid"]["mixed"] is None
    assert "hybrid" in capsys.readouterr().out


def test_one_strategy_is_measured_alone(folder: Path, evaluated: Run) -> None:
    write_labels(folder)

    assert list(evaluated("--strategy", "features")["strategies"]) == ["features"]


def test_wanted_pair_is_taken_on_each_source_that_has_it(folder: Path, evaluated: Run) -> None:
    write_graded(folder, graded_records("crowd", "heldout", "a", "b", "c") + graded_records("maths", "heldout", "a", "b"))

    found = evaluated("--pair", "c,a")["strategies"]["hybrid"]["pairs"]

    assert {source: (pair["strong"], pair["weak"]) for source, pair in found.items()} == {"crowd": ("c", "a")}


def test_plots_are_drawn_one_for_each_pair_and_one_of_reliability(folder: Path, evaluated: Run, tmp_path: Path) -> None:
    write_graded(folder, graded_records("maths", "heldout", "a", "b") + graded_records("../law", "heldout", "a", "b"))

    evaluated("--plots", str(tmp_path / "new" / "plots"))

    found = sorted((tmp_path / "new").rglob("*.svg"))
    assert [path.name for path in found] == ["cost-quality-..%2Flaw.svg", "cost-quality-maths.svg", "reliability.svg"]
    assert all(ElementTree.parse(path).getroot().tag.endswith("svg") for path in found)


def test_table_for_people_names_strategies_sources_and_the_mixture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_whole_folder(folder)

    assert main(["eval", "--data", str(folder)]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["rules", "features", "similarity", "hybrid"]
    assert any(line.startswith("maths") and line.endswith("big, small") for line in lines)
    assert lines[-1].startswith("mixed traffic: saves")


def test_training_writes_an_artifact_that_tells_which_labels_it_saw(
    folder: Path, evaluated: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_whole_folder(folder)
    output = tmp_path / "new.npz"

    assert main(["train", "--data", str(folder), "--out", str(output), "--json"]) == 0

    said = capsys.readouterr()
    found, artifact = json.loads(said.out, parse_constant=pytest.fail), read_artifact(output)
    assert (found["artifact"], found["path"]) == (artifact.version, str(output))
    assert found["labels"] == "trained anew without them"
    assert "training without the folder's labels" in said.err
    assert artifact.report["seen"] == sorted(labelled.fingerprint(prompt.text) for prompt in FOLDER_LABELS)
    assert artifact.models == ("big", "small")

    # Labels that it was not trained on are told from those that it was.
    write_labels(folder, [*FOLDER_LABELS[:3], labelled.LabelledPrompt("chat chat pebbles", "chat", FOLDER_LABELS[0].difficulty, 0.2)])
    monkeypatch.setenv("POINTSMAN_ARTIFACT", str(output))
    again = evaluated()
    assert (again["labels"], again["strategies"]["hybrid"]["category"]["n"]) == ("unseen", 1)


def test_training_on_labels_alone(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_labels(folder)

    assert main(["train", "--data", str(folder), "--out", str(tmp_path / "new.npz"), "--json"]) == 0

    assert read_artifact(tmp_path / "new.npz").models == ()


def test_labels_that_repeat_own_prompts_are_not_tested_on(folder: Path, evaluated: Run) -> None:
    write_labels(folder, OWN[:3])

    assert "category" not in evaluated()["strategies"]["hybrid"]


@pytest.mark.parametrize("command", ["train", "eval"])
def test_empty_folder_is_refused(refused: Callable[..., str], command: str) -> None:
    said = refused(command, *(("--out", "new.npz") if command == "train" else ()))

    assert "holds neither category_labels.jsonl nor graded prompts (*.jsonl.gz)" in said


@pytest.mark.parametrize("pair", ["one", "one,", ",two", "same,same"])
def test_pair_is_two_models(refused: Callable[..., str], pair: str) -> None:
    assert "--pair: two models, STRONG,WEAK" in refused("eval", "--pair", pair)


def test_pair_that_no_source_has_is_refused(folder: Path, refused: Callable[..., str]) -> None:
    write_graded(folder, graded_records("maths", "heldout", "a", "b"))

    assert "that both a and z have answered" in refused("eval", "--pair", "a,z")


def test_faulty_files_are_refused_by_name(folder: Path, refused: Callable[..., str]) -> None:
    (folder / "bad.jsonl.gz").write_bytes(b"not gzip")

    assert str(folder / "bad.jsonl.gz") in refused("eval")


def test_folder_and_files_that_are_not_there_are_told(
    folder: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_labels(folder)

    assert "not a file in a folder that is there" in refused("train", "--out", str(tmp_path / "nowhere" / "new.npz"))
    assert "not a file in a folder that is there" in refused("train", "--out", str(tmp_path))
    (tmp_path / "file").touch()
    assert "file" in refused("eval", "--plots", str(tmp_path / "file"))
    monkeypatch.setenv("POINTSMAN_ARTIFACT", str(tmp_path / "none.npz"))
    assert "none.npz" in refused("eval")
    folder.joinpath("category_labels.jsonl").unlink()
    folder.rmdir()
    monkeypatch.delenv("POINTSMAN_ARTIFACT")
    assert "--out: needed" in refused("train")
