"""The registry's REST facade: what the gRPC service does, for people, scripts and programs that speak HTTP."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from pointsman.kit.errors import DeadlineExceeded, NotFound
from pointsman.kit.http_application import Application
from pointsman.kit.http_facade import facade_app
from pointsman.kit.json_body import JSON_MEDIA_TYPE, read_object
from pointsman.kit.json_loader import dump_json
from pointsman.kit.openapi import answer_of, body_of, schemas_of
from pointsman.kit.telemetry import Telemetry
from pointsman.registry.engine.configuration_keeper import AppliedChanges, ChangeRequest, ConfigurationKeeper
from pointsman.registry.engine.refusals import refusals_mapped
from pointsman.registry.rest.model_facts import model_facts
from pointsman.registry.rest.shapes import ModelFactsListShape, ModelFactsShape, StatusShape, UpdateBody, UpdateShape
from pointsman.registry.rest.update_access import UpdateAccess
from pointsman.registry.rest.update_body import adopt_in, changes_in

OPERATIONAL = "operational"
# A thousand models take two tenths of a second; the rest is for a disk that is busy, and for those who came first.
UPDATE_TIMEOUT_S = 10.0


def facade_of(
    keeper: ConfigurationKeeper, *, access: UpdateAccess, degraded: Callable[[], list[str]], telemetry: Telemetry, version: str
) -> Application:
    """The application over a keeper that was started. degraded: why the service works less well than it should."""
    app = facade_app(
        title="Pointsman registry",
        version=version,
        description="Which models exist, and what is known of them.",
        telemetry=telemetry,
        access=access,
        is_ready=lambda: True,  # it is served only once there is a catalogue
        schemas=lambda: schemas_of(bodies=[UpdateBody], answers=[StatusShape, ModelFactsShape, ModelFactsListShape, UpdateShape]),
    )
    app.include_router(reading_router(keeper, degraded))
    app.include_router(update_router(keeper, access))
    return app


def reading_router(keeper: ConfigurationKeeper, degraded: Callable[[], list[str]]) -> APIRouter:
    """What changes nothing."""
    router = APIRouter()

    @router.get("/status", response_class=Response, responses=answer_of("The state", "StatusShape"))
    async def status() -> Response:
        """How the registry is, and from what its catalogue was read."""
        return answer(status_answer(keeper, degraded()))

    @router.get("/models", response_class=Response, responses=answer_of("All models", "ModelFactsListShape"))
    async def models() -> Response:
        """Every model with all that is known of it."""
        running = keeper.running
        facts = [model_facts(model, running.catalog, running.state.api) for model in running.catalog.models.values()]
        return answer({"models": facts, "total": len(facts), "catalog_version": running.catalog_version.number})

    @router.get("/models/{model_id:path}", response_class=Response, responses=answer_of("One model", "ModelFactsShape"))
    async def model(model_id: str) -> Response:
        """One of them; its id may hold slashes."""
        running = keeper.running
        found = running.catalog.models.get(model_id)
        if found is None:
            raise NotFound("model_not_found", "there is no such model; /models lists those that exist", param="model_id")
        return answer(model_facts(found, running.catalog, running.state.api))

    return router


def update_router(keeper: ConfigurationKeeper, access: UpdateAccess) -> APIRouter:
    """What changes the catalogue."""
    router = APIRouter()

    @router.post(
        "/update", response_class=Response, openapi_extra=body_of("UpdateBody"), responses=answer_of("What was changed", "UpdateShape")
    )
    async def update(request: Request, author: Annotated[str, Depends(access.authenticate_update)], adopt: str | None = None) -> Response:
        """Add models, or replace those with the same ids, all or none. adopt=true: also those of the file, which are the API's then."""
        body = await read_object(request)
        with refusals_mapped():
            changes = changes_in(body)
            asked = ChangeRequest(changes, base=None, adopt=adopt_in(body, adopt), author=author)
            applied = await apply_in_time(keeper, asked)
        return answer({"accepted": len(changes), "version": applied.version.number, "diff": list(applied.diff_lines)})

    return router


async def apply_in_time(keeper: ConfigurationKeeper, asked: ChangeRequest) -> AppliedChanges:
    """Apply the changes. Raises DeadlineExceeded, after which they may have been applied all the same; RegistryError."""
    try:
        async with asyncio.timeout(UPDATE_TIMEOUT_S):
            return await keeper.apply_changes(asked)
    except TimeoutError as error:
        raise DeadlineExceeded("deadline_exceeded", f"update: {UPDATE_TIMEOUT_S:g} s were not enough; /status tells the version") from error


def status_answer(keeper: ConfigurationKeeper, degraded: list[str]) -> StatusShape:
    """The body of /status."""
    status = keeper.status()
    return StatusShape(
        status=OPERATIONAL,
        total_models=status.model_count,
        active_models=status.active_model_count,
        last_sync=rfc_3339(status.last_sync_time_s),
        data_sources=list(status.data_sources),
        catalog_version=status.version.number,
        catalog_error=status.catalog_error or None,
        degraded=degraded,
    )


def rfc_3339(seconds: float) -> str:
    """Unix time as text, to the second: 2026-11-21T12:30:00Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def answer(body: object) -> Response:
    """A JSON answer."""
    return Response(dump_json(body), media_type=JSON_MEDIA_TYPE)
