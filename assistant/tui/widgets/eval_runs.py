"""The second and third page of evaluation: the runs with their reports, and the worst cases side by side."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.widgets import DataTable

from assistant.evaluation.files import save_report
from assistant.evaluation.report import Report, report, worst_cases
from assistant.evaluation.report_text import verdict_text
from assistant.safe_text import safe_line, safe_text
from assistant.tui.evaluation_text import case_content, report_content
from assistant.tui.path_completion import expanded
from assistant.tui.screens.dialogs import AskLine
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.choice_table import ChoiceTable
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.evaluation.report import Case
    from assistant.evaluation.run import Run
    from assistant.tui.app import AssistantApp

COLUMNS = ("Run", "When", "Set", "Answered by", "Answers")
CASE_COLUMNS = ("Why", "Question")
MOST_CASES, QUESTION = 200, 48  # cases in the list, characters of a question there
NO_RUNS = "Nothing was evaluated yet. Choose a set on the first page and press Enter."
NO_CASES = "No answer of this run is wrong."


class RunTable(ChoiceTable):
    """Enter shows the worst cases of the run under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Worst cases", id="list.choose")]


class RunsPane(Container):
    """One row a run, the newest first; its report below."""

    class CasesWanted(Message):
        """The worst cases of a run are to be shown."""

        def __init__(self, found: Report) -> None:
            super().__init__()
            self.found = found

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "export", "Export", id="evaluation.runs.export"),
        Binding("l", "learn", "Learn from it", id="evaluation.runs.learn"),
        Binding("d,delete", "remove", "Delete", key_display="d", id="evaluation.runs.remove"),
    ]
    app: AssistantApp

    def __init__(self, core: Core) -> None:
        super().__init__(id="eval-runs")
        self._core = core
        self._known: list[Run] = []
        self.report: Report | None = None  # of the run under the cursor

    def compose(self) -> ComposeResult:
        """The table, and one report."""
        yield RunTable(id="eval-run-list")
        with MovingScroll(id="eval-run-detail"):
            yield Plain(NO_RUNS, id="eval-run-facts")

    def on_mount(self) -> None:
        """Columns."""
        table = self.query_one(DataTable)
        for label in COLUMNS:
            table.add_column(label, key=label)

    async def reload(self) -> None:
        """Read the runs again."""
        self._known = await self._core.evaluations.all()
        if not (tables := self.query(RunTable)):  # it was left meanwhile
            return
        table = tables.first()
        row = table.cursor_row
        table.clear()
        for run in self._known:
            table.add_row(*_cells(run), key=str(run.id))
        table.move_cursor(row=row)
        table.display = bool(self._known)
        self._show_report()

    def focus_first(self) -> None:
        """Ready to choose."""
        self.query_one("#eval-run-list" if self._known else "#eval-run-detail").focus()

    @property
    def chosen(self) -> Run | None:
        """The run under the cursor."""
        row = self.query_one(RunTable).cursor_row
        return self._known[row] if 0 <= row < len(self._known) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what can be done now."""
        return bool(self._known) if action in ("export", "learn", "remove") else True

    @on(DataTable.RowHighlighted)
    @work(group="eval-report", exclusive=True)
    async def _show_report(self) -> None:
        facts, run = self.query_one("#eval-run-facts", Plain), self.chosen
        self.report = None
        self.refresh_bindings()
        if run is None:
            facts.update(NO_RUNS)
            return
        try:
            whole = await self._core.evaluations.get(run.id)
            before = await self._core.evaluations.before(whole)
            self.report = await asyncio.to_thread(report, whole, before)
            facts.update(report_content(self.report))
        except USER_ERRORS as error:
            facts.update(safe_text(told(error)))

    @on(DataTable.RowSelected)
    def _wanted(self, event: DataTable.RowSelected) -> None:
        if self.report is not None:
            self.post_message(self.CasesWanted(self.report))

    @work(group="eval-work", exclusive=True)
    async def action_export(self) -> None:
        """Write the report to a file whose name says in which form."""
        found = self.report
        if found is None:
            return
        value = str(Path.cwd() / f"{found.run.questions.name}-run{found.run.id}.html")
        note = "A page (.html) that opens in any browser, offline; or .md, or .json. It holds questions and answers."
        typed = await self.app.push_screen_wait(AskLine("Export the report", value, note, path=True))
        if typed is not None:
            path = expanded(typed).absolute()
            await asyncio.to_thread(save_report, path, found)
            self.app.say(f"The report is in {path}.")

    @work(group="eval-work", exclusive=True)
    async def action_learn(self) -> None:
        """Make a dataset of wrong answers whose passages were right."""
        from assistant.evaluation.candidates import candidates, send

        found = self.report
        if found is None:
            return
        count = len(candidates(found.run))
        if not count:
            self.app.say(f"No answer of run {found.run.id} is a candidate for training.", "warning")
            return
        note = (
            f"{count:,} wrong answers whose passages were right, with what should have been said. Their questions are "
            "tagged “learned” and count apart from then on. `pairs` behind the name makes pairs for preferences."
        )
        typed = await self.app.push_screen_wait(AskLine("Name of the new dataset", "corrections", note, path=False))
        if typed is not None:
            name, _, rest = typed.partition(" ")
            built = await send(self._core, found.run, name, pairs=rest.strip() == "pairs")
            self.app.say(f"The dataset {built.card.name} is there: {{app.train}} trains with it.")

    @work(group="eval-work", exclusive=True)
    async def action_remove(self) -> None:
        """Delete the run with its answers, after asking."""
        run = self.chosen
        if run is not None and await self.app.confirmed(
            f"Delete run {run.id}?", "Its answers would be asked for again."
        ):
            await self._core.evaluations.remove(run.id)
            await self.reload()


class CaseTable(ChoiceTable):
    """The case under the cursor is shown: there is nothing for Enter to do."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Choose", show=False, id="list.choose")]


