"""`GET /v1/health`: how all of it is. What does not answer is part of the report, never the end of it."""

import asyncio
from collections.abc import Mapping

from pointsman.gateway.core.catalog import ModelStatus
from pointsman.gateway.engine.world import World
from pointsman.gateway.report_ports import ClassifierFacts, LedgerFacts, ProcessFacts, RegistryFacts, ServiceAnswer, ServiceName
from pointsman.gateway.rest.figures import known_moment, milliseconds, moment_of, usd
from pointsman.gateway.rest.reports.health_shapes import (
    ClassifierHealthShape,
    HealthShape,
    LedgerHealthShape,
    ModelsHealthShape,
    ServiceShape,
    SubscriberShape,
)
from pointsman.gateway.rest.reports.model_list import reason_not_callable
from pointsman.gateway.rest.reports.sources import Reports
from pointsman.kit.deadline import Deadline

# As long as somebody who looks may wait; a service that needs longer is not well.
ASK_TIMEOUT_S = 0.5
CATALOG_REFUSED = "catalog_refused"
NOT_CALLABLE = "not_callable"
SHUTTING_DOWN = "shutting_down"
NO_REGISTRY_FACTS = RegistryFacts(catalog_error=None, inactive_sections=(), last_sync_time_s=None, data_sources=(), subscriptions=())

Answers = Mapping[ServiceName, ServiceAnswer]


async def health_report(reports: Reports) -> HealthShape:
    """Models, services, configuration."""
    answers = await _ask_all(reports)
    world, own = reports.world, reports.own_facts()
    registry = answers[ServiceName.REGISTRY].details
    facts = registry if isinstance(registry, RegistryFacts) else NO_REGISTRY_FACTS
    classifier, ledger = answers[ServiceName.CLASSIFIER].details, answers[ServiceName.LEDGER].details
    models = _models(world)
    degraded = _degraded(world, own, answers, models, facts)
    return {
        "status": "degraded" if degraded else "ok",
        "degraded": degraded,
        "models": models,
        "services": {
            "gateway": _service(ServiceAnswer(process=own, failure=SHUTTING_DOWN if world.is_draining else None)),
            "classifier": _service(answers[ServiceName.CLASSIFIER]),
            "registry": _service(answers[ServiceName.REGISTRY]),
            "executor": _service(answers[ServiceName.EXECUTOR]),
            "ledger": _service(answers[ServiceName.LEDGER]),
        },
        "anonymous_access": reports.anonymous_access,
        "catalog_version": None if world.catalog is None else world.catalog.version.number,
        "catalog_error": facts.catalog_error,
        "last_sync": known_moment(facts.last_sync_time_s),
        "data_sources": list(facts.data_sources),
        "inactive_sections": list(facts.inactive_sections),
        "subscribers": _subscribers(facts),
        "classifier": _classifier(classifier) if isinstance(classifier, ClassifierFacts) else None,
        "ledger": _ledger(ledger) if isinstance(ledger, LedgerFacts) else None,
    }


async def _ask_all(reports: Reports) -> Answers:
    """All at once."""
    deadline = Deadline.after(ASK_TIMEOUT_S)
    async with asyncio.TaskGroup() as group:
        asking = {name: group.create_task(reports.health.ask(name, deadline=deadline)) for name in ServiceName}
    return {name: task.result() for name, task in asking.items()}


def _degraded(world: World, own: ProcessFacts, answers: Answers, models: ModelsHealthShape, registry: RegistryFacts) -> list[str]:
    """What is not as it should be: services that are away, by name, what services say of themselves, and what none of them says."""
    away = [name.value for name, answer in answers.items() if answer.process is None]
    said = [word for answer in answers.values() if answer.process is not None for word in answer.process.degraded]
    troubles = {
        SHUTTING_DOWN: world.is_draining,
        CATALOG_REFUSED: registry.catalog_error is not None,
        NOT_CALLABLE: models["callable"] == 0,
    }
    return list(dict.fromkeys([*own.degraded, *away, *said, *(word for word, holds in troubles.items() if holds)]))


def _models(world: World) -> ModelsHealthShape:
    models = [] if world.catalog is None else list(world.catalog.models.values())
    reasons = {model.id: reason_not_callable(model, world.conditions) for model in models}
    is_known = world.catalog is not None and world.conditions_known.is_set()
    return {
        "total": len(models),
        "active": sum(model.status is ModelStatus.ACTIVE for model in models),
        "callable": sum(reason is None for reason in reasons.values()) if is_known else None,
        "not_callable": [
            {"id": model.id, "provider": model.provider.id, "reason": reason}
            for model in models
            if (reason := reasons[model.id]) is not None
        ],
    }


def _service(answer: ServiceAnswer) -> ServiceShape:
    process = answer.process
    round_trip_ms = None if answer.round_trip_s is None else milliseconds(answer.round_trip_s)
    if process is None:
        return {
            "ok": False,
            "reason": answer.failure,
            "version": None,
            "instance": None,
            "started_at": None,
            "cpu_time_s": None,
            "memory_bytes": None,
            "open_connections": None,
            "in_flight": None,
            "round_trip_ms": round_trip_ms,
            "degraded": [],
            "applied_configs": [],
        }
    return {
        "ok": answer.failure is None,
        "reason": answer.failure,
        "version": process.version,
        "instance": process.instance_id,
        "started_at": moment_of(process.start_time_s),
        "cpu_time_s": process.cpu_time_s,
        "memory_bytes": process.resident_memory_bytes,
        "open_connections": process.open_connection_count,
        "in_flight": process.in_flight_count,
        "round_trip_ms": round_trip_ms,
        "degraded": list(process.degraded),
        "applied_configs": [
            {"kind": config.kind, "version": config.version.number, "epoch": config.version.epoch, "from_disk": config.from_disk}
            for config in process.applied
        ],
    }


def _subscribers(facts: RegistryFacts) -> list[SubscriberShape]:
    return [
        {
            "service": subscription.service,
            "instance": subscription.instance_id,
            "kind": subscription.kind,
            "version": subscription.version.number,
            "rejection": subscription.rejection,
        }
        for subscription in facts.subscriptions
    ]


def _classifier(facts: ClassifierFacts) -> ClassifierHealthShape:
    return {
        "ml_model_available": facts.has_encoder,
        "encoder": facts.encoder,
        "artifact": facts.artifact_version,
        "categories": list(facts.categories),
    }


def _ledger(facts: LedgerFacts) -> LedgerHealthShape:
    return {
        "attempts": facts.attempt_count,
        "total_cost_usd": usd(facts.total_cost_nanousd) or 0.0,
        "open_spends": facts.open_spend_count,
        "reserved_usd": usd(facts.reserved_nanousd) or 0.0,
    }
