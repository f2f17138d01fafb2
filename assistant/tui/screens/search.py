"""What was found in past chats; choosing a hit opens its chat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, OptionList
from textual.widgets.option_list import Option

from assistant.safe_text import safe_line
from assistant.storage.conversations import SearchHit
from assistant.tui.widgets.plain import Plain


class SearchScreen(ModalScreen[SearchHit | None]):
    """Hits of a search in all chats."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", "Back", key_display="esc")]

    def __init__(self, words: str, hits: Sequence[SearchHit]) -> None:
        super().__init__()
        self._words, self._hits = words, hits

    def compose(self) -> ComposeResult:
        """The words, then the hits."""
        yield Plain(f"{len(self._hits)} messages with “{safe_line(self._words)}”", classes="panel-title")
        yield OptionList(*(Option(_label(hit)) for hit in self._hits), markup=False, classes="hits")
        yield Footer(show_command_palette=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Hand the hit back."""
        self.dismiss(self._hits[event.option_index])


def _label(hit: SearchHit) -> Content:
    who = "you" if hit.role == "user" else "answer"
    snippet = safe_line(hit.snippet)
    return Content.assemble((safe_line(hit.title), "bold"), (f" · {who}\n", "$foreground 60%"), f"  {snippet}")
