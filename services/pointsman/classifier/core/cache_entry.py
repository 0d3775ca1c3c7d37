"""A judgement as it is kept: compact JSON behind a seal, believed only where everything about it is as it should be.

seal (16 bytes) | [schema, key, encoder, probabilities, b, a, …]
"""

import hashlib
import hmac
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.classifier.core.fusion import Judgement, Method, difficulty_of
from pointsman.classifier.core.similarity import NearestExample

# Raised whenever what is kept, or what it means, changes.
SCHEMA = 2
SEAL_BYTES = 16
SEAL_PURPOSE = b"judgement seal"
# One of 7 categories, 5 rules and 3 examples takes 1 KB; more than this is none of ours, and is not even read.
MAX_ENTRY_BYTES = 64 << 10
MAX_LOGIT = 700.0  # whose exponential still is a number
SUM_TOLERANCE = 1e-6  # what rounding may make of a sum of 1


class InvalidEntry(Exception):
    """What was found is not a judgement that can be believed; the message says why, and holds nothing of it."""


@dataclass(frozen=True, slots=True)
class CachedJudgement:
    """A judgement that was made of an embedding. Its times were another call's."""

    judgement: Judgement
    encoder: str | None


def write_entry(cached: CachedJudgement, *, key: bytes, secret: bytes) -> bytes:
    """The judgement as it is kept under the key."""
    judgement = cached.judgement
    fields = (
        SCHEMA,
        key.decode("ascii"),
        cached.encoder,
        dict(judgement.category_probabilities),
        judgement.difficulty_logit,
        judgement.discrimination,
        judgement.complexity_score,
        judgement.creativity_score,
        judgement.ml_confidence,
        judgement.method.value,
        judgement.matched_rules,
        [(example.text, example.category, example.similarity) for example in judgement.nearest_examples],
        dict(judgement.skills),
        judgement.is_unsure,
    )
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "surrogatepass")
    return seal_of(body, secret) + body


def read_entry(value: bytes, *, key: bytes, secret: bytes) -> CachedJudgement:
    """The judgement kept under the key. Raises InvalidEntry where the value is damaged, foreign, of another schema or not sound."""
    seal, body = value[:SEAL_BYTES], value[SEAL_BYTES:]
    if len(value) > MAX_ENTRY_BYTES or not hmac.compare_digest(seal, seal_of(body, secret)):
        raise InvalidEntry("not sealed by us")
    try:
        fields = json.loads(body)
        if fields[0] != SCHEMA:
            raise InvalidEntry("of another schema")
        if fields[1] != key.decode("ascii"):
            raise InvalidEntry("of another key")
        return checked(*fields[2:])
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidEntry(f"cannot be read: {type(error).__name__}") from None


def seal_of(body: bytes, secret: bytes) -> bytes:
    """What only a holder of the secret can put before the body."""
    return hashlib.blake2b(body, key=secret, digest_size=SEAL_BYTES, person=SEAL_PURPOSE).digest()


def checked(
    encoder: Any,  # Any: of a file that anybody may have written
    probabilities: Any,
    b: Any,
    a: Any,
    complexity: Any,
    creativity: Any,
    ml_confidence: Any,
    method: Any,
    matched_rules: Any,
    nearest: Any,
    skills: Any,
    is_unsure: Any,
) -> CachedJudgement:
    """The judgement of these fields. Raises ValueError, TypeError or InvalidEntry where one of them cannot be."""
    shares = distribution(probabilities)
    category = max(shares, key=shares.__getitem__)
    complexity_score = number(complexity, least=0.0, most=1.0)
    judgement = Judgement(
        category=category,
        category_probabilities=shares,
        difficulty_logit=number(b, least=-MAX_LOGIT, most=MAX_LOGIT),
        discrimination=number(a, least=0.0, most=math.inf),
        complexity_score=complexity_score,
        difficulty=difficulty_of(complexity_score),
        creativity_score=number(creativity, least=0.0, most=1.0),
        domain_confidence=shares[category],
        ml_confidence=None if ml_confidence is None else number(ml_confidence, least=0.0, most=1.0),
        method=Method(method),
        matched_rules=tuple(word(rule) for rule in matched_rules),
        nearest_examples=tuple(
            NearestExample(word(text), word(name), number(cosine, least=-1.01, most=1.01)) for text, name, cosine in nearest
        ),
        skills={word(name): number(weight, least=0.0, most=1.0) for name, weight in skills.items()},
        is_unsure=flag(is_unsure),
    )
    if judgement.method is Method.DEGRADED:
        raise InvalidEntry("a degraded judgement, which is never kept")
    return CachedJudgement(judgement, None if encoder is None else word(encoder))


def distribution(value: Any) -> Mapping[str, float]:
    """Probabilities by category, which sum to 1."""
    if not isinstance(value, dict) or not value:
        raise InvalidEntry("without probabilities")
    shares = {word(category): number(share, least=0.0, most=1.0) for category, share in value.items()}
    if abs(sum(shares.values()) - 1.0) > SUM_TOLERANCE:
        raise InvalidEntry("its probabilities do not sum to 1")
    return shares


def flag(value: Any) -> bool:
    """True or false, and nothing that only counts as one."""
    if not isinstance(value, bool):
        raise InvalidEntry("a flag that is none")
    return value


def number(value: Any, *, least: float, most: float) -> float:
    """A finite number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not least <= value <= most:
        raise InvalidEntry("a number is out of its range")
    return float(value)


def word(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise InvalidEntry("a word is none")
    return value
