import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.kit.errors import InvalidArgument
from pointsman.kit.json_loader import MAX_DEPTH, MAX_NODES, JsonValue, dump_json, load_json

CANARY = "sk-SECRET-123456"

INVALID_JSON = {
    "empty": b"",
    "white space": b" \n",
    "truncated": b'{"a": ',
    "trailing data": b"{}x",
    "two values": b"{} {}",
    "byte order mark": b"\xef\xbb\xbf{}",
    "not UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "raw surrogate": b'"\xed\xa0\x80"',
    "single quotes": b"{'a': 1}",
    "control character in a string": b'"a\x01"',
    "NaN": b'{"a": NaN}',
    "Infinity": b"[Infinity]",
    "-Infinity": b"[-Infinity]",
    "same key twice": b'{"model": 1, "model": 2}',
    "same key twice, once escaped": b'{"model": 1, "\\u006dodel": 2}',
    "same key twice, deep": b'[{"a": [{"b": 1, "b": 1}]}]',
    "65 deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects deep": b'{"a":' * 100_000,
    "deep after a string with brackets": b'["]]]]\\"]]]]", ' + b"[" * 100,
    "unterminated string": b'"' + b'\\"' * 100_000,
    "unterminated string after brackets": b"[" * 10 + b'"' + b"[" * 100,
    "closing brackets": b"]" * 100_000,
}
INVALID_VALUE = {
    "lone surrogate": b'{"a": "\\ud800"}',
    "lone surrogate, upper case": b'"\\uDFFF"',
    "lone surrogate in a key": b'{"\\udc00": 1}',
    "reversed pair": b'"\\ude00\\ud83d"',
    "5,000 digits": b"[" + b"9" * 5_000 + b"]",
    "2^63": b"9223372036854775808",
    "-2^63-1": b"-9223372036854775809",
    "1e400": b"1e400",
    "-1e400": b"-1e400",
    "500 decimals": b"0." + b"1" * 500,
    "10,001 values": b"[" + b"1," * MAX_NODES + b"1]",
    "a million objects": b"[" + b"{}," * 1_000_000 + b"{}]",
    "strings without end": b'""' * 100_000 + b"[" * 65,
}


@pytest.mark.parametrize("data", INVALID_JSON.values(), ids=INVALID_JSON.keys())
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidArgument) as caught:
        load_json(data)
    assert caught.value.reason == "invalid_json"


@pytest.mark.parametrize("data", INVALID_VALUE.values(), ids=INVALID_VALUE.keys())
def test_what_two_parsers_may_read_differently_or_costs_too_much_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidArgument) as caught:
        load_json(data)
    assert caught.value.reason == "invalid_value"


ACCEPTED = {
    "null": (b"null", None),
    "white space around": (b" [1, 2.5, true] \n", [1, 2.5, True]),
    "surrogate pair": (b'"\\ud83d\\ude00"', "😀"),
    "escaped backslash before what looks like a surrogate": (b'"\\\\ud800"', "\\ud800"),
    "NUL": (b'"a\\u0000b"', "a\x00b"),
    "64 bits": (b"[9223372036854775807, -9223372036854775808]", [2**63 - 1, -(2**63)]),
    "brackets in a string": (b'"' + b"[{" * 100_000 + b'"', "[{" * 100_000),
    "commas in a string": (b'["' + b"," * 100_000 + b'", "\\"[[["]', ["," * 100_000, '"[[[']),
    "10,000 values": (b"[" + b"1," * (MAX_NODES - 2) + b"1]", [1] * (MAX_NODES - 1)),
}


@pytest.mark.parametrize(("data", "value"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_json_is_read(data: bytes, value: JsonValue) -> None:
    assert load_json(data) == value


def test_64_levels_are_read() -> None:
    value = load_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    for _ in range(MAX_DEPTH - 1):
        assert isinstance(value, list)
        value = value[0]
    assert value == []


@pytest.mark.parametrize(
    "data",
    [f'{{"key": "{CANARY}", }}', f'{{"{CANARY}": 1, "{CANARY}": 2}}', f'["{CANARY}", \\', f'{{"a": "{CANARY}\\ud800"}}', f"{CANARY}"],
)
def test_nothing_that_was_sent_is_repeated(data: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        load_json(data.encode())
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_message_says_where() -> None:
    with pytest.raises(InvalidArgument, match="at character 6"):
        load_json(b'{"a": }')


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=50,
)


@given(VALUES)
def test_what_is_written_reads_back_the_same(value: JsonValue) -> None:
    assert load_json(dump_json(value)) == value


@given(VALUES)
def test_it_reads_what_the_standard_library_writes(value: JsonValue) -> None:
    assert load_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\u0dD1e-. \n', max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(InvalidArgument):
        assert load_json(data) == json.loads(data)


def test_what_is_written_is_compact_utf_8() -> None:
    assert dump_json({"a": [1, None, "ü"]}) == '{"a":[1,null,"ü"]}'.encode()


def test_what_is_no_json_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        dump_json(float("nan"))
    with pytest.raises(TypeError):
        dump_json(object())
