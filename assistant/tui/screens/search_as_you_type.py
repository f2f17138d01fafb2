"""A line to type into, and below it what is found so far: what both searches have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, OptionList
from textual.widgets.option_list import Option

from assistant.tui.widgets.moving import MovingList
from assistant.tui.widgets.plain import Plain

T = TypeVar("T")


class SearchAsYouType(ModalScreen[T | None], Generic[T]):
    """Gives the chosen one of what was found."""

    CSS_PATH = "screens.tcss"
    PLACEHOLDER = ""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words
        self._found: Sequence[T] = ()

    @abstractmethod
    async def found(self, words: str) -> Sequence[T]:
        """What there is for these words, the best first."""

    @abstractmethod
    def label(self, one: T) -> Content | str:
        """How one is listed."""

    @abstractmethod
    def told(self, words: str, found: Sequence[T]) -> str:
        """How many there are, in a line."""

    def compose(self) -> ComposeResult:
        """The words, what was found, the list."""
        yield Input(self._words, placeholder=self.PLACEHOLDER, id="search-words")
        yield Plain(classes="panel-title", id="search-found")
        yield MovingList(markup=False, classes="hits")
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
        self._found = await self.found(words)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(self.label(one)) for one in self._found])
        self.query_one("#search-found", Plain).update(self.told(words, self._found))

    def action_list(self) -> None:
        """From the words to the list."""
        self.query_one(OptionList).focus()

    @on(Input.Submitted)
    def action_first(self) -> None:
        """Take the first."""
        if self._found:
            self.dismiss(self._found[0])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take the chosen one."""
        self.dismiss(self._found[event.option_index])
