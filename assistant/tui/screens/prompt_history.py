"""Everything that was ever asked, searched as one types; the chosen question goes into the prompt."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, OptionList
from textual.widgets.option_list import Option

from assistant.safe_text import safe_line
from assistant.storage.conversations import Conversations
from assistant.tui.widgets.plain import Plain


class PromptHistory(ModalScreen[str | None]):
    """Gives the chosen question."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "What you asked before"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", key_display="esc"),
        Binding("down", "list", "List", show=False),
        Binding("enter", "first", "Into the prompt", key_display="enter"),
    ]

    def __init__(self, conversations: Conversations, words: str) -> None:
        super().__init__()
        self._conversations, self._words = conversations, words
        self._found: list[str] = []

    def compose(self) -> ComposeResult:
        """What to look for, and the questions that hold it."""
        yield Input(self._words, placeholder="part of a question", id="search-words")
        yield Plain(classes="panel-title", id="search-found")
        yield OptionList(markup=False, classes="hits")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """All of them at first."""
        self.query_one(Input).focus()
        self._search(self._words)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._search(event.value)

    @work(exclusive=True)
    async def _search(self, words: str) -> None:
        self._found = await self._conversations.asked(words)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(safe_line(text)[:300]) for text in self._found])
        told = f"{len(self._found)} questions, the newest first" if self._found else "You asked nothing like this."
        self.query_one("#search-found", Plain).update(told)

    def action_list(self) -> None:
        """From the words to the questions."""
        self.query_one(OptionList).focus()

    @on(Input.Submitted)
    def action_first(self) -> None:
        """The newest."""
        if self._found:
            self.dismiss(self._found[0])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Hand the question back."""
        self.dismiss(self._found[event.option_index])
