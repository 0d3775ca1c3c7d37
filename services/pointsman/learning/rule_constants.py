"""Fit the constants of rules/difficulty.py on the own examples, and print them: `python -m pointsman.learning.rule_constants`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pointsman.learning.data.labelled import LabelledPrompt, load_own_examples
from pointsman.learning.fitting.linear_fit import Matrix, minimise, sigmoid
from pointsman.learning.fitting.text_fit import THRESHOLDS
from pointsman.learning.fitting.training import LEVELS
from pointsman.rules.difficulty import difficulty_terms
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES, RuleSet
from pointsman.rules.rules_file import load_default_rules

# Of a category's offset; keeps them small beside the intercept, with which they share what is common to all.
OFFSET_L2 = 1.0
# How sharply a label follows from b; steeper lets b crowd at the thresholds.
LABEL_SLOPE = 3.0
TEXT_TERMS = ("INTERCEPT", "PER_LOG_WORD", "PER_HARD_MARKER", "PER_EASY_MARKER")


def terms_of(prompts: Sequence[LabelledPrompt], rules: RuleSet) -> Matrix:
    """One row for each prompt: 1, the text's terms, the categories' probabilities."""
    rows = []
    for prompt in prompts:
        probabilities = rules.match(prompt.text).probabilities
        rows.append((1.0, *difficulty_terms(prompt.text), *(probabilities[category] for category in BUILT_IN_CATEGORIES)))
    return np.array(rows)


def fit_constants(prompts: Sequence[LabelledPrompt], rules: RuleSet) -> dict[str, float]:
    """The constants by name; a category's offset has the category's."""
    terms = terms_of(prompts, rules)
    levels = np.array([LEVELS[prompt.difficulty] for prompt in prompts])
    penalty = np.array([0.0] * len(TEXT_TERMS) + [OFFSET_L2] * len(BUILT_IN_CATEGORIES))

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        value, slope = label_loss(terms @ weights, levels)
        return value + 0.5 * float((penalty * weights * weights).sum()), terms.T @ slope + penalty * weights

    found = minimise(loss, np.zeros(terms.shape[1]))
    return dict(zip((*TEXT_TERMS, *BUILT_IN_CATEGORIES), found.round(2).tolist(), strict=True))


def label_loss(b: Matrix, levels: NDArray[np.int64]) -> tuple[float, Matrix]:
    """Negative log likelihood of the labels at the thresholds that users see, and its derivative by b."""
    value, slope = 0.0, np.zeros_like(b)
    for number, threshold in enumerate(THRESHOLDS):
        above = (levels > number).astype(np.float64)
        logits = LABEL_SLOPE * (b - threshold)
        value += float((np.logaddexp(0.0, logits) - above * logits).sum())
        slope += LABEL_SLOPE * (sigmoid(logits) - above)
    return value, slope


def mean_creativity(prompts: Sequence[LabelledPrompt]) -> dict[str, float]:
    """Mean creativity by category."""
    found = {category: [p.creativity for p in prompts if p.category == category] for category in BUILT_IN_CATEGORIES}
    return {category: round(sum(values) / len(values), 2) for category, values in found.items()}


if __name__ == "__main__":
    own_examples = load_own_examples()
    print(fit_constants(own_examples, load_default_rules()))
    print(mean_creativity(own_examples))
