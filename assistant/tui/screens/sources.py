"""The sources panel on a screen of its own, where the terminal is too narrow for two columns."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Footer

from assistant.tui.widgets.sources_panel import SourcesPanel


class SourcesScreen(ModalScreen[None]):
    """One answer's sources, over the whole screen."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+o,q", "dismiss", "Back", key_display="esc", id="screen.back")
    ]

    def __init__(self, panel: SourcesPanel) -> None:
        super().__init__()
        self._panel = panel

    def compose(self) -> ComposeResult:
        """The panel and the keys."""
        yield self._panel
        yield Footer(show_command_palette=False)
