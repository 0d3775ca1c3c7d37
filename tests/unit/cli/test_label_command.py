"""What `pointsman label` says, and when it refuses."""

import argparse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pointsman.__main__ import build_parser
from pointsman.cli.label_command import Outcome, cost_text, label, summary


def arguments(folder: Path, *more: str) -> argparse.Namespace:
    return build_parser().parse_args(["label", "--in", str(folder / "in.jsonl"), "--out", str(folder / "out.jsonl"), *more])


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting but the folder, and a port at which nothing listens."""
    for name in ("JUDGE_MODEL", "POINTSMAN_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("POINTSMAN_VAR_DIR", str(tmp_path))
    monkeypatch.setenv("POINTSMAN_GATEWAY_PORT", "9")
    monkeypatch.chdir(tmp_path)


def test_without_a_judge_it_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert label(arguments(tmp_path)) == 2
    assert "JUDGE_MODEL is not set" in capsys.readouterr().err


def test_the_prompts_are_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert label(arguments(tmp_path, "--model", "m", "--out", str(tmp_path / "in.jsonl"))) == 2
    assert "the same file" in capsys.readouterr().err


def test_where_every_prompt_has_a_label_nothing_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.jsonl").write_text('{"id": "a", "prompt": "hi"}\n', encoding="utf-8")
    (tmp_path / "out.jsonl").write_text('{"id": "a"}\n', encoding="utf-8")
    assert label(arguments(tmp_path, "--model", "m")) == 0
    assert "1 had a label before" in capsys.readouterr().out


@pytest.mark.parametrize("text", [None, "{\n"], ids=["missing", "no JSON"])
def test_a_bad_file_is_told_in_one_line(tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    if text is not None:
        (tmp_path / "in.jsonl").write_text(text, encoding="utf-8")
    assert label(arguments(tmp_path, "--model", "m")) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_limit_is_a_count(tmp_path: Path, limit: str) -> None:
    with pytest.raises(SystemExit) as refusal:
        arguments(tmp_path, "--limit", limit)
    assert refusal.value.code == 2


@pytest.mark.parametrize(
    ("cost_usd", "text"),
    [(None, "its price is not known"), (0.0, "free"), (0.00001234, "at most about $0.000012"), (1234.5, "at most about $1234.50")],
)
def test_the_cost_is_told_to_two_digits(cost_usd: float | None, text: str) -> None:
    assert cost_text(cost_usd) == text


def test_failures_are_counted_by_reason_and_named() -> None:
    failures: dict[str, Any] = {**{f"p{number}": "busy" for number in range(5)}, "q": "odd"}
    told = summary(Outcome(2, 1, 0.5, failures, stopped_by="you"), "out.jsonl").splitlines()
    assert told == [
        "2 labelled into out.jsonl for $0.500000; 1 had a label before",
        "5 failed: busy: p0, p1, p2, …",
        "1 failed: odd: q",
        "stopped by you",
        "run it again to go on: what has a label is left alone",
    ]


def test_nobody_listens(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request.OpenerDirector, "open", _refused)
    (tmp_path / "in.jsonl").write_text('{"prompt": "hi"}\n', encoding="utf-8")
    assert label(arguments(tmp_path, "--model", "m", "--yes")) == 1
    assert "no gateway answers" in capsys.readouterr().err


def _refused(*_: object, **__: object) -> None:
    raise ConnectionRefusedError
