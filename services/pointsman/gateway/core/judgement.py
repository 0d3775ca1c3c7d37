"""What is known of a prompt: the classifier's judgement, or the gateway's own by rules alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# The categories that need no catalogue; it may add others.
BUILT_IN_CATEGORIES = frozenset({"coding", "creative_writing", "analysis", "math", "question", "chat", "general"})


class Difficulty(StrEnum):
    """Class of the complexity score: easy < 0.35 <= medium < 0.65 <= hard."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


class ClassificationMethod(StrEnum):
    """What a judgement rests on."""

    RULE_BASED = "rule-based"
    ML_BASED = "ml-based"
    HYBRID = "hybrid"
    DEGRADED = "degraded"


class CacheUse(StrEnum):
    """Whether a judgement was found or made."""

    HIT = "hit"  # in the gateway's memory or the classifier's cache
    MISS = "miss"
    OFF = "off"  # nothing was looked up


@dataclass(frozen=True, slots=True)
class NearestExample:
    """A known prompt near the one judged; never a user's."""

    text: str
    category: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """Category and difficulty of one prompt, with the reasons."""

    category: str
    category_probabilities: Mapping[str, float]  # sums to 1
    difficulty_logit: float  # b of the item-response model: how hard for models
    discrimination: float  # a of the item-response model, above 0
    complexity_score: float  # how hard people find it
    difficulty: Difficulty  # class of complexity_score
    creativity_score: float
    domain_confidence: float
    ml_confidence: float | None
    method: ClassificationMethod
    matched_rules: tuple[str, ...] = ()
    nearest_examples: tuple[NearestExample, ...] = ()
    skills: Mapping[str, float] = field(default_factory=dict)  # weights of the foremost skills that it asks for
    cache_hit: bool = False
    encoder: str | None = None
    version: str = ""
    is_unsure: bool = False  # too doubtful to save money by
    tokenize_s: float = 0.0
    queue_s: float = 0.0
    embed_s: float = 0.0
    total_s: float = 0.0
