import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.classifier.core.cache_entry import (
    MAX_ENTRY_BYTES,
    SCHEMA,
    SEAL_BYTES,
    CachedJudgement,
    InvalidEntry,
    read_entry,
    seal_of,
    write_entry,
)
from pointsman.classifier.core.cache_key import SECRET_BYTES
from pointsman.classifier.core.fusion import Judgement, Method, difficulty_of
from pointsman.classifier.core.similarity import NearestExample

SECRET = b"s" * SECRET_BYTES
KEY = b"0123456789abcdef"
COMPLEXITY = 1 / (1 + 2.718281828459045**1.7)
JUDGEMENT = Judgement(
    category="coding",
    category_probabilities={"coding": 0.7, "math": 0.1 + 0.2},
    difficulty_logit=-1.7,
    discrimination=1.1,
    complexity_score=COMPLEXITY,
    difficulty=difficulty_of(COMPLEXITY),
    creativity_score=0.1,
    domain_confidence=0.7,
    ml_confidence=0.87,
    method=Method.HYBRID,
    matched_rules=("coding/python",),
    nearest_examples=(NearestExample("Sortiere – 排序", "coding", 0.81),),
)
ENTRY = CachedJudgement(JUDGEMENT, "onnx-int8")
POSITIONS = {"schema": 0, "key": 1, "encoder": 2, "probabilities": 3, "b": 4, "a": 5, "creativity": 6, "ml": 7, "method": 8, "rules": 9}


def entry_with(**changes: Any) -> bytes:
    """The entry with other fields, sealed as ours."""
    fields = json.loads(write_entry(ENTRY, key=KEY, secret=SECRET)[SEAL_BYTES:])
    for name, value in changes.items():
        fields[POSITIONS[name]] = value
    body = json.dumps(fields).encode()
    return seal_of(body, SECRET) + body


def test_judgement_comes_back_to_the_last_bit() -> None:
    found = read_entry(write_entry(ENTRY, key=KEY, secret=SECRET), key=KEY, secret=SECRET)
    assert found.encoder == "onnx-int8"
    assert replace(found.judgement, complexity_score=COMPLEXITY) == JUDGEMENT
    assert found.judgement.complexity_score == pytest.approx(COMPLEXITY, abs=1e-15)


def test_entry_is_compact() -> None:
    assert len(write_entry(ENTRY, key=KEY, secret=SECRET)) < 250


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(b"", "sealed", id="nothing"),
        pytest.param(b"{not json", "sealed", id="bad JSON"),
        pytest.param(write_entry(ENTRY, key=KEY, secret=b"t" * SECRET_BYTES), "sealed", id="sealed with another secret"),
        pytest.param(entry_with()[:-1], "sealed", id="cut off"),
        pytest.param(entry_with().replace(b"0.7", b"0.8"), "sealed", id="changed"),
        pytest.param(seal_of(b"[", SECRET) + b"[", "read", id="sealed, but no JSON"),
        pytest.param(seal_of(b"[1]", SECRET) + b"[1]", "read", id="sealed, but short"),
        pytest.param(seal_of(b"[" * 60_000, SECRET) + b"[" * 60_000, "read", id="deep"),
        pytest.param(b"x" * (MAX_ENTRY_BYTES + 1), "sealed", id="huge"),
        pytest.param(entry_with(schema=SCHEMA - 1), "schema", id="old schema"),
        pytest.param(write_entry(ENTRY, key=b"abcdef", secret=SECRET), "another key", id="of another tenant"),
        pytest.param(entry_with(probabilities={}), "probabilities", id="no probabilities"),
        pytest.param(entry_with(probabilities={"coding": 0.7}), "sum", id="probabilities that do not sum to 1"),
        pytest.param(entry_with(probabilities={"coding": 1.5, "math": -0.5}), "range", id="probabilities out of range"),
        pytest.param(entry_with(probabilities=["coding"]), "probabilities", id="probabilities of another shape"),
        pytest.param(entry_with(b=float("nan")), "range", id="NaN"),
        pytest.param(entry_with(b=True), "range", id="truth in place of a number"),
        pytest.param(entry_with(b=10**400), "read", id="a number beyond all"),
        pytest.param(entry_with(a=-1), "range", id="negative discrimination"),
        pytest.param(entry_with(creativity=2), "range", id="creativity above 1"),
        pytest.param(entry_with(ml="sure"), "range", id="a word in place of a number"),
        pytest.param(entry_with(method="guess"), "read", id="unknown method"),
        pytest.param(entry_with(method="degraded"), "degraded", id="degraded"),
        pytest.param(entry_with(rules=[1]), "word", id="a number in place of a word"),
        pytest.param(entry_with(encoder=7), "word", id="an encoder without a name"),
    ],
)
def test_value_that_cannot_be_believed_is_refused(value: bytes, reason: str) -> None:
    with pytest.raises(InvalidEntry, match=reason):
        read_entry(value, key=KEY, secret=SECRET)


@given(st.binary(max_size=200))
def test_whatever_is_sealed_is_a_judgement_or_refused(body: bytes) -> None:
    with pytest.raises(InvalidEntry):
        read_entry(seal_of(body, SECRET) + body, key=KEY, secret=SECRET)
