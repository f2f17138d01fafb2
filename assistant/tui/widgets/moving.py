"""Lists, tables and long texts in which the keys of vi move, beside arrows, Home, End and the page keys."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import DataTable, OptionList


def _moves(down: str, up: str, first: str, last: str) -> list[BindingType]:
    """The bindings, for the actions that a widget has for them."""
    return [
        Binding("j", down, "Down", show=False, id="list.down"),
        Binding("k", up, "Up", show=False, id="list.up"),
        Binding("g", first, "First", show=False, id="list.first"),
        Binding("G", last, "Last", show=False, id="list.last"),
        Binding("ctrl+d", "half_page(1)", "Half a page down", show=False, id="list.half-page-down"),
        Binding("ctrl+u", "half_page(-1)", "Half a page up", show=False, id="list.half-page-up"),
    ]


class MovingList(OptionList):
    """An option list."""

    BINDINGS: ClassVar[list[BindingType]] = _moves("cursor_down", "cursor_up", "first", "last")

    def action_half_page(self, step: int) -> None:
        """Move by half of what is seen."""
        if self.option_count:
            place = (self.highlighted or 0) + step * max(1, self.size.height // 2)
            self.highlighted = max(0, min(place, self.option_count - 1))


class MovingTable(DataTable[Any]):
    """A table."""

    BINDINGS: ClassVar[list[BindingType]] = _moves("cursor_down", "cursor_up", "scroll_top", "scroll_bottom")

    def action_half_page(self, step: int) -> None:
        """Move by half of what is seen."""
        self.move_cursor(row=self.cursor_row + step * max(1, self.size.height // 2))


class MovingScroll(VerticalScroll):
    """A text, or anything else, that is longer than its place."""

    BINDINGS: ClassVar[list[BindingType]] = _moves("scroll_down", "scroll_up", "scroll_home", "scroll_end")

    def action_half_page(self, step: int) -> None:
        """Scroll by half of what is seen."""
        self.scroll_relative(y=step * max(1, self.size.height // 2), animate=False)
