"""Live figures: `GET /v1/metrics` and `GET /metrics/models` as tiles, bars and rows."""

from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.dashboard.core.health import breaker_cell, unique
from pointsman.dashboard.core.reading import list_at, mapping_at, number_at, text_at, time_at, truth_at
from pointsman.dashboard.core.view import Cell, Row, State, Tile, Tone
from pointsman.dashboard.core.writing import HOUR_S, MINUTE_S, UNKNOWN, absolute, ago, count, milliseconds, money, rate, share, tokens

MODEL_COLUMNS = (
    "Model", "State", "Requests", "Success", "p50", "p95", "p99", "First token", "Tokens in, out", "Cost", "Breaker", "In flight",
)  # fmt: skip
MAX_MODELS = 200  # rows; who has more looks them up by name
RATE_S = 5 * MINUTE_S  # what "now" means for a rate: long enough to be steady, short enough to be current
BARS = 60  # one a minute over the last hour


@dataclass(frozen=True, slots=True)
class TrafficView:
    """What the traffic section shows. bars: requests in each minute of the last hour, oldest first."""

    tiles: tuple[Tile, ...]
    bars: tuple[float, ...]
    is_empty: bool


def traffic_view(hour: object, day: object) -> TrafficView:
    """hour, day: the JSON of `GET /v1/metrics` over an hour and over a day; None before there is any."""
    requests = number_at(hour, "totals", "requests")
    day_requests = at_least(number_at(day, "totals", "requests"), requests)
    hour_cost = number_at(hour, "totals", "cost_usd")
    day_cost = at_least(number_at(day, "totals", "cost_usd"), hour_cost)
    tiles = (
        Tile("Requests a minute", rate(current_rate(hour)), (f"{count(requests)} in the last hour", f"{count(day_requests)} in 24 h")),
        Tile("Success", share(success_of(hour)), (f"{errors_of(hour)} in the last hour", f"{share(success_of(day))} in 24 h")),
        latency_tile("Latency", hour, "latency_ms"),
        latency_tile("First token", hour, "time_to_first_token_ms"),
        Tile("Cost, last hour", money(hour_cost), (average_cost(hour_cost, requests),)),
        Tile("Cost, 24 h", money(day_cost), (average_cost(day_cost, day_requests),)),
    )
    return TrafficView(tiles, bars_of(hour), is_empty=not requests and not day_requests)


def latency_tile(label: str, metrics: object, name: str) -> Tile:
    """The median large, the tail below."""
    times = mapping_at(metrics, "totals", name)
    p50, p95, p99 = (milliseconds(number_at(times, key)) for key in ("p50", "p95", "p99"))
    return Tile(f"{label}, p50", p50, (f"p95 {p95}", f"p99 {p99}"))


def errors_of(metrics: object) -> str:
    """How many failed."""
    errors = number_at(metrics, "totals", "errors")
    return "1 failed" if errors == 1 else f"{count(errors)} failed"


def at_least(day: float | None, hour: float | None) -> float | None:
    """A day's sum, which is asked for less often than the hour's, and holds it."""
    return day if day is None or hour is None else max(day, hour)


def average_cost(cost_usd: float | None, requests: float | None) -> str:
    """What one request costs."""
    return "no request" if not requests or cost_usd is None else f"{money(cost_usd / requests)} a request"


def success_of(metrics: object) -> float | None:
    """Share of requests that did not fail; None without any."""
    requests, errors = number_at(metrics, "totals", "requests"), number_at(metrics, "totals", "errors")
    if not requests or errors is None:
        return None
    return min(1.0, max(0.0, 1 - errors / requests))


