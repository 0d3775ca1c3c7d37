"""From a request to its decision: classify, rank, keep the decision."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pointsman.gateway.core.catalog import Agent, Catalog, Policy
from pointsman.gateway.core.judgement import CacheUse, ClassificationMethod, Judgement
from pointsman.gateway.core.policies import ModelNameKind, PolicyChoice, find_agent, parse_model_name, resolve_policy
from pointsman.gateway.core.ranking import decide
from pointsman.gateway.core.request_shape import RequestShape
from pointsman.gateway.core.routing import Cause, Constraints, PriorDecision, Purpose, RoutingDecision, RoutingRequest
from pointsman.gateway.core.routing_errors import DecisionStale, InvalidPolicy, ModelNotFound, RoutingError
from pointsman.gateway.engine.decision_book import DecisionBook, KeptDecision
from pointsman.gateway.engine.decision_terms import DecisionTerms
from pointsman.gateway.engine.failures import routing_failure
from pointsman.gateway.engine.judging import DEGRADED_CLASSIFIER, Judged, Judging, text_to_judge
from pointsman.gateway.engine.measures import NONE, Measures, Outcome, Stage, refusal_of, status_of
from pointsman.gateway.engine.world import World
from pointsman.gateway.ports import Account, Attempt, DecisionRecord, PromptText, Strategy
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import DeadlineExceeded
from pointsman.kit.ids import new_id

DEGRADED_STRATEGY = "strategy"
DEGRADED_NO_TEXT = "no_text"
DEGRADED_ENCODER = "encoder"  # the classifier answers, but by rules alone
# What spans tell; names as OpenTelemetry's conventions have them, where they do.
DECISION_ATTRIBUTE = "pointsman.decision.id"
CAUSE_ATTRIBUTE = "pointsman.cause"
MODEL_ATTRIBUTE = "gen_ai.request.model"
POLICY_NUMBER = "number"  # in place of any number that a caller may write


@dataclass(frozen=True, slots=True)
class Order:
    """One request, read and checked. Holds the prompt; never logged."""

    request_id: str
    account: Account
    purpose: Purpose
    shape: RequestShape = field(repr=False)
    prompt_hash: bytes
    model: str | None = None
    models: tuple[str, ...] = ()
    policy: str | float | None = None
    strategy: Strategy | None = None
    task_type: str | None = None
    constraints: Constraints = field(default_factory=Constraints)
    max_output_token_count: int | None = None
    choice_count: int = 1
    user: str | None = None
    decision_id: str | None = None
    override_model_id: str | None = None
    caller_api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Routed:
    """A decision with all that it was made of, but the prompt."""

    request_id: str
    decision_id: str
    create_time_s: float  # Unix time
    account: Account
    request: RoutingRequest
    judgement: Judgement | None
    decision: RoutingDecision
    degraded: tuple[str, ...]
    prompt_hash: bytes
    catalog: Catalog = field(repr=False)
    cache: CacheUse = CacheUse.OFF
    judge_attempts: tuple[Attempt, ...] = ()  # calls of a model that judged the prompt; paid for apart

    @property
    def judge_s(self) -> float:
        """Time that the provider of a model took to judge the prompt; it is not ours."""
        return sum(attempt.latency_s for attempt in self.judge_attempts)

    @property
    def terms(self) -> DecisionTerms:
        """What the caller allowed."""
        return DecisionTerms(self.request.constraints, self.request.max_output_token_count)


@dataclass(frozen=True, slots=True)
class _Naming:
    """What the names of models, agent and policy in a request come to."""

    policy: Policy
    policy_label: str
    model_ids: tuple[str, ...]
    agent: Agent | None


class LlmJudge(Protocol):
    """Judges prompts by asking a language model, where that may be."""

    async def judge(self, prompt: PromptText, order: Order, policy: Policy, catalog: Catalog, deadline: Deadline) -> Judged:
        """The judgement, which is the classifier's where no model gives one. Never fails."""


