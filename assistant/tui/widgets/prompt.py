"""Where the user types: grows to ten lines, Enter sends, pasted text never does."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from assistant.tui.keys import keys_of

HINT_KEYS = frozenset({"tab", "up", "down"})
LONGEST_PASTE = 50_000  # characters; more is longer than a model reads, and belongs into a file


class Prompt(TextArea):
    """A text area that sends on Enter and remembers what was sent."""

    BINDING_GROUP_TITLE = "Question"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "Send", show=False, id="prompt.send"),
        Binding(
            "alt+enter,ctrl+j,shift+enter,ctrl+enter",
            "line_break",
            "New line",
            key_display="alt+enter",
            show=False,
            id="prompt.line-break",
        ),
        Binding("f6", "app.open('tokens')", "Tokens", show=False, id="app.tokens"),  # where TextArea selects a line
        Binding("f7", "app.open('why')", "Why", show=False, id="app.why"),  # where it selects all
    ]

    class PasteRefused(Message):
        """A paste was too long."""

        def __init__(self, characters: int) -> None:
            super().__init__()
            self.characters = characters

    def __init__(self, submit: Callable[[str], None], hint: Callable[[str], bool]) -> None:
        """`submit` is called with the text on Enter; `hint` with tab, up or down, and says if it took the key.

        Both are called at once, not by message: the next key may be there already.
        """
        super().__init__(
            id="prompt", soft_wrap=True, show_line_numbers=False, compact=True, highlight_cursor_line=False,
            tab_behavior="focus", placeholder="Ask something, or type / for commands",
        )  # fmt: skip
        self._submit, self._hint = submit, hint
        self._history: list[str] = []
        self._position = 0  # in the history; its length stands for the text not yet sent
        self._unsent = ""

    def set_history(self, texts: list[str]) -> None:
        """Replace what up and down walk through."""
        self._history = [text for text in texts if text.strip()]
        self._position = len(self._history)

    def remember(self, text: str) -> None:
        """Add a sent text to the history."""
        if text.strip() and (not self._history or self._history[-1] != text):
            self._history.append(text)
        self._position = len(self._history)

    def replace_text(self, text: str) -> None:
        """Show `text` with the cursor behind it."""
        self.text = text
        self.move_cursor(self.document.end)

    async def _on_key(self, event: events.Key) -> None:
        # prevent_default keeps TextArea's own _on_key from running after this one.
        # Its own keys are looked up here, not bound: a binding would be called before the letters typed ahead of it.
        if event.key in keys_of(self.app, "prompt.send"):
            event.stop()
            event.prevent_default()
            self.action_send()
        elif event.key in keys_of(self.app, "prompt.line-break"):
            event.stop()
            event.prevent_default()
            self.action_line_break()
        elif event.key in HINT_KEYS and self._hint(event.key):
            event.stop()
            event.prevent_default()

    async def _on_paste(self, event: events.Paste) -> None:
        if len(event.text) > LONGEST_PASTE:
            event.stop()
            event.prevent_default()
            self.post_message(self.PasteRefused(len(event.text)))

    def action_send(self) -> None:
        """Hand the text over."""
        self._submit(self.text)

    def action_line_break(self) -> None:
        """Break the line at the cursor."""
        self.replace("\n", *self.selection, maintain_selection_offset=False)

    def action_cursor_up(self, select: bool = False) -> None:
        """One row up; on the first row, the text sent before."""
        if select or self._row() > 0 or not self._walk(-1):
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """One row down; on the last row, the text sent after."""
        if select or self._row() < self.wrapped_document.height - 1 or not self._walk(1):
            super().action_cursor_down(select)

    async def action_cursor_page_up(self) -> None:  # type: ignore[override]  # Textual awaits what actions return
        """Scroll the conversation, since the prompt itself never has more than ten rows."""
        await self.run_action("screen.page(-1)")

    async def action_cursor_page_down(self) -> None:  # type: ignore[override]  # as above
        """Scroll the conversation."""
        await self.run_action("screen.page(1)")

    def _row(self) -> int:
        return self.wrapped_document.location_to_offset(self.cursor_location).y

    def _walk(self, step: int) -> bool:
        """Show the next entry of the history in a direction; False where there is none."""
        target = self._position + step
        if not 0 <= target <= len(self._history):
            return False
        if self._position == len(self._history):
            self._unsent = self.text
        self._position = target
        self.replace_text(self._unsent if target == len(self._history) else self._history[target])
        return True
