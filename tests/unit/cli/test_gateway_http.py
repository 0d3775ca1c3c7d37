import io
import urllib.error
import urllib.request
from email.message import Message
from http.client import BadStatusLine
from pathlib import Path

import pytest

from pointsman.cli.gateway_http import GatewayRefused, GatewayUnreachable, call_gateway, gateway_url, refusal

URL = "http://127.0.0.1:8080"


def test_address_is_the_one_that_was_written_else_the_port_of_the_settings(tmp_path: Path) -> None:
    assert gateway_url(tmp_path, port=8080) == URL
    (tmp_path / "addresses.json").write_text('{"gateway": "127.0.0.1:4711"}', encoding="utf-8")
    assert gateway_url(tmp_path, port=8080) == "http://127.0.0.1:4711"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b'{"error": {"message": "no such model", "code": "model_not_found"}}', "no such model (model_not_found)", id="ours"),
        pytest.param(b"<html>", "the gateway answered with status 502", id="a proxy's"),
        pytest.param(b'{"error": "odd"}', "the gateway answered with status 502", id="another shape"),
    ],
)
def test_refusal_is_told_in_the_gateways_words_where_it_has_any(body: bytes, said: str) -> None:
    assert refusal(body, 502) == said


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        pytest.param(urllib.error.URLError("refused"), GatewayUnreachable, id="nobody listens"),
        pytest.param(TimeoutError(), GatewayUnreachable, id="nobody answers in time"),
        pytest.param(BadStatusLine("x"), GatewayRefused, id="no HTTP"),
        pytest.param(io.BytesIO(b"<html>"), GatewayRefused, id="no JSON"),
        pytest.param(urllib.error.HTTPError(URL, 404, "", Message(), io.BytesIO(b"{}")), GatewayRefused, id="an error's answer"),
    ],
)
def test_whatever_happens_is_an_error_that_the_command_can_print(
    monkeypatch: pytest.MonkeyPatch, outcome: Exception | io.BytesIO, error: type[Exception]
) -> None:
    def answer(*_: object, **__: object) -> io.BytesIO:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", answer)
    with pytest.raises(error):
        call_gateway(URL, "/route")
