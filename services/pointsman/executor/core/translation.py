"""What a provider's wire format has to be translated to and from; each format is a file in `providers/`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pointsman.executor.core.catalog import Model, Provider
from pointsman.executor.core.completion import ChatRequest
from pointsman.executor.core.faults import Fault
from pointsman.executor.core.usage import TokenUsage


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request but for the address that it goes to and the key.

    path: what follows the base URL, query included. key_header, key_prefix: how the key is sent.
    """

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    key_header: str = "Authorization"
    key_prefix: str = "Bearer "


class StreamEvent(NamedTuple):
    """What one event of a provider's stream says.

    forward: the event for the client; None where it is not for the client. text: what it adds to the
    answer. finished_choices: index and finish reason of choices that end here. fault: an error in the
    stream. is_end: nothing follows.
    """

    forward: bytes | None = None
    text: str = ""
    has_content: bool = False
    choice_indices: tuple[int, ...] = ()
    finished_choices: tuple[tuple[int, str], ...] = ()
    usage: TokenUsage | None = None
    fault: Fault | None = None
    is_end: bool = False


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """An answer that did not stream, in the client's form. usage: None where the provider gave none to believe."""

    body: bytes
    finish_reason: str
    text_byte_count: int
    usage: TokenUsage | None


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An answer with a status other than 200. headers: names in lower case. wall_time_s: when it came, seconds since 1970."""

    status_code: int
    headers: Mapping[str, str]
    body: bytes
    wall_time_s: float


@dataclass(frozen=True, slots=True)
class Translator:
    """One wire format, as pure functions.

    to_request(chat, model, provider, stream): the request. from_event(data, model_id): one event; never
    fails. from_body(body, model_id): the whole answer; raises ProviderFailed. from_error(answer): what
    the error means. to_listing(): the request for the free list of models; from_listing(body): the names in
    it; raises ProviderFailed.
    """

    to_request: Callable[[ChatRequest, Model, Provider, bool], WireRequest]
    from_event: Callable[[bytes, str], StreamEvent]
    from_body: Callable[[bytes, str], WholeAnswer]
    from_error: Callable[[ErrorAnswer], Fault]
    to_listing: Callable[[], WireRequest]
    from_listing: Callable[[bytes], frozenset[str]]
