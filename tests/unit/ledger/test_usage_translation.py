"""What may be asked of a usage report, and how its rows travel."""

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.api.usage.v1 import usage_pb2
from pointsman.kit.errors import InvalidArgument
from pointsman.ledger.core.usage_report import Group, Percentiles, UsageDimension, UsageQuery, UsageRow
from pointsman.ledger.core.values import TokenUsage
from pointsman.ledger.usage_translation import MAX_ROWS_BYTES, usage_query, usage_response, usage_row_message

MODEL, TIME = pb.USAGE_DIMENSION_MODEL, pb.USAGE_DIMENSION_TIME
HOUR = Duration(seconds=3_600)

REFUSED = {
    "unknown dimension": (pb.QueryUsageRequest(group_by=[MODEL, pb.USAGE_DIMENSION_UNSPECIFIED]), "group_by[1]"),
    "dimension twice": (pb.QueryUsageRequest(group_by=[MODEL, TIME, MODEL], bucket=HOUR), "group_by[2]"),
    "time without bucket": (pb.QueryUsageRequest(group_by=[TIME]), "bucket"),
    "bucket without time": (pb.QueryUsageRequest(group_by=[MODEL], bucket=HOUR), "bucket"),
    "bucket of 0 s": (pb.QueryUsageRequest(group_by=[TIME], bucket=Duration()), "bucket"),
    "bucket below 1 s": (pb.QueryUsageRequest(group_by=[TIME], bucket=Duration(nanos=500_000_000)), "bucket"),
    "bucket of 1.5 s": (pb.QueryUsageRequest(group_by=[TIME], bucket=Duration(seconds=1, nanos=500_000_000)), "bucket"),
    "negative bucket": (pb.QueryUsageRequest(group_by=[TIME], bucket=Duration(seconds=-1)), "bucket"),
    "endless bucket": (pb.QueryUsageRequest(group_by=[TIME], bucket=Duration(seconds=2**62)), "bucket"),
    "too many rows": (pb.QueryUsageRequest(max_row_count=10_001), "max_row_count"),
    "negative rows": (pb.QueryUsageRequest(max_row_count=-1), "max_row_count"),
    "end before start": (pb.QueryUsageRequest(start_time=Timestamp(seconds=2), end_time=Timestamp(seconds=1)), "end_time"),
    "start before 1970": (pb.QueryUsageRequest(start_time=Timestamp(seconds=-1)), "start_time"),
    "end beyond all time": (pb.QueryUsageRequest(end_time=Timestamp(seconds=2**40)), "end_time"),
    "long model": (pb.QueryUsageRequest(model_id="m" * 257), "model_id"),
    "long project": (pb.QueryUsageRequest(project_id="p" * 257), "project_id"),
}


@pytest.mark.parametrize(("message", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_faulty_query_is_refused_by_field(message: pb.QueryUsageRequest, field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        usage_query(message)
    assert caught.value.param == field


def test_what_is_unset_is_no_condition() -> None:
    assert usage_query(pb.QueryUsageRequest()) == UsageQuery(max_row_count=1_000)


def test_everything_that_can_be_asked_for_is_understood() -> None:
    every = [value for value in pb.UsageDimension.values() if value]
    query = usage_query(
        pb.QueryUsageRequest(
            start_time=Timestamp(),
            end_time=Timestamp(seconds=7, nanos=1),
            group_by=every,
            bucket=HOUR,
            model_id="m",
            project_id="p",
            max_row_count=10_000,
        )
    )
    assert query == UsageQuery(frozenset(UsageDimension), 0, 7_000_000_001, 3_600_000_000_000, "m", "p", 10_000)


def a_row(group: Group) -> UsageRow:
    return UsageRow(
        group=group,
        request_count=2,
        attempt_count=3,
        succeeded_attempt_count=1,
        failed_attempt_count=2,
        usage=TokenUsage(5, 4, 3, 2, 1, estimated=True),
        operator_cost_nanousd=10,
        caller_cost_nanousd=20,
        unpriced_attempt_count=1,
        last_start_time_ns=1_500_000_000,
        latency=Percentiles(1, 2_000_000_000, 3_500_000_000),
    )


def test_row_travels_whole_and_what_it_lacks_is_unset() -> None:
    message = usage_row_message(a_row(Group(0, "m", "p", "project", "key", "coding")))
    assert message == pb.UsageRow(
        model_id="m",
        provider_id="p",
        project_id="project",
        key_id="key",
        category="coding",
        bucket_start_time=Timestamp(),
        request_count=2,
        attempt_count=3,
        succeeded_attempt_count=1,
        failed_attempt_count=2,
        usage=usage_pb2.TokenUsage(
            input_token_count=5,
            output_token_count=4,
            cached_input_token_count=3,
            cache_write_token_count=2,
            reasoning_token_count=1,
            estimated=True,
        ),
        operator_cost_nanousd=10,
        caller_cost_nanousd=20,
        unpriced_attempt_count=1,
        latency=pb.Percentiles(p50=Duration(nanos=1), p95=Duration(seconds=2), p99=Duration(seconds=3, nanos=500_000_000)),
        last_start_time=Timestamp(seconds=1, nanos=500_000_000),
    )
    bare = usage_row_message(a_row(Group()))
    assert not any(bare.HasField(field) for field in ("bucket_start_time", "time_to_first_token"))


def test_rows_that_one_message_can_not_hold_are_refused() -> None:
    row = a_row(Group(model_id="m" * 256, provider_id="p" * 256, project_id="j" * 256, key_id="k" * 256))
    with pytest.raises(InvalidArgument, match="one message"):
        usage_response([row] * (MAX_ROWS_BYTES >> 10))