class Routing:
    """Decides."""

    def __init__(
        self,
        *,
        world: World,
        judging: Judging,
        llm_judging: LlmJudge,
        book: DecisionBook,
        render: Callable[[Routed], DecisionRecord],
        measures: Measures,
        cache_scope_of: Callable[[str], str],
        routing_threshold: float | None,
        now_s: Callable[[], float] = time.monotonic,
        time_s: Callable[[], float] = time.time,
    ) -> None:
        """render: the decision as the ledger keeps it. cache_scope_of: who, by project, may find whose classifications.

        routing_threshold: least success of a local model.
        """
        self._world = world
        self._judging = judging
        self._llm_judging = llm_judging
        self._book = book
        self._render = render
        self._measures = measures
        self._cache_scope_of = cache_scope_of
        self._routing_threshold = routing_threshold
        self._now_s = now_s
        self._time_s = time_s

    async def route(self, order: Order, deadline: Deadline) -> Routed:
        """The decision, kept and on its way to the ledger. Raises ServiceError where no model may answer."""
        start_s = self._now_s()
        try:
            if deadline.remaining_s(start_s) == 0.0:  # spent before it got here, such as on its body
                raise DeadlineExceeded("deadline_exceeded", "the request's time was over before it could be routed")
            routed = await self._route(order, deadline)
        except BaseException as error:
            self._measures.count_request(refusal_of(error))
            raise
        if order.purpose is Purpose.RECOMMEND:  # it ends here
            first = routed.decision.ranking[0].model
            self._measures.count_request(outcome_of(routed, first.id, first.provider.id, routed.decision.cause, None))
            self._measures.take_time(Stage.TOTAL, self._now_s() - start_s)
        return routed

    async def _route(self, order: Order, deadline: Deadline) -> Routed:
        catalog = self._world.require_catalog()
        try:
            kept = await self._find_kept(order, deadline)
            naming = resolve_names(order, catalog, kept)
            prior = None if kept is None else PriorDecision(kept.decision_id, kept.model_ids, kept.cause, order.override_model_id)
            start_s = self._now_s()
            with self._measures.span(Stage.CLASSIFY):
                judged, degraded = await self._classify(order, naming.policy, catalog, deadline)
            provider_s = sum(attempt.latency_s for attempt in judged.attempts)
            self._measures.take_time(Stage.CLASSIFY, self._now_s() - start_s - provider_s)
            with self._measures.stage(Stage.RANK) as span:
                request = self._request(order, naming, prior, terms_of(order, kept), spent_nanousd(judged))
                decision = decide(request, judged.judgement, catalog, self._world.conditions, self._world.outcomes)
                span.set_attribute(CAUSE_ATTRIBUTE, decision.cause.value)
                span.set_attribute(MODEL_ATTRIBUTE, decision.ranking[0].model.id)
        except RoutingError as error:
            raise routing_failure(error) from error
        is_rerun = prior is not None and prior.override_model_id is None
        routed = Routed(
            request_id=order.request_id,
            decision_id=prior.decision_id if is_rerun and prior is not None else new_id("dec"),
            create_time_s=self._time_s(),
            account=order.account,
            request=request,
            judgement=judged.judgement,
            decision=decision,
            degraded=(*degraded, *decision.degraded),
            prompt_hash=order.prompt_hash,
            catalog=catalog,
            cache=judged.cache,
            judge_attempts=judged.attempts,
        )
        if not is_rerun:
            self._keep(routed)
        return routed

    async def _find_kept(self, order: Order, deadline: Deadline) -> KeptDecision | None:
        if order.decision_id is None:
            return None
        kept = await self._book.find_runnable(order.decision_id, order.account, deadline)
        if kept.prompt_hash != order.prompt_hash:
            raise DecisionStale("the decision was made for another prompt", param="decision_id")
        return kept

    async def _classify(self, order: Order, policy: Policy, catalog: Catalog, deadline: Deadline) -> tuple[Judged, tuple[str, ...]]:
        """The judgement, and what was missing for it."""
        text = order.shape.last_human_turn
        if not text:
            return Judged(None), (DEGRADED_NO_TEXT,)
        strategy, degraded = strategy_of(order, policy)
        prompt = PromptText(text_to_judge(text), order.shape.context_digest or None, self._cache_scope_of(order.account.project_id))
        if strategy is Strategy.LLM:
            judged = await self._llm_judging.judge(prompt, order, policy, catalog, deadline)
        else:
            judged = await self._judging.judge(prompt, strategy, deadline)
        if judged.is_other_strategy:
            degraded = (*degraded, DEGRADED_STRATEGY)
        if judged.is_degraded:
            return judged, (*degraded, DEGRADED_CLASSIFIER)
        without_encoder = judged.judgement is not None and judged.judgement.method is ClassificationMethod.DEGRADED
        return judged, (*degraded, DEGRADED_ENCODER) if without_encoder else degraded

    def _request(
        self, order: Order, naming: _Naming, prior: PriorDecision | None, terms: DecisionTerms, spent_nanousd: int
    ) -> RoutingRequest:
        shape = order.shape
        prompt_byte_count = len((naming.agent.system_prompt or "").encode()) if naming.agent is not None else 0
        units = {"request": order.request_id, **({"user": order.user} if order.user else {})}
        return RoutingRequest(
            policy=naming.policy,
            policy_label=naming.policy_label,
            input_byte_count=shape.input_byte_count + prompt_byte_count,
            purpose=order.purpose,
            message_count=shape.message_count,
            image_count=shape.image_count,
            constraints=terms.constraints,
            required_capabilities=shape.required_capabilities,
            max_output_token_count=terms.max_output_token_count,
            choice_count=order.choice_count,
            task_type=order.task_type,
            model_ids=naming.model_ids,
            agent=naming.agent,
            prior=prior,
            in_tool_loop=shape.in_tool_loop,
            experiment_units=units,
            has_caller_key=order.caller_api_key is not None,
            routing_threshold=self._routing_threshold,
            spent_nanousd=spent_nanousd,
        )

    def _keep(self, routed: Routed) -> None:
        self._book.keep(
            KeptDecision(
                decision_id=routed.decision_id,
                create_time_s=routed.create_time_s,
                account=routed.account,
                prompt_hash=routed.prompt_hash,
                model_ids=tuple(candidate.model.id for candidate in routed.decision.ranking),
                cause=routed.decision.cause,
                policy=routed.decision.policy_label,
                terms=routed.terms,
                record=lambda: self._render(routed),
            )
        )


