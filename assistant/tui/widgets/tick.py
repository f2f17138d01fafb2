"""A box to tick whose cross is there only when it is ticked: Textual's own tells by colour alone."""

from __future__ import annotations

from textual.widgets import Checkbox


class Tick(Checkbox):
    """A compact box and its label."""

    BUTTON_INNER = " "

    def watch_value(self) -> None:
        """The cross follows the value."""
        self.BUTTON_INNER = "X" if self.value else " "
        super().watch_value()
