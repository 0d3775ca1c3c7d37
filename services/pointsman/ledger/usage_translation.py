"""Between the protos of usage reports and the core's values; each refusal names its field."""

from collections.abc import Iterable

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.api.usage.v1 import usage_pb2
from pointsman.kit.errors import InvalidArgument
from pointsman.ledger.core.usage_report import Percentiles, UsageDimension, UsageQuery, UsageRow
from pointsman.ledger.core.values import TokenUsage
from pointsman.ledger.translation import MAX_UNIX_S, NS_PER_S, duration_ns, invalid, optional_name

MAX_ROWS = 10_000
DEFAULT_MAX_ROWS = 1_000
# A message may have 8 MiB, and ids may be long.
MAX_ROWS_BYTES = 7 << 20

DIMENSIONS = {
    pb.USAGE_DIMENSION_MODEL: UsageDimension.MODEL,
    pb.USAGE_DIMENSION_PROVIDER: UsageDimension.PROVIDER,
    pb.USAGE_DIMENSION_PROJECT: UsageDimension.PROJECT,
    pb.USAGE_DIMENSION_KEY: UsageDimension.KEY,
    pb.USAGE_DIMENSION_CATEGORY: UsageDimension.CATEGORY,
    pb.USAGE_DIMENSION_TIME: UsageDimension.TIME,
}


def usage_query(message: pb.QueryUsageRequest) -> UsageQuery:
    """What is asked for. Raises InvalidArgument."""
    start_time_ns = moment_ns(message.start_time, "start_time") if message.HasField("start_time") else None
    end_time_ns = moment_ns(message.end_time, "end_time") if message.HasField("end_time") else None
    if start_time_ns is not None and end_time_ns is not None and end_time_ns < start_time_ns:
        raise invalid("end_time", "is before start_time")
    if not 0 <= message.max_row_count <= MAX_ROWS:
        raise invalid("max_row_count", f"1 to {MAX_ROWS} allowed")
    grouped_by = dimensions(message.group_by)
    return UsageQuery(
        dimensions=grouped_by,
        start_time_ns=start_time_ns,
        end_time_ns=end_time_ns,
        bucket_ns=bucket_ns(message, is_needed=UsageDimension.TIME in grouped_by),
        model_id=optional_name(message.model_id, "model_id"),
        project_id=optional_name(message.project_id, "project_id"),
        max_row_count=message.max_row_count or DEFAULT_MAX_ROWS,
    )


def dimensions(values: Iterable[pb.UsageDimension.ValueType]) -> frozenset[UsageDimension]:
    """What to group by. Raises InvalidArgument where one is unknown or comes twice."""
    wanted: set[UsageDimension] = set()
    for index, value in enumerate(values):
        dimension = DIMENSIONS.get(value)
        if dimension is None:
            raise invalid(f"group_by[{index}]", "is unset or unknown")
        if dimension in wanted:
            raise invalid(f"group_by[{index}]", "is there twice")
        wanted.add(dimension)
    return frozenset(wanted)


def bucket_ns(message: pb.QueryUsageRequest, *, is_needed: bool) -> int | None:
    """Length of a row's time. Raises InvalidArgument where it is missing, not needed, or no whole seconds."""
    if not message.HasField("bucket"):
        if is_needed:
            raise invalid("bucket", "is unset, where rows are grouped by time")
        return None
    if not is_needed:
        raise invalid("bucket", "is set, where rows are not grouped by time")
    length_ns = duration_ns(message.bucket, "bucket")
    if length_ns < NS_PER_S or length_ns % NS_PER_S:
        raise invalid("bucket", "whole seconds from 1 allowed")
    return length_ns


def moment_ns(message: Timestamp, field: str) -> int:
    """A moment to compare with, nanoseconds since 1970."""
    nanoseconds = message.seconds * NS_PER_S + message.nanos
    if not 0 <= nanoseconds <= MAX_UNIX_S * NS_PER_S:
        raise invalid(field, "is out of range")
    return nanoseconds


def usage_response(rows: Iterable[UsageRow]) -> pb.QueryUsageResponse:
    """Rows as they travel. Raises InvalidArgument where they are more than a message holds."""
    response = pb.QueryUsageResponse(rows=map(usage_row_message, rows))
    if response.ByteSize() > MAX_ROWS_BYTES:
        raise InvalidArgument("invalid_value", "rows: more than one message holds; ask for fewer", param="max_row_count")
    return response


def usage_row_message(row: UsageRow) -> pb.UsageRow:
    """A row as it travels."""
    group = row.group
    message = pb.UsageRow(
        model_id=group.model_id or "",
        provider_id=group.provider_id or "",
        project_id=group.project_id or "",
        key_id=group.key_id or "",
        category=group.category or "",
        request_count=row.request_count,
        attempt_count=row.attempt_count,
        succeeded_attempt_count=row.succeeded_attempt_count,
        failed_attempt_count=row.failed_attempt_count,
        usage=token_usage_message(row.usage),
        operator_cost_nanousd=row.operator_cost_nanousd,
        caller_cost_nanousd=row.caller_cost_nanousd,
        unpriced_attempt_count=row.unpriced_attempt_count,
        latency=percentiles_message(row.latency),
        time_to_first_token=percentiles_message(row.time_to_first_token),
    )
    if group.bucket_start_time_ns is not None:
        message.bucket_start_time.FromNanoseconds(group.bucket_start_time_ns)
    if row.last_start_time_ns is not None:
        message.last_start_time.FromNanoseconds(row.last_start_time_ns)
    return message


def token_usage_message(usage: TokenUsage) -> usage_pb2.TokenUsage:
    """Token counts as they travel."""
    return usage_pb2.TokenUsage(
        input_token_count=usage.input_token_count,
        cached_input_token_count=usage.cached_input_token_count,
        cache_write_token_count=usage.cache_write_token_count,
        output_token_count=usage.output_token_count,
        reasoning_token_count=usage.reasoning_token_count,
        estimated=usage.estimated,
    )


def percentiles_message(percentiles: Percentiles | None) -> pb.Percentiles | None:
    """Percentiles as they travel; None where nothing was measured."""
    if percentiles is None:
        return None
    return pb.Percentiles(
        p50=duration_message(percentiles.p50_ns), p95=duration_message(percentiles.p95_ns), p99=duration_message(percentiles.p99_ns)
    )


def duration_message(nanoseconds: int) -> Duration:
    """A length of time as it travels."""
    return Duration(seconds=nanoseconds // NS_PER_S, nanos=nanoseconds % NS_PER_S)
