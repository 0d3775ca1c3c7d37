"""Difficulty and creativity of a prompt by rules alone: what is used where no embedding can be had."""

import math
from collections.abc import Mapping

import re2

from pointsman.rules.keyword_rules import RuleMatches
from pointsman.rules.text_window import text_window

# b = INTERCEPT + PER_LOG_WORD · ln(1 + words) + PER_MARKER · markers of hard work
#     - PER_EASY_MARKER · markers of easy work + Σ P(category) · CATEGORY_OFFSET[category].
# Fitted by ridge regression on the product's own examples: docs/evaluation.md, "Rules".
INTERCEPT = -3.0
PER_LOG_WORD = 0.75
PER_HARD_MARKER = 0.6
PER_EASY_MARKER = 0.6
CATEGORY_OFFSETS: Mapping[str, float] = {"chat": -0.8, "analysis": 0.5}
MAX_MARKERS = 4
# b is kept where sigmoid(b) still says something: 0.05 to 0.95.
MAX_DIFFICULTY_LOGIT = 3.0
# Where only rules speak, nothing is known of how sharply models differ on the prompt.
RULES_DISCRIMINATION = 1.0

# Mean creativity of the product's own examples of each category; an added category has the mean of all.
CREATIVITY: Mapping[str, float] = {
    "coding": 0.15,
    "creative_writing": 0.85,
    "analysis": 0.25,
    "math": 0.1,
    "question": 0.1,
    "chat": 0.25,
    "general": 0.3,
}
DEFAULT_CREATIVITY = 0.3

HARD_MARKERS = re2.compile(
    r"(?i)\b(?:prove|proof|rigorous|optimi[sz]e|architect(?:ure)?|design|distributed|concurren|scalab|trade-?offs?|constraints?|edge cases?"
    r"|thread-safe|asymptotic|derive|theorem|in depth|comprehensive|long[- ]term|critically|evaluate|assess|implications|multi)"
)
EASY_MARKERS = re2.compile(
    r"(?i)(?:\b(?:what is|what's|who (?:is|was)|when (?:is|was|did)|simple|short|quick|basic|one line|one-liner)\b"
    r"|\b(?:hi|hello|hey|thanks)\b)"
)


def difficulty_logit(text: str, matches: RuleMatches) -> float:
    """b of the item-response model, logits, from length, markers and the categories' probabilities."""
    window = text_window(text)
    offset = sum(probability * CATEGORY_OFFSETS.get(category, 0.0) for category, probability in matches.probabilities.items())
    b = (
        INTERCEPT
        + PER_LOG_WORD * math.log1p(len(window.split()))
        + PER_HARD_MARKER * count_markers(HARD_MARKERS, window)
        - PER_EASY_MARKER * count_markers(EASY_MARKERS, window)
        + offset
    )
    return max(-MAX_DIFFICULTY_LOGIT, min(MAX_DIFFICULTY_LOGIT, b))


def creativity_score(matches: RuleMatches) -> float:
    """How much imagination is asked for, 0 to 1: the categories' means by their probabilities."""
    return sum(probability * CREATIVITY.get(category, DEFAULT_CREATIVITY) for category, probability in matches.probabilities.items())


def count_markers(markers: re2._Regexp, window: str) -> int:
    """How often a marker occurs, at most MAX_MARKERS."""
    content = window.encode("utf-8", "replace")
    return min(MAX_MARKERS, sum(1 for _ in markers.finditer(content)))
