"""Safety: what the assistant checks and what not, and how the model that chats does in the probes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Footer

from assistant.safe_text import safe_line
from assistant.safety import checks
from assistant.safety.probes import run_probes
from assistant.safety.report import report_lines
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core

HOW = "r asks the model as it is now, in a process of its own: some minutes on a small machine. b asks the base alone."


class SafetyScreen(ModalScreen[None]):
    """The list, and the counts of a run above it."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "Safety"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Back", key_display="esc", id="screen.back"),
        Binding("r", "probe", "Run the probes", id="safety.probe"),
        Binding("b", "probe('off')", "Without adapters", id="safety.probe-without-adapters"),
    ]

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core

    def compose(self) -> ComposeResult:
        """One column that scrolls with the arrow keys."""
        yield Plain("Safety", classes="panel-title")
        with MovingScroll(id="safety"):
            yield Plain(HOW, id="safety-probes")
            yield Plain(f"\n{checks.told()}")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Ready to scroll."""
        self.query_one("#safety").focus()

    @work(exclusive=True)
    async def action_probe(self, adapter: str | None = None) -> None:
        """Ask all cases, with what is on or with the base alone; Esc stops."""
        try:
            report = await run_probes(self._core, adapter, self._count)
        except USER_ERRORS as error:
            self._tell(told(error))
            return
        self._tell("\n".join(safe_line(line) for line in report_lines(report, failures=True)))

    def _count(self, done: int, total: int) -> None:
        self._tell(f"Asking {done + 1} of {total}… Esc stops.")

    def _tell(self, text: str) -> None:
        for line in self.query("#safety-probes").results(Plain):
            line.update(text)
