"""The third page of training: one run as it goes on, or as it went: curves, sample answers, the verdict."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.content import Content

from assistant.tui.adapter_actions import delete
from assistant.tui.keys import with_keys
from assistant.tui.progress_text import head_content, result_content, samples_content
from assistant.tui.training_watch import Watch
from assistant.tui.verdict_text import verdict_content, worst_table
from assistant.tui.widgets.curve import Curve, Line
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp
    from assistant.tui.training_job import TrainingJob

TALL = 36  # rows of a terminal that has room for curves and a verdict


class ProgressPane(Container):
    """Draws a Watch; drawing the same state twice costs nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "Pause", id="train.progress.pause"),
        Binding("f", "finish", "Finish now", id="train.progress.finish"),
        Binding("x", "cancel", "Cancel", id="train.progress.cancel"),
        Binding("a", "activate", "Activate", id="train.progress.activate"),
        Binding("d", "discard", "Discard", id="train.progress.discard"),
        Binding("c", "curves", "Curves", id="train.progress.curves"),
    ]
    app: AssistantApp

    def __init__(self, core: Core, job: TrainingJob) -> None:
        super().__init__(id="progress")
        self.past: Watch | None = None  # an earlier run that is looked at instead of the job's
        self._core, self._job = core, job
        self._drawn: tuple[int, int, int] = (0, -1, 0)  # the watch, its changes, the width
        self._told: dict[str, str] = {}
        self._with_curves: bool | None = None  # as the user wants it; None: where there is room

    def compose(self) -> ComposeResult:
        """Head, curves, and below what has to be read."""
        yield Plain(id="run-head")
        with Horizontal(id="curves"):
            yield Curve("loss", id="loss-curve")
            yield Curve("distance to base", id="general-curve")
        with MovingScroll(id="run-detail"):
            yield Plain(id="run-result")
            yield Plain(id="run-verdict")
            yield Plain(id="run-worst")
            yield Plain(id="run-samples")

    def focus_detail(self) -> None:
        """The keys scroll what has to be read."""
        self.query_one("#run-detail").focus()

    @property
    def shown(self) -> Watch | None:
        """The run that is looked at."""
        return self.past or self._job.watch

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what can be done now."""
        if action in ("pause", "finish", "cancel"):
            return self._job.running and self.past is None
        if action in ("activate", "discard"):
            return self.shown is not None and bool(self.shown.adapter) and self.shown.state == "finished"
        return True

    def action_pause(self) -> None:
        """End the run at a checkpoint, to go on later."""
        self.run_worker(self._job.stop("pause"), group="pause")

    def action_finish(self) -> None:
        """End training now and prove what it has learned so far."""
        self.run_worker(self._job.stop("finish"), group="finish")

    def action_cancel(self) -> None:
        """Ask, then end the run within seconds."""
        self.run_worker(self._cancel(), group="cancel")

    async def _cancel(self) -> None:
        if await self.app.confirmed(
            "Cancel this run?", "Its newest checkpoint stays: {train.start} can still go on from it."
        ):
            await self._job.stop("cancel")

    def action_activate(self) -> None:
        """Put the new adapter on."""
        if self.shown is not None and self.shown.adapter:
            self.run_worker(self.app.put_on(self.shown.adapter), group="activate")

    def action_discard(self) -> None:
        """Ask, then delete the new adapter."""
        if self.shown is not None and self.shown.adapter:
            self.run_worker(self._discard(self.shown), group="discard")

    async def _discard(self, watch: Watch) -> None:
        consequence = "Its files are deleted; the dataset and the run stay."
        if not await self.app.confirmed(f"Discard {watch.adapter}?", consequence):
            return
        await delete(self.app, await self._core.registry.get(watch.adapter))
        watch.adapter, watch.changes = "", watch.changes + 1
        self.refresh_bindings()

    def draw(self) -> None:
        """Bring the page up to date."""
        watch = self.shown
        state = (id(watch), watch.changes if watch else 0, self.size.width)
        if state == self._drawn:
            return
        another = state[0] != self._drawn[0]
        self._drawn = state
        self.query_one("#run-head", Plain).update(head_content(watch, self.size.width))
        self._show_or_hide_curves(watch)
        self._show_curves(watch)
        self._show_detail(watch)
        if another:
            self.query_one("#run-detail", VerticalScroll).scroll_home(animate=False)

    def _show_or_hide_curves(self, watch: Watch | None) -> None:
        """On a small screen the verdict needs their room."""
        room = self.app.size.height >= TALL or not (watch and watch.evaluation)
        wanted = room if self._with_curves is None else self._with_curves
        self.query_one("#curves").display = wanted and bool(watch and (watch.losses or watch.validation))

    def action_curves(self) -> None:
        """Hide the curves, or show them again."""
        self._with_curves = not self.query_one("#curves").display
        self._show_or_hide_curves(self.shown)

    def _show_curves(self, watch: Watch | None) -> None:
        if watch is None:
            return
        self.query_one("#loss-curve", Curve).show(
            [Line("training", tuple(watch.losses)), Line("validation", tuple(watch.validation), "$text-warning")]
        )
        self.query_one("#general-curve", Curve).show([Line("", tuple(watch.general), "$text-success")])

    def _show_detail(self, watch: Watch | None) -> None:
        parts = {name: self.query_one(f"#run-{name}", Plain) for name in ("result", "verdict", "worst", "samples")}
        evaluation = None
        if watch is not None and watch.evaluation:
            from adapters.proof.evaluation import evaluation_from_json

            evaluation = evaluation_from_json(watch.evaluation)
        told = {
            "result": result_content(watch, partial(with_keys, self.app)) if watch else Content(""),
            "verdict": verdict_content(evaluation) if evaluation else Content(""),
            "samples": samples_content(watch) if watch else Content(""),
        }
        for name, content in told.items():
            if self._told.get(name) != content.plain:  # laying it out again costs more than looking
                self._told[name] = content.plain
                parts[name].update(content)
                parts[name].display = bool(content.plain)
        parts["worst"].display = bool(evaluation and evaluation.worst)
        parts["worst"].update(worst_table(evaluation.worst) if evaluation and evaluation.worst else "")
