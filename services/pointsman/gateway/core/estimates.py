"""What a call would take: tokens, money and time, each with the source of its figure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pointsman.gateway.core.catalog import Capability, Location, Model
from pointsman.gateway.core.label import Label
from pointsman.gateway.core.money import TokenUsage, attempt_cost_nanousd, worst_case_nanousd
from pointsman.gateway.core.outcomes import NO_OUTCOMES, Outcomes
from pointsman.gateway.core.routing import ModelCondition, RoutingRequest

BYTES_PER_TOKEN = 4
# A token of a byte-level vocabulary is at least one byte, so bytes bound tokens from above; roles and
# separators of a chat template come on top (OpenAI's cookbook counts 3 to 4 a message).
WORST_TOKENS_PER_MESSAGE = 8
# 1024 x 1024 in high detail: https://platform.openai.com/docs/guides/images-vision (85 + 4 tiles * 170).
TOKENS_PER_IMAGE = 765
# 2048 x 4096 in high detail, the dearest that the same page computes.
WORST_TOKENS_PER_IMAGE = 1_105
# Medians by category, where too little has been observed: the artefact's priors.
OUTPUT_TOKEN_PRIORS: Mapping[str, int] = {
    "coding": 500,
    "creative_writing": 700,
    "analysis": 600,
    "math": 350,
    "question": 200,
    "chat": 80,
    "general": 350,
}
GENERAL = "general"
CATEGORY_MEDIAN = "category_median"
# Completion tokens that bound a worst case where neither request nor policy names a limit.
DEFAULT_MAX_OUTPUT_TOKEN_COUNT = 4_096
OUTPUT_TOKENS_PER_S = {Location.CLOUD: 60.0, Location.LOCAL: 30.0}
# Time to the first token where the catalogue gives none: small cloud models' usual half second and a bit.
TIME_TO_FIRST_TOKEN_S = {Location.CLOUD: 0.7, Location.LOCAL: 0.7}
UNSEEN = ModelCondition()


@dataclass(frozen=True, slots=True)
class Work:
    """What a request asks for, whichever model does it."""

    input_token_count: int
    output_token_count: int
    output_source: str  # "category_prior", CATEGORY_MEDIAN or "max_tokens"
    worst_input_token_count: int
    has_completion: bool  # an embedding has none
    cached_share: float  # of the input, on the model that the session used last


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one model would take for it. Costs are None where the price is unknown."""

    input_token_count: int
    output_token_count: int
    cached_token_count: int
    expected_cost_nanousd: int | None
    worst_case_cost_nanousd: int | None
    latency_s: float
    availability: float
    sources: Mapping[str, str]


def work_of(request: RoutingRequest, label: Label, outcomes: Outcomes = NO_OUTCOMES) -> Work:
    """Tokens of the request by its bytes and its category, whose usual answer's length is that of its outcomes where they tell one."""
    output_count, output_source = 0, "category_prior"
    has_completion = Capability.EMBEDDINGS not in request.required_capabilities
    if has_completion:
        category = label.category or GENERAL
        observed = outcomes.output_token_counts.get(category)
        if observed is not None:
            output_count, output_source = observed, CATEGORY_MEDIAN
        else:
            output_count = OUTPUT_TOKEN_PRIORS.get(category, OUTPUT_TOKEN_PRIORS[GENERAL])
        if request.max_output_token_count is not None and request.max_output_token_count < output_count:
            output_count, output_source = request.max_output_token_count, "max_tokens"
    share = request.cached_prefix_byte_count / request.input_byte_count if request.input_byte_count else 0.0
    worst_count = request.input_byte_count + request.message_count * WORST_TOKENS_PER_MESSAGE
    return Work(
        input_token_count=math.ceil(request.input_byte_count / BYTES_PER_TOKEN) + request.image_count * TOKENS_PER_IMAGE,
        output_token_count=output_count,
        output_source=output_source,
        worst_input_token_count=worst_count + request.image_count * WORST_TOKENS_PER_IMAGE,
        has_completion=has_completion,
        cached_share=min(share, 1.0),
    )


