"""The scores: what was said of answers, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer

from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.score_list import ScoreList
from assistant.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp


class ScoresScreen(Screen[None]):
    """All scores."""

    CSS_PATH = ["screens.tcss", "scores.tcss"]  # noqa: RUF012  # Textual declares it without ClassVar
    BINDING_GROUP_TITLE = "Scores"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012  # as above
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back"),
        Binding("ctrl+g", "guide", "Guide"),
    ]
    app: AssistantApp

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core

    def compose(self) -> ComposeResult:
        """Title, page, keys."""
        yield Plain(Content.styled("Scores", "bold"), id="scores-title")
        with Container(id="scores-pages"):
            yield ScoreList(self._core)
        yield StatusLine()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Ready to choose."""
        self.call_after_refresh(self.query_one(ScoreList).focus_first)

    def action_guide(self) -> None:
        """How to score."""
        from assistant.tui.screens.score import GuideScreen

        self.app.push_screen(GuideScreen())

    async def on_score_list_chat_wanted(self, event: ScoreList.ChatWanted) -> None:
        """Open the chat of an answer."""
        session = self.app.chat.session
        if session is not None:
            self.dismiss()
            await session.open_id(event.chat)
