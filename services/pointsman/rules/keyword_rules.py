"""Keyword rules: patterns that speak for a category, matched in linear time.

InvalidRules  a list of rules cannot be used; names every rule at fault, and why
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import re2

from pointsman.rules.text_window import text_window

BUILT_IN_CATEGORIES = ("coding", "creative_writing", "analysis", "math", "question", "chat", "general")

# Evidence in logits before anything has matched: a text in which no rule finds a thing is
# most often a question or a practical task. Set by hand, as the built-in weights are.
PRIOR_LOGITS: Mapping[str, float] = {"general": 0.4, "question": 0.4}

MAX_PATTERN_CHARACTER_COUNT = 1_000
MAX_WEIGHT = 10.0
# RE2 instructions of one pattern. An ordinary one has 20 to 300; nested repetitions have tens of
# thousands, and each costs time at every character.
MAX_PROGRAM_SIZE = 5_000
# Rules in one automaton. Its states multiply with its rules: measured on 92 rules and new prompts, one automaton
# takes 450 us a prompt, automata of 8 take 95 us (20 us once the states are there), one for each rule 110 us.
RULES_PER_AUTOMATON = 8
# For an automaton's states, which are made as texts need them; when full, it starts anew.
MAX_AUTOMATON_BYTES = 4 << 20
VERSION_LENGTH = 12


class InvalidRules(Exception):
    """Some rules cannot be used. problems: one line each, with the rule's name."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class KeywordRule:
    """A pattern that speaks for a category."""

    name: str  # unique within its category
    category: str
    pattern: str  # RE2 syntax, at most 1,000 characters, matched without regard to case
    weight: float  # logits that a match adds, above 0, at most 10

    @property
    def full_name(self) -> str:
        """ "category/name", as it is shown."""
        return f"{self.category}/{self.name}"