def spent_nanousd(judged: Judged) -> int:
    """What the judgement cost; an unknown price counts as nothing."""
    return sum(attempt.cost_nanousd or 0 for attempt in judged.attempts)


def terms_of(order: Order, kept: KeptDecision | None) -> DecisionTerms:
    """What the request allows; one that runs a decision made before allows no more than the one that made it."""
    asked = DecisionTerms(order.constraints, order.max_output_token_count)
    return asked if kept is None else kept.terms.joined_with(asked)


def resolve_names(order: Order, catalog: Catalog, kept: KeptDecision | None = None) -> _Naming:
    """What the request's names come to; a decision made before brings its policy.

    Raises ModelNotFound, InvalidPolicy, DecisionStale where that policy is gone.
    """
    name = parse_model_name(order.model)
    first = (name.value,) if name.kind is ModelNameKind.CONCRETE and name.value is not None else ()
    model_ids = (*first, *order.models)
    agent = find_agent(catalog, name.value) if name.kind is ModelNameKind.AGENT and name.value is not None else None
    _refuse_virtual(model_ids)
    asked = order.policy if order.policy is not None else name.policy
    if asked is None and kept is not None:
        choice = _policy_of(kept, catalog)
    else:
        choice = resolve_policy(catalog, request=asked, agent=agent.policy_id if agent else None)
    return _Naming(choice.policy, choice.label, tuple(dict.fromkeys(model_ids)), agent)


def _policy_of(kept: KeptDecision, catalog: Catalog) -> PolicyChoice:
    try:
        return resolve_policy(catalog, request=kept.policy)
    except InvalidPolicy as error:
        raise DecisionStale("the policy of the decision is gone", param="decision_id") from error


def _refuse_virtual(model_ids: tuple[str, ...]) -> None:
    """An ordered list names models, and nothing that would have to be ranked."""
    if any(parse_model_name(model_id).kind is not ModelNameKind.CONCRETE for model_id in model_ids):
        raise ModelNotFound("models: a list holds ids of models alone", param="models")


def strategy_of(order: Order, policy: Policy) -> tuple[Strategy, tuple[str, ...]]:
    """The request's strategy, else the policy's; one that cannot run here counts as hybrid, and is told."""
    if order.strategy is not None:
        return order.strategy, ()
    if policy.strategy is None:
        return Strategy.HYBRID, ()
    if policy.strategy in list(Strategy):
        return Strategy(policy.strategy), ()
    return Strategy.HYBRID, (DEGRADED_STRATEGY,)


def served_cause(routed: Routed, served_model_id: str) -> Cause:
    """The decision's cause; `fallback` where another model served than the first."""
    return routed.decision.cause if served_model_id == routed.decision.ranking[0].model.id else Cause.FALLBACK


def outcome_of(routed: Routed, model_id: str, provider_id: str, cause: Cause, error: BaseException | None) -> Outcome:
    """How a request ended that a decision was made for."""
    label = routed.decision.policy_label
    return Outcome(
        status=status_of(error),
        policy=label if label in routed.catalog.policies else POLICY_NUMBER,
        category=NONE if routed.judgement is None else routed.judgement.category,
        model=model_id,
        provider=provider_id,
        cause=cause.value,
    )
