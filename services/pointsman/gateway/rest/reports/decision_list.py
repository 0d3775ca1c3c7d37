"""`GET /v1/decisions`: what was decided, newest first."""

import re

from starlette.requests import Request

from pointsman.gateway.ports import DecisionRecord
from pointsman.gateway.report_ports import DecisionQuery
from pointsman.gateway.rest.figures import moment_of
from pointsman.gateway.rest.reports.parameters import Parameters
from pointsman.gateway.rest.reports.report_shapes import DecisionListShape, DecisionSummaryShape
from pointsman.gateway.rest.reports.sources import Reports

MAX_PAGE, DEFAULT_PAGE = 1_000, 50
# Before it there are ids and names of the catalogue alone. To read all of a thousand decisions would hold up requests.
CONFIDENCE = re.compile(rb'"domain_confidence":([0-9.eE+-]+)[,}]')


async def decision_list(reports: Reports, request: Request) -> DecisionListShape:
    """A page of decisions; a decision is there within a second."""
    parameters = Parameters(request, "limit", "cursor", "request_id", "project")
    query = DecisionQuery(
        page_size=parameters.integer("limit", least=1, most=MAX_PAGE, default=DEFAULT_PAGE),
        page_token=parameters.cursor("cursor"),
        request_id=parameters.name("request_id"),
        project_id=parameters.name("project"),
    )
    page = await reports.usage.list_decisions(query, deadline=reports.deadline())
    return {"decisions": [_summary(record) for record in page.records], "next_cursor": page.next_page_token}


def _summary(record: DecisionRecord) -> DecisionSummaryShape:
    return {
        "decision_id": record.decision_id,
        "request_id": record.request_id,
        "created_at": moment_of(record.create_time_s),
        "project": record.account.project_id,
        "key": record.account.key_id,
        "category": record.category,
        "difficulty": record.difficulty,
        "confidence": confidence_of(record.detail),
        "policy": record.policy,
        "cause": record.cause,
        "model": record.model_id,
        "degraded": list(record.degraded),
        "catalog_version": record.catalog_version.number,
    }


def confidence_of(detail: bytes) -> float | None:
    """How sure the category is; None where the prompt was not classified."""
    match = CONFIDENCE.search(detail)
    return None if match is None else float(match[1])
