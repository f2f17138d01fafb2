"""Checking the library: questions from the user's own passages, and settings that would find more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Footer

from assistant.library_check import KEY_WORDS, LibraryReport, check_library
from assistant.library_text import report_lines
from assistant.safe_text import safe_line
from assistant.settings_file import write_settings
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core


class LibraryCheckScreen(ModalScreen[None]):
    """Runs the check when it is opened; leaving the screen ends it."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "Check of the library"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Back", key_display="esc", id="screen.back"),
        Binding("w", "write", "Use the better settings", id="library-check.write"),
    ]

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core
        self._report: LibraryReport | None = None

    def compose(self) -> ComposeResult:
        """Progress, then the report."""
        yield Plain("Check of the library", classes="panel-title")
        with MovingScroll(id="why"):
            yield Plain("Questions are being made from your own passages…", id="check-lines")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin."""
        self.query_one("#why").focus()
        self._check()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is something to use only where the report says so."""
        return action != "write" or (self._report is not None and bool(self._report.better))

    @work(group="check", exclusive=True)
    async def _check(self) -> None:
        lines = self.query_one("#check-lines", Plain)
        try:
            async for item in check_library(self._core):
                if isinstance(item, LibraryReport):
                    self._report = item
                    lines.update("\n".join(safe_line(line) for line in report_lines(item)))
                elif item.done % 10 == 0:
                    lines.update(f"{item.done} of {item.total} searches")
        except USER_ERRORS as error:
            lines.update(safe_line(told(error)))
        self.refresh_bindings()

    def action_write(self) -> None:
        """Put the better settings into the user's file, and into the search at once."""
        if self._report is None:
            return
        better = self._report.better
        try:
            write_settings(self._core.config, {("documents", key): value for key, value in better.items()})
        except USER_ERRORS as error:
            self.notify(safe_line(told(error)), severity="error", markup=False)
            return
        retriever = self._core.retriever
        retriever.floor = better.get("relevance_floor", retriever.floor)
        retriever.weights = replace(retriever.weights, words=better.get(KEY_WORDS, retriever.weights.words))
        self.notify(f"Written to {self._core.config.user_file}.", markup=False)
        self._report = None
        self.refresh_bindings()
