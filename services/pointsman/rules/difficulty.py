"""Difficulty and creativity of a prompt by rules alone: what is used where no embedding can be had.

b = INTERCEPT + PER_LOG_WORD · ln(1 + words) + PER_HARD_MARKER · hard + PER_EASY_MARKER · easy
    + Σ P(category) · CATEGORY_OFFSETS[category]

where hard and easy count words that speak of hard and of easy work. The numbers are fitted on the
product's own examples: `python -m pointsman.learning.rule_constants` prints them anew.
"""

import math
from collections.abc import Mapping

import re2

from pointsman.rules.keyword_rules import RuleMatches
from pointsman.rules.text_window import text_window

# Classes of the complexity score, sigmoid(b): easy < 0.35 <= medium < 0.65 <= hard.
MEDIUM_FROM = 0.35
HARD_FROM = 0.65

INTERCEPT = -3.15
PER_LOG_WORD = 1.11
PER_HARD_MARKER = 0.73
PER_EASY_MARKER = -0.42
CATEGORY_OFFSETS: Mapping[str, float] = {
    "coding": -0.1,
    "creative_writing": 0.06,
    "analysis": -0.13,
    "math": 0.21,
    "question": 0.58,
    "chat": -0.48,
    "general": -0.13,
}
MAX_MARKERS = 4
# b is kept where sigmoid(b) still says something: 0.05 to 0.95.
MAX_DIFFICULTY_LOGIT = 3.0
# Where only rules speak, nothing is known of how sharply models differ on the prompt.
RULES_DISCRIMINATION = 1.0

# Mean creativity of the own examples of each category; an added category has the mean of all.
CREATIVITY: Mapping[str, float] = {
    "coding": 0.14,
    "creative_writing": 0.83,
    "analysis": 0.21,
    "math": 0.09,
    "question": 0.08,
    "chat": 0.23,
    "general": 0.24,
}
DEFAULT_CREATIVITY = 0.26

HARD_MARKERS = re2.compile(
    rb"(?i)\b(?:prove|proof|rigorous|optimi[sz]e|architect(?:ure)?|design|distributed|concurren|scalab|trade-?offs?|constraints?"
    rb"|edge cases?|thread-safe|asymptotic|derive|theorem|in depth|comprehensive|long[- ]term"
    rb"|critically|evaluate|assess|implications|multi)"
)
EASY_MARKERS = re2.compile(
    rb"(?i)(?:\b(?:what is|what's|who (?:is|was)|when (?:is|was|did)|simple|short|quick|basic|one line|one-liner)\b"
    rb"|\b(?:hi|hello|hey|thanks)\b)"
)


def difficulty_logit(text: str, matches: RuleMatches) -> float:
    """b of the item-response model, logits, from -3 to 3."""
    log_words, hard, easy = difficulty_terms(text)
    offset = sum(probability * CATEGORY_OFFSETS.get(category, 0.0) for category, probability in matches.probabilities.items())
    b = INTERCEPT + PER_LOG_WORD * log_words + PER_HARD_MARKER * hard + PER_EASY_MARKER * easy + offset
    return max(-MAX_DIFFICULTY_LOGIT, min(MAX_DIFFICULTY_LOGIT, b))


def difficulty_terms(text: str) -> tuple[float, int, int]:
    """What of the text itself goes into b: ln(1 + words), hard and easy markers, at most 4 of each."""
    window = text_window(text)
    content = window.encode("utf-8", "replace")
    return math.log1p(len(window.split())), count_markers(HARD_MARKERS, content), count_markers(EASY_MARKERS, content)


def creativity_score(matches: RuleMatches) -> float:
    """How much imagination is asked for, 0 to 1: the categories' means by their probabilities."""
    return sum(probability * CREATIVITY.get(category, DEFAULT_CREATIVITY) for category, probability in matches.probabilities.items())


def count_markers(markers: re2._Regexp, content: bytes) -> int:
    """How often a marker occurs, at most MAX_MARKERS."""
    return min(MAX_MARKERS, len(markers.findall(content)))
