"""Plain HTML elements whose text changes. Whatever comes from the API is set as text or as an attribute, never as markup."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from pointsman.dashboard.core.view import Cell, Row, State, Tone

Made = TypeVar("Made", bound=Element)
UNKNOWN_STATE = State(Tone.NEUTRAL, "not known")


def element(tag: str, css: str = "", **attributes: str) -> Element:
    """An element for others to stand in. attributes: "_" stands for "-"."""
    return _dress(Element(tag), css, attributes)


def text(tag: str, said: str, css: str = "", **attributes: str) -> TextElement:
    """An element with a text."""
    return _dress(TextElement(tag=tag, text=said), css, attributes)


def _dress(made: Made, css: str, attributes: Mapping[str, str]) -> Made:
    if css:
        made.classes(css)
    for name, value in attributes.items():
        made.props[name.replace("_", "-")] = value
    return made


def set_attribute(made: Element, name: str, value: str) -> None:
    """Set it where it differs; empty takes it away."""
    if made.props.get(name, "") == value:
        return
    if value:
        made.props[name] = value
    else:
        del made.props[name]


class Mark:
    """A state: its colour and its word."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._made = text("span", state.word, _mark_css(state))

    def show(self, state: State) -> None:
        """Show another one."""
        if state != self._state:
            self._state = state
            self._made.set_text(state.word)
            self._made.classes(replace=_mark_css(state))


def _mark_css(state: State) -> str:
    return f"mark {state.tone.value}"


class ShownCell:
    """A cell of a row, as an element."""

    def __init__(self, cell: Cell, *, label: str, css: str, is_header: bool) -> None:
        """label: the column's, which small screens show beside the cell."""
        self._cell = cell
        tag, role = ("th", "rowheader") if is_header else ("td", "cell")
        self._mark: Mark | None = None
        self._made: Element
        if cell.state is None:
            self._made = self._text = text(tag, cell.text, css, role=role, data_label=label)
        else:
            self._made = element(tag, css, role=role, data_label=label)
            with self._made:
                self._mark = Mark(cell.state)
                self._text = text("span", cell.text, "beside")
        if is_header:
            self._made.props["scope"] = "row"
        set_attribute(self._made, "title", cell.hint)

    def show(self, cell: Cell) -> None:
        """Show other content of the same kind."""
        if cell == self._cell:
            return
        self._cell = cell
        self._text.set_text(cell.text)
        if self._mark is not None and cell.state is not None:
            self._mark.show(cell.state)
        set_attribute(self._made, "title", cell.hint)


class Shown(Protocol):
    """A row, as an element."""

    made: Element
    kind: tuple[bool, ...]

    def show(self, row: Row) -> None:
        """Show other content of the same kind."""


class ShownRow:
    """A row of a table."""

    def __init__(self, row: Row, columns: Sequence[str], numeric: frozenset[int]) -> None:
        self.made = element("tr", role="row")
        self.kind = kind_of(row)
        with self.made:
            self._cells = [
                ShownCell(cell, label=columns[index], css="number" if index in numeric else "", is_header=index == 0)
                for index, cell in enumerate(row.cells)
            ]

    def show(self, row: Row) -> None:
        """Show other content of the same kind."""
        for shown, cell in zip(self._cells, row.cells, strict=True):
            shown.show(cell)


def kind_of(row: Row) -> tuple[bool, ...]:
    """Which cells hold a state: those are built otherwise."""
    return tuple(cell.state is not None for cell in row.cells)


class Table:
    """A table whose rows come, change and go; a row keeps its element, so that nobody loses his place."""

    def __init__(self, caption: str, columns: Sequence[str], *, numeric: Sequence[int] = ()) -> None:
        """numeric: columns whose figures stand under each other."""
        self.columns, self.numeric = columns, frozenset(numeric)
        self._rows: dict[str, ShownRow] = {}
        # Wide tables scroll in their own box, which the keyboard reaches too.
        self.box = element("div", "scroll", role="region", tabindex="0", aria_label=caption)
        with self.box:
            self.made = element("table", role="table")
        with self.made:
            text("caption", caption, "aside")
            with element("thead", role="rowgroup"), element("tr", role="row"):
                for index, column in enumerate(columns):
                    text("th", column, "number" if index in self.numeric else "", role="columnheader", scope="col")
            self.body = element("tbody", role="rowgroup")

    def show(self, rows: Sequence[Row]) -> Iterator[None]:
        """Show these rows, in this order; without any, nothing. In steps, see `show_keyed`."""
        self.box.set_visibility(bool(rows))
        yield from show_keyed(self._rows, rows, self.body, lambda row: ShownRow(row, self.columns, self.numeric))

    def show_at_once(self, rows: Sequence[Row]) -> None:
        """Show a few rows."""
        for _ in self.show(rows):
            pass


class Strip:
    """A list of names, each with its state."""

    def __init__(self, label: str) -> None:
        self._made = element("ul", "strip", aria_label=label)
        self._rows: dict[str, StripItem] = {}

    def show(self, rows: Sequence[Row]) -> Iterator[None]:
        """Show these, in this order; their first cells count. In steps, see `show_keyed`."""
        yield from show_keyed(self._rows, rows, self._made, StripItem)


class StripItem:
    """A name and its state."""

    def __init__(self, row: Row) -> None:
        self.made = element("li")
        self.kind = kind_of(row)
        with self.made:
            text("span", row.cells[0].text)
            self._mark = Mark(row.cells[0].state or UNKNOWN_STATE)
        self.show(row)

    def show(self, row: Row) -> None:
        """Show another state."""
        self._mark.show(row.cells[0].state or UNKNOWN_STATE)
        set_attribute(self.made, "title", row.cells[0].hint)


ShownThing = TypeVar("ShownThing", bound=Shown)


def show_keyed(
    shown: dict[str, ShownThing], rows: Sequence[Row], parent: Element, make: Callable[[Row], ShownThing], *, offset: int = 0
) -> Iterator[None]:
    """Make the children of the parent be these rows, in this order. offset: how many other children come before them.

    In steps of a millisecond or two, so that whoever takes them can let others have their turn.
    """
    wanted = {row.key: row for row in rows}
    for key in [key for key, thing in shown.items() if key not in wanted or thing.kind != kind_of(wanted[key])]:
        shown.pop(key).made.delete()
    for index, row in enumerate(rows):
        thing = shown.get(row.key)
        if thing is None:
            yield
            with parent:
                thing = shown[row.key] = make(row)
        else:
            thing.show(row)
        children = parent.default_slot.children
        if children[offset + index] is not thing.made:
            thing.made.move(parent, offset + index)
