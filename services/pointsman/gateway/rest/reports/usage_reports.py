"""`GET /v1/metrics` and `GET /v1/usage`: what was used, over time and by group."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from starlette.requests import Request

from pointsman.gateway.report_ports import UsageDimension, UsageQuery, UsageRow
from pointsman.gateway.rest.checks import refuse
from pointsman.gateway.rest.figures import moment_of, usd
from pointsman.gateway.rest.reports.parameters import Parameters, TimeRange
from pointsman.gateway.rest.reports.report_shapes import MetricsShape, PointShape, SeriesShape, TotalsShape, UsageRowShape, UsageShape
from pointsman.gateway.rest.reports.sources import NO_ROW, Reports, percentiles_of, tokens_of

DEFAULT_RANGE = "1h"
DEFAULT_USAGE_S = 30 * 86_400
DAY_S = 86_400
DAY = "day"
GROUPS = tuple(dimension.value for dimension in UsageDimension if dimension is not UsageDimension.TIME)
USAGE_GROUPS = (*GROUPS, DAY)
ALL = "all"


async def metrics_over_time(reports: Reports, request: Request) -> MetricsShape:
    """Sums over time, one series per group; a point for each stretch, also where nothing happened."""
    parameters = Parameters(request, "time_range", "model", "group_by")
    time_range = parameters.time_range(default=DEFAULT_RANGE)
    group_by = parameters.choice("group_by", GROUPS)
    model_id = parameters.name("model")
    end_s = reports.time_s()
    start_s = (end_s - time_range.length_s) // time_range.bucket_s * time_range.bucket_s
    dimensions = (UsageDimension.TIME, *([UsageDimension(group_by)] if group_by else []))
    deadline = reports.deadline()
    over_time = UsageQuery(start_s, end_s, dimensions, bucket_s=time_range.bucket_s, model_id=model_id)
    rows = await reports.usage.sum_usage(over_time, deadline=deadline)
    totals = await reports.usage.sum_usage(UsageQuery(start_s, end_s, model_id=model_id), deadline=deadline)
    starts_s = [start_s + bucket * time_range.bucket_s for bucket in range(_bucket_count(start_s, end_s, time_range))]
    return {
        "time_range": time_range.name,
        "from": moment_of(start_s),
        "to": moment_of(end_s),
        "degraded": [],
        "group_by": group_by,
        "bucket_s": time_range.bucket_s,
        "series": _series(rows, group_by, starts_s),
        "totals": _totals(totals[0] if totals else NO_ROW),
    }


def _bucket_count(start_s: float, end_s: float, time_range: TimeRange) -> int:
    return int((end_s - start_s) // time_range.bucket_s) + 1


def _series(rows: Sequence[UsageRow], group_by: str | None, starts_s: Sequence[float]) -> list[SeriesShape]:
    """A series per group, in the order of their first rows; without groups there is one, even of nothing."""
    found: defaultdict[tuple[str | None, str | None], dict[float, UsageRow]] = defaultdict(dict)
    if group_by is None:
        found[ALL, None] = {}
    for row in rows:
        found[_key_of(row, group_by)][row.bucket_start_s or 0.0] = row
    return [
        {"key": key, "provider": provider, "points": [_point(start_s, by_start.get(start_s, NO_ROW)) for start_s in starts_s]}
        for (key, provider), by_start in found.items()
    ]


def _key_of(row: UsageRow, group_by: str | None) -> tuple[str | None, str | None]:
    """The group's name, and the provider that belongs to it."""
    if group_by is None:
        return ALL, None
    return _name_of(row, group_by), row.provider_id


def _name_of(row: UsageRow, group: str) -> str | None:
    match UsageDimension(group):
        case UsageDimension.MODEL:
            return row.model_id
        case UsageDimension.PROVIDER:
            return row.provider_id
        case UsageDimension.PROJECT:
            return row.project_id
        case UsageDimension.KEY:
            return row.key_id
        case UsageDimension.CATEGORY:
            return row.category
        case UsageDimension.TIME:
            return None if row.bucket_start_s is None else moment_of(row.bucket_start_s)


def _point(start_s: float, row: UsageRow) -> PointShape:
    return {"time": moment_of(start_s), **_totals(row)}


def _totals(row: UsageRow) -> TotalsShape:
    return {
        "requests": row.request_count,
        "errors": row.failed_attempt_count,
        "cost_usd": usd(row.operator_cost_nanousd) or 0.0,
        "latency_ms": percentiles_of(row.latency),
        "time_to_first_token_ms": percentiles_of(row.time_to_first_token),
        "tokens": tokens_of(row),
    }


async def usage(reports: Reports, request: Request) -> UsageShape:
    """What was used, by group."""
    parameters = Parameters(request, "group_by", "from", "to")
    groups = parameters.choices("group_by", USAGE_GROUPS)
    now_s = reports.time_s()
    given_end_s, given_start_s = parameters.moment("to"), parameters.moment("from")
    end_s = now_s if given_end_s is None else min(given_end_s, now_s)
    start_s = max(0.0, end_s - DEFAULT_USAGE_S) if given_start_s is None else given_start_s
    if start_s >= end_s:
        raise refuse("from", "a moment before the end, and before now, is asked for")
    query = UsageQuery(
        start_s,
        end_s,
        tuple(UsageDimension.TIME if group == DAY else UsageDimension(group) for group in groups),
        bucket_s=DAY_S if DAY in groups else None,
    )
    rows = await reports.usage.sum_usage(query, deadline=reports.deadline())
    return {
        "from": moment_of(start_s),
        "to": moment_of(end_s),
        "group_by": list(groups),
        "rows": [_usage_row(row, groups) for row in rows],
        "total_cost_usd": usd(sum(row.operator_cost_nanousd for row in rows)) or 0.0,
        "total_caller_cost_usd": usd(sum(row.caller_cost_nanousd for row in rows)) or 0.0,
    }


def _usage_row(row: UsageRow, groups: Sequence[str]) -> UsageRowShape:
    return {
        "key": _row_key(row, groups),
        "requests": row.request_count,
        "attempts": row.attempt_count,
        "input_tokens": row.input_token_count,
        "output_tokens": row.output_token_count,
        "cost_usd": usd(row.operator_cost_nanousd) or 0.0,
        "caller_cost_usd": usd(row.caller_cost_nanousd) or 0.0,
        "unpriced_attempts": row.unpriced_attempt_count,
        "billed_to": _payer(row),
    }


def _row_key(row: UsageRow, groups: Sequence[str]) -> dict[str, str | None]:
    """The group's names; a model comes with its provider, a day as its date, UTC."""
    key: dict[str, str | None] = {}
    for group in groups:
        if group == DAY:
            key[DAY] = None if row.bucket_start_s is None else moment_of(row.bucket_start_s)[:10]
        else:
            key[group] = _name_of(row, group)
        if group == UsageDimension.MODEL.value:
            key[UsageDimension.PROVIDER.value] = row.provider_id
    return key


def _payer(row: UsageRow) -> Literal["operator", "caller", "both"]:
    if not row.caller_cost_nanousd:
        return "operator"
    return "both" if row.operator_cost_nanousd else "caller"
