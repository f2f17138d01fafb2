"""Evaluation: sets of questions with known answers, the runs of them with their reports, and the worst cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Footer

from assistant.tui.widgets.eval_runs import CasesPane, RunsPane
from assistant.tui.widgets.eval_sets import SetsPane
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.evaluation_job import EvaluationJob

PAGES = {"eval-sets": "Sets", "eval-runs": "Runs", "eval-cases": "Worst cases"}
REFRESH_SECONDS = 0.5


class EvaluationScreen(Screen[None]):
    """Three pages; a run goes on when the screen is left."""

    CSS_PATH = ["screens.tcss", "evaluation.tcss"]  # noqa: RUF012  # Textual declares it without ClassVar
    BINDING_GROUP_TITLE = "Evaluation"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012  # as above
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", id="screen.back"),
        Binding("f2", "next_page", "Next page", id="screen.next-page"),
        *(
            Binding(str(number), f"page('{page}')", name, show=False, id=f"evaluation.page-{number}")
            for number, (page, name) in enumerate(PAGES.items(), 1)
        ),
    ]

    def __init__(self, core: Core, job: EvaluationJob, wanted: str = "") -> None:
        """`wanted` is the set to stand on."""
        super().__init__()
        self._core, self._job, self._wanted = core, job, wanted
        self._seen = job.begun - job.running  # how many runs had ended when it was looked at last

    def compose(self) -> ComposeResult:
        """The pages' names, the page, keys."""
        yield Plain(id="eval-title")
        with ContentSwitcher(initial="eval-sets", id="eval-pages"):
            yield SetsPane(self._core, self._job, self._wanted)
            yield RunsPane(self._core)
            yield CasesPane()
        yield StatusLine()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """The sets first; a run that ends while one looks is shown."""
        self.call_after_refresh(self.action_page, "eval-sets")
        self.set_interval(REFRESH_SECONDS, self._look)

    async def action_page(self, page: str) -> None:
        """Show a page."""
        if not self.query("#eval-pages"):  # the screen was left meanwhile
            return
        self.query_one(ContentSwitcher).current = page
        names = [
            (f" {number} {name} ", "reverse bold" if key == page else "$text-muted")
            for number, (key, name) in enumerate(PAGES.items(), 1)
        ]
        self.query_one("#eval-title", Plain).update(Content.assemble(("Evaluation  ", "bold"), *names))
        runs, cases = self.query_one(RunsPane), self.query_one(CasesPane)
        if page == "eval-runs":
            await runs.reload()
            runs.focus_first()
        elif page == "eval-cases":
            cases.show(runs.report)
            cases.focus_first()
        else:
            self.query_one(SetsPane).focus_first()
        self.refresh_bindings()

    async def action_next_page(self) -> None:
        """The page to the right; behind the last one the first."""
        pages = list(PAGES)
        current = pages.index(str(self.query_one(ContentSwitcher).current))
        await self.action_page(pages[(current + 1) % len(pages)])

    async def on_runs_pane_cases_wanted(self, event: RunsPane.CasesWanted) -> None:
        """The worst cases of the run under the cursor."""
        await self.action_page("eval-cases")

    async def _look(self) -> None:
        """The report of a run that has just ended, also of one that was shorter than the time between two looks."""
        if self._job.begun > self._seen and not self._job.running and self.query("#eval-pages"):
            self._seen = self._job.begun
            await self.action_page("eval-runs")
