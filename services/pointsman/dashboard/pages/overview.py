"""The page: health, live figures, the last decisions."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from nicegui.elements.mixins.text_element import TextElement

from pointsman.dashboard.core.decisions import decision_rows
from pointsman.dashboard.core.health import PROVIDER_COLUMNS, SERVICE_COLUMNS, health_view, provider_notices, provider_rows
from pointsman.dashboard.core.reading import text_at
from pointsman.dashboard.core.traffic import BARS, MODEL_COLUMNS, TrafficView, model_rows, traffic_view
from pointsman.dashboard.core.view import Notice, State, Tile, Tone
from pointsman.dashboard.core.writing import absolute, ago, count
from pointsman.dashboard.pages.decisions import DecisionTable, ReadDecision
from pointsman.dashboard.pages.elements import UNKNOWN_STATE, Mark, Strip, Table, element, set_attribute, text
from pointsman.dashboard.poller import Figures, Part, Reading
from pointsman.kit.settings import is_loopback

SERVICE_NUMERIC = (3, 4, 5, 6)
PROVIDER_NUMERIC = (3, 4)
MODEL_NUMERIC = (2, 3, 4, 5, 6, 7, 8, 9, 11)
BAR_WIDTH, BARS_HEIGHT = 4, 28
EXAMPLE = '{"prompt": "Write a Python function to sort a list"}'


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the page says of where it stands. caller_url: where its reader finds the gateway."""

    gateway_url: str
    caller_url: str
    asks_key: bool
    shows_key: bool


def caller_url(gateway_url: str, page_host: str | None) -> str:
    """Where the reader of a page finds the gateway: beside the page, if the dashboard calls it by a name of its own network.

    page_host: the name under which the page was opened.
    """
    parts = urlsplit(gateway_url)
    if page_host is None or parts.hostname is None or is_loopback(parts.hostname):
        return gateway_url.rstrip("/")
    host = f"[{page_host}]" if ":" in page_host else page_host
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


class Overview:
    """Its elements. Built once for each open page, then only changed."""

    def __init__(self, surroundings: Surroundings, read_decision: ReadDecision) -> None:
        """read_decision: asks for one decision; raises ServiceError."""
        self._surroundings = surroundings
        self._notices: tuple[Notice, ...] = ()
        with element("header", "bar"):
            text("h1", "Pointsman")
            self._state = Mark(UNKNOWN_STATE)
            self._updated = text("p", "", "muted grow")
            if surroundings.asks_key:
                with element("form", method="post", action="/sign-out"):
                    text("button", "Sign out", type="submit")
        self._strip = Strip("State of each service")
        self._notice_box = element("div", "notices", role="status", aria_live="polite")
        with element("section", aria_label="Traffic"):
            self._traffic_heading = Heading("Traffic")
            self._tiles = Tiles()
            self._empty = element("div", "empty")
            self._models_heading = Heading("Models")
            self._models = Table("Models", MODEL_COLUMNS, numeric=MODEL_NUMERIC)
        with self._empty:
            text("p", "No request yet. Try one:")
            text("pre", example_of(surroundings), tabindex="0", aria_label="Command that sends a request")
        with element("section", aria_label="Decisions"):
            self._decisions_heading = Heading("Last decisions")
            self._no_decision = text("p", "No decision yet: the first request brings one.", "empty")
            self._decisions = DecisionTable("Last decisions", read_decision)
        with element("section", aria_label="Health"):
            self._health_heading = Heading("Health")
            self._services = Table("Services", SERVICE_COLUMNS, numeric=SERVICE_NUMERIC)
            self._providers_heading = Heading("Providers")
            self._providers = Table("Providers", PROVIDER_COLUMNS, numeric=PROVIDER_NUMERIC)

    def show(self, figures: Figures, now_s: float) -> Iterator[None]:
        """Show these figures, in steps: the gateway may run on the same loop. now_s: seconds of the Unix epoch."""
        readings, shows_key = figures.readings, self._surroundings.shows_key
        health = health_view(readings[Part.HEALTH].value, now_s=now_s, shows_key=shows_key)
        is_away = figures.away_since_s is not None
        self._state.show(State(Tone.BAD, "gateway away") if is_away else health.state)
        self._updated.set_text(f"{self._surroundings.gateway_url}, {updated_line(figures, now_s)}")
        set_attribute(self._updated, "title", absolute(figures.read_at_s))
        current = () if is_away else (*provider_notices(readings[Part.PROVIDERS].value), *health.notices)
        self._show_notices((*away_notices(figures, self._surroundings.gateway_url), *current))
        yield from self._strip.show(() if is_away else health.strip)
        yield from self._show_traffic(figures, now_s)
        yield from self._show_decisions(figures, now_s)
        yield from self._services.show(health.services)
        self._health_heading.show(figures.readings[Part.HEALTH], figures, now_s, fresh=health.models)
        providers = provider_rows(readings[Part.PROVIDERS].value, now_s=now_s)
        yield from self._providers.show(providers)
        self._providers_heading.show(figures.readings[Part.PROVIDERS], figures, now_s, fresh=f"{count(len(providers))} in the catalogue")

    def _show_traffic(self, figures: Figures, now_s: float) -> Iterator[None]:
        readings = figures.readings
        traffic = traffic_view(readings[Part.HOUR].value, readings[Part.DAY].value)
        self._tiles.show(traffic)
        models = model_rows(readings[Part.MODELS].value, now_s=now_s)
        yield from self._models.show(models)
        time_range = text_at(readings[Part.MODELS].value, "time_range")
        self._models_heading.show(figures.readings[Part.MODELS], figures, now_s, fresh=f"last {time_range}" if time_range else "")
        is_known = readings[Part.HOUR].read_at_s is not None
        self._empty.set_visibility(is_known and traffic.is_empty)
        self._traffic_heading.show(figures.readings[Part.HOUR], figures, now_s)

    def _show_decisions(self, figures: Figures, now_s: float) -> Iterator[None]:
        reading = figures.readings[Part.DECISIONS]
        rows = decision_rows(reading.value, now_s=now_s)
        yield from self._decisions.show(rows)
        self._no_decision.set_visibility(reading.read_at_s is not None and not rows)
        self._decisions_heading.show(figures.readings[Part.DECISIONS], figures, now_s)

    def _show_notices(self, notices: tuple[Notice, ...]) -> None:
        if notices == self._notices:
            return  # else a screen reader would say them again with each round
        self._notices = notices
        self._notice_box.clear()
        with self._notice_box:
            for notice in notices:
                text("p", notice.text, f"notice {notice.tone.value}")


