"""Strategy `llm`: a small model is asked through the executor what kind of work a prompt is.

It is a call like any other: reserved, settled under the caller's account, part of what the request cost. So it is made for
requests alone that spend and that are ranked; for the others, and where the model gives no usable answer in time, the
classifier's judgement stands, which is made at the same time.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from pointsman.gateway import names
from pointsman.gateway.core.catalog import Capability, Catalog, Model, Policy
from pointsman.gateway.core.circuit import Circuit
from pointsman.gateway.core.judgement import BUILT_IN_CATEGORIES, CacheUse, Judgement
from pointsman.gateway.core.llm_choice import judge_request
from pointsman.gateway.core.llm_judgement import MAX_ANSWER_TOKEN_COUNT, LlmAnswer, answer_format, blend, judge_messages, parse_answer
from pointsman.gateway.core.policies import ModelNameKind, parse_model_name
from pointsman.gateway.core.ranking import decide
from pointsman.gateway.core.request_shape import shape_of
from pointsman.gateway.core.routing import Purpose
from pointsman.gateway.core.routing_errors import ModelNotFound, RoutingError
from pointsman.gateway.engine.completing import Completing, TimeAllowed
from pointsman.gateway.engine.completion import Completion
from pointsman.gateway.engine.judgement_cache import JudgementCache, KeyedHash, judgement_key
from pointsman.gateway.engine.judging import Judged, Judging
from pointsman.gateway.engine.measures import Measures
from pointsman.gateway.engine.routing import Order, Routed
from pointsman.gateway.engine.world import World
from pointsman.gateway.ports import PromptText, Strategy
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import DeadlineExceeded, ServiceError
from pointsman.kit.json_loader import JsonValue, dump_json, load_json
from pointsman.kit.logging import Logger

# Of the time that a request has left, the judge may take so much: the answer matters more.
MAX_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class JudgeBody:
    """The question in OpenAI's form."""

    fields: Mapping[str, object] = field(repr=False)

    def render(self, *, system_prompt: str | None, output_token_limit: int | None) -> bytes:  # noqa: ARG002  # no agent is asked
        """The JSON."""
        limit = MAX_ANSWER_TOKEN_COUNT if output_token_limit is None else output_token_limit
        return dump_json({**self.fields, "temperature": 0, "max_tokens": limit})


@dataclass(slots=True)
class _Asking:
    """One request's question, and what has come of it so far."""

    prompt: PromptText
    order: Order
    policy: Policy
    catalog: Catalog
    categories: Collection[str]
    deadline: Deadline
    is_hasty: bool  # the request leaves less time than the judge is allowed
    completion: Completion | None = None
    base: Judged | None = None
    made: Judgement | None = None


