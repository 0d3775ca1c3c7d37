import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from pointsman.kit.errors import ErrorKind
from pointsman.kit.logging import MASK, Logger, configure_logging, get_logger
from pointsman.kit.request_context import bind_request

CREDENTIALS = ["sk-SECRETabcdef", "pm-abc-SECRETsecret", "Bearer SECRETtoken", "bearer SECRETtoken", "ghp_SECRETsecret", "hf_SECRETsecret"]
TELLING_NAMES = ["prompt", "messages", "content", "body", "authorization", "Authorization", "cookie", "password", "secret", "client_secret"]
TELLING_NAMES += ["key", "api_key", "x-api-key", "openai_api_key", "token", "service_token"]


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    return written


@pytest.fixture
def log(stderr: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Iterator[Logger]:
    monkeypatch.setenv("GRPC_VERBOSITY", "ERROR")  # left as it is where it is set
    root = logging.getLogger()
    before = root.handlers, root.level
    configure_logging("info")
    yield get_logger("demo")
    structlog.reset_defaults()
    root.handlers, level = before
    root.setLevel(level)


def lines(stderr: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stderr.getvalue().splitlines()]


def test_a_line_is_json_on_standard_error(log: Logger, stderr: io.StringIO) -> None:
    with bind_request("req_1"):
        log.info("rpc_finished", method="/a.B/C", duration_s=0.5, input_token_count=7, ok=True, nothing=None)
    (line,) = lines(stderr)
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "rpc_finished",
        "level": "info",
        "service": "demo",
        "request_id": "req_1",
        "method": "/a.B/C",
        "duration_s": 0.5,
        "input_token_count": 7,
        "ok": True,
        "nothing": None,
    }


def test_below_the_level_nothing_is_logged(log: Logger, stderr: io.StringIO) -> None:
    log.debug("detail")
    assert lines(stderr) == []


@pytest.mark.parametrize("name", TELLING_NAMES)
def test_a_field_with_a_telling_name_is_masked(log: Logger, stderr: io.StringIO, name: str) -> None:
    log.info("event_happened", **{name: "canary"}, nested={name: ["canary"]})
    (line,) = lines(stderr)
    assert line[name] == MASK
    assert "canary" not in json.dumps(line)


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_what_looks_like_a_credential_is_masked_anywhere(log: Logger, stderr: io.StringIO, credential: str) -> None:
    log.info(f"said {credential}", where=f"x={credential}, y", nested=[{"deep": (credential,)}])
    (line,) = lines(stderr)
    assert "SECRET" not in json.dumps(line)
    assert line["where"].startswith("x=")


def test_words_that_only_resemble_a_credential_stay(log: Logger, stderr: io.StringIO) -> None:
    log.info("event_happened", where="task-scheduler-one risk-averse-people")
    assert lines(stderr)[0]["where"] == "task-scheduler-one risk-averse-people"


def test_an_object_is_logged_as_its_type_alone(log: Logger, stderr: io.StringIO) -> None:
    class Request:
        def __repr__(self) -> str:
            return "canary"

    log.info("event_happened", request=Request(), path=Path("a/b"), kind=ErrorKind.NOT_FOUND, raw=b"canary")
    (line,) = lines(stderr)
    assert (line["request"], line["path"], line["kind"], line["raw"]) == ("<Request>", "a/b", "NOT_FOUND", "<bytes>")


def test_a_traceback_is_masked_too(log: Logger, stderr: io.StringIO) -> None:
    try:
        raise ValueError("sk-SECRETabcdef")
    except ValueError:
        log.exception("it_crashed")
    (line,) = lines(stderr)
    assert "ValueError" in line["exception"]
    assert "SECRET" not in json.dumps(line)


def test_a_librarys_line_is_one_of_ours(log: Logger, stderr: io.StringIO) -> None:
    logging.getLogger("grpc").warning("connection to %s lost, Bearer SECRETtoken", "peer")
    logging.getLogger("grpc").info("chatter")
    (line,) = lines(stderr)
    assert (line["event"], line["logger"], line["level"]) == ("library_logged", "grpc", "warning")
    assert line["said"] == f"connection to peer lost, {MASK}"
