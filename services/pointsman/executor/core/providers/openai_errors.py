"""What OpenAI's errors mean: `{"error": {"message", "type", "param", "code"}}`, with a status or inside a stream.

A provider's message may repeat the prompt or the key, so nobody sees it; code and param are passed on where
they are plain names.
"""

import json
import re
from collections.abc import Container, Mapping
from dataclasses import replace

from pointsman.executor.core.faults import Blame, FailureReason, Fault
from pointsman.executor.core.retry_after import DEFAULT_COOLING_S, cooling_s
from pointsman.executor.core.translation import ErrorAnswer

CONTEXT_CODES = frozenset({"context_length_exceeded", "tokens_limit_reached", "model_max_prompt_tokens_exceeded"})
# Servers without codes say it in words: vLLM, Ollama and llama.cpp among them.
CONTEXT_WORDS = re.compile(r"(maximum|exceeds?).{0,40}context (length|window|size)|context (length|window).{0,40}exceed", re.IGNORECASE)
FILTER_CODES = frozenset({"content_filter", "content_filtered", "content_policy_violation", "ResponsibleAIPolicyViolation"})
# Errors inside a stream carry no status; these types stand for one.
STATUS_BY_WORD: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "requests": 429,
    "tokens": 429,
    "insufficient_quota": 429,
}
# What a status says and the error's words do not; section numbers are those of RFC 9110.
MEANINGS: tuple[tuple[Container[int], FailureReason, str, Blame], ...] = (
    ((401, 403), FailureReason.PROVIDER_AUTH, "the provider refuses the key", Blame.KEY),
    ((402,), FailureReason.PROVIDER_ERROR, "the provider's account has no credit left", Blame.MODEL),
    # Not there, gone (as Hugging Face says of retired models), or forbidden by law where it runs.
    ((404, 410, 451), FailureReason.PROVIDER_ERROR, "the provider does not know the model", Blame.MODEL),
    ((408, 504), FailureReason.PROVIDER_TIMEOUT, "the provider ran out of time", Blame.PROVIDER),
    # About another request that is in the way, or a model that is still being loaded: the same request may succeed soon.
    ((409, 423, 424, 425), FailureReason.PROVIDER_ERROR, "the provider can not answer at this moment", Blame.PROVIDER),
    # About method, address, headers or form of the request (15.5): those are ours and the catalogue's, and nothing that a
    # caller writes changes them. The entry names no API of its kind.
    (
        (405, 406, 407, 411, 412, 414, 415, 416, 417, 421, 426, 428, 431),
        FailureReason.PROVIDER_ERROR,
        "the provider takes no such requests at its base_url",
        Blame.MODEL,
    ),
    (range(300, 400), FailureReason.PROVIDER_BAD_RESPONSE, "the provider redirects elsewhere, which is not followed", Blame.PROVIDER),
    (range(100, 300), FailureReason.PROVIDER_BAD_RESPONSE, "the provider answers with a status that promises no answer", Blame.PROVIDER),
)
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.\[\]-]{0,63}")


def from_error(answer: ErrorAnswer) -> Fault:
    """What an answer with a status other than 200 means."""
    try:
        document = json.loads(answer.body.decode())
    except (ValueError, RecursionError):
        document = None
    error = _error_in(document)
    status = answer.status_code
    cooling = cooling_s(answer.headers, wall_time_s=answer.wall_time_s)
    if status == 429:
        return Fault(FailureReason.RATE_LIMIT_EXCEEDED, "the provider's rate limit is reached", Blame.LIMIT, status, cooling)
    fault = _by_status(status, error, status)
    return replace(fault, retry_after_s=cooling) if status == 503 and "retry-after" in answer.headers else fault


def from_document(document: Mapping[str, object]) -> Fault:
    """What an error inside an answer of status 200 means."""
    error = _error_in(document)
    code = error.get("code")
    if not isinstance(code, int) or not 400 <= code < 600:
        code = next((STATUS_BY_WORD[word] for word in _words(error) if word in STATUS_BY_WORD), 500)
    if code == 429:
        return Fault(
            FailureReason.RATE_LIMIT_EXCEEDED, "the provider's rate limit is reached", Blame.LIMIT, retry_after_s=DEFAULT_COOLING_S
        )
    return _by_status(code, error, None)


def _by_status(status: int, error: Mapping[str, object], status_code: int | None) -> Fault:
    """The fault; status_code is what the provider answered, where it did."""
    for statuses, reason, message, blame in MEANINGS:
        if status in statuses:
            return Fault(reason, message, blame, status_code)
    if 400 <= status < 500:  # 400, 413, 422; and one that is not known counts as 400 (RFC 9110, section 15)
        return Fault(*_refusal(error), Blame.REQUEST, status_code)
    said = f" with status {status_code}" if status_code is not None else " inside its answer"
    return Fault(FailureReason.PROVIDER_ERROR, f"the provider failed{said}", Blame.PROVIDER, status_code)


def _refusal(error: Mapping[str, object]) -> tuple[FailureReason, str]:
    """Why the provider refuses the request as such."""
    words = _words(error)
    if CONTEXT_CODES & set(words) or CONTEXT_WORDS.search(str(error.get("message", ""))[:500]):
        return FailureReason.CONTEXT_LENGTH_EXCEEDED, "the prompt is longer than the model's window"
    if FILTER_CODES & set(words):
        return FailureReason.CONTENT_FILTERED, "the provider's content filter refuses the prompt"
    names = {name: _plain(error.get(name)) for name in ("code", "param")}
    facts = ", ".join(f"{name} {value}" for name, value in names.items() if value)
    return FailureReason.INVALID_VALUE, "the provider refuses the request" + (f": {facts}" if facts else "")


def _error_in(document: object) -> Mapping[str, object]:
    """The error object; one with just a message where the error is a text."""
    error = document.get("error") if isinstance(document, Mapping) else None
    if isinstance(error, Mapping):
        inner = error.get("innererror")  # Azure's filter says so here
        return {**error, "inner_code": inner.get("code")} if isinstance(inner, Mapping) else error
    return {"message": error} if isinstance(error, str) else {}


def _words(error: Mapping[str, object]) -> list[str]:
    return [value for name in ("code", "type", "inner_code") if isinstance(value := error.get(name), str)]


def _plain(value: object) -> str | None:
    return value if isinstance(value, str) and _PLAIN_NAME.fullmatch(value) else None