def current_rate(metrics: object) -> float | None:
    """Requests a minute over the last minutes; of the last stretch where those of the series are longer."""
    end_s, bucket_s = time_at(metrics, "to"), number_at(metrics, "bucket_s")
    if end_s is None or not bucket_s or bucket_s < 0:
        requests = number_at(metrics, "totals", "requests")
        return None if requests is None else requests / (HOUR_S / MINUTE_S)
    start_s = min(end_s - RATE_S, end_s - end_s % bucket_s)
    start_s -= start_s % bucket_s  # points begin at multiples of their length
    recent = sum(requests for time_s, requests in points_of(metrics) if time_s >= start_s)
    return recent / max(1.0, (end_s - start_s) / MINUTE_S)


def bars_of(metrics: object) -> tuple[float, ...]:
    """Requests in each minute of the last hour, oldest first; empty where it is not told."""
    end_s = time_at(metrics, "to")
    if end_s is None:
        return ()
    bars = [0.0] * BARS
    for time_s, requests in points_of(metrics):
        minutes_ago = int(end_s // MINUTE_S - time_s // MINUTE_S)
        if 0 <= minutes_ago < BARS:
            bars[BARS - 1 - minutes_ago] += requests
    return tuple(bars)


def points_of(metrics: object) -> list[tuple[float, float]]:
    """Time and requests of every point of every series."""
    points = [point for series in list_at(metrics, "series") for point in list_at(series, "points")]
    known = [(time_at(point, "time"), number_at(point, "requests")) for point in points]
    return [(time_s, requests) for time_s, requests in known if time_s is not None and requests is not None]


def model_rows(metrics: object, *, now_s: float) -> tuple[Row, ...]:
    """Models by use, the busiest first; those that can be called before the others."""
    models = [model for model in list_at(metrics, "models") if text_at(model, "id") is not None]
    models.sort(key=lambda model: (-(number_at(model, "requests") or 0), truth_at(model, "available") is not True, text_at(model, "id")))
    return tuple(unique([model_row(model, now_s) for model in models[:MAX_MODELS]]))


def model_row(model: object, now_s: float) -> Row:
    """One model."""
    name, provider = text_at(model, "id") or UNKNOWN, text_at(model, "provider") or UNKNOWN
    latency, first_token = mapping_at(model, "latency_ms"), mapping_at(model, "time_to_first_token_ms")
    checked_s = time_at(model, "last_check")
    return Row(
        key=f"{provider}\n{name}",
        cells=(
            Cell(name, hint=f"at {provider}; seen {ago(checked_s, now_s)} {absolute(checked_s)}".rstrip()),
            available_cell(model),
            Cell(count(number_at(model, "requests"))),
            Cell(share(number_at(model, "success_rate"))),
            *(Cell(milliseconds(number_at(latency, key))) for key in ("p50", "p95", "p99")),
            Cell(milliseconds(number_at(first_token, "p50")), hint=percentiles_hint(first_token)),
            Cell(f"{tokens(number_at(model, 'tokens', 'input'))}, {tokens(number_at(model, 'tokens', 'output'))}"),
            Cell(money(number_at(model, "cost_usd"))),
            breaker_cell(model),
            in_flight_cell(model),
        ),
    )


def available_cell(model: object) -> Cell:
    """Whether it can be called; where not, why not."""
    match truth_at(model, "available"):
        case True:
            return Cell("", state=State(Tone.GOOD, "callable"))
        case False:
            return Cell("", hint=text_at(model, "not_available_reason") or "", state=State(Tone.NEUTRAL, "not callable"))
        case _:
            return Cell("", state=State(Tone.NEUTRAL, "not known"))


def in_flight_cell(model: object) -> Cell:
    """Calls open now, and those that wait for a place."""
    waiting = number_at(model, "queue_depth")
    running = count(number_at(model, "in_flight"))
    return Cell(f"{running} + {count(waiting)} waiting" if waiting else running)


def percentiles_hint(times: Mapping[str, object]) -> str:
    """All three; nothing where none is known."""
    if number_at(times, "p50") is None:
        return ""
    return ", ".join(f"{key} {milliseconds(number_at(times, key))}" for key in ("p50", "p95", "p99"))
