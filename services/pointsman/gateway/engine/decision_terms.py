"""What the caller allowed when a decision was made: it holds when the decision is run, wherever and whenever that is."""

from dataclasses import dataclass, field
from typing import TypeVar

from pointsman.gateway.core.routing import Constraints

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class DecisionTerms:
    """Constraints, and the most completion tokens; None: as many as the model gives."""

    constraints: Constraints = field(default_factory=Constraints)
    max_output_token_count: int | None = None

    def joined_with(self, asked: "DecisionTerms") -> "DecisionTerms":
        """What both allow. The decision's candidates are within its own lists of names already."""
        made, also = self.constraints, asked.constraints
        constraints = Constraints(
            models=also.models or made.models,
            exclude_models=made.exclude_models + also.exclude_models,
            providers=also.providers or made.providers,
            exclude_providers=made.exclude_providers + also.exclude_providers,
            capabilities=made.capabilities | also.capabilities,
            local_only=made.local_only or also.local_only,
            data_class=max((one for one in (made.data_class, also.data_class) if one is not None), default=None),
            max_cost_nanousd=least(made.max_cost_nanousd, also.max_cost_nanousd),
            max_latency_s=least(made.max_latency_s, also.max_latency_s),
            min_success_probability=greatest(made.min_success_probability, also.min_success_probability),
            max_fallback_cost_nanousd=least(made.max_fallback_cost_nanousd, also.max_fallback_cost_nanousd),
            max_attempts=min(made.max_attempts, also.max_attempts),
        )
        return DecisionTerms(constraints, least(self.max_output_token_count, asked.max_output_token_count))


ANY_TERMS = DecisionTerms()


def least(one: Number | None, other: Number | None) -> Number | None:
    """The lower of two limits, of which there may be none."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def greatest(one: Number | None, other: Number | None) -> Number | None:
    """The higher of two, of which there may be none."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
