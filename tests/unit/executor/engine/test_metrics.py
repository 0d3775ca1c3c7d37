"""What is counted of calls, and by which names."""

import pytest
from prometheus_client import CollectorRegistry

from pointsman.executor.core.breaker import BreakerState
from pointsman.executor.core.catalog import Catalog, CatalogVersion, Model, Provider, ProviderKind
from pointsman.executor.core.completion import Attempt, AttemptOutcome
from pointsman.executor.core.faults import FailureReason
from pointsman.executor.core.usage import TokenUsage
from pointsman.executor.engine.metrics import ExecutorMetrics

DURATION = "gen_ai_client_operation_duration_seconds"
FIRST_CHUNK = "gen_ai_client_operation_time_to_first_chunk_seconds"
TOKENS = "gen_ai_client_token_usage"


def catalog_of(*models: tuple[str, str]) -> Catalog:
    providers = {provider: Provider(provider, ProviderKind.OPENAI) for _, provider in models}
    return Catalog(CatalogVersion("e", 1), providers, {model: Model(model, provider, model) for model, provider in models})


def an_attempt(
    model: str = "m", provider: str = "p", outcome: AttemptOutcome = AttemptOutcome.SUCCEEDED, reason: FailureReason | None = None
) -> Attempt:
    usage = TokenUsage(100, 20) if outcome is AttemptOutcome.SUCCEEDED else None
    return Attempt("att_1", 1, model, provider, outcome, 0.0, 2.0, reason, usage=usage, time_to_first_token_s=0.5 if usage else None)


class Counted:
    """Metrics and what they say."""

    def __init__(self, *models: tuple[str, str]) -> None:
        self.registry = CollectorRegistry()
        self.metrics = ExecutorMetrics(self.registry)
        self.metrics.adopt(catalog_of(*models))

    def value(self, name: str, provider: str, model: str, **more: str) -> float | None:
        labels = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": provider, "gen_ai_request_model": model, **more}
        return self.registry.get_sample_value(name, labels)

    def names(self) -> set[tuple[str, str]]:
        """Providers and models that have series."""
        labels = [sample.labels for family in self.registry.collect() for sample in family.samples]
        return {(one["gen_ai_provider_name"], one["gen_ai_request_model"]) for one in labels if "gen_ai_provider_name" in one}


def test_success_is_counted_with_its_times_and_tokens() -> None:
    counted = Counted(("m", "p"))
    counted.metrics.count_attempt(an_attempt())
    assert counted.value(f"{DURATION}_sum", "p", "m", error_type="") == 2.0
    assert counted.value(f"{FIRST_CHUNK}_sum", "p", "m") == 0.5
    assert counted.value(f"{TOKENS}_sum", "p", "m", gen_ai_token_type="input") == 100
    assert counted.value(f"{TOKENS}_sum", "p", "m", gen_ai_token_type="output") == 20


@pytest.mark.parametrize(
    ("outcome", "reason", "error_type"),
    [
        (AttemptOutcome.FAILED, FailureReason.PROVIDER_TIMEOUT, "provider_timeout"),
        (AttemptOutcome.CUT, FailureReason.PROVIDER_ERROR, "provider_error"),
        (AttemptOutcome.CANCELLED, None, "cancelled"),
    ],
)
def test_failure_is_counted_by_its_reason_and_without_tokens(
    outcome: AttemptOutcome, reason: FailureReason | None, error_type: str
) -> None:
    counted = Counted(("m", "p"))
    counted.metrics.count_attempt(an_attempt(outcome=outcome, reason=reason))
    assert counted.value(f"{DURATION}_count", "p", "m", error_type=error_type) == 1
    assert counted.value(f"{TOKENS}_count", "p", "m", gen_ai_token_type="input") is None


def test_names_that_are_not_the_catalogues_are_other() -> None:
    counted = Counted(("m", "p"))
    for number in range(100):
        counted.metrics.count_attempt(an_attempt(f"m{number}", "p"))
        counted.metrics.count_attempt(an_attempt("m", f"p{number}"))
    assert counted.names() == {("p", "other"), ("other", "other")}


def test_series_of_a_model_that_left_the_catalogue_are_dropped_and_others_go_on() -> None:
    counted = Counted(("stays", "p"), ("goes", "p"), ("moves", "p"))
    for model in ("stays", "goes", "moves"):
        counted.metrics.count_attempt(an_attempt(model))
        counted.metrics.count_retry(Model(model, "p", model))
    counted.metrics.adopt(catalog_of(("stays", "p"), ("moves", "q")))
    assert counted.names() == {("p", "stays")}
    assert counted.registry.get_sample_value("pointsman_retries_total", {"provider": "p", "model": "stays"}) == 1
    assert counted.registry.get_sample_value("pointsman_retries_total", {"provider": "p", "model": "goes"}) is None
    counted.metrics.count_attempt(an_attempt("goes"))
    counted.metrics.count_attempt(an_attempt("stays"))
    assert counted.value(f"{DURATION}_count", "p", "other", error_type="") == 1
    assert counted.value(f"{DURATION}_count", "p", "stays", error_type="") == 2


def test_fleet_is_read_when_it_is_scraped() -> None:
    counted = Counted()
    states = {"a": BreakerState.CLOSED, "b": BreakerState.HALF_OPEN, "c": BreakerState.OPEN}
    counted.metrics.watch_fleet(
        lambda: [(Model(id_, "p", id_), state) for id_, state in states.items()], lambda: [("p", True), ("q", False)], lambda: 3
    )
    values = [counted.registry.get_sample_value("pointsman_breaker_state", {"model": id_, "provider": "p"}) for id_ in states]
    assert values == [0, 1, 2]
    assert counted.registry.get_sample_value("pointsman_provider_callable", {"provider": "p"}) == 1
    assert counted.registry.get_sample_value("pointsman_provider_callable", {"provider": "q"}) == 0
    assert counted.registry.get_sample_value("pointsman_queue_depth") == 3
    del states["b"]
    assert counted.registry.get_sample_value("pointsman_breaker_state", {"model": "b", "provider": "p"}) is None
