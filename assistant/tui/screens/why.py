"""Why: how a search came to its passages, from the question as it was used to what the model was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Footer

from assistant.safe_text import safe_line
from assistant.search_text import told
from assistant.tui.keys import with_keys
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.conversation import Message
    from ingest.search_trace import SearchTrace

NO_ANSWER = "There is no answer yet. Ask something; {app.why} then tells how its passages were found."
NOT_SEARCHED = "The documents were not searched for this answer."


class WhyScreen(ModalScreen[None]):
    """One search, step by step, over the whole screen."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "Why these passages"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f7,q", "dismiss", "Back", key_display="esc", id="screen.back")
    ]

    def __init__(self, core: Core, message: Message | None = None, trace: SearchTrace | None = None) -> None:
        """Of an answer (or the answer to a question), or of a `trace` without one."""
        super().__init__()
        self._core, self._message, self._trace = core, message, trace

    def compose(self) -> ComposeResult:
        """The lines, scrolled with the arrow keys."""
        yield Plain("Why these passages", classes="panel-title")
        with MovingScroll(id="why"):
            yield Plain(id="why-lines")
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        """Tell it."""
        self.query_one("#why").focus()
        lines = await self._lines()
        self.query_one("#why-lines", Plain).update("\n".join(safe_line(line) for line in lines))

    async def _lines(self) -> list[str]:
        if self._trace is not None:
            return told(self._trace)
        if self._message is None or self._message.role != "assistant":
            return [with_keys(self.app, NO_ANSWER)]
        trace = await self._core.conversations.searches.of(self._message.id)
        if trace is None:
            return [NOT_SEARCHED]
        return told(trace, await self._core.conversations.passages(self._message.id))
