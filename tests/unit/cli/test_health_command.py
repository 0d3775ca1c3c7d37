import argparse
import json
from pathlib import Path

import pytest

from pointsman.cli.health_command import addresses_of, all_ready, health, reachable


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POINTSMAN_VAR_DIR", str(tmp_path))
    return tmp_path


def test_named_service_is_asked_at_its_own_port(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_GATEWAY_PORT", "8123")
    assert addresses_of("gateway") == {"gateway": "127.0.0.1:8123"}


def test_each_worker_of_a_classifier_is_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_CLASSIFIER_WORKERS", "2")
    assert addresses_of("classifier") == {"classifier 1": "127.0.0.1:5001", "classifier 2": "127.0.0.1:5011"}


def test_without_a_name_all_that_up_runs_are_asked_over_http(folder: Path) -> None:
    written = {"gateway": "127.0.0.1:1", "classifier_grpc": "127.0.0.1:2", "classifier_rest": "127.0.0.1:3", "dashboard": "127.0.0.1:4"}
    (folder / "addresses.json").write_text(json.dumps(written), encoding="utf-8")
    assert addresses_of(None) == {"gateway": "127.0.0.1:1", "classifier": "127.0.0.1:3", "dashboard": "127.0.0.1:4"}


@pytest.mark.parametrize(("as_json", "said"), [(False, ""), (True, "{}\n")])
def test_where_nothing_runs_that_is_said_and_is_not_health(
    folder: Path, capsys: pytest.CaptureFixture[str], *, as_json: bool, said: str
) -> None:
    assert addresses_of(None) == {}
    assert not all_ready({})
    assert health(argparse.Namespace(service=None, json=as_json)) == 1
    written = capsys.readouterr()
    assert (written.out, written.err.startswith("pointsman: nothing runs on this folder")) == (said, True)


@pytest.mark.parametrize(
    ("host", "called"), [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("127.0.0.1", "127.0.0.1"), ("10.1.2.3", "10.1.2.3"), ("box", "box")]
)
def test_all_addresses_are_called_at_loopback(host: str, called: str) -> None:
    assert reachable(host) == called


def test_one_that_is_not_ready_is_enough() -> None:
    assert all_ready({"a": "ready", "b": "ready"})
    assert not all_ready({"a": "ready", "b": "not ready (503)"})
