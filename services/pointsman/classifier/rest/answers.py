"""Judgements as JSON objects."""

from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

from pointsman.classifier.core.fusion import Method
from pointsman.classifier.engine.answering import ClassifiedTurn
from pointsman.classifier.engine.classification import ClassificationEngine

DIGITS = 6
MS_PER_S = 1_000.0
MS_DIGITS = 3
DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_DEVICE = "cpu"
METHODS = tuple(method.value for method in Method if method is not Method.DEGRADED)


class NearestExampleShape(TypedDict):
    """A known prompt near the one judged; never a user's."""

    text: str
    category: str
    similarity: float


class TimingsShape(TypedDict):
    """Where the time of this answer went, milliseconds."""

    tokenize: float
    queue: float
    embed: float
    total: float


class ClassificationShape(TypedDict):
    """What kind of work the prompt is, and how hard. Null: not known. unsure: too doubtful to save money by."""

    category: str
    difficulty: str
    ms: float
    primary_use_case: str
    complexity_score: float
    creativity_score: float
    domain_confidence: float
    ml_confidence: float | None
    classification_method: str
    category_probabilities: dict[str, float]
    b: float
    a: float
    matched_rules: list[str]
    nearest_examples: list[NearestExampleShape]
    skills: dict[str, float]
    unsure: bool
    cache: str
    encoder: str | None
    version: str
    timings_ms: TimingsShape


class BatchShape(TypedDict):
    """Answer to `POST /classify/batch`, in the order of the prompts."""

    results: list[ClassificationShape]


class InfoShape(TypedDict):
    """Answer to `GET /info`. Null: there is none."""

    service: str
    version: str
    ml_model_available: bool
    ml_model: str
    categories: list[str]
    classification_methods: list[str]
    encoder: str | None
    device: str
    artifact: str | None


def classification(answer: ClassifiedTurn) -> ClassificationShape:
    """The judgement of one prompt."""
    judgement = answer.judgement
    total_ms = milliseconds(answer.total_s)
    return {
        "category": judgement.category,
        "difficulty": judgement.difficulty.value,
        "ms": total_ms,
        "primary_use_case": judgement.category,
        "complexity_score": round(judgement.complexity_score, DIGITS),
        "creativity_score": round(judgement.creativity_score, DIGITS),
        "domain_confidence": round(judgement.domain_confidence, DIGITS),
        "ml_confidence": None if judgement.ml_confidence is None else round(judgement.ml_confidence, DIGITS),
        "classification_method": judgement.method.value,
        "category_probabilities": {name: round(share, DIGITS) for name, share in judgement.category_probabilities.items()},
        "b": round(judgement.difficulty_logit, DIGITS),
        "a": round(judgement.discrimination, DIGITS),
        "matched_rules": list(judgement.matched_rules),
        "nearest_examples": [
            {"text": example.text, "category": example.category, "similarity": round(example.similarity, DIGITS)}
            for example in judgement.nearest_examples
        ],
        "skills": {name: round(weight, DIGITS) for name, weight in judgement.skills.items()},
        "unsure": judgement.is_unsure,
        "cache": answer.cache.value,
        "encoder": answer.encoder,
        "version": answer.version,
        "timings_ms": {
            "tokenize": milliseconds(answer.tokenize_s),
            "queue": milliseconds(answer.queue_s),
            "embed": milliseconds(answer.embed_s),
            "total": total_ms,
        },
    }


def info(engine: ClassificationEngine, *, service: str, version: str) -> InfoShape:
    """What the service is made of; where the encoder is missing, what it would be by default."""
    encoder = engine.encoder
    return {
        "service": service,
        "version": version,
        "ml_model_available": encoder is not None,
        "ml_model": DEFAULT_MODEL if encoder is None else encoder.model,
        "categories": list(engine.categories),
        "classification_methods": list(METHODS),
        "encoder": engine.encoder_name,
        "device": DEFAULT_DEVICE if encoder is None else encoder.device,
        "artifact": engine.artifact_version or None,
    }


def milliseconds(seconds: float) -> float:
    """To the microsecond."""
    return round(seconds * MS_PER_S, MS_DIGITS)