class Heading:
    """A section's heading, and what stands beside it."""

    def __init__(self, said: str) -> None:
        with element("div", "heading"):
            text("h2", said)
            self._note = text("p", "", "muted")

    def show(self, reading: Reading, figures: Figures, now_s: float, *, fresh: str = "") -> None:
        """Say how old the section's figures are where they are old, else `fresh`."""
        age = age_of(reading, now_s, is_away=figures.away_since_s is not None)
        self._note.set_text(fresh if age is None else age)
        self._note.classes(replace="muted" if age is None else "old")


class Tiles:
    """The large figures, and a bar for each minute of the last hour."""

    def __init__(self) -> None:
        self._tiles: list[tuple[TextElement, list[TextElement]]] = []
        with element("dl", "tiles"):
            for tile in traffic_view(None, None).tiles:
                with element("div", "tile"):
                    text("dt", tile.label)
                    self._tiles.append((text("dd", tile.value, "figure"), [text("dd", note, "muted") for note in tile.notes]))
        size = f"0 0 {BARS * BAR_WIDTH} {BARS_HEIGHT}"
        self._figure = element("figure", "bars")
        with self._figure:
            self._bars = element("svg", role="img", viewBox=size, preserveAspectRatio="none")
            with self._bars:
                self._path = element("path", d="")
            self._caption = text("figcaption", "", "muted")

    def show(self, traffic: TrafficView) -> None:
        """Show these."""
        for (value, notes), tile in zip(self._tiles, traffic.tiles, strict=True):
            _show_tile(value, notes, tile)
        path = bars_path(traffic.bars)
        self._figure.set_visibility(path != "")
        set_attribute(self._path, "d", path)
        caption = f"Requests in each minute of the last hour, at most {count(max(traffic.bars, default=0))}"
        self._caption.set_text(caption)
        set_attribute(self._bars, "aria-label", caption)


def _show_tile(value: TextElement, notes: list[TextElement], tile: Tile) -> None:
    value.set_text(tile.value)
    for made, note in zip(notes, tile.notes, strict=True):
        made.set_text(note)


def bars_path(bars: tuple[float, ...]) -> str:
    """The bars as one path; the highest fills the height."""
    most = max(bars, default=0)
    if most <= 0:
        return ""
    heights = [(index, max(1.0, BARS_HEIGHT * bar / most)) for index, bar in enumerate(bars) if bar > 0]
    return "".join(f"M{index * BAR_WIDTH} {BARS_HEIGHT}v-{height:.1f}h{BAR_WIDTH - 1}v{height:.1f}z" for index, height in heights)


def updated_line(figures: Figures, now_s: float) -> str:
    """How old the figures are."""
    if figures.read_at_s is None:
        return "not asked yet" if figures.away_since_s is None else "no figures yet"
    return f"updated {ago(figures.read_at_s, now_s)}"


def away_notices(figures: Figures, gateway_url: str) -> tuple[Notice, ...]:
    """That no gateway answers, and what the figures are worth meanwhile."""
    if figures.away_since_s is None:
        return ()
    kept = "There are no figures yet." if figures.read_at_s is None else f"The figures below are of {absolute(figures.read_at_s)}."
    said = figures.readings[Part.HEALTH].failure or f"no gateway answers at {gateway_url}"
    since = absolute(figures.away_since_s)
    return (Notice(Tone.BAD, f"{said[:1].upper()}{said[1:]} since {since}. {kept} Does it run? This starts one: pointsman up"),)


def age_of(reading: Reading, now_s: float, *, is_away: bool) -> str | None:
    """How old the figures of a section are, and why; None where they are not old."""
    if not is_away and reading.failure is None:
        return None
    kept = "no figures yet" if reading.read_at_s is None else f"old: of {ago(reading.read_at_s, now_s)}"
    return kept if is_away or reading.failure is None else f"{kept} ({reading.failure})"


def example_of(surroundings: Surroundings) -> str:
    """A request to try."""
    key = ' -H "authorization: Bearer $POINTSMAN_ADMIN_KEY"' if surroundings.shows_key else ""
    return f"curl {surroundings.caller_url}/route{key} -H 'content-type: application/json' -d '{EXAMPLE}'"
