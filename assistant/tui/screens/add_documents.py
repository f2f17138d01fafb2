"""Choosing a file or folder to index: type a path, or walk through the folders."""

from __future__ import annotations

import asyncio
import os
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from assistant.safe_text import safe_line
from assistant.tui.keys import key_line
from assistant.tui.path_completion import completions, expanded
from assistant.tui.widgets.moving import MovingList
from assistant.tui.widgets.plain import Plain


class AddDocuments(ModalScreen[tuple[str, str] | None]):
    """Gives a path and the name of a collection, or None."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Cancel", id="screen.back"),
        Binding("tab", "complete", "Complete", priority=True, id="add-documents.complete"),
        Binding("down", "walk(1)", "Choose", priority=True, show=False, id="add-documents.down"),
        Binding("up", "walk(-1)", "Choose", priority=True, show=False, id="add-documents.up"),
        Binding("f2", "other_field", "Collection", show=False, id="add-documents.other-field"),
    ]

    def __init__(self, collection: str, *, folders_only: bool = False) -> None:
        """`folders_only`: choose a folder to link."""
        super().__init__()
        self._collection, self._folders_only = collection, folders_only
        self._paths: list[str] = []

    def compose(self) -> ComposeResult:
        """Path, what it may become, collection."""
        with Vertical(classes="dialog -wide-dialog"):
            yield Plain("Link a folder" if self._folders_only else "Add to the library", classes="dialog-title")
            yield Input("~/", placeholder="Folder" if self._folders_only else "File or folder", id="path", compact=True)
            yield MovingList(id="paths", markup=False, compact=True)
            yield Plain("Collection", classes="field-label")
            yield Input(self._collection, id="collection", compact=True)
            yield Plain(id="path-told", classes="dialog-note")
            enter = "Enter  link" if self._folders_only else "Enter  add"
            told = key_line(self.app, add_documents__other_field="collection", screen__back="cancel")
            yield Plain(f"{enter}   Tab  complete   ↑↓  choose   {told}", classes="dialog-keys")

    def on_mount(self) -> None:
        """The list follows the path; the path has the focus."""
        paths = self.query_one("#paths", OptionList)
        paths.can_focus = False
        field = self.query_one("#path", Input)
        field.focus()
        field.cursor_position = len(field.value)

    @on(Input.Changed, "#path")
    def _path_changed(self, event: Input.Changed) -> None:
        self._list(event.value)

    @work(group="paths", exclusive=True)
    async def _list(self, typed: str) -> None:
        found = await completions(typed)
        self._paths = [path for path in found if path.endswith("/")] if self._folders_only else found
        paths = self.query_one("#paths", OptionList)
        paths.clear_options()
        paths.add_options([Option(_label(path)) for path in self._paths])
        self.query_one("#path-told", Plain).update(await asyncio.to_thread(_told, typed, self._folders_only))

    def action_walk(self, step: int) -> None:
        """Highlight another entry of the list."""
        paths = self.query_one("#paths", OptionList)
        if self._paths:
            place = paths.highlighted
            paths.highlighted = (
                (0 if step > 0 else -1) % len(self._paths) if place is None else (place + step) % len(self._paths)
            )

    def action_complete(self) -> None:
        """Take the highlighted entry, or the first, into the path."""
        place = self.query_one("#paths", OptionList).highlighted or 0
        if place < len(self._paths):
            self._set_path(self._paths[place])

    def action_other_field(self) -> None:
        """Between path and collection."""
        path, collection = self.query_one("#path", Input), self.query_one("#collection", Input)
        (collection if path.has_focus else path).focus()

    @on(OptionList.OptionSelected, "#paths")
    def _path_clicked(self, event: OptionList.OptionSelected) -> None:
        self._set_path(self._paths[event.option_index])

    @on(Input.Submitted)
    async def _submitted(self) -> None:
        place = self.query_one("#paths", OptionList).highlighted
        if place is not None and place < len(self._paths) and self.query_one("#path", Input).has_focus:
            self._set_path(self._paths[place])
            return
        typed, collection = self.query_one("#path", Input).value, self.query_one("#collection", Input).value.strip()
        path = expanded(typed)
        if await asyncio.to_thread(path.is_dir if self._folders_only else path.exists):
            self.dismiss((typed, collection or self._collection))
        else:
            what = "folder" if self._folders_only else "file or folder"
            self.query_one("#path-told", Plain).update(f"There is no such {what}.")

    def _set_path(self, path: str) -> None:
        field = self.query_one("#path", Input)
        field.value = path
        field.cursor_position = len(path)


def _label(path: str) -> Content:
    name = path.rstrip("/").rpartition("/")[2]
    return Content.assemble(safe_line(name), ("/", "$text-accent") if path.endswith("/") else "")


def _told(typed: str, folders_only: bool) -> str:
    """What Enter would add or link."""
    path = expanded(typed)
    if not typed.strip() or not path.exists():
        return ""
    if path.is_file():
        return "" if folders_only else f"Enter adds this file ({path.stat().st_size / 1000:,.0f} kB)."
    with os.scandir(path) as entries:
        count = sum(1 for _ in entries)
    if folders_only:
        return f"Enter says what linking this folder ({count:,} entries) would bring in."
    return f"Enter adds this folder ({count:,} entries) with all that is below it."
