"""Search in all chats as one types; choosing a hit opens its chat at the message, on its branch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, OptionList
from textual.widgets.option_list import Option

from assistant.safe_text import safe_line
from assistant.storage.conversations import Conversations, SearchHit
from assistant.tui.widgets.plain import Plain

MOST = 100  # hits that are listed


class SearchScreen(ModalScreen[SearchHit | None]):
    """Messages that hold all the words, the best first."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "Search in all chats"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", key_display="esc"),
        Binding("down", "list", "Hits", show=False),
        Binding("enter", "first", "Open", key_display="enter"),
    ]

    def __init__(self, conversations: Conversations, words: str) -> None:
        super().__init__()
        self._conversations, self._words = conversations, words
        self._hits: Sequence[SearchHit] = ()

    def compose(self) -> ComposeResult:
        """The words, what was found, the hits."""
        yield Input(self._words, placeholder="words in any chat; the last one may be unfinished", id="search-words")
        yield Plain(classes="panel-title", id="search-found")
        yield OptionList(markup=False, classes="hits")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Search for what was given."""
        self.query_one(Input).focus()
        self._search(self._words)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._search(event.value)

    @work(exclusive=True)
    async def _search(self, words: str) -> None:
        self._hits = await self._conversations.search(words, MOST)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(_label(hit)) for hit in self._hits])
        chats, more = len({hit.conversation_id for hit in self._hits}), " or more" if len(self._hits) == MOST else ""
        told = f"{len(self._hits)}{more} messages, {chats} {'chat' if chats == 1 else 'chats'}"
        told = told if self._hits else f"No message in any chat has “{safe_line(words)}”."
        self.query_one("#search-found", Plain).update(told if words.strip() else "")

    def action_list(self) -> None:
        """From the words to the hits."""
        self.query_one(OptionList).focus()

    @on(Input.Submitted)
    def action_first(self) -> None:
        """Open the best hit."""
        if self._hits:
            self.dismiss(self._hits[0])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Hand the hit back."""
        self.dismiss(self._hits[event.option_index])


def _label(hit: SearchHit) -> Content:
    who = "you" if hit.role == "user" else "answer"
    parts = safe_line(hit.snippet).replace("»", "«").split("«")
    marked = [(part, "bold $text-warning" if index % 2 else "") for index, part in enumerate(parts)]
    return Content.assemble((safe_line(hit.title), "bold"), (f" · {who}\n  ", "$foreground 60%"), *marked)
