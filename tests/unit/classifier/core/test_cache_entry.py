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
from pointsman.classifier.core.fusion import Difficulty, Judgement, Method, difficulty_of
from pointsman.classifier.core.similarity import NearestExample

SECRET = b"s" * SECRET_BYTES
KEY = b"0123456789abcdef"
COMPLEXITY = 0.1 + 0.6  # for people; nothing of how hard models find it
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
    skills={"college_law": 0.1 + 0.2, "crux": 0.05},
    is_unsure=True,
)
ENTRY = CachedJudgement(JUDGEMENT, "onnx-int8")
NAMES = (
    "schema",
    "key",
    "encoder",
    "probabilities",
    "b",
    "a",
    "complexity",
    "creativity",
    "ml",
    "method",
    "rules",
    "nearest",
    "skills",
    "unsure",
)


def entry_with(**changes: Any) -> bytes:
    """The entry with other fields, sealed as ours."""
    fields = json.loads(write_entry(ENTRY, key=KEY, secret=SECRET)[SEAL_BYTES:])
    for name, value in changes.items():
        fields[NAMES.index(name)] = value
    return sealed(fields)


def sealed(fields: list[Any]) -> bytes:
    body = json.dumps(fields).encode()
    return seal_of(body, SECRET) + body


def test_judgement_comes_back_to_the_last_bit() -> None:
    found = read_entry(write_entry(ENTRY, key=KEY, secret=SECRET), key=KEY, secret=SECRET)
    assert found == ENTRY


@pytest.mark.parametrize(
    "change",
    [
        {"skills": {}, "is_unsure": False},
        {"nearest_examples": (NearestExample("\ud800", "coding", -1.0),)},
        {"ml_confidence": None, "matched_rules": (), "nearest_examples": ()},
        {"skills": {'法律 " ]': 1.0}},
        {"difficulty_logit": 4.9, "complexity_score": 0.1, "difficulty": Difficulty.EASY},
    ],
    ids=["without skills", "a lone surrogate", "without reasons", "a skill's odd name", "hard for models, easy for people"],
)
def test_whatever_is_judged_comes_back(change: dict[str, Any]) -> None:
    entry = CachedJudgement(replace(JUDGEMENT, **change), None)
    assert read_entry(write_entry(entry, key=KEY, secret=SECRET), key=KEY, secret=SECRET) == entry


def test_entry_is_compact() -> None:
    assert len(write_entry(ENTRY, key=KEY, secret=SECRET)) < 300


def test_every_field_has_a_place() -> None:
    assert len(json.loads(write_entry(ENTRY, key=KEY, secret=SECRET)[SEAL_BYTES:])) == len(NAMES)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(b"", "sealed", id="nothing"),
        pytest.param(b"{not json", "sealed", id="bad JSON"),
        pytest.param(write_entry(ENTRY, key=KEY, secret=b"t" * SECRET_BYTES), "sealed", id="sealed with another secret"),
        pytest.param(entry_with()[:-1], "sealed", id="cut off"),
        pytest.param(entry_with().replace(b"0.7", b"0.8"), "sealed", id="changed"),
        pytest.param(seal_of(b"[", SECRET) + b"[", "read", id="sealed, but no JSON"),
        pytest.param(sealed([SCHEMA]), "read", id="sealed, but short"),
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
        pytest.param(entry_with(complexity=1.5), "range", id="complexity above 1"),
        pytest.param(entry_with(complexity=float("nan")), "range", id="complexity that is no number"),
        pytest.param(entry_with(complexity=None), "range", id="no complexity"),
        pytest.param(entry_with(skills=None), "read", id="no skills"),
        pytest.param(entry_with(skills=["crux"]), "read", id="skills without weights"),
        pytest.param(entry_with(skills={"crux": "much"}), "range", id="a skill's weight of words"),
        pytest.param(entry_with(skills={"crux": -0.1}), "range", id="a skill's weight below 0"),
        pytest.param(entry_with(skills={"crux": float("inf")}), "range", id="a skill's endless weight"),
        pytest.param(entry_with(skills={"crux": True}), "range", id="truth in place of a weight"),
        pytest.param(entry_with(unsure=1), "flag", id="1 in place of truth"),
        pytest.param(entry_with(unsure=None), "flag", id="neither sure nor unsure"),
        pytest.param(entry_with(nearest=[["text", "coding"]]), "read", id="an example without its similarity"),
        pytest.param(entry_with(nearest=[["text", "coding", 2]]), "range", id="an example nearer than itself"),
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
