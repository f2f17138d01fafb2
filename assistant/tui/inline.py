"""One question under the shell prompt: its answer and its sources, to be copied, or opened in the full app."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Footer, Input

from assistant.citations import with_marks
from assistant.events import Cancelled, Completed, Failed, Retrieved, Token
from assistant.keymap import keymap
from assistant.safe_text import safe_line, safe_text
from assistant.tui.keys import loaded_actions
from assistant.tui.safe_app import SafeApp
from assistant.tui.themes import use_themes
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain
from ingest.document import place_label

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.conversation import Citation, Message


class InlineApp(SafeApp[bool]):
    """Gives whether the chat is to be opened in the full app."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { height: auto; max-height: 100h; background: $background; &:inline { height: auto; max-height: 80vh; } }
    #asked { text-style: bold; padding: 0 1; height: auto; }
    #question { border: none; height: 1; padding: 0 1; background: $surface; }
    #scroll { height: auto; max-height: 60vh; padding: 0 1; scrollbar-size-vertical: 1; }
    #answer, #below { height: auto; }
    #below { color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Stop, close", id="inline.stop"),
        Binding("c", "copy", "Copy", id="inline.copy"),
        Binding("s", "copy(True)", "Copy with sources", id="inline.copy-with-sources"),
        Binding("o", "open", "Open in the app", id="inline.open"),
        Binding("q,enter", "leave", "Close", key_display="q", id="inline.close"),
    ]

    def __init__(
        self, core: Core, question: str = "", scope: Sequence[str] | None = None, *, documents: bool = True
    ) -> None:
        """`question` "" lets it be typed; `scope` as the collections of a chat; without `documents` the model alone."""
        super().__init__(core.config.home / "logs")
        self._core, self._question, self._scope, self._documents = core, question, scope, documents
        self._text = ""
        self._answer: Message | None = None
        self.answering = False

    def compose(self) -> ComposeResult:
        """The question (typed, where there is none yet), the answer, what it stands on, the keys."""
        if self._question:
            yield Plain(safe_text(self._question), id="asked")
        else:
            yield Input(placeholder="Ask something", id="question", compact=True)
        with MovingScroll(id="scroll"):
            yield Plain("", id="answer")
            yield Plain("", id="below")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Ask at once what is known."""
        use_themes(self, self._core.config.home, self._core.config.interface.theme, self.theme)
        keys = keymap(loaded_actions(), {k: v for k, v in self._core.config.keys.items() if k.startswith("inline.")})
        self.set_keymap({name: ",".join(each) for name, each in keys.changed.items()})
        if self._question:
            self.query_one("#scroll").focus()
            self.run_worker(self._ask())
        else:
            self.query_one("#question").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Ask what was typed."""
        if event.value.strip() and not self.answering:
            self._question = event.value.strip()
            event.input.disabled = True
            self.query_one("#scroll").focus()
            self.run_worker(self._ask())

    async def _ask(self) -> None:
        self.answering = True
        below = self.query_one("#below", Plain)
        below.update("…")
        try:
            chat = await self._core.conversations.create(collections=self._scope)
            async for event in self._core.engine.ask(chat.id, self._question, use_documents=self._documents):
                if isinstance(event, Retrieved):
                    below.update(safe_line(event.trace))
                elif isinstance(event, Token):
                    self._show(self._text + event.text)
                elif isinstance(event, Failed):
                    raise event.error
                elif isinstance(event, (Completed, Cancelled)):
                    self._end(event.message)
        except USER_ERRORS as error:
            below.update(Content.styled(safe_text(told(error)), "$text-error"))
        finally:
            self.answering = False

    def _show(self, text: str) -> None:
        self._text = text
        self.query_one("#answer", Plain).update(safe_text(text))
        self.query_one("#scroll", MovingScroll).scroll_end(animate=False)

    def _end(self, message: Message) -> None:
        self._answer = message
        self._show(with_marks(message.text, message.citations))
        lines = [*self._sources(), f"({message.trace})", *message.notices]
        self.query_one("#below", Plain).update("\n".join(safe_line(line) for line in lines if line))

    async def action_stop(self) -> None:
        """Stop the answer; where there is none under way, close."""
        if self.answering:
            self._core.engine.stop()
        else:
            self._close(False)

    def _sources(self) -> list[str]:
        return [source_line(each) for each in self._answer.citations] if self._answer else []

    def action_copy(self, sources: bool = False) -> None:
        """Copy the answer as it stands, or with what it stands on."""
        below = self._sources() if sources else []
        self.copy_to_clipboard("\n".join([self._text, *below]))
        self.notify("Copied.")

    async def action_open(self) -> None:
        """Go on with this chat in the full app."""
        await self._stopped()
        self._close(True)

    async def action_leave(self) -> None:
        """Close; the chat is kept."""
        await self._stopped()
        self._close(False)

    def _close(self, app_wanted: bool) -> None:
        """What stays in the terminal is question, answer and sources."""
        self.query_one(Footer).display = False
        self.clear_notifications()
        self.call_after_refresh(self.exit, app_wanted)

    async def _stopped(self) -> None:
        while self.answering:
            self._core.engine.stop()
            await asyncio.sleep(0.02)


def source_line(citation: Citation) -> str:
    """A citation on one line; ~ marks those that the assistant attributed itself."""
    label = place_label(citation.page, citation.place)
    mark = f"[{'~' if citation.attributed else ''}{citation.mark}]"
    return f"{mark} {citation.document}{f', {label}' if label else ''}: “{' '.join(citation.quote.split())}”"


async def ask_inline(core: Core, question: str, scope: Sequence[str] | None, *, documents: bool) -> bool:
    """Run it under the shell prompt; gives whether the full app is wanted."""
    warming = asyncio.create_task(core.warm())
    try:
        app = InlineApp(core, question, scope, documents=documents)
        return bool(await app.run_async(inline=True, inline_no_clear=True))
    finally:
        warming.cancel()
