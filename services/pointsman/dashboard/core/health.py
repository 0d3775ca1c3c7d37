"""Health of services, providers and models: `GET /v1/health` and `GET /v1/providers` as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pointsman.dashboard.core.reading import list_at, mapping_at, number_at, text_at, texts_at, time_at, truth_at
from pointsman.dashboard.core.view import Cell, Notice, Row, State, Tone
from pointsman.dashboard.core.writing import UNKNOWN, absolute, ago, count, lasted, milliseconds, size

SERVICE_COLUMNS = ("Service", "State", "Version", "Up for", "Memory", "In flight", "Round trip")
PROVIDER_COLUMNS = ("Provider", "State", "Breaker", "In flight", "Waiting", "Last check", "What to do")
# In the order in which a request meets them; others that a gateway tells of come after.
SERVICES = ("gateway", "classifier", "registry", "executor", "ledger")
BREAKER_STATES = {
    "closed": State(Tone.GOOD, "closed"),
    "half_open": State(Tone.WARN, "half open"),
    "open": State(Tone.BAD, "open"),
}
# What an opened breaker means to who runs it.
BREAKER_REASONS = {"open": "its calls failed: it is left alone for a while", "half_open": "its calls failed: one call tries it again"}
CALLABLE = State(Tone.GOOD, "callable")
NOTHING_TO_DO = "nothing"
MEMORY_HINT = "of the whole process; all services share one where `pointsman up` runs them"
# What the closed words of the services mean to who runs them; a new word is shown as it is.
MEANINGS = {
    "classifier": "the classifier is away: keyword rules judge",
    "encoder_unavailable": "the encoder cannot be loaded: keyword rules judge",
    "encoder_failed": "the encoder fails: keyword rules judge",
    "encoder": "the encoder fails: keyword rules judge",
    "router_model_unavailable": "the model of ROUTER_MODEL_PATH cannot be loaded: strategy bert counts as hybrid",
    "cache_unavailable": "the shared cache is away: prompts are judged anew",
    "not_callable": "no model can be called, so all are ranked",
    "strategy": "another strategy than the one asked for judged",
    "no_text": "there was no text to judge",
    "catalog": "there is no catalogue yet: no model can be called",
    "spool": "the gateway's spool is full, or cannot be written: no paid model can be called",
    "registry": "the registry is away: the last catalogue is in use",
    "executor": "the executor is away: no model can be called",
    "ledger": "the ledger is away: only free models, or the gateway's own spool",
    "catalog_refused": "the last change of the catalogue was refused",
    "catalog_output_failed": "the catalogue's copy could not be written",
    "store_failed": "the store could not be written",
    "shutting_down": "it is shutting down",
}


@dataclass(frozen=True, slots=True)
class HealthView:
    """What the health section shows. strip: a word for each service."""

    state: State
    services: tuple[Row, ...]
    strip: tuple[Row, ...]
    notices: tuple[Notice, ...]
    models: str


def health_view(health: object, *, now_s: float, shows_key: bool) -> HealthView:
    """health: the JSON, or None before there is any. shows_key: whether the gateway was shown a credential."""
    services = mapping_at(health, "services")
    names = [name for name in SERVICES if name in services] + sorted(name for name in services if name not in SERVICES)
    rows = tuple(service_row(name, services[name], now_s) for name in names)
    return HealthView(
        state=overall_state(health),
        services=rows,
        strip=tuple(Row(row.key, (Cell(row.key, hint=row.cells[1].text, state=row.cells[1].state),)) for row in rows),
        notices=notices_of(health, shows_key=shows_key),
        models=models_line(health),
    )


def overall_state(health: object) -> State:
    """One word for everything."""
    match text_at(health, "status"):
        case "ok":
            return State(Tone.GOOD, "well")
        case None:
            return State(Tone.NEUTRAL, "not known")
        case "degraded":
            return State(Tone.WARN, "degraded")
        case other:
            return State(Tone.WARN, other)


def service_row(name: str, service: object, now_s: float) -> Row:
    """One service."""
    started_s = time_at(service, "started_at")
    up_for = Cell() if started_s is None else Cell(lasted(now_s - started_s), hint=f"since {absolute(started_s)}")
    return Row(
        key=name,
        cells=(
            Cell(name, hint=text_at(service, "instance") or ""),
            service_cell(service),
            Cell(text_at(service, "version") or UNKNOWN, hint=configs_line(service)),
            up_for,
            Cell(size(number_at(service, "memory_bytes")), hint=MEMORY_HINT),
            Cell(count(number_at(service, "in_flight"))),
            Cell(milliseconds(number_at(service, "round_trip_ms"))),
        ),
    )


def service_cell(service: object) -> Cell:
    """How it is, in a word, with the reasons beside it."""
    reasons = [meaning(word) for word in texts_at(service, "degraded")]
    match truth_at(service, "ok"):
        case True if not reasons:
            return Cell("", state=State(Tone.GOOD, "well"))
        case True:
            return Cell("; ".join(reasons), state=State(Tone.WARN, "degraded"))
        case False:
            reason = text_at(service, "reason")
            return Cell("; ".join(filter(None, [reason and meaning(reason), *reasons])), state=State(Tone.BAD, "away"))
        case _:
            return Cell("; ".join(reasons), state=State(Tone.NEUTRAL, "not known"))


def configs_line(service: object) -> str:
    """Which configuration it uses."""
    parts = []
    for config in list_at(service, "applied_configs"):
        kind, version = text_at(config, "kind"), number_at(config, "version")
        if kind is not None:
            note = ", from disk" if truth_at(config, "from_disk") else ""
            parts.append(f"{kind} version {count(version)}{note}")
    return "; ".join(parts)


def models_line(health: object) -> str:
    """How many models there are."""
    models = mapping_at(health, "models")
    if not models:
        return ""
    total, callable_count = number_at(models, "total"), number_at(models, "callable")
    return f"{count(callable_count)} of {count(total)} models can be called"


def notices_of(health: object, *, shows_key: bool) -> tuple[Notice, ...]:
    """What must be seen first."""
    if not isinstance(health, Mapping):
        return ()
    notices = []
    if (refused := text_at(health, "catalog_error")) is not None:
        notices.append(Notice(Tone.BAD, f"The catalogue's last change was refused, the one before is in use: {refused}"))
    for subscriber in list_at(health, "subscribers"):
        if (rejection := text_at(subscriber, "rejection")) is not None:
            who, kind = text_at(subscriber, "service") or "a service", text_at(subscriber, "kind") or "configuration"
            notices.append(Notice(Tone.BAD, f"The newest {kind} is not in use in {who}: {rejection}"))
    words = texts_at(health, "degraded")
    if words:
        notices.append(Notice(Tone.WARN, f"Degraded: {'; '.join(meaning(word) for word in words)}."))
    if is_anonymous(health, shows_key=shows_key):
        text = "Anonymous access is on: whoever reaches the gateway may call it. POINTSMAN_ADMIN_KEY ends that."
        notices.append(Notice(Tone.WARN, text))
    ignored = texts_at(health, "inactive_sections")
    if ignored:
        notices.append(Notice(Tone.NEUTRAL, f"Sections of the catalogue that have no effect yet: {', '.join(ignored)}."))
    return tuple(notices)


def is_anonymous(health: object, *, shows_key: bool) -> bool:
    """Whether everybody may call: the gateway says so, or has answered without having been shown a key."""
    told = truth_at(health, "anonymous_access")
    return not shows_key if told is None else told


def provider_notices(providers: object) -> tuple[Notice, ...]:
    """Which providers fail: every service may be well while they do."""
    listed = [(text_at(provider, "id"), text_at(provider, "breaker")) for provider in list_at(providers, "providers")]
    failing = [name for name, breaker in listed if name is not None and breaker in BREAKER_REASONS]
    return (
        (Notice(Tone.WARN, f"Calls to these providers fail, so they are left alone for a while: {', '.join(failing)}."),) if failing else ()
    )


def provider_rows(providers: object, *, now_s: float) -> tuple[Row, ...]:
    """Callable ones first."""
    rows = [provider_row(provider, now_s) for provider in list_at(providers, "providers") if text_at(provider, "id") is not None]
    return tuple(sorted(unique(rows), key=lambda row: row.cells[1].state != CALLABLE))


def provider_row(provider: object, now_s: float) -> Row:
    """One provider."""
    name = text_at(provider, "id") or UNKNOWN
    checked_s, cooling_s = time_at(provider, "last_check"), time_at(provider, "cooling_until")
    reason = text_at(provider, "not_callable_reason") or ""
    if not reason and cooling_s is not None and cooling_s > now_s:
        reason = f"asked to be left alone for {lasted(cooling_s - now_s)}"
    reason = reason or BREAKER_REASONS.get(text_at(provider, "breaker") or "", "")
    if failed := text_at(provider, "last_error_code"):
        reason = f"{reason}; last error: {failed}" if reason else f"last error: {failed}"
    state = {True: CALLABLE, False: State(Tone.NEUTRAL, "not callable"), None: State(Tone.NEUTRAL, "not known")}
    return Row(
        key=name,
        cells=(
            Cell(name, hint=text_at(provider, "location") or ""),
            Cell("", state=state[truth_at(provider, "callable")]),
            breaker_cell(provider),
            Cell(count(number_at(provider, "in_flight"))),
            Cell(count(number_at(provider, "queue_depth"))),
            Cell(ago(checked_s, now_s), hint=absolute(checked_s)),
            Cell(reason or NOTHING_TO_DO),
        ),
    )


def breaker_cell(holder: object) -> Cell:
    """State of a circuit breaker; a dash where nothing has been called yet."""
    word = text_at(holder, "breaker")
    return Cell() if word is None else Cell("", state=BREAKER_STATES.get(word, State(Tone.NEUTRAL, word)))


def meaning(word: str) -> str:
    """The word for people, with the word itself."""
    said = MEANINGS.get(word)
    return f"{said} ({word})" if said else word


def unique(rows: Sequence[Row]) -> list[Row]:
    """The rows whose key no row before them has."""
    return list({row.key: row for row in reversed(rows)}.values())[::-1]
