"""What filled the context for an answer, and the prompt as it was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer

from assistant.context_use import ContextUse, context_use, told
from assistant.safe_text import safe_line, safe_text
from assistant.tui.told import USER_ERRORS
from assistant.tui.told import told as told_error
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.conversation import Message

BESIDE = 42  # columns of a line that are not its bar


class ContextScreen(ModalScreen[None]):
    """The context of one answer, over the whole screen."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "Context"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,alt+i", "dismiss", "Back", key_display="esc", id="screen.back"),
        Binding("c", "copy", "Copy the prompt", id="context.copy"),
    ]

    def __init__(self, core: Core, message: Message | None) -> None:
        super().__init__()
        self._core, self._message = core, message
        self._use: ContextUse | None = None

    def compose(self) -> ComposeResult:
        """The parts, then the messages of the prompt, scrolled with the arrow keys."""
        yield Plain("Context of this answer", classes="panel-title")
        with MovingScroll(id="context"):
            yield Plain("One moment…", id="context-lines")
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        """Count in the background: the model may have to be loaded first."""
        self.query_one("#context").focus()
        self.run_worker(self._show())

    async def _show(self) -> None:
        lines = self.query_one("#context-lines", Plain)
        if self._message is None or self._message.role != "assistant":
            lines.update("There is no answer yet. Ask something first.")
            return
        try:
            self._use = use = await context_use(self._core, self._message.id)
        except USER_ERRORS as error:
            lines.update(safe_text(told_error(error)))
            return
        bars = [Content(safe_line(line)) for line in told(use, max(self.size.width - BESIDE, 8))]
        parts = [Content("\n").join(bars), Content.styled("\nThe prompt as it was sent", "bold")]
        for message in use.messages:
            parts += [Content.styled(f"── {message.role}", "$text-accent"), Content(safe_text(message.content))]
        lines.update(Content("\n").join(parts))

    def action_copy(self) -> None:
        """The whole prompt."""
        if self._use is not None:
            self.app.copy_to_clipboard("\n\n".join(f"{each.role}: {each.content}" for each in self._use.messages))
            self.app.notify("The prompt is in the clipboard.", markup=False)
