"""An answer in the user's own words: typed over the model's, kept beside it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import TextArea

from assistant.safe_text import safe_text
from assistant.tui.keys import key_line
from assistant.tui.widgets.plain import Plain


class RewriteScreen(ModalScreen[str | None]):
    """Gives the new text, None where it is to stay as it was."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "Your own words"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+s", "keep", "Keep", key_display="f5", priority=True, id="rewrite.keep"),
        Binding("escape", "dismiss", "Cancel", id="screen.back"),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """The text, ready to be changed."""
        with Vertical(classes="dialog"):
            yield Plain("Your own words beside this answer", classes="dialog-title")
            yield TextArea(safe_text(self._text), soft_wrap=True, show_line_numbers=False, compact=True, id="rewrite")
            yield Plain("The model's answer stays; ← and → walk between them.", classes="dialog-note")
            yield Plain(key_line(self.app, rewrite__keep="keep", screen__back="cancel"), classes="dialog-keys")

    def on_mount(self) -> None:
        """Ready to type."""
        self.query_one(TextArea).focus()

    def action_keep(self) -> None:
        """Hand the text back."""
        self.dismiss(self.query_one(TextArea).text)
