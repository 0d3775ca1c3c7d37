"""What OpenAI's errors mean."""

import json

import pytest

from pointsman.executor.core.faults import Blame, FailureReason
from pointsman.executor.core.providers.openai_errors import from_document, from_error
from pointsman.executor.core.translation import ErrorAnswer


def answer(status: int, error: object = None, headers: dict[str, str] | None = None) -> ErrorAnswer:
    return ErrorAnswer(status, headers or {}, json.dumps({"error": error}).encode() if error else b"<html>oops</html>", 0.0)


ERRORS = {
    "500": (answer(500), FailureReason.PROVIDER_ERROR, Blame.PROVIDER),
    "503": (answer(503), FailureReason.PROVIDER_ERROR, Blame.PROVIDER),
    "408": (answer(408), FailureReason.PROVIDER_TIMEOUT, Blame.PROVIDER),
    "504": (answer(504), FailureReason.PROVIDER_TIMEOUT, Blame.PROVIDER),
    "302": (answer(302), FailureReason.PROVIDER_BAD_RESPONSE, Blame.PROVIDER),
    "401": (answer(401), FailureReason.PROVIDER_AUTH, Blame.KEY),
    "403": (answer(403), FailureReason.PROVIDER_AUTH, Blame.KEY),
    "402": (answer(402), FailureReason.PROVIDER_ERROR, Blame.MODEL),
    "404": (answer(404), FailureReason.PROVIDER_ERROR, Blame.MODEL),
    "429": (answer(429), FailureReason.RATE_LIMIT_EXCEEDED, Blame.LIMIT),
    "410": (answer(410), FailureReason.PROVIDER_ERROR, Blame.MODEL),
    "405, not of the caller's making": (answer(405), FailureReason.PROVIDER_ERROR, Blame.MODEL),
    "415, not of the caller's making": (answer(415), FailureReason.PROVIDER_ERROR, Blame.MODEL),
    "431, not of the caller's making": (answer(431), FailureReason.PROVIDER_ERROR, Blame.MODEL),
    "409, of the moment": (answer(409), FailureReason.PROVIDER_ERROR, Blame.PROVIDER),
    "424, of the moment": (answer(424), FailureReason.PROVIDER_ERROR, Blame.PROVIDER),
    "204": (answer(204), FailureReason.PROVIDER_BAD_RESPONSE, Blame.PROVIDER),
    "529": (answer(529), FailureReason.PROVIDER_ERROR, Blame.PROVIDER),
    "413": (answer(413), FailureReason.INVALID_VALUE, Blame.REQUEST),
    "400": (answer(400), FailureReason.INVALID_VALUE, Blame.REQUEST),
    "418": (answer(418), FailureReason.INVALID_VALUE, Blame.REQUEST),
    "422": (answer(422, {"message": "x"}), FailureReason.INVALID_VALUE, Blame.REQUEST),
    "window, by code": (answer(400, {"code": "context_length_exceeded"}), FailureReason.CONTEXT_LENGTH_EXCEEDED, Blame.REQUEST),
    "window, by GitHub's code": (answer(413, {"code": "tokens_limit_reached"}), FailureReason.CONTEXT_LENGTH_EXCEEDED, Blame.REQUEST),
    "window, in vLLM's words": (
        answer(400, {"message": "This model's maximum context length is 4096 tokens. However, you requested 5000", "code": 400}),
        FailureReason.CONTEXT_LENGTH_EXCEEDED,
        Blame.REQUEST,
    ),
    "filter, by code": (answer(400, {"code": "content_filter"}), FailureReason.CONTENT_FILTERED, Blame.REQUEST),
    "filter, inside as Azure says": (
        answer(400, {"code": "bad", "innererror": {"code": "ResponsibleAIPolicyViolation"}}),
        FailureReason.CONTENT_FILTERED,
        Blame.REQUEST,
    ),
    "error as a text": (answer(400, "exceeds the context window"), FailureReason.CONTEXT_LENGTH_EXCEEDED, Blame.REQUEST),
}


@pytest.mark.parametrize(("error", "reason", "blame"), ERRORS.values(), ids=ERRORS.keys())
def test_status_and_code_decide(error: ErrorAnswer, reason: FailureReason, blame: Blame) -> None:
    fault = from_error(error)
    assert (fault.reason, fault.blame, fault.status_code) == (reason, blame, error.status_code)


def test_wish_to_be_left_alone_is_kept() -> None:
    assert from_error(answer(429, headers={"retry-after": "7"})).retry_after_s == 7.0
    assert from_error(answer(503, headers={"retry-after": "7"})).retry_after_s == 7.0
    assert from_error(answer(503)).retry_after_s is None


def test_provider_words_are_not_repeated_but_for_plain_names() -> None:
    error = {"message": "Incorrect key sk-canary for prompt 'secret'", "code": "unsupported_parameter", "param": "messages[0].content"}
    assert (
        from_error(answer(400, error)).message == "the provider refuses the request: code unsupported_parameter, param messages[0].content"
    )
    odd = {"message": "m", "code": "no such code!", "param": "sk-canary " * 20}
    assert from_error(answer(400, odd)).message == "the provider refuses the request"


INSIDE = {
    "server": ({"message": "x", "type": "server_error"}, FailureReason.PROVIDER_ERROR),
    "number that is no status": ({"message": "x", "code": 7}, FailureReason.PROVIDER_ERROR),
    "truth as code": ({"message": "x", "code": True}, FailureReason.PROVIDER_ERROR),
    "number as code": ({"message": "x", "code": 401}, FailureReason.PROVIDER_AUTH),
    "limit": ({"message": "x", "type": "requests", "code": "rate_limit_exceeded"}, FailureReason.RATE_LIMIT_EXCEEDED),
    "refused": ({"message": "x", "type": "invalid_request_error"}, FailureReason.INVALID_VALUE),
    "text": ("boom", FailureReason.PROVIDER_ERROR),
    "number": (1, FailureReason.PROVIDER_ERROR),
}


@pytest.mark.parametrize(("error", "reason"), INSIDE.values(), ids=INSIDE.keys())
def test_error_inside_an_answer_has_no_status(error: object, reason: FailureReason) -> None:
    fault = from_document({"error": error})
    assert (fault.reason, fault.status_code) == (reason, None)
