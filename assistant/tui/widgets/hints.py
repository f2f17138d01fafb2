"""The list of commands and completions above the prompt; it covers the conversation without moving it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from assistant.safe_text import safe_line
from assistant.tui.commands import BY_NAME, Suggestion
from assistant.tui.keys import with_key
from assistant.tui.widgets.plain import Plain

ROWS = 8


class Hints(Plain):
    """Suggestions, one of them highlighted."""

    def __init__(self) -> None:
        super().__init__(id="hints")
        self.suggestions: Sequence[Suggestion] = ()
        self.highlighted = 0
        self._moved = False
        self.display = False

    @property
    def chosen(self) -> Suggestion | None:
        """The highlighted suggestion."""
        return self.suggestions[self.highlighted] if self.display and self.suggestions else None

    def show(self, suggestions: Sequence[Suggestion]) -> None:
        """List these, the first one highlighted; none hides the list."""
        self.suggestions, self.highlighted, self._moved = suggestions, 0, False
        self.display = bool(suggestions)
        if suggestions:
            self._draw()

    def move(self, step: int) -> None:
        """Highlight another one."""
        self._moved = True
        self.highlighted = (self.highlighted + step) % len(self.suggestions)
        self._draw()

    def complete(self, text: str) -> bool:
        """Whether a typed line stands for itself, rather than for the highlighted suggestion."""
        if not text.startswith("/"):
            return False
        whole_name = " " in text or text.strip()[1:].lower() in BY_NAME
        return whole_name and not self._moved

    def _draw(self) -> None:
        first = max(0, min(self.highlighted - ROWS // 2, len(self.suggestions) - ROWS))
        shown = list(enumerate(self.suggestions))[first : first + ROWS]
        width = max(len(safe_line(each.label)) for _, each in shown)
        lines = [self._line(index, each, width) for index, each in shown]
        self.styles.offset = (0, -len(lines))  # an overlay hangs down from its place: lift it above the prompt
        self.update(Content("\n").join(lines))

    def _line(self, index: int, suggestion: Suggestion, width: int) -> Content:
        label = safe_line(suggestion.label).ljust(width)
        told = with_key(self.app, suggestion.help, suggestion.action)
        line = Content.assemble((label, "bold"), "   ", (safe_line(told), "$foreground 60%"))
        return line.stylize("$text on $primary-muted") if index == self.highlighted else line
