"""A box to tick whose cross is there only when it is ticked: Textual's own tells by colour alone."""

from __future__ import annotations

from typing import Any

from textual.content import Content
from textual.widgets import Checkbox


class Tick(Checkbox):
    """A compact box and its label, which is never read as markup."""

    BUTTON_INNER = " "

    def __init__(self, label: str | Content, value: bool = False, **options: Any) -> None:
        super().__init__(Content(label) if isinstance(label, str) else label, value, **options)

    def watch_value(self) -> None:
        """The cross follows the value."""
        self.BUTTON_INNER = "X" if self.value else " "
        super().watch_value()
