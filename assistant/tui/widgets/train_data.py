"""The first page of training: the datasets there are, what is in one, and its rows as tokens with what is learned."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.message import Message
from textual.widgets import DataTable

from assistant.safe_text import safe_line, safe_text
from assistant.storage.datasets import list_datasets, remove_dataset
from assistant.tui.dataset_text import KINDS, card_content, preview_content
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.choice_table import ChoiceTable
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from adapters.data.dataset import Card
    from adapters.data.preview import Preview
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp

PREVIEW_ROWS = 4
EMPTY = """No datasets yet.

Press  b  to build one: from what you taught (/teach QUESTION => ANSWER), what you scored or preferred, this
chat, a file (JSONL, JSON, CSV, text), or a collection of documents."""


class DataPane(Container):
    """All datasets; the one under the cursor is told in full."""

    class Chosen(Message):
        """A dataset is to be trained on."""

        def __init__(self, card: Card) -> None:
            super().__init__()
            self.card = card

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "build", "Build", id="train.data.build"),
        Binding("p", "preview", "Tokens", id="train.data.preview"),
        Binding("d,delete", "delete", "Delete", key_display="d", id="train.data.delete"),
    ]
    app: AssistantApp

    def __init__(self, core: Core) -> None:
        super().__init__(id="data")
        self._core = core
        self._cards: list[Card] = []
        self._previews: dict[str, list[Preview]] = {}  # by hash
        self._shown_as_tokens = ""  # the dataset of which rows are shown instead of the card

    def compose(self) -> ComposeResult:
        """The list, and what is told of one."""
        yield ChoiceTable(id="datasets")
        with MovingScroll(id="dataset-detail"):
            yield Plain(EMPTY, id="card")
            yield Plain(id="preview")

    async def on_mount(self) -> None:
        """Fill the list."""
        table = self.query_one(DataTable)
        for label in ("Dataset", "Rows", "Tokens", "Kind", "Warnings", "Built"):
            table.add_column(label, key=label)
        await self.reload()

    @property
    def chosen(self) -> Card | None:
        """The dataset under the cursor."""
        row = next((table.cursor_row for table in self.query(DataTable)), -1)
        return self._cards[row] if 0 <= row < len(self._cards) else None

    async def reload(self, name: str = "") -> None:
        """Read the list again; the cursor goes to `name`, or stays."""
        self._cards = await asyncio.to_thread(list_datasets, self._core.config.home)
        if not (tables := self.query(DataTable)):  # the screen was left meanwhile
            return
        table = tables.first()
        row = next((place for place, card in enumerate(self._cards) if card.name == name), table.cursor_row)
        table.clear()
        for card in self._cards:
            table.add_row(*_cells(card), key=card.name)
        table.move_cursor(row=row)
        table.display = bool(self._cards)
        self._show()

    def focus_list(self) -> None:
        """The keys go to the list."""
        self.query_one(DataTable if self._cards else "#dataset-detail").focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what can be done now."""
        return action not in ("preview", "delete") or self.chosen is not None

    def action_build(self) -> None:
        """Build a dataset, then go to it."""
        from assistant.tui.screens.build_dataset import BuildDataset

        def built(name: str | None) -> None:
            if name:
                self.run_worker(self._go_to(name), group="reload")

        conversation = self.app.chat.session.conversation if self.app.chat.session else None
        self.app.push_screen(BuildDataset(self._core, conversation), built)

    async def _go_to(self, name: str) -> None:
        """To a dataset that was built: Enter trains on it."""
        await self.reload(name)
        self.focus_list()

    def action_delete(self) -> None:
        """Ask, then delete the dataset under the cursor."""
        if (card := self.chosen) is not None:
            self.run_worker(self._delete(card.name), group="delete")

    async def _delete(self, name: str) -> None:
        if await self.app.confirmed(f"Delete the dataset “{name}”?", "Adapters and runs made from it stay."):
            await asyncio.to_thread(remove_dataset, self._core.config.home, name)
            await self.reload()
            self.focus_list()

    @on(DataTable.RowHighlighted)
    def _highlighted(self) -> None:
        self._show()

    @on(DataTable.RowSelected)
    def _selected(self) -> None:
        if (card := self.chosen) is not None:
            self.post_message(self.Chosen(card))

    def _show(self) -> None:
        """The card, or the tokens where they were asked for."""
        if not self.query(Plain):  # as above
            return
        card, preview, told_card = self.chosen, self.query_one("#preview", Plain), self.query_one("#card", Plain)
        tokens = card is not None and card.name == self._shown_as_tokens
        preview.display, told_card.display = tokens, not tokens
        told_card.update(EMPTY if card is None else card_content(card))
        if card is not None and tokens and card.sha256 in self._previews:
            preview.update(preview_content(self._previews[card.sha256]))

    @work(group="preview", exclusive=True)
    async def action_preview(self) -> None:
        """Rows as tokens with what is learned, by the model's tokenizer in a child; again for the card."""
        card, preview = self.chosen, self.query_one("#preview", Plain)
        if card is None:
            return
        self._shown_as_tokens = "" if self._shown_as_tokens == card.name else card.name
        preview.update("loading the tokenizer…")
        self._show()
        self.query_one("#dataset-detail", VerticalScroll).scroll_home(animate=False)
        if not self._shown_as_tokens or card.sha256 in self._previews:
            return
        from assistant.curation import preview_dataset

        try:
            self._previews[card.sha256] = await preview_dataset(self._core, card.name, PREVIEW_ROWS)
        except USER_ERRORS as error:
            preview.update(safe_text(told(error)))
            return
        self._show()


def _cells(card: Card) -> list[Text]:
    warnings = f"! {len(card.warnings)}" if card.warnings else ""
    return [
        Text(safe_line(card.name)),
        Text(f"{sum(card.rows.values()):,}", justify="right"),
        Text(f"{card.tokens:,}", justify="right"),
        Text(KINDS.get(card.kind, safe_line(card.kind))),
        Text(warnings, style="yellow"),
        Text(safe_line(card.created[:16].replace("T", " "))),
    ]
