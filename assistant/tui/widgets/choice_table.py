"""A table of rows to choose from; the footer says what Enter does with the one under the cursor."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from assistant.tui.widgets.moving import MovingTable


class ChoiceTable(MovingTable):
    """A DataTable whose Enter is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Choose", id="list.choose")]

    def __init__(self, *, id: str) -> None:  # as every widget names it
        super().__init__(id=id, cursor_type="row")
