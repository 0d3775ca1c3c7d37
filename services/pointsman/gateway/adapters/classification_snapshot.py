"""The registry's keyword rules, compiled into the gateway's own judgement."""

import time
from collections.abc import Callable
from dataclasses import replace

from pointsman.api.config.v1 import config_pb2 as pb
from pointsman.gateway.core.judgement import BUILT_IN_CATEGORIES, ClassificationMethod, Difficulty, Judgement
from pointsman.gateway.core.logistic import sigmoid
from pointsman.gateway.ports import RulesInForce
from pointsman.rules.difficulty import HARD_FROM, MEDIUM_FROM, RULES_DISCRIMINATION, creativity_score, difficulty_logit
from pointsman.rules.keyword_rules import InvalidRules, KeywordRule, RuleSet, compile_rules

# Below it another category is as probable as the one that is named; the classifier, which knows more, has a bound of its own.
SURE_FROM = 0.5


def rules_of(snapshot: pb.ConfigSnapshot, now_s: Callable[[], float] = time.monotonic) -> RulesInForce:
    """The rules of a snapshot. Raises ValueError where they cannot be used."""
    message = snapshot.classification
    try:
        rules = compile_rules([KeywordRule(rule.name, rule.category, rule.pattern, rule.weight) for rule in message.keyword_rules])
    except InvalidRules as error:
        raise ValueError(str(error)) from error
    categories = BUILT_IN_CATEGORIES | {category.name for category in message.added_categories} | set(rules.categories)

    def judge(text: str) -> Judgement:
        start_s = now_s()
        return replace(judge_by_rules(rules, text), total_s=now_s() - start_s)

    return RulesInForce(judge, categories, f"{snapshot.version.epoch}/{snapshot.version.number}")


def judge_by_rules(rules: RuleSet, text: str) -> Judgement:
    """What the rules alone make of a text; it is marked degraded, because the classifier would know better."""
    matches = rules.match(text)
    b = difficulty_logit(text, matches)
    complexity = sigmoid(b)
    return Judgement(
        category=matches.category,
        category_probabilities=matches.probabilities,
        difficulty_logit=b,
        discrimination=RULES_DISCRIMINATION,
        complexity_score=complexity,
        difficulty=difficulty_of(complexity),
        creativity_score=creativity_score(matches),
        domain_confidence=matches.confidence,
        ml_confidence=None,
        method=ClassificationMethod.DEGRADED,
        matched_rules=matches.rule_names,
        version=rules.version,
        is_unsure=matches.confidence < SURE_FROM,
    )


def difficulty_of(complexity: float) -> Difficulty:
    """The class of a complexity score."""
    if complexity < MEDIUM_FROM:
        return Difficulty.EASY
    return Difficulty.MEDIUM if complexity < HARD_FROM else Difficulty.HARD