class CasesPane(Container):
    """The wrong answers of one run, the most telling first; one of them in full."""

    def __init__(self) -> None:
        super().__init__(id="eval-cases")
        self._cases: tuple[Case, ...] = ()
        self._labels: list[str] = []

    def compose(self) -> ComposeResult:
        """The table, and one case."""
        yield CaseTable(id="eval-case-list")
        with MovingScroll(id="eval-case-detail"):
            yield Plain(NO_RUNS, id="eval-case-facts")

    def on_mount(self) -> None:
        """Columns."""
        table = self.query_one(DataTable)
        for label in CASE_COLUMNS:
            table.add_column(label, key=label)

    def show(self, found: Report | None) -> None:
        """The cases of a run."""
        self._labels = [arm.label for arm in found.run.arms] if found else []
        self._cases = worst_cases(found.run, found.run.questions.questions, MOST_CASES) if found else ()
        table = self.query_one(ChoiceTable)
        table.clear()
        for case in self._cases:
            why = ", ".join(dict.fromkeys(verdict_text(each) for each in case.answers))
            table.add_row(Text(why), Text(safe_line(case.question.question)[:QUESTION]))
        table.display = bool(self._cases)
        self._show_case()

    def focus_first(self) -> None:
        """Ready to choose."""
        self.query_one("#eval-case-list" if self._cases else "#eval-case-detail").focus()

    @on(DataTable.RowHighlighted)
    def _show_case(self) -> None:
        row = self.query_one(ChoiceTable).cursor_row
        facts = self.query_one("#eval-case-facts", Plain)
        if 0 <= row < len(self._cases):
            facts.update(case_content(self._cases[row], self._labels))
        else:
            facts.update(NO_CASES if self._labels else NO_RUNS)
        self.query_one("#eval-case-detail").scroll_home(animate=False)


def _cells(run: Run) -> tuple[Text, ...]:
    answers = f"{run.total:,}" if run.state == "done" else f"{run.done:,} of {run.total:,}"
    return (
        Text(str(run.id), justify="right"),
        Text(run.created[5:16].replace("T", " ")),
        Text(safe_line(run.questions.name)[:20]),
        Text(safe_line(", ".join(arm.label for arm in run.arms))[:40]),
        Text(answers, justify="right"),
    )
