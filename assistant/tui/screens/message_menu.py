"""What to do with one message: a list whose entries have their letters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from assistant.code_blocks import code_blocks
from assistant.conversation import Message
from assistant.safe_text import safe_line
from assistant.tui.keys import key_line
from assistant.tui.widgets.moving import MovingList
from assistant.tui.widgets.plain import Plain

BLOCKS = 9  # code blocks that have a digit; /copy N takes any


class MessageMenu(ModalScreen[str | None]):
    """Gives what was chosen: a word, the number of a code block, or an action of the chat's screen."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "Message"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Back", key_display="esc", id="screen.back")
    ]

    def __init__(self, message: Message) -> None:
        super().__init__()
        self._message = message
        self._entries = list(_entries(message))

    def compose(self) -> ComposeResult:
        """The beginning of the message, then the list."""
        with Vertical(classes="dialog message-menu"):
            yield Plain(safe_line(self._message.text)[:200] or "(no text)", classes="dialog-title menu-title")
            yield MovingList(*(Option(_label(key, told)) for key, _, told in self._entries), markup=False)
            yield Plain(
                f"Enter or the letter  do it    {key_line(self.app, screen__back='back')}", classes="dialog-keys"
            )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click."""
        self.dismiss(self._entries[event.option_index][1])

    def on_key(self, event: events.Key) -> None:
        """Its letter."""
        chosen = next((choice for key, choice, _ in self._entries if key == event.character), None)
        if chosen is not None:
            event.stop()
            self.dismiss(chosen)


def _entries(message: Message) -> Iterator[tuple[str, str, str]]:
    """Key, choice and label of each entry."""
    yield "c", "copy", "copy"
    if message.role == "assistant":
        if message.citations:
            yield "C", "copy with sources", "copy with its sources"
        for number, block in enumerate(code_blocks(message.text)[:BLOCKS], 1):
            first = next((line.strip() for line in block.text.splitlines() if line.strip()), "")
            yield str(number), str(number), f"copy code block {number}: {safe_line(first)[:40]}"
        yield "o", "sources", "open its sources"
        yield "w", "app.open('why')", "why these passages"
        yield "i", "app.open('context')", "its context in tokens, and the prompt as it was sent"
        yield "r", "again", "answer the question again; this answer stays"
        yield "e", "edit", "put your own words beside it"
    else:
        yield "e", "edit", "ask it in another way; this branch stays"
    yield "t", "app.open('tokens')", "its tokens" + (", and those of its prompt" if message.role == "assistant" else "")
    yield "f", "fork", "go on from here in a new chat"
    yield "<", "before", "the version before (left arrow)"
    yield ">", "after", "the version after (right arrow)"
    if message.role == "assistant":
        yield "y", "score(True)", "good"
        yield "n", "score(False)", "bad"
        yield "s", "score(None)", "score it in detail"
        yield "v", "compare", "compare the answers to its question, blind"


def _label(key: str, told: str) -> Content:
    return Content.assemble((f" {key}  ", "$text-accent"), told)
