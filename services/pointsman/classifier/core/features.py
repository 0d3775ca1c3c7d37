"""Lexical features: what a text looks like, beside what it means.

Lengths and punctuation tell how a person writes; numbers, options and negations how an exam question
is made; loops, calls and literals how much there is to trace in code. The hard ones of a kind differ from
the easy ones by these more than by their meaning: docs/evaluation.md, "Features".
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import re2
from numpy.typing import NDArray

Features = NDArray[np.float32]
"""float32 (len(FEATURE_NAMES),), each of the order of 1."""

FEATURE_NAMES = (
    # how it is written
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
    "log_words_squared",
    "sentences",
    "words_per_sentence",
    "word_length",
    "long_word_share",
    "distinct_word_share",
    "capitalised_share",
    "questions",
    "commas",
    "brackets",
    # how an exam question is made
    "numbers",
    "largest_number",
    "decimal_share",
    "options",
    "mean_option_length",
    "longest_option",
    "option_spread",
    "numeric_option_share",
    "negations",
    "proportions",
    "tasks",
    "tex_commands",
    "dollar_share",
    "blanks",
    "passage",
    "operators",
    # how much there is to trace in code
    "loops",
    "branches",
    "calls",
    "deepest_indent",
    "mean_indent",
    "literal_characters",
    "literals",
    "assignments",
    "underscores",
    "returns",
    "square_brackets",
    "braces",
)

# ln(1 + 4,001): a whole window of characters; scales lengths to 0 to 1.
LOG_LENGTH_SCALE = 8.3
# More than these say nothing further.
MANY_LINES = 20
MANY_CLAUSES = 12
MANY_ITEMS = 10
MANY_QUOTES = 6
MANY_NUMBERS = 200
MOST_DIGITS = 15
LONG_WORD = 10

CODE_SYMBOLS = frozenset("{}[]();<>=_`#/\\|&")
MATH_SYMBOLS = frozenset("+-*/=^<>%√∑∫πθ≤≥")
OPERATORS = frozenset("+-*/^")
OPENING_CHARACTERS = 200
QUESTION_WORDS = re2.compile(
    r"(?i)^\W*(?:what|who|whom|whose|when|where|why|which|how|is|are|was|were|do|does|did|can|could|should|will|would|has|have"
    r"|qu[eé]|cu[aá]l|c[oó]mo|d[oó]nde|cu[aá]ndo|pourquoi|comment|quel(?:le)?s?|combien|was|wer|wie|wo|warum|wann|come|cosa|quando|perch[eé]|como|onde)\b"
)
FIRST_PERSON = re2.compile(r"(?i)\b(?:i|i'm|im|i've|my|me)\b")
# The standard library's `re` here: patterns without nested repetition, on one window, take linear time in it as well,
# and re2 takes 4 µs for each match that it hands over.
SENTENCE_ENDS = re.compile(r"[.!?](?:\s|$)")
NUMBERS = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
OPTIONS = re.compile(r"^[ \t]*\(?[A-J][.)][ \t]+(.*)$", re.MULTILINE)
MANY_OPTIONS = 26
NUMERIC_OPTION = re.compile(r"(?=.*[0-9])[\s0-9.,%$/+*^()a-zA-Z=-]+")
NEGATIONS = re.compile(r"\b(?:not|except|least|false|incorrect|never|neither|cannot)\b", re.IGNORECASE)
PROPORTIONS = re.compile(
    r"\b(?:half|twice|double|triple|third|quarter|percent|times|ratio|fraction|each|per|every|total|remaining|left"
    r"|more than|less than|average)\b|%",
    re.IGNORECASE,
)
TASKS = re.compile(
    r"\b(?:which of the following|which one|what is|how many|how much|find|compute|prove|explain|why|according to)\b", re.IGNORECASE
)
TEX_COMMANDS = re.compile(r"\\[a-zA-Z]+")
PASSAGE = re.compile(r"Passage|Context")
LOOPS = re.compile(r"\b(?:for|while)\b")
BRANCHES = re.compile(r"\b(?:if|elif|else)\b")
CALLS = re.compile(r"\.\w+\(")
LITERALS = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")


def lexical_features(window: str) -> Features:
    """Features of a text's window, in the order of FEATURE_NAMES. Source of each: docs/evaluation.md, "Features"."""
    kinds = Counter(window)
    words = window.split()
    return np.array(
        (
            *writing_features(window, words, kinds),
            *sentence_features(words, kinds, window),
            *exam_features(window, kinds),
            *code_features(window, kinds),
        ),
        np.float32,
    )


