"""Training: choose data, look at the recipe and what it needs, watch it learn, and read the verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Footer, Input

from assistant.tui.told import USER_ERRORS
from assistant.tui.training_job import TrainingJob
from assistant.tui.training_watch import Watch, watched
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.status_line import StatusLine
from assistant.tui.widgets.train_data import DataPane
from assistant.tui.widgets.train_progress import ProgressPane
from assistant.tui.widgets.train_recipe import RecipePane
from assistant.tui.widgets.train_runs import RunsPane

if TYPE_CHECKING:
    from adapters.training.runs import RunSummary
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp

PAGES = {"data": "Data", "recipe": "Recipe", "progress": "Progress", "runs": "Runs"}
REFRESH_SECONDS = 0.25  # however many steps a second there are
TYPING_SECONDS = 0.4  # without a key before a plan is made
STARTED_ON = ("recipe", "progress", "runs")


class TrainScreen(Screen[None]):
    """Four pages; the run goes on when the screen is left."""

    CSS_PATH = ["screens.tcss", "learning.tcss"]  # noqa: RUF012  # Textual declares it without ClassVar
    BINDING_GROUP_TITLE = "Training"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012  # as above
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="screen.back"),
        Binding("f2", "next_page", "Next page", id="screen.next-page"),
        *(
            Binding(str(number), f"page('{page}')", name, show=False, id=f"train.page-{number}")
            for number, (page, name) in enumerate(PAGES.items(), 1)
        ),
        Binding("f5", "go", "Start", id="train.start"),
    ]
    app: AssistantApp

    def __init__(self, core: Core, job: TrainingJob, name: str = "") -> None:
        """`name` is the adapter to train; a dataset of that name is chosen."""
        super().__init__()
        self._core, self._job, self._wanted = core, job, name
        self._ended: Watch | None = None  # whose end was seen

    def compose(self) -> ComposeResult:
        """The pages' names, the page, progress, keys."""
        yield Plain(id="train-title")
        with ContentSwitcher(initial="progress" if self._job.running and not self._wanted else "data", id="pages"):
            yield DataPane(self._core)
            yield RecipePane()
            yield ProgressPane(self._core, self._job)
            yield RunsPane(self._core)
        yield StatusLine()
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        """The page that matters now has the focus."""
        self._ended = self._job.watch if not self._job.running else None
        await self.open_for(self._wanted)
        self.set_interval(REFRESH_SECONDS, self._look)

    async def open_for(self, name: str) -> None:
        """Go to what `/train NAME` means: the dataset of that name with its recipe, else the list of data."""
        if name:
            await self.data.reload(name)
            self.recipe.call(name)
        card = self.data.chosen
        if name and card is not None and card.name == name:
            self._choose(card)
        else:
            self._show_page(str(self.pages.current))

    @property
    def pages(self) -> ContentSwitcher:
        """What holds the pages."""
        return self.query_one("#pages", ContentSwitcher)

    @property
    def data(self) -> DataPane:
        """Page 1."""
        return self.query_one(DataPane)

    @property
    def recipe(self) -> RecipePane:
        """Page 2."""
        return self.query_one(RecipePane)

    @property
    def progress(self) -> ProgressPane:
        """Page 3."""
        return self.query_one(ProgressPane)

    @property
    def runs(self) -> RunsPane:
        """Page 4."""
        return self.query_one(RunsPane)

    # -- pages ---------------------------------------------------------------

    def _show_page(self, page: str) -> None:
        if not self.query("#pages"):  # as below
            return
        self.pages.current = page
        names = [
            (f" {number} {name} ", "reverse bold" if key == page else "$text-muted")
            for number, (key, name) in enumerate(PAGES.items(), 1)
        ]
        self.query_one("#train-title", Plain).update(Content.assemble(("Train  ", "bold"), *names))
        focus = {
            "data": self.data.focus_list, "recipe": self.recipe.focus_form,
            "progress": self.progress.focus_detail, "runs": self.runs.focus_list,
        }  # fmt: skip
        focus[page]()
        self._look()
        if page == "runs":
            self._do(self.runs.reload())
        self.refresh_bindings()

    def _look(self) -> None:
        """Draw the run where it has changed; hear of its end."""
        if self.pages.current == "progress":
            self.progress.draw()
        if not self._job.running and self._job.watch is not self._ended:
            self._ended = self._job.watch
            self._do(self.runs.reload())
            self.refresh_bindings()
        elif self._job.running and self._ended is not None:
            self._ended = None
            self.refresh_bindings()

    def action_page(self, page: str) -> None:
        """Go to a page."""
        if page == "progress" and self._job.running:
            self.progress.past = None
        self._show_page(page)

    def action_next_page(self) -> None:
        """Go to the next page, from the last to the first."""
        names = list(PAGES)
        self.action_page(names[(names.index(str(self.pages.current)) + 1) % len(names)])

    def action_back(self) -> None:
        """Leave the field that is typed in, then the screen."""
        if isinstance(self.focused, Input):
            self.query_one("#needs").focus()
        else:
            self.dismiss()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what can be done now; letters go into the field that is typed in."""
        page = str(self.pages.current) if self.is_mounted else ""
        if action == "go":
            return page in STARTED_ON
        if action == "page":
            return not isinstance(self.focused, Input)
        return True

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that waits; an error of ours becomes a notice."""
        self.run_worker(work, group="work")

    # -- data ------------------------------------------------------------------

    @on(DataPane.Chosen)
    def _dataset_chosen(self, event: DataPane.Chosen) -> None:
        self._choose(event.card)

    def _choose(self, card: Any) -> None:
        self.recipe.choose(card)
        self._show_page("recipe")

    # -- recipe ------------------------------------------------------------------

    @on(RecipePane.Changed)
    def _recipe_changed(self) -> None:
        self._plan()

    @work(group="plan", exclusive=True)
    async def _plan(self) -> None:
        recipe = self.recipe
        if not recipe.has_data:
            recipe.tell("choose one on page 1 with Enter")
            return
        await asyncio.sleep(TYPING_SECONDS)
        if not recipe.query(Input):  # the screen was left meanwhile
            return
        recipe.tell("estimating…")
        try:
            plan = await self._core.training.plan(recipe.request())
        except USER_ERRORS as error:
            recipe.show_problem(error)
        else:
            recipe.show_plan(plan)

    # -- runs ------------------------------------------------------------------------

    def action_go(self) -> None:
        """Start what the recipe says, or go on with a run."""
        try:
            if self.pages.current == "recipe":
                self._job.train(self.recipe.request())
            elif not self._resume():
                return
        except USER_ERRORS as error:
            self.app.tell(error)
        else:
            self.progress.past = None
            self._show_page("progress")

    def _resume(self) -> bool:
        watch = self.progress.shown
        chosen = self.runs.chosen if self.pages.current == "runs" else None
        if chosen is not None:
            self._job.resume(chosen)
        elif watch is not None and watch.run_id and not (self._job.running and watch is self._job.watch):
            self._do(self._resume_id(watch.run_id))
        else:
            return False
        return True

    async def _resume_id(self, run_id: str) -> None:
        run = next((each for each in await self._core.training.runs() if each.id == run_id), None)
        if run is not None:
            self._job.resume(run)

    @on(RunsPane.Opened)
    def _run_opened(self, event: RunsPane.Opened) -> None:
        self._do(self._open_run(event.run))

    async def _open_run(self, run: RunSummary) -> None:
        current = self._job.watch
        if current is not None and current.run_id == run.id:
            self.progress.past = None
        else:
            self.progress.past = await asyncio.to_thread(watched, run.folder, run.name, run.state)
            await self._add_proof(self.progress.past)
        self._show_page("progress")

    async def _add_proof(self, watch: Watch) -> None:
        """What became of an earlier run: its adapter and its newest evaluation."""
        for adapter in await self._core.registry.all():
            if adapter.facts and adapter.facts.run == watch.run_id:
                watch.adapter = adapter.label
                reports = await self._core.registry.evaluations(adapter)
                watch.evaluation = reports[0] if reports else {}
