"""How long each phase of a call may last."""

import pytest

from pointsman.executor.core.catalog import Model, Provider, ProviderKind, TimeoutOverrides
from pointsman.executor.core.timers import CLOUD, SLOW_START, Timers, timers_of

NONE = TimeoutOverrides()


def model(timeouts: TimeoutOverrides = NONE, *, is_reasoning: bool = False) -> Model:
    return Model("m", "p", "m", is_reasoning, timeouts)


def provider(timeouts: TimeoutOverrides = NONE, *, is_local: bool = False) -> Provider:
    return Provider("p", ProviderKind.OPENAI, is_local=is_local, timeouts=timeouts)


WHOLE = Timers(2.0, None, 15.0, 60.0)
TIMERS = {
    "cloud stream": (model(), provider(), True, CLOUD),
    "cloud, whole: the total alone": (model(), provider(), False, WHOLE),
    "local stream": (model(), provider(is_local=True), True, SLOW_START),
    "reasoning stream": (model(is_reasoning=True), provider(), True, SLOW_START),
    "the provider's": (model(), provider(TimeoutOverrides(total_s=9.0)), True, Timers(2.0, 10.0, 15.0, 9.0)),
    "the model's before the provider's": (
        model(TimeoutOverrides(total_s=8.0, idle_s=1.0)),
        provider(TimeoutOverrides(total_s=9.0, connect_s=0.3)),
        True,
        Timers(0.3, 10.0, 1.0, 8.0),
    ),
    "first token of a whole answer, where named": (
        model(TimeoutOverrides(first_token_s=5.0)),
        provider(),
        False,
        Timers(2.0, 5.0, 15.0, 60.0),
    ),
}


@pytest.mark.parametrize(("model", "provider", "stream", "timers"), TIMERS.values(), ids=TIMERS.keys())
def test_timers(model: Model, provider: Provider, stream: bool, timers: Timers) -> None:  # noqa: FBT001
    assert timers_of(model, provider, stream=stream) == timers


READS = {
    "first token": (CLOUD, 0.0, False, 10.0),
    "events without content do not help": (CLOUD, 9.0, False, 10.0),
    "idle after content": (CLOUD, 9.0, True, 24.0),
    "never past the total": (CLOUD, 50.0, True, 60.0),
    "total alone": (WHOLE, 0.0, False, 60.0),
}


@pytest.mark.parametrize(("timers", "last_event_s", "has_content", "deadline_s"), READS.values(), ids=READS.keys())
def test_next_event_must_be_there_by(timers: Timers, last_event_s: float, has_content: bool, deadline_s: float) -> None:  # noqa: FBT001
    assert timers.read_deadline_s(start_s=0.0, last_event_s=last_event_s, has_content=has_content) == deadline_s
