"""Lexical features: what a text looks like, beside what it means."""

import math

import numpy as np
import re2
from numpy.typing import NDArray

Features = NDArray[np.float32]
"""float32 (len(FEATURE_NAMES),), each roughly 0 to 1."""

FEATURE_NAMES = (
    "log_words",
    "log_characters",
    "lines",
    "digit_share",
    "math_symbol_share",
    "code_symbol_share",
    "non_ascii_share",
    "upper_share",
    "ends_with_question",
    "starts_with_question_word",
    "first_person",
    "clauses",
    "list_items",
    "quotes",
)

# ln(1 + 4,001): a whole window of characters; scales lengths to 0 to 1.
LOG_LENGTH_SCALE = 8.3
# More than these say nothing further.
MANY_LINES = 20
MANY_CLAUSES = 12
MANY_ITEMS = 10
MANY_QUOTES = 6

CODE_SYMBOLS = frozenset("{}[]();<>=_`#/\\|&")
MATH_SYMBOLS = frozenset("+-*/=^<>%√∑∫πθ≤≥")
OPENING_CHARACTERS = 200
QUESTION_WORDS = re2.compile(
    r"(?i)^\W*(?:what|who|whom|whose|when|where|why|which|how|is|are|was|were|do|does|did|can|could|should|will|would|has|have"
    r"|qu[eé]|cu[aá]l|c[oó]mo|d[oó]nde|cu[aá]ndo|pourquoi|comment|quel(?:le)?s?|combien|was|wer|wie|wo|warum|wann|come|cosa|quando|perch[eé]|como|onde)\b"
)
FIRST_PERSON = re2.compile(r"(?i)\b(?:i|i'm|im|i've|my|me)\b")


def lexical_features(window: str) -> Features:
    """Features of a text's window, in the order of FEATURE_NAMES. Source of each: docs/evaluation.md, "Features"."""
    length = max(1, len(window))
    kinds = {character: window.count(character) for character in set(window)}
    opening = window[:OPENING_CHARACTERS].encode("utf-8", "replace")
    code_count = sum(count for character, count in kinds.items() if character in CODE_SYMBOLS)
    math_count = sum(count for character, count in kinds.items() if character in MATH_SYMBOLS)
    return np.array(
        (
            math.log1p(len(window.split())) / LOG_LENGTH_SCALE,
            math.log1p(length) / LOG_LENGTH_SCALE,
            min(1.0, kinds.get("\n", 0) / MANY_LINES),
            sum(count for character, count in kinds.items() if character.isdigit()) / length,
            min(1.0, 4.0 * math_count / length),
            min(1.0, 4.0 * code_count / length),
            sum(count for character, count in kinds.items() if not character.isascii()) / length,
            sum(count for character, count in kinds.items() if character.isupper()) / length,
            float(window.rstrip().endswith(("?", "？", "؟"))),
            float(QUESTION_WORDS.search(opening) is not None),
            float(FIRST_PERSON.search(opening) is not None),
            min(1.0, (kinds.get(",", 0) + kinds.get(";", 0) + kinds.get(":", 0) + kinds.get(".", 0)) / MANY_CLAUSES),
            min(1.0, (window.count("\n-") + window.count("\n*") + window.count("\n1") + window.count("\n2")) / MANY_ITEMS),
            min(1.0, (kinds.get('"', 0) + kinds.get("'", 0) + kinds.get("“", 0) + kinds.get("«", 0)) / MANY_QUOTES),
        ),
        np.float32,
    )