def writing_features(window: str, words: Sequence[str], kinds: dict[str, int]) -> tuple[float, ...]:
    """Length, symbols, opening and ending: "log_words" to "quotes"."""
    length = max(1, len(window))
    opening = window[:OPENING_CHARACTERS].encode("utf-8", "replace")
    return (
        math.log1p(len(words)) / LOG_LENGTH_SCALE,
        math.log1p(length) / LOG_LENGTH_SCALE,
        min(1.0, kinds.get("\n", 0) / MANY_LINES),
        sum(count for character, count in kinds.items() if character.isdigit()) / length,
        min(1.0, 4.0 * count_of(kinds, MATH_SYMBOLS) / length),
        min(1.0, 4.0 * count_of(kinds, CODE_SYMBOLS) / length),
        sum(count for character, count in kinds.items() if not character.isascii()) / length,
        sum(count for character, count in kinds.items() if character.isupper()) / length,
        float(window.rstrip().endswith(("?", "？", "؟"))),
        float(QUESTION_WORDS.search(opening) is not None),
        float(FIRST_PERSON.search(opening) is not None),
        min(1.0, count_of(kinds, frozenset(",;:.")) / MANY_CLAUSES),
        min(1.0, (window.count("\n-") + window.count("\n*") + window.count("\n1") + window.count("\n2")) / MANY_ITEMS),
        min(1.0, count_of(kinds, frozenset("\"'“«")) / MANY_QUOTES),
    )


def sentence_features(words: Sequence[str], kinds: dict[str, int], window: str) -> tuple[float, ...]:
    """Sentences and words: "log_words_squared" to "brackets"."""
    count = max(1, len(words))
    bare = [word.strip(".,;:?!()\"'").lower() for word in words]
    sentences = max(1, occurrences(SENTENCE_ENDS, window))
    return (
        math.log1p(len(words)) ** 2 / 10.0,
        math.log1p(sentences),
        len(words) / sentences / 20.0,
        sum(map(len, bare)) / count / 8.0,
        3.0 * sum(len(word) >= LONG_WORD for word in bare) / count,
        len(set(bare)) / count,
        sum(word[:1].isupper() for word in words) / count,
        kinds.get("?", 0) / 3.0,
        math.log1p(kinds.get(",", 0)),
        math.log1p(kinds.get("(", 0)),
    )


def exam_features(window: str, kinds: dict[str, int]) -> tuple[float, ...]:
    """Numbers, options and wording: "numbers" to "operators"."""
    numbers = NUMBERS.findall(window)
    values = [number.replace(",", "") for number in numbers[:MANY_NUMBERS]]
    options = OPTIONS.findall(window)[:MANY_OPTIONS]
    lengths = [len(option) for option in options] or [0]
    return (
        math.log1p(len(numbers)),
        max((magnitude(value) for value in values), default=0.0),
        sum("." in number for number in numbers) / max(1, len(numbers)),
        len(options) / 10.0,
        math.log1p(sum(lengths) / len(lengths)),
        math.log1p(max(lengths)),
        (max(lengths) - min(lengths)) / (1.0 + max(lengths)),
        sum(NUMERIC_OPTION.fullmatch(option) is not None for option in options) / max(1, len(options)),
        math.log1p(occurrences(NEGATIONS, window)),
        math.log1p(occurrences(PROPORTIONS, window)),
        math.log1p(occurrences(TASKS, window)),
        math.log1p(occurrences(TEX_COMMANDS, window)),
        20.0 * kinds.get("$", 0) / max(1, len(window)),
        float("___" in window),
        float(PASSAGE.search(window) is not None),
        math.log1p(count_of(kinds, OPERATORS)),
    )


def code_features(window: str, kinds: dict[str, int]) -> tuple[float, ...]:
    """Control flow, indentation and literals: "loops" to "braces"."""
    indents = [len(line) - len(line.lstrip(" \t")) for line in window.split("\n") if line.strip()] or [0]
    literals = LITERALS.findall(window)
    return (
        math.log1p(occurrences(LOOPS, window)),
        math.log1p(occurrences(BRANCHES, window)),
        math.log1p(occurrences(CALLS, window)),
        max(indents) / 12.0,
        sum(indents) / len(indents) / 8.0,
        math.log1p(sum(map(len, literals))),
        math.log1p(len(literals)),
        math.log1p(kinds.get("=", 0)),
        math.log1p(kinds.get("_", 0)),
        math.log1p(window.count("return")),
        math.log1p(kinds.get("[", 0)),
        math.log1p(kinds.get("{", 0)),
    )


def count_of(kinds: dict[str, int], characters: frozenset[str]) -> int:
    """How often any of these characters stands in the text."""
    return sum(kinds.get(character, 0) for character in characters)


def occurrences(pattern: re.Pattern[str], window: str) -> int:
    """How often a pattern matches."""
    return len(pattern.findall(window))


def magnitude(number: str) -> float:
    """ln(1 + number) of a number in digits with at most points in it; what is no number counts by its first digits."""
    whole = number.split(".", 1)[0][:MOST_DIGITS]
    return math.log1p(int(whole or "0"))
