"""What the reports are made from, and how their parts are written."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from pointsman.gateway.engine.world import World
from pointsman.gateway.report_ports import Percentiles, ProcessFacts, ServiceHealth, UsageReports, UsageRow
from pointsman.gateway.rest.figures import milliseconds
from pointsman.gateway.rest.reports.report_shapes import PercentilesShape, TokensShape
from pointsman.kit.deadline import Deadline
from pointsman.kit.telemetry import Telemetry

# A month of a busy gateway is summed up in a second or two; nobody looks at a page for longer than this.
REPORT_TIMEOUT_S = 10.0
# Beside the figures there are others to be shown: a ledger that hangs must not hold those up for long.
FIGURES_TIMEOUT_S = 2.0
NO_PERCENTILES = PercentilesShape(p50=None, p95=None, p99=None)
NO_ROW = UsageRow(
    request_count=0,
    attempt_count=0,
    succeeded_attempt_count=0,
    failed_attempt_count=0,
    input_token_count=0,
    output_token_count=0,
    operator_cost_nanousd=0,
    caller_cost_nanousd=0,
    unpriced_attempt_count=0,
)


@dataclass(frozen=True, slots=True)
class Reports:
    """The sources of every report."""

    world: World
    usage: UsageReports
    health: ServiceHealth
    own_facts: Callable[[], ProcessFacts]
    telemetry: Telemetry
    anonymous_access: bool  # no key is asked for
    dashboard_url: str | None = None
    time_s: Callable[[], float] = time.time

    def deadline(self) -> Deadline:
        """Of a report that asks the ledger."""
        return Deadline.after(REPORT_TIMEOUT_S)


def percentiles_of(percentiles: Percentiles | None) -> PercentilesShape:
    """Milliseconds; nulls where nothing was measured."""
    if percentiles is None:
        return NO_PERCENTILES
    return {"p50": milliseconds(percentiles.p50_s), "p95": milliseconds(percentiles.p95_s), "p99": milliseconds(percentiles.p99_s)}


def tokens_of(row: UsageRow) -> TokensShape:
    """Tokens of a group."""
    return {"input": row.input_token_count, "output": row.output_token_count}
