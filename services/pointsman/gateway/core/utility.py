"""What a candidate is worth: the expected value of its answer, less its cost and the wait for it.

V * min(p_success, good_enough) * p_available - expected_cost - W * expected_latency_s

Above `good_enough` more certainty earns nothing, so among models that will answer well the cheapest
wins. Worth grows with the work, so the preference does not depend on length.
"""

from dataclasses import dataclass

from pointsman.gateway.core.catalog import Policy
from pointsman.gateway.core.routing import UtilityTerms

TOKENS_PER_MTOK = 1_000_000
# Reading is a quarter of the work of writing, as in most price lists.
INPUT_WORK_SHARE = 0.25
# An answer's worth is lost by an hour's wait, where the policy does not say.
WORTH_LIFETIME_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Stakes:
    """What is at stake in one request: V, the success that is good enough, and W."""

    value_usd: float
    good_enough: float
    latency_usd_per_s: float


def stakes_of(policy: Policy, *, input_token_count: int, output_token_count: int) -> Stakes:
    """V and W of a request of that much work. The work is the request's, the same for every candidate."""
    work_token_count = output_token_count + INPUT_WORK_SHARE * input_token_count
    value_usd = policy.value_usd + policy.value_usd_per_mtok / TOKENS_PER_MTOK * work_token_count
    latency_usd_per_s = policy.latency_value_usd_per_s
    if latency_usd_per_s is None:
        latency_usd_per_s = value_usd / WORTH_LIFETIME_S
    return Stakes(value_usd, policy.good_enough, latency_usd_per_s)


def terms_of(stakes: Stakes, *, success_probability: float, availability: float, cost_usd: float, latency_s: float) -> UtilityTerms:
    """The three terms, whose sum is the score."""
    return UtilityTerms(
        value_usd=stakes.value_usd * min(success_probability, stakes.good_enough) * availability,
        cost_usd=0.0 - cost_usd,  # not -cost_usd, which people would read as -0.0 of a free model
        latency_usd=0.0 - stakes.latency_usd_per_s * latency_s,
    )


def score_usd(stakes: Stakes, success_probability: float, availability: float, cost_usd: float, latency_s: float) -> float:
    """The sum of the terms, added in their order, without making them."""
    success = success_probability if success_probability < stakes.good_enough else stakes.good_enough
    return stakes.value_usd * success * availability - cost_usd - stakes.latency_usd_per_s * latency_s
