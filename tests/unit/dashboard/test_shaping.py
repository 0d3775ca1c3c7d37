"""What the figures look like; and that nothing that a gateway could say breaks a page."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.classifier import names as classifier_names
from pointsman.dashboard.core.decisions import (
    DECISION_COLUMNS,
    EXCLUDED_COLUMNS,
    RANKING_COLUMNS,
    decision_rows,
    decision_view,
)
from pointsman.dashboard.core.health import MEANINGS, PROVIDER_COLUMNS, SERVICE_COLUMNS, health_view, provider_notices, provider_rows
from pointsman.dashboard.core.traffic import BARS, MODEL_COLUMNS, current_rate, model_rows, traffic_view
from pointsman.dashboard.core.view import Row, Tone
from pointsman.gateway import names as gateway_names
from pointsman.gateway.engine import routing
from pointsman.ledger import names as ledger_names
from pointsman.registry import names as registry_names
from tests.fakes import report_gateway as fake

NOW_S = fake.NOW.timestamp()


def texts(row: Row) -> list[str]:
    return [cell.text if cell.state is None else f"[{cell.state.word}] {cell.text}".strip() for cell in row.cells]


def test_service_that_is_well() -> None:
    view = health_view(fake.health(), now_s=NOW_S, shows_key=True)
    assert (view.state.word, view.notices) == ("well", ())
    assert [row.key for row in view.services] == ["gateway", "classifier", "registry", "executor", "ledger"]
    assert texts(view.services[0]) == ["gateway", "[well]", "0.1.0", "3 h", "201 MiB", "2", "1.4 ms"]
    assert view.services[0].cells[2].hint == "catalog version 7"
    assert view.models == "2 of 3 models can be called"


def test_services_that_are_not_well_say_why() -> None:
    given = fake.health(status="degraded", degraded=["encoder_unavailable"])
    given["services"]["classifier"] = fake.service(degraded=["encoder_unavailable", "new_word"])
    given["services"]["ledger"] = fake.service(ok=False, reason="dependency_down")
    given["services"]["redis"] = fake.service(version=None)
    view = health_view(given, now_s=NOW_S, shows_key=True)
    rows = {row.key: texts(row)[1] for row in view.services}
    assert rows["classifier"] == "[degraded] the encoder cannot be loaded: keyword rules judge (encoder_unavailable); new_word"
    assert rows["ledger"] == "[away] dependency_down"
    assert rows["redis"] == "[well]"  # what a later gateway tells of is shown, too
    assert (view.state.tone, view.state.word) == (Tone.WARN, "degraded")
    assert [row.cells[0].state.word for row in view.strip if row.cells[0].state] == ["well", "degraded", "well", "well", "away", "well"]


def test_notices_tell_what_must_be_seen_first() -> None:
    subscribers = [{"service": "executor", "kind": "catalog", "rejection": "no such provider"}, {"service": "ledger", "rejection": None}]
    given = fake.health(degraded=["classifier"], catalog_error="models[3]: no price", inactive_sections=["feeds"], subscribers=subscribers)
    said = [(notice.tone, notice.text) for notice in health_view(given, now_s=NOW_S, shows_key=True).notices]
    assert said == [
        (Tone.BAD, "The catalogue's last change was refused, the one before is in use: models[3]: no price"),
        (Tone.BAD, "The newest catalog is not in use in executor: no such provider"),
        (Tone.WARN, "Degraded: the classifier is away: keyword rules judge (classifier)."),
        (Tone.NEUTRAL, "Sections of the catalogue that have no effect yet: feeds."),
    ]


@pytest.mark.parametrize(
    ("told", "shows_key", "is_shown"),
    [(None, False, True), (None, True, False), (True, True, True), (False, False, False)],
    ids=["answered without a key", "was shown a key", "says so", "says that it is not"],
)
def test_anonymous_access_is_shown(*, told: bool | None, shows_key: bool, is_shown: bool) -> None:
    view = health_view(fake.health(anonymous_access=told), now_s=NOW_S, shows_key=shows_key)
    assert any("Anonymous access" in notice.text for notice in view.notices) is is_shown


def test_nothing_is_said_before_there_is_anything() -> None:
    view = health_view(None, now_s=NOW_S, shows_key=False)
    assert (view.state.word, view.services, view.notices, view.models) == ("not known", (), (), "")


def test_provider_says_what_would_make_it_callable() -> None:
    cooling = {
        "id": "azure",
        "callable": True,
        "cooling_until": fake.ago(seconds=-30),
        "last_error_code": "rate_limited",
        "breaker": "open",
    }
    rows = {row.key: texts(row) for row in provider_rows({"providers": [*fake.PROVIDERS["providers"], cooling]}, now_s=NOW_S)}
    assert list(rows) == ["openai", "azure", "ollama"]  # callable ones first
    assert rows["openai"] == ["openai", "[callable]", "[closed]", "1", "0", "4 s ago", "nothing"]
    assert rows["ollama"][1:] == ["[not callable]", "–", "–", "–", "–", "nothing answers; OLLAMA_BASE_URL says where it is"]
    assert rows["azure"][2] == "[open]"
    assert rows["azure"][-1] == "asked to be left alone for 30 s; last error: rate_limited"


def test_provider_whose_calls_fail_is_told_though_every_service_is_well() -> None:
    failing = [{"id": "openai", "callable": True, "breaker": "open"}, {"id": "azure", "callable": True, "breaker": "half_open"}]
    providers = {"providers": [*failing, {"id": "ollama", "callable": True, "breaker": "closed"}, {"breaker": "open"}]}
    assert [(notice.tone, notice.text) for notice in provider_notices(providers)] == [
        (Tone.WARN, "Calls to these providers fail, so they are left alone for a while: openai, azure.")
    ]
    assert [row.cells[-1].text for row in provider_rows(providers, now_s=NOW_S)] == [
        "its calls failed: it is left alone for a while",
        "its calls failed: one call tries it again",
        "nothing",
    ]
    assert provider_notices(fake.PROVIDERS) == provider_notices(None) == ()


@pytest.mark.parametrize(
    "word",
    [
        *(getattr(gateway_names, name) for name in dir(gateway_names) if name.startswith("DEGRADED_")),
        *(classifier_names.CACHE_UNAVAILABLE, classifier_names.ENCODER_FAILED, classifier_names.ENCODER_UNAVAILABLE),
        *(ledger_names.STORE_FAILED, registry_names.CATALOG_REFUSED, registry_names.OUTPUT_FAILED),
        *(routing.DEGRADED_ENCODER, routing.DEGRADED_NO_TEXT, routing.DEGRADED_STRATEGY),
    ],
)
def test_every_word_for_what_is_degraded_is_explained(word: str) -> None:
    assert word in MEANINGS


def test_tiles_hold_the_last_hour_and_the_day() -> None:
    view = traffic_view(fake.metrics("1h"), fake.metrics("24h", 1_200))
    assert [(tile.label, tile.value, tile.notes) for tile in view.tiles[1:]] == [
        ("Success", "99.0 %", ("3 failed in the last hour", "99.8 % in 24 h")),
        ("Latency, p50", "640 ms", ("p95 2.05 s", "p99 3.90 s")),
        ("First token, p50", "280 ms", ("p95 690 ms", "p99 1.15 s")),
        ("Cost, last hour", "$0.093", ("$0.00031 a request",)),
        ("Cost, 24 h", "$0.37", ("$0.00031 a request",)),
    ]
    assert view.tiles[0].notes == ("300 in the last hour", "1,200 in 24 h")
    assert (len(view.bars), sum(view.bars), view.is_empty) == (BARS, sum(1 + minute % 9 for minute in range(55)), False)


def test_day_is_never_less_than_its_last_hour() -> None:
    view = traffic_view(fake.metrics("1h", 300), fake.metrics("24h", 30))
    assert view.tiles[0].notes == ("300 in the last hour", "300 in 24 h")
    assert view.tiles[5].value == view.tiles[4].value == "$0.093"


def test_no_request_yet_is_empty_and_not_an_error() -> None:
    view = traffic_view(fake.metrics("1h", 0, 0), fake.metrics("24h", 0, 0))
    assert view.is_empty
    assert [tile.value for tile in view.tiles] == ["0", "–", "–", "–", "$0", "$0"]


def series(*points: tuple[str, int], bucket_s: int = 60, to: str = "2026-01-01T12:00:30Z") -> dict[str, Any]:
    return {"to": to, "bucket_s": bucket_s, "series": [{"points": [{"time": time, "requests": requests} for time, requests in points]}]}


@pytest.mark.parametrize(
    ("metrics", "rate"),
    [
        pytest.param(series(("2026-01-01T11:55:00Z", 11), ("2026-01-01T11:54:00Z", 99)), 11 / 5.5, id="the last five minutes count"),
        pytest.param(series(("2026-01-01T12:00:00Z", 3), bucket_s=3_600, to="2026-01-01T12:30:00Z"), 0.1, id="a long stretch counts whole"),
        pytest.param(series(), 0.0, id="no point is no request"),
        pytest.param({"totals": {"requests": 120}}, 2.0, id="without times the hour counts"),
        pytest.param({}, None, id="nothing is known"),
    ],
)
def test_rate_is_that_of_the_last_minutes(metrics: object, rate: float | None) -> None:
    assert current_rate(metrics) == (None if rate is None else pytest.approx(rate))


def test_models_by_use() -> None:
    idle = fake.model("phi3", provider="ollama", requests=0, available=False, not_available_reason="set OLLAMA_BASE_URL", breaker=None)
    busy = fake.model("gpt", requests=5_000, queue_depth=4, in_flight=3, breaker="half_open")
    rows = model_rows({"models": [idle, fake.model("nano"), busy]}, now_s=NOW_S)
    assert [row.cells[0].text for row in rows] == ["gpt", "nano", "phi3"]
    assert texts(rows[0])[:7] == ["gpt", "[callable]", "5,000", "99.2 %", "812 ms", "2.21 s", "4.10 s"]
    assert texts(rows[0])[7:] == ["310 ms", "48.2k, 23.0k", "$0.042", "[half open]", "3 + 4 waiting"]
    assert (texts(rows[2])[1], rows[2].cells[1].hint, texts(rows[2])[10]) == ("[not callable]", "set OLLAMA_BASE_URL", "–")


def test_same_model_at_two_providers_is_two_rows() -> None:
    rows = model_rows(
        {"models": [fake.model("m", provider="a"), fake.model("m", provider="b"), fake.model("m", provider="b")]}, now_s=NOW_S
    )
    assert len({row.key for row in rows}) == len(rows) == 2


def test_decisions_in_short() -> None:
    odd = fake.decision(2, degraded=["classifier"], cause="rule_preferred", category=None, confidence=None)
    first, second = decision_rows({"decisions": [fake.decision(1), odd]}, now_s=NOW_S)
    assert texts(first) == ["7 s ago", "math", "medium", "balanced", "gpt-4.1-nano", "ranked", "95.3 %", "no"]
    assert texts(second)[1:] == ["–", "hard", "balanced", "gpt-4.1-nano", "rule preferred", "–", "[degraded] classifier"]
    assert first.cells[0].hint.endswith(" UTC")


def test_decision_explains_itself() -> None:
    view = decision_view(fake.decision_detail("dec_1"))
    assert view.summary == "gpt-4.1-nano: best value for a coding prompt that is easy"
    assert "category coding, 95.3 % sure" in view.facts
    assert view.flips == ("gpt-4.1 would win below 0.62",)
    assert texts(view.ranking[0])[:7] == ["1", "gpt-4.1-nano", "88.0 %", "$0.00012", "chosen", "410 ms", "+$0.0031"]
    assert texts(view.ranking[1])[4] == "$0.00012 more"
    assert view.ranking[0].cells[6].hint == "value +$0.0047, cost -$0.00010, latency -$0.0015"
    assert texts(view.excluded[0]) == ["tiny", "context window", "prompt needs 210000 tokens, model takes 128000"]


def test_cheaper_candidate_says_how_much_less_it_would_have_cost() -> None:
    ranking = [fake.candidate(1, "big", expected_cost_usd=0.5), fake.candidate(2, "free", expected_cost_usd=0.0), fake.candidate(3, "same")]
    ranking[2]["expected_cost_usd"] = 0.5
    view = decision_view(fake.decision_detail("dec_1", ranking=ranking))
    assert [row.cells[4].text for row in view.ranking] == ["chosen", "$0.50 less", "the same"]


def names_in(value: object) -> set[str]:
    """Every name of a member in it."""
    if isinstance(value, dict):
        return set(value).union(*map(names_in, value.values()))
    return set().union(*map(names_in, value)) if isinstance(value, list) else set()


SOUND = [
    fake.health(),
    fake.PROVIDERS,
    fake.metrics("1h"),
    fake.model("a"),
    fake.decision(1),
    fake.decision_detail("dec_1"),
    {"decisions": 1},
]
NAMES = sorted(names_in([*SOUND, {"models": 1}]))
ODD = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8) | st.just("2026-01-01T00:00:00Z")
ANY_JSON = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=8), max_leaves=40
)


@st.composite
def damaged(draw: st.DrawFn, whole: object) -> object:
    """A sound answer of which parts are missing, null or of another kind."""
    match draw(st.integers(0, 9)):
        case 0:
            return draw(ANY_JSON)
        case _ if isinstance(whole, dict):
            kept = [name for name in whole if draw(st.integers(0, 9)) > 0]
            return {name: draw(damaged(whole[name])) for name in kept}
        case _ if isinstance(whole, list):
            return [draw(damaged(item)) for item in whole[:3]]
        case _:
            return whole


def check_all_rows(rows: tuple[Row, ...], columns: tuple[str, ...]) -> None:
    assert all(len(row.cells) == len(columns) for row in rows)
    assert len({row.key for row in rows}) == len(rows)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_nothing_that_a_gateway_could_say_breaks_a_page(data: st.DataObject) -> None:
    def say(whole: object) -> object:
        return data.draw(damaged(whole) | ANY_JSON)

    health = health_view(say(fake.health(catalog_error="x")), now_s=NOW_S, shows_key=data.draw(st.booleans()))
    check_all_rows(health.services, SERVICE_COLUMNS)
    providers = say(fake.PROVIDERS)
    provider_notices(providers)
    check_all_rows(provider_rows(providers, now_s=NOW_S), PROVIDER_COLUMNS)
    traffic = traffic_view(say(fake.metrics("1h")), say(fake.metrics("24h")))
    assert [len(tile.notes) for tile in traffic.tiles] == [len(tile.notes) for tile in traffic_view(None, None).tiles]
    check_all_rows(model_rows(say({"models": [fake.model("a"), fake.model("b")]}), now_s=NOW_S), MODEL_COLUMNS)
    decisions = say({"decisions": [fake.decision(1), fake.decision(2)]})
    check_all_rows(decision_rows(decisions, now_s=NOW_S), DECISION_COLUMNS)
    detail = say(fake.decision_detail("dec_1"))
    view = decision_view(detail)
    check_all_rows(view.ranking, RANKING_COLUMNS)
    check_all_rows(view.excluded, EXCLUDED_COLUMNS)
