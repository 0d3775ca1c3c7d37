"""What is remembered of models and keys from one request to the next, and whether a call may be made now."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from pointsman.executor.core.breaker import Breaker, BreakerState
from pointsman.executor.core.catalog import CatalogVersion, Model
from pointsman.executor.core.completion import Attempt
from pointsman.executor.core.faults import Blame, FailureReason, Fault
from pointsman.executor.core.outcomes import Outcomes

TIMEOUT_STATUS = 408


@dataclass(frozen=True, slots=True)
class Ready:
    """A call may be made."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """No call may be made now. until_s: when that may change; None: not by waiting. can_probe: where nobody
    else is left, one call may find out whether the provider is back."""

    reason: FailureReason
    message: str
    until_s: float | None = None
    can_probe: bool = False


Readiness: TypeAlias = Ready | Blocked
READY = Ready()


@dataclass(slots=True)
class ModelRecord:
    """Memory of one model at one provider."""

    breaker: Breaker = field(default_factory=Breaker)
    outcomes: Outcomes = field(default_factory=Outcomes)
    in_flight_count: int = 0


@dataclass(slots=True)
class KeyRecord:
    """Memory of one provider's key."""

    cooling_until_s: float = 0.0
    refused_in: CatalogVersion | None = None


@dataclass(frozen=True, slots=True)
class ModelState:
    """How a model has been doing, at one moment. None: not seen."""

    model_id: str
    breaker: BreakerState
    availability: float | None
    time_to_first_token_s: float | None
    output_tokens_per_s: float | None
    in_flight_count: int
    queued_count: int = 0  # a provider takes all calls at once: none waits


@dataclass(frozen=True, slots=True)
class Permit:
    """A call that is under way. with_own_key: the operator's key is used, not the caller's. key: memory of the one in use."""

    model: Model
    record: ModelRecord
    key: KeyRecord
    version: CatalogVersion
    is_probe: bool
    with_own_key: bool


class Fleet:
    """Memory of all models and keys. It outlives versions of the catalogue; a new one forgives refused keys, and no more."""

    def __init__(self) -> None:
        """Begin without memories."""
        self._models: dict[tuple[str, str], ModelRecord] = {}
        self._keys: dict[str, KeyRecord] = {}

    def record_of(self, model: Model) -> ModelRecord | None:
        """What is remembered of the model; None where it was never called."""
        return self._models.get((model.provider_id, model.id))

    def states(self, models: Iterable[Model], now_s: float) -> list[ModelState]:
        """States of those that have been called."""
        records = [(model.id, record) for model in models if (record := self.record_of(model)) is not None]
        return [
            ModelState(
                id_,
                record.breaker.state(now_s),
                record.outcomes.availability,
                record.outcomes.time_to_first_token_s,
                record.outcomes.output_tokens_per_s,
                record.in_flight_count,
            )
            for id_, record in records
        ]

    def is_key_refused(self, provider_id: str, version: CatalogVersion) -> bool:
        """Whether the provider has refused its key in this version."""
        key = self._keys.get(provider_id)
        return key is not None and key.refused_in == version

    def forgive_key(self, provider_id: str) -> None:
        """The provider's key is another one now: what happened to the old one, or still will, says nothing of it."""
        self._keys.pop(provider_id, None)

    def breaker_state(self, model: Model, now_s: float) -> BreakerState:
        """The state of the model's breaker; closed where it was never called."""
        record = self.record_of(model)
        return BreakerState.CLOSED if record is None else record.breaker.state(now_s)

    def readiness(self, model: Model, version: CatalogVersion, now_s: float, *, with_own_key: bool) -> Readiness:
        """Whether the model may be called."""
        key = self._keys.get(model.provider_id)
        if key is not None and with_own_key:
            if key.refused_in == version:
                return Blocked(FailureReason.PROVIDER_AUTH, "the provider has refused its key")
            if now_s < key.cooling_until_s:
                return Blocked(FailureReason.RATE_LIMIT_EXCEEDED, "the provider's rate limit is reached", key.cooling_until_s)
        record = self.record_of(model)
        if record is None or record.breaker.admits(now_s):
            return READY
        return Blocked(
            FailureReason.NO_HEALTHY_PROVIDER,
            "the model has failed too often lately",
            record.breaker.opens_at_s(),
            can_probe=not record.breaker.is_probing,
        )

    def begin(self, model: Model, version: CatalogVersion, *, with_own_key: bool) -> Permit:
        """Note that a call begins; it must be ended by one of the next three."""
        record = self._models.setdefault((model.provider_id, model.id), ModelRecord())
        record.in_flight_count += 1
        key = self._keys.setdefault(model.provider_id, KeyRecord())
        return Permit(model, record, key, version, record.breaker.begin(), with_own_key)

    def succeed(self, permit: Permit, attempt: Attempt, now_s: float) -> None:
        """Note that the answer was whole, and how fast it came."""
        permit.record.in_flight_count -= 1
        permit.record.breaker.succeed(now_s, is_probe=permit.is_probe)
        permit.record.outcomes.add_call(now_s, succeeded=True)
        if attempt.time_to_first_token_s is not None and attempt.usage is not None:
            permit.record.outcomes.add_speed(
                now_s,
                time_to_first_token_s=attempt.time_to_first_token_s,
                duration_s=attempt.latency_s,
                output_token_count=attempt.usage.output_token_count,
            )

    def ignore(self, permit: Permit) -> None:
        """Note that the call tells nothing of the provider: the caller left."""
        permit.record.in_flight_count -= 1
        permit.record.breaker.ignore(is_probe=permit.is_probe)

    def fail(self, permit: Permit, fault: Fault, now_s: float) -> None:
        """Note that the call failed, against whom the fault speaks."""
        if not _speaks_against_provider(fault, permit):
            self.ignore(permit)
            return
        permit.record.in_flight_count -= 1
        permit.record.breaker.fail(now_s, is_probe=permit.is_probe)
        permit.record.outcomes.add_call(now_s, succeeded=False)
        if fault.blame is Blame.KEY:
            permit.key.refused_in = permit.version
        elif fault.blame is Blame.LIMIT and fault.retry_after_s is not None:
            permit.key.cooling_until_s = max(permit.key.cooling_until_s, now_s + fault.retry_after_s)


def _speaks_against_provider(fault: Fault, permit: Permit) -> bool:
    """No 4xx but 401, 403, 408, 429: the others are about one request. And a stranger's key says nothing of ours."""
    if fault.blame in (Blame.KEY, Blame.LIMIT):
        return permit.with_own_key
    is_about_one_request = fault.status_code is not None and 400 <= fault.status_code < 500 and fault.status_code != TIMEOUT_STATUS
    return fault.blame is Blame.PROVIDER and not is_about_one_request