@dataclass(frozen=True, slots=True)
class RuleMatches:
    """What the rules say of one text."""

    matched: tuple[KeywordRule, ...]  # strongest first
    scores: Mapping[str, float]  # sum of the matched weights, of each category that has one
    probabilities: Mapping[str, float]  # of all categories; sums to 1

    @property
    def category(self) -> str:
        """Most probable category; of equals the first in the rule set's order."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """Probability of the most probable category."""
        return max(self.probabilities.values())

    @property
    def rule_names(self) -> tuple[str, ...]:
        """Names of the matched rules, strongest first, "category/name"."""
        return tuple(rule.full_name for rule in self.matched)


@dataclass(frozen=True, slots=True)
class Automaton:
    """A few rules that are matched together."""

    rules: tuple[KeywordRule, ...]
    patterns: tuple[re2._Regexp, ...]  # of each rule
    combined: re2.Set  # the patterns in the rules' order, then one that matches every text

    def matching(self, content: bytes) -> list[KeywordRule]:
        """Rules that match a UTF-8 text, in order."""
        indices = self.combined.Match(content) or ()
        always = len(self.rules)
        if always in indices:
            return [self.rules[index] for index in sorted(indices) if index != always]
        # Out of memory for its states, which it tells only by finding nothing: one pattern at a time needs less.
        return [rule for rule, pattern in zip(self.rules, self.patterns, strict=True) if pattern.search(content) is not None]


class RuleSet:
    """Compiled rules. May be shared by threads."""

    def __init__(self, automata: Sequence[Automaton]) -> None:
        """Use compile_rules."""
        self._automata = tuple(automata)
        rules = [rule for automaton in automata for rule in automaton.rules]
        self._size = len(rules)
        self.categories = tuple(dict.fromkeys((*BUILT_IN_CATEGORIES, *(rule.category for rule in rules))))
        self.version = version_of(rules)

    def __len__(self) -> int:
        """How many rules there are."""
        return self._size

    def match(self, text: str) -> RuleMatches:
        """Match the first and last 2,000 characters of a text. Never fails."""
        content = text_window(text).encode("utf-8", "replace")  # a lone surrogate, which JSON can hold, has no UTF-8
        matched = [rule for automaton in self._automata for rule in automaton.matching(content)]
        matched.sort(key=lambda rule: -rule.weight)
        scores: dict[str, float] = {}
        for rule in matched:
            scores[rule.category] = scores.get(rule.category, 0.0) + rule.weight
        return RuleMatches(tuple(matched), scores, softmax_by_category(self.categories, scores))


def compile_rules(rules: Sequence[KeywordRule]) -> RuleSet:
    """Compile rules. Raises InvalidRules with every fault found."""
    options = rule_options()
    patterns = []
    problems = [*duplicate_problems(rules)]
    for rule in rules:
        try:
            patterns.append(checked_pattern(rule, options))
        except ValueError as error:
            problems.append(f"rule {rule.full_name!r}: {error}")
    if problems:
        raise InvalidRules(problems)
    starts = range(0, len(rules), RULES_PER_AUTOMATON)
    parts = [slice(start, start + RULES_PER_AUTOMATON) for start in starts]
    return RuleSet([combine(rules[part], patterns[part], options) for part in parts])


def combine(rules: Sequence[KeywordRule], patterns: Sequence[re2._Regexp], options: re2.Options) -> Automaton:
    """One automaton of checked rules."""
    combined = re2.Set.SearchSet(options)
    for rule in rules:
        combined.Add(rule.pattern)
    combined.Add("")
    combined.Compile()
    return Automaton(tuple(rules), tuple(patterns), combined)


def rule_options() -> re2.Options:
    """How patterns are read: without regard to case, without groups to remember."""
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    options.log_errors = False
    options.max_mem = MAX_AUTOMATON_BYTES
    return options


def checked_pattern(rule: KeywordRule, options: re2.Options) -> re2._Regexp:
    """The compiled pattern of a rule. Raises ValueError with what is wrong with the rule."""
    if not rule.name or not rule.category:
        raise ValueError("needs a name and a category")
    if not 0.0 < rule.weight <= MAX_WEIGHT:  # also refuses NaN
        raise ValueError(f"weight {rule.weight} is not above 0 and at most {MAX_WEIGHT:g}")
    if len(rule.pattern) > MAX_PATTERN_CHARACTER_COUNT:
        raise ValueError(f"the pattern has {len(rule.pattern)} characters, more than {MAX_PATTERN_CHARACTER_COUNT}")
    try:
        pattern = re2.compile(rule.pattern.encode(), options)
    except UnicodeEncodeError as error:
        raise ValueError("the pattern is not valid Unicode") from error
    except re2.error as error:
        raise ValueError(f"the pattern is not RE2 syntax: {refusal_of(error)}") from error
    if pattern.programsize > MAX_PROGRAM_SIZE:
        raise ValueError(f"the pattern compiles to {pattern.programsize} instructions, more than {MAX_PROGRAM_SIZE}")
    if pattern.search(b"") is not None:
        raise ValueError("the pattern matches the empty text, so every text")
    return pattern


def refusal_of(error: re2.error) -> str:
    """RE2's own words for why it refused a pattern."""
    reason = error.args[0] if error.args else "unknown"
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def duplicate_problems(rules: Iterable[KeywordRule]) -> Iterator[str]:
    """One line for each rule that has the name of one before it."""
    seen: set[str] = set()
    for rule in rules:
        if rule.full_name in seen:
            yield f"rule {rule.full_name!r}: a rule of its category has the same name"
        seen.add(rule.full_name)


def version_of(rules: Iterable[KeywordRule]) -> str:
    """A word that changes when a rule does."""
    digest = hashlib.sha256()
    for rule in rules:
        digest.update(repr((rule.name, rule.category, rule.pattern, float(rule.weight))).encode())
    return digest.hexdigest()[:VERSION_LENGTH]


def softmax_by_category(categories: Sequence[str], scores: Mapping[str, float]) -> dict[str, float]:
    """Probability of each category, from evidence in logits and the prior."""
    logits = [scores.get(category, 0.0) + PRIOR_LOGITS.get(category, 0.0) for category in categories]
    top = max(logits)
    powers = [math.exp(logit - top) for logit in logits]
    total = sum(powers)
    return {category: power / total for category, power in zip(categories, powers, strict=True)}
