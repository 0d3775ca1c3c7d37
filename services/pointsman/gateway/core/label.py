"""What ranking goes by: the judgement of a prompt, with what the caller says of his task put above it."""

from dataclasses import dataclass, replace

from pointsman.gateway.core.catalog import Condition
from pointsman.gateway.core.judgement import BUILT_IN_CATEGORIES, Difficulty, Judgement


@dataclass(frozen=True, slots=True)
class Label:
    """Category and difficulty in force. Without a judgement: no category, unsure, and difficulty 0, discrimination 1."""

    task: str | None  # what routing rules match: the caller's task type, else the category
    category: str | None
    category_weights: tuple[tuple[str, float], ...]  # P(category | prompt); empty: unknown
    difficulty: Difficulty | None
    difficulty_logit: float
    discrimination: float
    is_unsure: bool = False  # too doubtful to save money by
    skill_weights: tuple[tuple[str, float], ...] = ()  # of subjects within the categories; empty: unknown

    @property
    def is_missing(self) -> bool:
        """True where nothing at all is known of the prompt."""
        return self.task is None

    def satisfies(self, condition: Condition, policy_id: str) -> bool:
        """True where everything that the condition sets holds."""
        return (
            condition.category in (None, self.category)
            and condition.difficulty in (None, self.difficulty)
            and condition.policy_id in (None, policy_id)
        )

    def judged(self, difficulty: Difficulty, difficulty_logit: float) -> "Label":
        """The same prompt, were it that difficult."""
        return replace(self, difficulty=difficulty, difficulty_logit=difficulty_logit)


def label_of(judgement: Judgement | None, task_type: str | None) -> Label:
    """The label in force.

    A task type that is a category (built in, or one that the judgement knows) replaces the category; any
    other only matches routing rules by its name.
    """
    if judgement is None:
        category = task_type if task_type in BUILT_IN_CATEGORIES else None
        return Label(task_type, category, ((category, 1.0),) if category else (), None, 0.0, 1.0, is_unsure=True)
    category, is_unsure = judgement.category, judgement.is_unsure
    weights = tuple(judgement.category_probabilities.items())
    skills = tuple((name, weight) for name, weight in judgement.skills.items() if name not in judgement.category_probabilities)
    if task_type is not None and (task_type in BUILT_IN_CATEGORIES or task_type in judgement.category_probabilities):
        # It is of the category that a judgement is unsure, and there the caller is not.
        category, is_unsure, weights, skills = task_type, False, ((task_type, 1.0),), ()
    return Label(
        task=task_type or category,
        category=category,
        category_weights=weights,
        difficulty=judgement.difficulty,
        difficulty_logit=judgement.difficulty_logit,
        discrimination=judgement.discrimination,
        is_unsure=is_unsure,
        skill_weights=skills,
    )
