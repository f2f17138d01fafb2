"""The fourth page of training: all runs with their states; those that did not end can go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.widgets import DataTable

from assistant.safe_text import safe_line
from assistant.tui.progress_text import STATES
from assistant.tui.widgets.choice_table import ChoiceTable
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from adapters.training.runs import RunSummary
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp

COLOURS = {"running": "cyan", "paused": "yellow", "interrupted": "yellow", "failed": "red", "finished": "green"}
NO_RUNS = "No runs yet. What is trained is listed here, and what was interrupted can go on."


class RunsPane(Container):
    """One row a run, the newest first."""

    class Opened(Message):
        """A run is to be looked at."""

        def __init__(self, run: RunSummary) -> None:
            super().__init__()
            self.run = run

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d,delete", "remove", "Delete", key_display="d", id="train.runs.remove"),
    ]
    app: AssistantApp

    def __init__(self, core: Core) -> None:
        super().__init__(id="runs")
        self._core = core
        self._runs: list[RunSummary] = []

    def compose(self) -> ComposeResult:
        """The table."""
        yield Plain(NO_RUNS, id="no-runs")
        yield ChoiceTable(id="run-list")

    async def on_mount(self) -> None:
        """Fill it."""
        table = self.query_one(DataTable)
        for label in ("Begun", "Adapter", "State", "Step", "Validation", "Data", "Method"):
            table.add_column(label, key=label)
        await self.reload()

    @property
    def chosen(self) -> RunSummary | None:
        """The run under the cursor."""
        row = next((table.cursor_row for table in self.query(DataTable)), -1)
        return self._runs[row] if 0 <= row < len(self._runs) else None

    async def reload(self) -> None:
        """Read the list again."""
        self._runs = await self._core.training.runs()
        known = {entry.facts.run: entry.label for entry in await self._core.registry.all() if entry.facts}
        if not (tables := self.query(DataTable)):  # the screen was left meanwhile
            return
        table = tables.first()
        row = table.cursor_row
        table.clear()
        for run in self._runs:
            table.add_row(*_cells(run, known.get(run.id, "")), key=run.id)
        table.move_cursor(row=row)
        table.display = bool(self._runs)
        self.query_one("#no-runs").display = not self._runs

    def focus_list(self) -> None:
        """The keys go to the list."""
        self.query_one(DataTable).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what can be done now."""
        return action != "remove" or self.chosen is not None

    def action_remove(self) -> None:
        """Ask, then delete the run under the cursor."""
        if (run := self.chosen) is not None:
            self.run_worker(self._remove(run.id), group="remove")

    async def _remove(self, run_id: str) -> None:
        if await self.app.confirmed("Delete this run?", "Its checkpoints go; an adapter that came of it stays."):
            await self._core.training.remove(run_id)
            await self.reload()

    @on(DataTable.RowSelected)
    def _selected(self) -> None:
        if (run := self.chosen) is not None:
            self.post_message(self.Opened(run))


def _cells(run: RunSummary, adapter: str) -> list[Text]:
    recipe: dict[str, Any] = run.facts.get("recipe") or {}
    state = STATES.get(run.state, (run.state, ""))[0]
    return [
        Text(safe_line(run.created[:16].replace("T", " "))),
        Text(safe_line(adapter or run.name)),
        Text(state, style=COLOURS.get(run.state, "")),
        Text(_steps(run.last), justify="right"),
        Text(_validation(run.last), justify="right"),
        Text(safe_line(str(run.facts.get("dataset", "")))),
        Text(safe_line(str(recipe.get("method", "")))),
    ]


def _steps(last: dict[str, Any]) -> str:
    step = last.get("step", (last.get("result") or {}).get("steps"))
    if step is None:
        return ""
    return f"{step:,}/{last['steps']:,}" if "steps" in last else f"{step:,}"


def _validation(last: dict[str, Any]) -> str:
    value = last.get("loss") if last.get("event") == "validation" else (last.get("result") or {}).get("validation_loss")
    return f"{value:.3f}" if isinstance(value, int | float) else ""
