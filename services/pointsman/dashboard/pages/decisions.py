"""The table of decisions: each can be opened, and then explains itself."""

from collections.abc import Awaitable, Callable, Iterator, Sequence

from nicegui.element import Element

from pointsman.dashboard.core.decisions import (
    DECISION_COLUMNS,
    EXCLUDED_COLUMNS,
    RANKING_COLUMNS,
    DecisionView,
    decision_view,
)
from pointsman.dashboard.core.view import Row
from pointsman.dashboard.pages.elements import ShownRow, Table, element, show_keyed, text
from pointsman.kit.errors import ServiceError

ReadDecision = Callable[[str], Awaitable[object]]

COLUMNS = (*DECISION_COLUMNS, "Why")
NUMERIC = (6,)
RANKING_NUMERIC = (0, 2, 3, 4, 5, 6)
HEAD_COUNT = 2  # a table's own children before its rows: caption and head


class DecisionTable:
    """Rows by decision; each is a body of the table of its own, so that its explanation stands below it."""

    def __init__(self, caption: str, read: ReadDecision) -> None:
        """read: asks for one decision; raises ServiceError."""
        self._read = read
        self._rows: dict[str, DecisionEntry] = {}
        table = Table(caption, COLUMNS, numeric=NUMERIC)
        table.body.delete()
        self._box, self._made = table.box, table.made

    def show(self, rows: Sequence[Row]) -> Iterator[None]:
        """Show these decisions, in this order; without any, nothing. In steps, see `show_keyed`."""
        self._box.set_visibility(bool(rows))
        yield from show_keyed(self._rows, rows, self._made, lambda row: DecisionEntry(row, self._read), offset=HEAD_COUNT)


class DecisionEntry(ShownRow):
    """One decision, and its explanation while it is open."""

    def __init__(self, row: Row, read: ReadDecision) -> None:
        self._key = row.key
        self._read = read
        self._explanation: Element | None = None
        body = element("tbody", role="rowgroup")
        with body:
            super().__init__(row, COLUMNS, frozenset(NUMERIC))
            with self.made, element("td", role="cell", data_label=COLUMNS[-1]):
                self._button = text("button", "Explain", type="button", aria_expanded="false", aria_label=button_label(row))
                self._button.on("click", self._toggle)
        self.made = body

    async def _toggle(self) -> None:
        if self._explanation is not None:
            self._explanation.delete()
            self._explanation = None
            self._button.set_text("Explain")
            self._button.props["aria-expanded"] = "false"
            return
        self._button.set_text("Close")
        self._button.props["aria-expanded"] = "true"
        with self.made:
            self._explanation = element("tr", "explanation", role="row")
        with self._explanation:
            cell = element("td", colspan=str(len(COLUMNS)), role="cell")
        with cell:
            text("p", "Asking the gateway …", "muted")
        try:
            view = decision_view(await self._read(self._key))
        except ServiceError as error:
            said = error.message
            if not cell.is_deleted:  # closed again meanwhile
                cell.clear()
                with cell:
                    text("p", f"This decision cannot be shown: {said}.", "problem")
            return
        if not cell.is_deleted:
            cell.clear()
            with cell:
                show_explanation(view)


def button_label(row: Row) -> str:
    """What the button does, for those who do not see the row beside it."""
    return f"Explain why {row.cells[4].text} was chosen, {row.cells[0].hint or row.cells[0].text}"


def show_explanation(view: DecisionView) -> None:
    """The ranking with its reasons, what would change it, and who was left out."""
    text("p", view.summary, "summary")
    with element("ul", "facts"):
        for fact in view.facts:
            text("li", fact)
    if view.ranking:
        Table("Ranking, and what the others would have cost", RANKING_COLUMNS, numeric=RANKING_NUMERIC).show_at_once(view.ranking)
    if view.flips:
        text("h3", "What would change it")
        with element("ul"):
            for flip in view.flips:
                text("li", flip)
    if view.excluded:
        text("h3", "Not ranked")
        Table("Models that were not ranked", EXCLUDED_COLUMNS).show_at_once(view.excluded)
