"""The models on this machine and those of the catalogue: what each is, which one answers; Enter loads or fetches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import DataTable, Footer

from assistant.local_models import EMBEDDED
from assistant.models.catalogue import Entry, catalogue
from assistant.models.found import FoundModel, counted, gigabytes
from assistant.models.location import STARTER
from assistant.models.places import YOURS
from assistant.safe_text import safe_line
from assistant.settings import apply, change, find
from assistant.tui.model_loading import load_model
from assistant.tui.opening import may_be_left
from assistant.tui.pull_actions import pull
from assistant.tui.told import USER_ERRORS
from assistant.tui.widgets.choice_table import ChoiceTable
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp
    from assistant.tui.pull_job import PullJob

REFRESH_SECONDS = 0.5
COLUMNS = ("", "Model", "Params", "Quant", "Size", "Place")
NAME = 34  # columns of a name


class ModelsScreen(Screen[None]):
    """One row a model; below it, what its file says."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "Models"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back", id="screen.back"),
        Binding("p", "pull", "Fetch", id="models.pull"),
        Binding("x", "stop", "Stop", id="models.stop"),
        Binding("f", "fit", "Fit, quantise", id="models.fit"),
        Binding("d", "default", "At every start", id="models.default"),
        Binding("r", "rescan", "Look again", show=False, id="models.rescan"),
        Binding("delete", "remove", "Delete", show=False, id="models.remove"),
    ]
    app: AssistantApp

    def __init__(self, core: Core, job: PullJob) -> None:
        super().__init__()
        self._core, self._job = core, job
        self._rows: list[FoundModel] = []  # those that are here; below them stands the catalogue
        self._offered: list[Entry] = []
        self._seen: tuple[bool, int] = (job.running, job.ended)

    def compose(self) -> ComposeResult:
        """Title, table, facts, keys."""
        yield Plain(Content.styled("Models", "bold"), id="models-title")
        yield ChoiceTable(id="models")
        yield Plain(id="model-detail")
        yield StatusLine()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Look, and list what is found as it is found."""
        table = self.query_one(ChoiceTable)
        for label in COLUMNS:
            table.add_column(label, key=label)
        table.focus()
        self.action_rescan()
        self.set_interval(REFRESH_SECONDS, self._look)

    def _look(self) -> None:
        """Where the fetching is; a model that has come is listed."""
        if (now := (self._job.running, self._job.ended)) != self._seen:
            if now[1] != self._seen[1]:
                self.action_rescan()
            self._seen = now
            self._title()
            self.refresh_bindings()
        elif self._job.running:
            self._title()

    @work(group="scan", exclusive=True)
    @may_be_left
    async def action_rescan(self) -> None:
        """Look through all folders again."""
        table = self.query_one(ChoiceTable)
        table.clear()
        self._rows = []
        self._title("looking…")
        try:
            async for found in self._core.models.scan():
                self._rows.append(found)
                table.add_row(*self._cells(found))
            self._offer()
        except USER_ERRORS as error:
            self.app.tell(error)
        self._title()
        self.refresh_bindings()

    def _offer(self) -> None:
        """Below what is here, what the catalogue has beside it."""
        here = {each.name for each in self._rows if each.place == YOURS}
        self._offered = [entry for entry in catalogue() if entry.name not in here]
        for entry in self._offered:
            cells = ("", entry.name, counted(entry.parameters), entry.quantization, gigabytes(entry.size), "to fetch")
            self.query_one(ChoiceTable).add_row(*_row(cells, "dim"))

    def _title(self, doing: str = "") -> None:
        told = doing or safe_line(self._job.line)
        told = told or f"{len(self._rows)} in {len({each.place for each in self._rows})} places"
        self.query_one("#models-title", Plain).update(Content.assemble(("Models", "bold"), f"   {told}"))

    def _cells(self, found: FoundModel) -> list[Text]:
        name = safe_line(found.name)
        style = "dim" if found.problem else ""
        cells = (
            "●" if self._answers(found) else "",
            name if len(name) <= NAME else f"{name[: NAME - 1]}…",
            counted(found.parameters) if found.parameters else "",
            safe_line(found.quantization),
            gigabytes(found.size),
            "damaged" if found.problem else found.place,
        )
        return _row(cells, style)

    def _answers(self, found: FoundModel) -> bool:
        return self._core.model.name == _name(found)

    @on(DataTable.RowHighlighted)
    def _highlighted(self) -> None:
        self._show_detail()
        self.refresh_bindings()

    def _show_detail(self) -> None:
        found, entry = self._chosen(), self._offer_chosen()
        lines: list[Content] = []
        if found is not None:
            lines = [Content.styled(safe_line(found.path), "$foreground 60%"), Content(safe_line(found.line))]
        elif entry is not None:
            facts = f"{entry.title}, {entry.licence}, reads {entry.context:,} tokens, template {entry.template}"
            told = f"Good for {entry.good_for}. Enter fetches it from {entry.repository}, after a yes."
            lines = [Content.styled(facts, "$foreground 60%"), Content(told)]
        self.query_one("#model-detail", Plain).update(Content("\n").join(lines))

    def _chosen(self) -> FoundModel | None:
        row = self.query_one(ChoiceTable).cursor_row
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def _offer_chosen(self) -> Entry | None:
        row = self.query_one(ChoiceTable).cursor_row - len(self._rows)
        return self._offered[row] if 0 <= row < len(self._offered) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what can be done with the chosen one."""
        found = self._chosen() if self.is_mounted else None
        if action == "stop":
            return self._job.running
        if action == "remove":
            return found is not None and found.place == YOURS
        return found is not None and not found.problem if action in ("default", "fit") else True

    # -- what is done with one ---------------------------------------------------

    @on(DataTable.RowSelected)
    def _selected(self) -> None:
        if (found := self._chosen()) is not None:
            self._load(found)
        elif (entry := self._offer_chosen()) is not None:
            self.action_pull(entry.name)

    @work(group="load", exclusive=True)
    @may_be_left
    async def _load(self, found: FoundModel) -> None:
        if found.problem:
            self.app.say(found.problem, "error")
            return
        if self.app.chat.answering:
            self.app.say("An answer is under way. Stop it first (Esc), or wait.", "warning")
            return
        self._title(f"loading {safe_line(found.name)}…")
        try:
            info = await load_model(self.app, _name(found))
        except USER_ERRORS as error:
            self.app.tell(error)
            info = None
        if info is not None:
            if self.app.chat.session is not None:
                self.app.chat.session.last_usage = None
            self.app.say(f"{info.name} answers from now on; d keeps it so at every start.")
            self.app.tell_notices()
        self._redraw()

    def _redraw(self) -> None:
        table = self.query_one(ChoiceTable)
        row = table.cursor_row
        table.clear()
        for each in self._rows:
            table.add_row(*self._cells(each))
        self._offer()
        table.move_cursor(row=row)
        self._title()

    def action_fit(self) -> None:
        """Whether the chosen one fits, and smaller copies of it."""
        if (found := self._chosen()) is not None and not found.problem:
            self.app.action_open("fit", _name(found))

    @work(group="pull", exclusive=True)
    @may_be_left
    async def action_pull(self, text: str = "") -> None:
        """Fetch a model of the catalogue, or one that is typed, after a yes."""
        await pull(self.app, self._job, text)
        self._look()

    async def action_stop(self) -> None:
        """Stop fetching."""
        await self._job.stop()
        self.app.say("Stopped; what has come is kept, and fetched again it goes on.")
        self._look()

    def action_default(self) -> None:
        """Write the chosen one into the settings."""
        found = self._chosen()
        if found is None or found.problem:
            return
        try:
            apply(self._core, change(self._core.config, find(self._core.config, "model.name"), _name(found)))
        except USER_ERRORS as error:
            self.app.tell(error)
        else:
            self.app.say(f"{safe_line(found.name)} answers at every start from now on.")

    @work(group="remove", exclusive=True)
    @may_be_left
    async def action_remove(self) -> None:
        """Ask, then delete a model that was fetched."""
        found = self._chosen()
        if found is None:
            return
        if self._answers(found):
            self.app.say("This model answers now: choose another one first.", "warning")
            return
        consequence = f"{found.path}\n{gigabytes(found.size)} will be free again."
        if not await self.app.confirmed(f"Delete {safe_line(found.name)}?", consequence):
            return
        try:
            self._core.models.remove(found)
        except USER_ERRORS as error:
            self.app.tell(error)
            return
        self._rows.remove(found)
        self._redraw()


def _row(cells: Sequence[str], style: str) -> list[Text]:
    return [Text(cell, style=style, justify="right" if place in (2, 4) else "left") for place, cell in enumerate(cells)]


def _name(found: FoundModel) -> str:
    """What the model is called when it is loaded."""
    return STARTER if found.place == EMBEDDED else found.path
