"""Decisions: `GET /v1/decisions` as rows, `GET /v1/decisions/{id}` as the explanation of one."""

from dataclasses import dataclass

from pointsman.dashboard.core.health import MEANINGS, unique
from pointsman.dashboard.core.reading import list_at, mapping_at, number_at, text_at, texts_at, time_at
from pointsman.dashboard.core.view import Cell, Row, State, Tone
from pointsman.dashboard.core.writing import UNKNOWN, absolute, ago, count, decimal, milliseconds, money, share

DECISION_COLUMNS = ("Time", "Category", "Difficulty", "Policy", "Model", "Cause", "Confidence", "Degraded")
RANKING_COLUMNS = ("Rank", "Model", "Success", "Cost", "Instead", "Latency", "Score", "Why")
EXCLUDED_COLUMNS = ("Model", "Reason", "Why")
MAX_CANDIDATES = 32
# Why rank 1 is rank 1.
CAUSES = {
    "ranked": "best by the sum of value, cost and time",
    "rule_preferred": "a routing rule prefers it",
    "pinned_session": "the session stays with its model",
    "explicit_model": "the caller named it",
    "experiment": "an experiment assigned it",
    "override": "the caller chose another candidate",
    "fallback": "the one before it failed",
    "degraded": "not all that decides was there",
}


@dataclass(frozen=True, slots=True)
class DecisionView:
    """The explanation of a decision. facts: short lines about the prompt, never the prompt."""

    summary: str
    facts: tuple[str, ...]
    ranking: tuple[Row, ...]
    excluded: tuple[Row, ...]
    flips: tuple[str, ...]


def decision_rows(decisions: object, *, now_s: float) -> tuple[Row, ...]:
    """Newest first, as they come."""
    listed = [(text_at(decision, "decision_id"), decision) for decision in list_at(decisions, "decisions")]
    return tuple(unique([decision_row(key, decision, now_s) for key, decision in listed if key is not None]))


def decision_row(key: str, decision: object, now_s: float) -> Row:
    """One decision in short."""
    made_s = time_at(decision, "created_at")
    cause = text_at(decision, "cause") or UNKNOWN
    return Row(
        key=key,
        cells=(
            Cell(ago(made_s, now_s), hint=absolute(made_s)),
            Cell(text_at(decision, "category") or UNKNOWN),
            Cell(text_at(decision, "difficulty") or UNKNOWN),
            Cell(text_at(decision, "policy") or UNKNOWN),
            Cell(text_at(decision, "model") or UNKNOWN),
            Cell(cause.replace("_", " "), hint=CAUSES.get(cause, "")),
            Cell(share(number_at(decision, "confidence"))),
            degraded_cell(decision),
        ),
    )


def degraded_cell(decision: object) -> Cell:
    """What was missing when it was made."""
    words = texts_at(decision, "degraded")
    if not words:
        return Cell("no")
    return Cell(", ".join(words), hint="; ".join(MEANINGS.get(word, word) for word in words), state=State(Tone.WARN, "degraded"))


def decision_view(detail: object) -> DecisionView:
    """detail: the JSON of one decision."""
    ranking = list_at(detail, "ranking")[:MAX_CANDIDATES]
    first_cost = number_at(ranking[0], "expected_cost_usd") if ranking else None
    return DecisionView(
        summary=text_at(detail, "why", "summary") or "Why it was made is not told.",
        facts=facts_of(detail),
        ranking=tuple(candidate_row(index, candidate, first_cost) for index, candidate in enumerate(ranking)),
        excluded=tuple(excluded_row(index, entry) for index, entry in enumerate(list_at(detail, "excluded")[:MAX_CANDIDATES])),
        flips=texts_at(detail, "why", "flips"),
    )


def facts_of(detail: object) -> tuple[str, ...]:
    """What was seen of the prompt and the request."""
    judged, estimated = mapping_at(detail, "classification"), mapping_at(detail, "estimated_tokens")
    facts = [
        f"category {text_at(judged, 'category') or UNKNOWN}, {share(number_at(judged, 'domain_confidence'))} sure",
        f"{text_at(judged, 'difficulty') or UNKNOWN} (complexity {decimal(number_at(judged, 'complexity_score'))})",
        f"judged by {text_at(judged, 'classification_method') or UNKNOWN} in {milliseconds(number_at(judged, 'ms'))}",
        f"cache {text_at(judged, 'cache') or UNKNOWN}",
        f"about {count(number_at(estimated, 'input'))} tokens in, {count(number_at(estimated, 'output'))} out",
        f"catalogue version {count(number_at(detail, 'catalog_version'))}",
        f"request {text_at(detail, 'request_id') or UNKNOWN}",
    ]
    rules = texts_at(judged, "matched_rules")
    return (*facts, f"rules matched: {', '.join(rules)}") if rules else tuple(facts)


def candidate_row(index: int, candidate: object, first_cost_usd: float | None) -> Row:
    """One model of the ranking. first_cost_usd: what rank 1 is expected to cost."""
    model = mapping_at(candidate, "model")
    name = text_at(model, "display_name") or text_at(model, "id") or UNKNOWN
    cost = number_at(candidate, "expected_cost_usd")
    hint = ", ".join(filter(None, [text_at(model, "id"), text_at(model, "provider"), text_at(model, "location")]))
    terms = mapping_at(candidate, "terms")
    sum_hint = ", ".join(f"{term} {signed(number_at(terms, term))}" for term in ("value", "cost", "latency"))
    return Row(
        key=str(index),
        cells=(
            Cell(count(number_at(candidate, "rank"))),
            Cell(name, hint=hint),
            Cell(share(number_at(candidate, "success_probability"))),
            Cell(money(cost)),
            Cell(difference(cost, first_cost_usd) if index else "chosen"),
            Cell(milliseconds(number_at(candidate, "expected_latency_ms"))),
            Cell(signed(number_at(candidate, "score")), hint=sum_hint),
            Cell("; ".join(texts_at(candidate, "reasons")) or UNKNOWN),
        ),
    )


def excluded_row(index: int, entry: object) -> Row:
    """One model that was not ranked."""
    reason = text_at(entry, "reason") or UNKNOWN
    return Row(
        str(index), (Cell(text_at(entry, "model") or UNKNOWN), Cell(reason.replace("_", " ")), Cell(text_at(entry, "message") or ""))
    )


def difference(cost_usd: float | None, first_cost_usd: float | None) -> str:
    """What a candidate would have cost more, or less, than the chosen one."""
    if cost_usd is None or first_cost_usd is None:
        return UNKNOWN
    more = cost_usd - first_cost_usd
    if more == 0:
        return "the same"
    return f"{money(abs(more))} {'more' if more > 0 else 'less'}"


def signed(value: float | None) -> str:
    """A term of the sum, in dollars."""
    if value is None:
        return UNKNOWN
    return f"+{money(value)}" if value > 0 else money(value)
