"""The scores: what was said of answers, which figures agree with it, and who wins by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Footer

from assistant.tui.told import USER_ERRORS
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.score_agreement import AgreementPane
from assistant.tui.widgets.score_board import BoardPane
from assistant.tui.widgets.score_judge import JudgePane
from assistant.tui.widgets.score_list import ScoreList
from assistant.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp


PAGES = {"scores": "Scores", "agreement": "Which figure agrees", "leaderboard": "Leaderboard", "judge": "Judge"}


class ScoresScreen(Screen[None]):
    """One page a question."""

    CSS_PATH = ["screens.tcss", "scores.tcss"]  # noqa: RUF012  # Textual declares it without ClassVar
    BINDING_GROUP_TITLE = "Scores"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012  # as above
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", id="screen.back"),
        Binding("f2", "next_page", "Next page", id="screen.next-page"),
        *(
            Binding(str(number), f"page('{page}')", name, show=False, id=f"scores.page-{number}")
            for number, (page, name) in enumerate(PAGES.items(), 1)
        ),
        Binding("l", "learn", "Learn", id="scores.learn"),
        Binding("ctrl+g", "guide", "Guide", id="screen.scoring-guide"),
    ]
    app: AssistantApp

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core

    def compose(self) -> ComposeResult:
        """The pages' names, the page, keys."""
        yield Plain(id="scores-title")
        yield Plain(id="scores-new")
        with ContentSwitcher(initial="scores", id="scores-pages"):
            yield ScoreList(self._core)
            yield AgreementPane(self._core)
            yield BoardPane(self._core)
            yield JudgePane(self._core)
        yield StatusLine()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """The list first, and what is new."""
        self.call_after_refresh(self.action_page, "scores")
        self._tell_new()

    def on_screen_resume(self) -> None:
        """Something may have been scored or learned meanwhile."""
        if self.query("#scores-new"):
            self._tell_new()

    @work(group="new", exclusive=True)
    async def _tell_new(self) -> None:
        from assistant.tui.learn_actions import feedback_line

        found = await self._core.learning.feedback()
        for line in self.query("#scores-new").results(Plain):  # none where the screen was left meanwhile
            line.update(feedback_line(found))

    @work(group="learn", exclusive=True)
    async def action_learn(self) -> None:
        """Learn from the new scores, or put on what came of it."""
        from assistant.tui.learn_actions import learn

        try:
            await learn(self.app)
        except USER_ERRORS as error:
            self.app.tell(error)

    def action_page(self, page: str) -> None:
        """Show a page."""
        if not self.query("#scores-pages"):  # the screen was left meanwhile
            return
        self.query_one(ContentSwitcher).current = page
        names = [
            (f" {number} {name} ", "reverse bold" if key == page else "$text-muted")
            for number, (key, name) in enumerate(PAGES.items(), 1)
        ]
        self.query_one("#scores-title", Plain).update(Content.assemble(("Scores  ", "bold"), *names))
        if page == "scores":
            self.query_one(ScoreList).focus_first()
        else:
            panes: dict[str, type[AgreementPane] | type[BoardPane] | type[JudgePane]] = {
                "agreement": AgreementPane, "leaderboard": BoardPane, "judge": JudgePane,
            }  # fmt: skip
            pane = self.query_one(panes[page])
            pane.reload()
            pane.focus_first()
        self.refresh_bindings()

    def action_next_page(self) -> None:
        """The page to the right; behind the last one the first."""
        pages = list(PAGES)
        current = pages.index(str(self.query_one(ContentSwitcher).current))
        self.action_page(pages[(current + 1) % len(pages)])

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
