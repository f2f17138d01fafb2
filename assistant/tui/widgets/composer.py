"""What the user is writing: the prompt, completions above it, and the question that waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import TextArea

from assistant.mentions import OPEN
from assistant.safe_text import safe_line, safe_text
from assistant.tui.commands import Suggestion
from assistant.tui.keys import with_keys
from assistant.tui.widgets.hints import Hints
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.prompt import LONGEST_PASTE, Prompt

Suggest = Callable[[str], Awaitable[Sequence[Suggestion]]]


class Composer(Vertical):
    """A prompt in which command lines, @files and #collections are completed. Posts what is sent."""

    class Sent(Message):
        """The user sent a question or a command line."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, suggest: Suggest) -> None:
        """`suggest` gives the completions of a command line."""
        super().__init__(id="composer")
        self.prompt = Prompt(self._submit, self._hint)
        self._suggest = suggest
        self._hints = Hints()
        self._queued = Plain(id="queued")
        self._told = Plain(id="told")
        self._told_at = ""  # the prompt's text when it was told

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self._told
        yield self._queued
        yield self._hints
        yield self.prompt

    def on_mount(self) -> None:
        """Nothing waits yet."""
        self.show_queued("")
        self.tell("")

    def tell(self, text: str, severity: str = "information") -> None:
        """Say something about what was sent; it goes away with the next change of the prompt."""
        self._told_at = self.prompt.text
        self._told.display = bool(text)
        self._told.set_classes(f"-{severity}")
        self._told.update(safe_text(with_keys(self.app, text)))

    def give_back(self, text: str) -> None:
        """Put a text that could not be sent back, unless something new is there."""
        if not self.prompt.text:
            self.prompt.replace_text(text)

    def show_queued(self, text: str, editing: str = "") -> None:
        """Show the question that waits for its turn, or the one that is being asked in another way; "" for none."""
        self._queued.display = bool(text or editing)
        told = f"Next: {safe_line(text)[:200]}   (Esc takes it back)"
        self._queued.update(told if text else f"Instead of: {safe_line(editing)[:60]}   (Esc leaves it as it was)")

    def close_hints(self) -> bool:
        """Hide the completions; False if there were none."""
        shown: bool = self._hints.display
        self._hints.show([])
        return shown

    def _submit(self, text: str) -> None:
        chosen = self._hints.chosen
        if chosen is not None and not self._hints.complete(text):
            self.prompt.replace_text(chosen.line)
            text = chosen.line
            if text.endswith(" "):
                return
        if text.strip():
            self.close_hints()
            self.tell("")
            self.prompt.remember(text)
            self.prompt.replace_text("")
            self.post_message(self.Sent(text))

    def _hint(self, key: str) -> bool:
        chosen = self._hints.chosen
        if chosen is None:
            return False
        if key == "tab":
            self.prompt.replace_text(chosen.line)
        else:
            self._hints.move(-1 if key == "up" else 1)
        return True

    @on(Prompt.PasteRefused)
    def _paste_refused(self, event: Prompt.PasteRefused) -> None:
        told = f"The pasted text has {event.characters:,} characters, more than {LONGEST_PASTE:,}."
        self.tell(f"{told} Save it as a file and /add it to your documents.", "error")

    @on(TextArea.Changed)
    def _changed(self, event: TextArea.Changed) -> None:
        event.stop()
        if self.prompt.text != self._told_at:
            self.tell("")
        self._look(self.prompt.text)

    @work(group="hints", exclusive=True)
    async def _look(self, text: str) -> None:
        self._hints.show(await self._suggest(text) if text.startswith("/") or OPEN.search(text) else [])
