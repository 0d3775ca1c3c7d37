"""The SQL of usage reports. Columns come from a closed set; every value is a bound parameter."""
# ruff: noqa: S608  # made of names of columns alone

from pointsman.ledger.core.usage_report import UsageDimension, UsageQuery

BUCKET = "bucket"
# Names of the columns that make up a group, in the order of core.usage_report.Group, and what each is.
GROUP_COLUMNS = {
    BUCKET: "start_time_ns / :bucket_ns * :bucket_ns",
    "of_model": "model_id",
    "of_provider": "provider_id",
    "of_project": "project_id",
    "of_key": "key_id",
    "of_category": "category",
}
COLUMNS_OF: dict[UsageDimension, tuple[str, ...]] = {
    UsageDimension.TIME: (BUCKET,),
    UsageDimension.MODEL: ("of_model", "of_provider"),
    UsageDimension.PROVIDER: ("of_provider",),
    UsageDimension.PROJECT: ("of_project",),
    UsageDimension.KEY: ("of_key",),
    UsageDimension.CATEGORY: ("of_category",),
}
# Rows that are no attempts book money alone; what takes a worst case back has its very group, so the two cancel out.
SUMS = """
  count(DISTINCT CASE kind WHEN 'attempt' THEN request_id END) AS request_count,
  coalesce(sum(kind = 'attempt'), 0) AS attempt_count,
  coalesce(sum(outcome = 'succeeded'), 0),
  coalesce(sum(outcome IN ('failed', 'cut')), 0),
  coalesce(sum(input_token_count), 0),
  coalesce(sum(output_token_count), 0),
  coalesce(sum(cached_input_token_count), 0),
  coalesce(sum(cache_write_token_count), 0),
  coalesce(sum(reasoning_token_count), 0),
  coalesce(max(kind = 'attempt' AND is_estimated), 0),
  coalesce(sum(CASE billed_to WHEN 'operator' THEN cost_nanousd END), 0) AS operator_cost_nanousd,
  coalesce(sum(CASE billed_to WHEN 'caller' THEN cost_nanousd END), 0) AS caller_cost_nanousd,
  coalesce(sum(kind = 'attempt' AND cost_nanousd IS NULL), 0),
  max(CASE kind WHEN 'attempt' THEN start_time_ns END)
"""
WHOLE_ANSWER_LATENCIES = ("latency_ns", "outcome = 'succeeded'")
TIMES_TO_FIRST_TOKEN = ("time_to_first_token_ns", "time_to_first_token_ns IS NOT NULL")


def sums_statement(query: UsageQuery) -> str:
    """Groups and their sums: GROUP_COLUMNS, then SUMS; one row more than allowed where there are too many."""
    grouped = columns_of(query)
    return f"""
SELECT * FROM (SELECT {_selected(grouped)}, {SUMS} FROM entries {_where(query)} {_clause("GROUP BY", grouped)})
WHERE attempt_count > 0 OR operator_cost_nanousd <> 0 OR caller_cost_nanousd <> 0
ORDER BY {BUCKET}, operator_cost_nanousd DESC, caller_cost_nanousd DESC, attempt_count DESC, {", ".join(GROUP_COLUMNS)}
LIMIT :max_row_count + 1
"""


def percentiles_statement(query: UsageQuery, measured: tuple[str, str]) -> str:
    """GROUP_COLUMNS, then the 50th, 95th and 99th percentile by nearest rank. measured: the value, and which rows have it."""
    value, has_value = measured
    grouped = columns_of(query)
    partition = _clause("PARTITION BY", grouped)
    ranks = [f"(value_count * {percent} + 99) / 100" for percent in (50, 95, 99)]
    picked = ", ".join(f"max(CASE value_rank WHEN {rank} THEN value END)" for rank in ranks)
    return f"""
SELECT {", ".join(GROUP_COLUMNS)}, {picked} FROM (
  SELECT *, row_number() OVER ({partition} ORDER BY value) AS value_rank, count(*) OVER ({partition}) AS value_count
  FROM (SELECT {_selected(grouped)}, {value} AS value FROM entries {_where(query, has_value)})
)
WHERE value_rank IN ({", ".join(ranks)}) {_clause("GROUP BY", grouped)}
"""


def parameters_of(query: UsageQuery) -> dict[str, object]:
    """What the statements of the query are bound to."""
    return {
        "start_time_ns": query.start_time_ns,
        "end_time_ns": query.end_time_ns,
        "bucket_ns": query.bucket_ns,
        "model_id": query.model_id,
        "project_id": query.project_id,
        "max_row_count": query.max_row_count,
    }


def columns_of(query: UsageQuery) -> tuple[str, ...]:
    """Columns that the query groups by, in the order of GROUP_COLUMNS."""
    wanted = {column for dimension in query.dimensions for column in COLUMNS_OF[dimension]}
    return tuple(column for column in GROUP_COLUMNS if column in wanted)


def _selected(grouped: tuple[str, ...]) -> str:
    return ", ".join(f"{expression if name in grouped else 'NULL'} AS {name}" for name, expression in GROUP_COLUMNS.items())


def _clause(keyword: str, columns: tuple[str, ...]) -> str:
    return f"{keyword} {', '.join(columns)}" if columns else ""


def _where(query: UsageQuery, *more: str) -> str:
    """Only the conditions that are set, so that each query is planned for what it asks."""
    conditions = [
        *(["start_time_ns >= :start_time_ns"] if query.start_time_ns is not None else []),
        *(["start_time_ns < :end_time_ns"] if query.end_time_ns is not None else []),
        *(["model_id = :model_id"] if query.model_id is not None else []),
        *(["project_id = :project_id"] if query.project_id is not None else []),
        *more,
    ]
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""
