"""What the mock does with a request, read from the model's name.

A name is a kind, or a kind, a hyphen and its parameter: "ok-20", "err429-3", "garbage-html".

| name                | what it does                                                                              |
| ------------------- | ----------------------------------------------------------------------------------------- |
| ok, ok-N            | answers with 8 tokens, or N                                                               |
| cached-N            | as ok, and N tokens of the prompt count as read from the cache                            |
| reasoning           | as ok, after 4 tokens of hidden reasoning                                                 |
| judge-CATEGORY      | judges every prompt to be hard work of that kind, as JSON; judge-CATEGORY-MS after a wait     |
| toolcall            | calls the first tool of the request, which takes 4 tokens                                 |
| delay-MS            | as ok, after so many milliseconds; a caller who leaves before is not billed               |
| pace-MS             | as ok, with so many milliseconds before each token of a stream                            |
| late-S              | as ok, after so many seconds; billed at once, also where the caller leaves                |
| err500, err500-P    | status 500, always or for exactly P of 100 requests, evenly spread                        |
| err401, err403      | that status                                                                               |
| err429, err429-TEXT | status 429, without Retry-After or with that text as its value                            |
| err400-context      | status 400, context_length_exceeded                                                       |
| hang                | takes the request and never answers                                                       |
| garbage-KIND        | status 200 and html, empty, nojson, nochoices, nullcontent: bad answers, not billed; and  |
|                     | usage_missing, usage_negative, usage_huge, usage_string: good ones with a bad usage       |
| huge, huge-MIB      | an answer of 200 MiB, or so many                                                          |
| drip, drip-MS       | as ok, one byte each second, or each so many milliseconds                                 |
| s_err0              | a stream that breaks before its first token                                               |
| s_cut-K, s_cut-K-rst| a stream whose connection is closed, or reset, after K tokens                             |
| s_stall-K           | a stream that falls silent after K tokens                                                 |
| s_nofinish          | a stream that ends cleanly without finish_reason and [DONE]                               |
| s_inband, s_inband-K| a stream with an error event in place of its content, or after K tokens                   |
| s_loop              | a stream that repeats one token for ever                                                  |
| redir               | status 302 to /v1/redirected, which counts who comes                                      |

The kinds that begin with "s_" answer a request that does not stream as ok does.
"""

import json
import re
from dataclasses import dataclass

DEFAULT_TOKEN_COUNT = 8
DEFAULT_DRIP_MS = 1000
REASONING_TOKEN_COUNT = 4
TOOL_CALL_TOKEN_COUNT = 4

GARBAGE_KINDS = ("html", "empty", "nojson", "nochoices", "nullcontent", "usage_missing", "usage_negative", "usage_huge", "usage_string")

# Kind → pattern that its parameter matches; the empty one stands for no parameter.
_NUMBER = r"\d{1,9}"
_PARAMETERS = {
    "ok": f"|{_NUMBER}",
    "cached": _NUMBER,
    "reasoning": "",
    "judge": rf"[a-z_]+(-{_NUMBER})?",
    "toolcall": "",
    "delay": _NUMBER,
    "pace": _NUMBER,
    "late": _NUMBER,
    "err500": r"|\d{1,2}|100",
    "err401": "",
    "err403": "",
    "err429": ".*",
    "err400": "context",
    "hang": "",
    "garbage": "|".join(GARBAGE_KINDS),
    "huge": f"|{_NUMBER}",
    "drip": f"|{_NUMBER}",
    "s_err0": "",
    "s_cut": rf"{_NUMBER}(-rst)?",
    "s_stall": _NUMBER,
    "s_nofinish": "",
    "s_inband": f"|{_NUMBER}",
    "s_loop": "",
    "redir": "",
}

# What the listing names; other parameters work as well.
LISTED_NAMES = (
    *("ok", "ok-20", "cached-2", "reasoning", "toolcall", "delay-100", "pace-50", "late-7"),
    *("err500", "err500-10", "err500-50", "err401", "err403", "err429", "err429-1", "err429-3600", "err400-context"),
    *("hang", *(f"garbage-{kind}" for kind in GARBAGE_KINDS), "huge", "drip", "redir"),
    *("s_err0", "s_cut-3", "s_cut-3-rst", "s_stall-3", "s_nofinish", "s_inband", "s_inband-3", "s_loop"),
)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A kind of the table above and its parameter, empty where none was given."""

    kind: str
    parameter: str = ""

    def number(self, default: int = 0) -> int:
        """The number that the parameter begins with, or the default."""
        digits = re.match(r"\d+", self.parameter)
        return int(digits.group()) if digits else default

    @property
    def wait_s(self) -> float:
        """Seconds before the answer begins."""
        digits = re.search(r"\d+$", self.parameter) if self.kind in ("delay", "judge") else None
        return int(digits.group()) / 1000 if digits else 0.0

    @property
    def tokens(self) -> tuple[str, ...]:
        """What is said where nothing limits it."""
        if self.kind != "judge":
            return tuple(f"t{number}" if number == 1 else f" t{number}" for number in range(1, self.token_count + 1))
        category = self.parameter.partition("-")[0]
        verdict = json.dumps({"category": category, "difficulty": "hard", "complexity": 0.9, "creativity": 0.1})
        return tuple(re.findall(r"^\S+|\s\S+", verdict))

    @property
    def token_count(self) -> int:
        """How many tokens the answer has where nothing limits it."""
        if self.kind == "toolcall":
            return TOOL_CALL_TOKEN_COUNT
        return self.number(DEFAULT_TOKEN_COUNT) if self.kind == "ok" else DEFAULT_TOKEN_COUNT

    @property
    def drip_pause_s(self) -> float:
        """Seconds between two bytes."""
        return self.number(DEFAULT_DRIP_MS) / 1000


def behaviour_of(name: str) -> Behaviour | None:
    """What the name asks for; None where it asks for nothing that exists."""
    kind, _, parameter = name.partition("-")
    pattern = _PARAMETERS.get(kind)
    if pattern is None or not re.fullmatch(pattern, parameter):
        return None
    return Behaviour(kind, parameter)


def is_hit(request_number: int, percent: int) -> bool:
    """Whether this request, counted from 1, is among the `percent` of 100 that fail; evenly spread."""
    return request_number * percent // 100 != (request_number - 1) * percent // 100
