"""How long each phase of a call may last."""

from dataclasses import dataclass

from pointsman.executor.core.catalog import Model, Provider, TimeoutOverrides


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds for each phase of one call.

    connect_s: until the connection stands. first_token_s: from the request until the first content; None:
    only the total applies. idle_s: between two events of a stream after that. total_s: the whole call.
    """

    connect_s: float
    first_token_s: float | None
    idle_s: float
    total_s: float

    def read_deadline_s(self, *, start_s: float, last_event_s: float, has_content: bool) -> float:
        """When the next event of a stream must be there. Pieces of an event do not count: a byte a second is no answer."""
        total_s = start_s + self.total_s
        if has_content:
            return min(total_s, last_event_s + self.idle_s)
        return total_s if self.first_token_s is None else min(total_s, start_s + self.first_token_s)


# A cold local model loads its weights first, and a reasoning model thinks first: neither is a failure.
CLOUD = Timers(connect_s=2.0, first_token_s=10.0, idle_s=15.0, total_s=60.0)
SLOW_START = Timers(connect_s=2.0, first_token_s=120.0, idle_s=15.0, total_s=600.0)


def timers_of(model: Model, provider: Provider, *, stream: bool) -> Timers:
    """Timers of a call: the model's, else its provider's, else the defaults of its kind."""
    default = SLOW_START if provider.is_local or model.is_reasoning else CLOUD
    first_token_s = _first(model.timeouts, provider.timeouts, "first_token_s")
    return Timers(
        connect_s=_first(model.timeouts, provider.timeouts, "connect_s") or default.connect_s,
        # A call that does not stream gives nothing to time before its end, unless the operator says otherwise.
        first_token_s=first_token_s or (default.first_token_s if stream else None),
        idle_s=_first(model.timeouts, provider.timeouts, "idle_s") or default.idle_s,
        total_s=_first(model.timeouts, provider.timeouts, "total_s") or default.total_s,
    )


def _first(model: TimeoutOverrides, provider: TimeoutOverrides, name: str) -> float | None:
    value: float | None = getattr(model, name)
    return value if value is not None else getattr(provider, name)
