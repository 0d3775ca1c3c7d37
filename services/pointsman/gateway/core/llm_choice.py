"""Which model may be asked to judge a prompt: the question is a request of its own, within what the prompt's allows."""

from pointsman.gateway.core.catalog import Capability, Catalog, Policy
from pointsman.gateway.core.llm_judgement import MAX_ANSWER_TOKEN_COUNT
from pointsman.gateway.core.routing import Constraints, RoutingRequest

LABEL = "llm_classifier"
# Most that one judgement by a model which nobody named may be expected to cost: 0.05 cents, a twentieth of a usual answer by
# a strong model. 1,500 tokens of a long prompt and 64 of the answer cost half of it at 0.15 and 0.60 USD per million.
MAX_COST_NANOUSD = 500_000
# A second is worth next to nothing, so that it decides between equal costs alone.
TIE_BREAK_USD_PER_S = 1e-9


def judge_request(
    *, policy: Policy, constraints: Constraints, catalog: Catalog, input_byte_count: int, message_count: int, model_id: str | None
) -> RoutingRequest:
    """What ranking is asked for the judge: the model that was named or, of those that may see the prompt and do not think
    before they speak, the cheapest; of equally cheap ones the fastest, then the most able.

    policy, constraints: of the request whose prompt it is. Where its prompt may go and what it may cost holds for the
    judge too; which models may answer does not, but for those that are excluded.
    """
    costs = [cost for cost in (policy.max_cost_nanousd, MAX_COST_NANOUSD if model_id is None else None) if cost is not None]
    thinking = tuple(model.id for model in catalog.models.values() if Capability.REASONING in model.capabilities)
    return RoutingRequest(
        policy=Policy(
            id=LABEL,
            value_usd_per_mtok=0.0,
            good_enough=1.0,
            latency_value_usd_per_s=TIE_BREAK_USD_PER_S,
            exclude_models=policy.exclude_models,
            local_only=policy.local_only,
            data_class=policy.data_class,
            max_cost_nanousd=min(costs, default=None),
        ),
        policy_label=LABEL,
        input_byte_count=input_byte_count,
        message_count=message_count,
        constraints=Constraints(
            exclude_models=constraints.exclude_models + (thinking if model_id is None else ()),
            providers=constraints.providers,
            exclude_providers=constraints.exclude_providers,
            local_only=constraints.local_only,
            data_class=constraints.data_class,
            max_cost_nanousd=constraints.max_cost_nanousd,
            max_attempts=1,
        ),
        max_output_token_count=MAX_ANSWER_TOKEN_COUNT,
        model_ids=() if model_id is None else (model_id,),
    )