class LlmJudging:
    """Asks the model within its budget, and knows when not to ask."""

    def __init__(
        self,
        *,
        judging: Judging,
        completing: Completing,
        world: World,
        circuit: Circuit,
        cache: JudgementCache | None,
        keyed_hash: KeyedHash,
        measures: Measures,
        model_id: str | None,
        budget_s: float,
        log: Logger,
        now_s: Callable[[], float] = time.monotonic,
        time_s: Callable[[], float] = time.time,
    ) -> None:
        """model_id: None: the cheapest that fits. budget_s: longest that a request waits for the judge. cache: the classifier's own."""
        self._judging = judging
        self._completing = completing
        self._world = world
        self._circuit = circuit
        self._cache = cache
        self._keyed_hash = keyed_hash
        self._measures = measures
        self._model_id = model_id
        self._budget_s = budget_s
        self._log = log
        self._now_s = now_s
        self._time_s = time_s

    async def judge(self, prompt: PromptText, order: Order, policy: Policy, catalog: Catalog, deadline: Deadline) -> Judged:
        """Never fails; where the model does not judge, the classifier's judgement, marked as a substitute."""
        if not is_worth_asking(order, catalog):
            return replace(await self._judging.judge(prompt, Strategy.HYBRID, deadline), is_other_strategy=True)
        now_s = self._now_s()
        share_s = MAX_SHARE * deadline.remaining_s(now_s)
        budget = Deadline.after(min(self._budget_s, share_s), now_s=now_s)
        rules = self._world.rules
        categories = BUILT_IN_CATEGORIES if rules is None else rules.categories
        asking = _Asking(prompt, order, policy, catalog, categories, deadline, is_hasty=share_s < self._budget_s)
        judgement = await self._find(asking, "" if rules is None else rules.version, budget)
        attempts = () if asking.completion is None else asking.completion.attempts
        if judgement is None:
            base = asking.base or await self._judging.judge(prompt, Strategy.HYBRID, deadline)
            return replace(base, is_other_strategy=True, attempts=attempts)
        cache = CacheUse.OFF if self._cache is None else CacheUse.HIT if judgement.cache_hit else CacheUse.MISS
        is_degraded = asking.base is not None and asking.base.is_degraded
        return Judged(judgement, is_degraded=is_degraded, cache=cache, attempts=attempts)

    async def _find(self, asking: _Asking, rules_version: str, budget: Deadline) -> Judgement | None:
        """The judgement from memory, or by the model."""

        async def ask() -> Judgement | None:
            asking.made = await self._ask(asking, budget)
            is_stopgap = asking.base is None or asking.base.is_degraded  # what rests on one is not kept
            return None if is_stopgap else asking.made

        if self._cache is None:
            await ask()
            return asking.made
        key = judgement_key(asking.prompt, Strategy.LLM, rules_version, self._keyed_hash)
        found = await self._cache.find(key, ask, budget)
        return found.judgement or asking.made

    async def _ask(self, asking: _Asking, budget: Deadline) -> Judgement | None:
        """Classifier and model at the same time; None where the model gives no usable answer."""
        start_s = self._now_s()
        async with asyncio.TaskGroup() as group:
            judging = group.create_task(self._judging.judge(asking.prompt, Strategy.HYBRID, asking.deadline))
            calling = group.create_task(self._call_if_well(asking, budget))
        asking.base, (model_id, answer) = judging.result(), calling.result()
        if answer is None:
            return None
        base, total_s = asking.base.judgement, self._now_s() - start_s
        return blend(answer, base, categories=asking.categories, model_id=model_id, total_s=total_s)

    async def _call_if_well(self, asking: _Asking, budget: Deadline) -> tuple[str, LlmAnswer | None]:
        """The model and what it said; None where it could not be asked or is not to be understood. One log line at each change."""
        if not self._circuit.try_acquire(self._now_s()):
            return "", None
        was_open = self._circuit.is_open
        try:
            model_id, answer = await self._call(asking, budget)
        except ModelNotFound as error:  # the catalogue has not the one that the settings name
            self._note_failure(error.reason, was_open=was_open)
            return "", None
        except RoutingError:  # no model may be asked about this prompt
            self._circuit.release()
            return "", None
        except ServiceError as error:
            is_hasty = asking.is_hasty and isinstance(error, DeadlineExceeded)
            if asking.completion is None or is_hasty:  # nothing was called: there is no money for it, or the caller has no time
                self._circuit.release()
                return "", None
            self._note_failure(error.reason, was_open=was_open)
            return "", None
        except BaseException:
            self._circuit.release()
            raise
        finally:
            if asking.completion is not None:
                self._measures.count_costs(asking.completion.attempts)
        if answer is None:
            self._note_failure("unusable_answer", was_open=was_open)
            return model_id, None
        self._circuit.record_success()
        if was_open:
            self._log.info(names.LLM_CLASSIFIER_BACK)
        return model_id, answer

    async def _call(self, asking: _Asking, budget: Deadline) -> tuple[str, LlmAnswer | None]:
        """Raises RoutingError where no model may be asked, ServiceError where the one that may does not answer."""
        routed, model = self._route(asking)
        left_s = budget.remaining_s(self._now_s())
        allowed = TimeAllowed(self._now_s(), left_s, left_s)
        order = judge_order(asking)
        body = JudgeBody(question(asking, model))
        async with self._completing.call(routed, order, body, stream=False, time_allowed=allowed) as completion:
            asking.completion = completion
            while await completion.next_chunk() is not None:
                pass
        done = completion.done
        return model.id, parse_answer(text_of(None if done is None else done.body), asking.categories)

    def _route(self, asking: _Asking) -> tuple[Routed, Model]:
        """Which model is asked, decided as for any request; it alone is called. Raises RoutingError."""
        order = judge_order(asking)
        request = judge_request(
            policy=asking.policy,
            constraints=asking.order.constraints,
            catalog=asking.catalog,
            input_byte_count=order.shape.input_byte_count,
            message_count=order.shape.message_count,
            model_id=self._model_id,
        )
        decision = decide(request, None, asking.catalog, self._world.conditions)
        routed = Routed(
            request_id=order.request_id,
            decision_id="",  # it answers nobody: no decision is kept of it
            create_time_s=self._time_s(),
            account=order.account,
            request=request,
            judgement=None,
            decision=replace(decision, ranking=decision.ranking[:1]),
            degraded=(),
            prompt_hash=b"",
            catalog=asking.catalog,
        )
        return routed, decision.ranking[0].model

    def _note_failure(self, reason: str, *, was_open: bool) -> None:
        self._circuit.record_failure(self._now_s())
        if self._circuit.is_open and not was_open:
            self._log.warning(names.LLM_CLASSIFIER_AWAY, reason=reason)


def is_worth_asking(order: Order, catalog: Catalog) -> bool:
    """True for requests that spend, and in which the judgement decides who answers."""
    name = parse_model_name(order.model)
    agent = catalog.agents.get(name.value or "") if name.kind is ModelNameKind.AGENT else None
    is_named = name.kind is ModelNameKind.CONCRETE or bool(order.models) or (agent is not None and agent.model_id is not None)
    return order.purpose is Purpose.GENERATE and not is_named and order.decision_id is None


def judge_order(asking: _Asking) -> Order:
    """The question as an order of the same caller; his own key is for his answer alone."""
    messages = judge_messages(asking.prompt.text, asking.prompt.context_digest, asking.categories)
    return Order(
        request_id=asking.order.request_id,
        account=asking.order.account,
        purpose=Purpose.GENERATE,
        shape=shape_of({"messages": messages}),
        prompt_hash=b"",
        max_output_token_count=MAX_ANSWER_TOKEN_COUNT,
    )


def question(asking: _Asking, model: Model) -> Mapping[str, object]:
    """Messages, and the schema of the answer where the model takes one."""
    messages = judge_messages(asking.prompt.text, asking.prompt.context_digest, asking.categories)
    schema = {"response_format": answer_format(asking.categories)} if Capability.JSON_SCHEMA in model.capabilities else {}
    return {"messages": messages, **schema}


def text_of(body: bytes | None) -> JsonValue:
    """What the model said; None where it said nothing that can be read."""
    try:
        answer = None if body is None else load_json(body)
    except ServiceError:
        return None
    choices = answer.get("choices") if isinstance(answer, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    return message.get("content") if isinstance(message, dict) else None