def estimate(model: Model, request: RoutingRequest, work: Work, condition: ModelCondition) -> Estimate:
    """Tokens and time of one choice on this model in its present condition, and cost."""
    input_count = work.input_token_count
    if condition.input_token_ratio is not None:
        input_count = math.ceil(input_count * condition.input_token_ratio)
    output_count = work.output_token_count
    if model.max_output_token_count is not None:
        output_count = min(output_count, model.max_output_token_count)
    cached_share = work.cached_share if model.id == request.session_model_id else 0.0
    cached_count = int(input_count * cached_share)
    latency_s, latency_source, rate_source = _latency(model, condition, output_count, cached_share)
    expected_nanousd, worst_nanousd = _costs(model, request, work, TokenUsage(input_count, output_count, cached_count))
    return Estimate(
        input_token_count=input_count,
        output_token_count=output_count,
        cached_token_count=cached_count,
        expected_cost_nanousd=expected_nanousd,
        worst_case_cost_nanousd=worst_nanousd,
        latency_s=latency_s,
        availability=1.0 if condition.availability is None else condition.availability,
        sources={
            "input_tokens": "bytes" if condition.input_token_ratio is None else "observed_ratio",
            "output_tokens": work.output_source if output_count == work.output_token_count else "model_limit",
            "cost": "price" if model.price is not None else "unknown",
            "time_to_first_token": latency_source,
            "output_rate": rate_source,
            "availability": "assumed" if condition.availability is None else "observed",
        },
    )


def _costs(model: Model, request: RoutingRequest, work: Work, of_one: TokenUsage) -> tuple[int | None, int | None]:
    """Expected cost of all choices, which share their input, and worst cost of one alone.

    The worst is held to the completion limit that is sent upstream. of_one: what one choice is expected to take.
    """
    price = model.price
    if price is None:
        return None, None
    if price.is_free:
        return 0, 0
    worst_input_count = max(work.worst_input_token_count, of_one.input_token_count)
    worst_output_count = max(output_token_limit(model, request) if work.has_completion else 0, of_one.output_token_count)
    worst_nanousd = worst_case_nanousd(
        price, input_token_count=worst_input_count, output_token_count=worst_output_count, image_count=request.image_count
    )
    expected = of_one
    if request.choice_count != 1:
        expected = replace(of_one, output_token_count=of_one.output_token_count * request.choice_count)
    if request.image_count and price.image_microusd is not None:
        expected = _with_images_apart(expected, request.image_count)
    return attempt_cost_nanousd(price, expected), worst_nanousd


def _with_images_apart(usage: TokenUsage, image_count: int) -> TokenUsage:
    """Images that are billed one by one are not billed as tokens too."""
    text_count = max(0, usage.input_token_count - image_count * TOKENS_PER_IMAGE)
    return TokenUsage(text_count, usage.output_token_count, min(usage.cached_input_token_count, text_count), image_count=image_count)


def output_token_limit(model: Model, request: RoutingRequest) -> int:
    """The request's limit, else the policy's, else 4096; never above the model's."""
    limit = request.max_output_token_count or request.policy.default_max_output_token_count or DEFAULT_MAX_OUTPUT_TOKEN_COUNT
    return limit if model.max_output_token_count is None else min(limit, model.max_output_token_count)


def _latency(model: Model, condition: ModelCondition, output_token_count: int, cached_share: float) -> tuple[float, str, str]:
    """Seconds to the last token, and where first token and rate come from.

    On a local model the wait for the first token is prefill, of which the cached share is saved.
    """
    if condition.time_to_first_token_s is not None:
        first_token_s, source = condition.time_to_first_token_s, "observed"
    elif model.typical_latency_s is not None:
        first_token_s, source = model.typical_latency_s, "catalogue"
    else:
        first_token_s, source = TIME_TO_FIRST_TOKEN_S[model.provider.location], "assumed"
    if cached_share and model.provider.location is Location.LOCAL:
        first_token_s *= 1.0 - cached_share
    rate, rate_source = condition.output_tokens_per_s, "observed"
    if rate is None:
        rate, rate_source = OUTPUT_TOKENS_PER_S[model.provider.location], "assumed"
    return first_token_s + output_token_count / rate, source, rate_source
