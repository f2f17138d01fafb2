"""One model: does it fit, to run and to train; smaller copies of it; how they compare on a text."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer

from assistant.models.fit import fit
from assistant.models.fit_text import fit_lines
from assistant.models.found import FoundModel
from assistant.models.location import resolve_model
from assistant.models.made_model import CONVERTED, OFFERED, stem_of
from assistant.safe_text import safe_line
from assistant.tui.opening import may_be_left
from assistant.tui.screens.dialogs import AskLine
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp
    from assistant.tui.making_job import MakingJob

REFRESH_SECONDS = 0.5
BUSY = "Something is being made or measured already; x stops it."
USUAL = "Q4_K_M"


class ModelFitScreen(Screen[None]):
    """The estimate, and below it the last comparison; what is made goes on when the screen is left."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "Fit"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back", id="screen.back"),
        Binding("z", "make", "Quantise, convert", id="fit.quantize"),
        Binding("c", "compare", "Compare on a text", id="fit.compare"),
        Binding("n", "context", "Another context", id="fit.context"),
        Binding("x", "stop", "Stop", id="fit.stop"),
    ]
    app: AssistantApp

    def __init__(self, core: Core, job: MakingJob, name: str = "") -> None:
        """`name` is a model's name or path; "" is the one that answers."""
        super().__init__()
        self._core, self._job, self._name = core, job, name
        self._path: Path | None = None
        self._tokens = 0
        self._seen = job.ended

    def compose(self) -> ComposeResult:
        """Title, the tables, progress, keys."""
        yield Plain(id="fit-title", classes="panel-title")
        with MovingScroll(id="fit"):
            yield Plain(id="fit-tables")
            yield Plain(id="fit-comparison")
        yield StatusLine()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Estimate, then look where the job is."""
        self.query_one("#fit").focus()
        self._estimate()
        self._look()
        self.set_interval(REFRESH_SECONDS, self._look)

    def _look(self) -> None:
        doing = self._job.line or "Does it fit?"
        name = safe_line(self._name or self._core.model.name)
        self.query_one("#fit-title", Plain).update(Content.assemble((Path(name).name, "bold"), f"   {doing}"))
        lines = self._job.comparison
        shown = "\n".join(safe_line(line) for line in ["Last comparison", *lines]) if lines else ""
        self.query_one("#fit-comparison", Plain).update(Content(shown))
        if self._job.ended != self._seen:
            self._seen = self._job.ended
            if lines:
                self.query_one("#fit-comparison").scroll_visible()
        self.refresh_bindings()

    @work(group="estimate", exclusive=True)
    @may_be_left
    async def _estimate(self) -> None:
        tables = self.query_one("#fit-tables", Plain)
        try:
            self._path = resolve_model(await self._core.models.path(self._name or self._core.model.name))
            if self._path.is_dir():
                tables.update("A folder of safetensors: it runs with transformers. z makes a GGUF file of it.")
                return
            found = await asyncio.to_thread(fit, self._path, self._tokens)
        except USER_ERRORS as error:
            tables.update(told(error))
            return
        style = {"fits": "$text-success", "tight": "$text-warning"}.get(found.verdict, "$text-error")
        first, *lines = [safe_line(line) for line in fit_lines(found)]
        tables.update(Content("\n").join([Content.styled(first, f"bold {style}"), *map(Content, lines), Content("")]))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what can be done now."""
        if action == "stop":
            return self._job.running
        return not self._job.running if action in ("make", "compare") else True

    # -- what is done with it ----------------------------------------------------

    @work(group="ask", exclusive=True)
    @may_be_left
    async def action_make(self) -> None:
        """Ask for a type, then quantise the file or convert the folder."""
        if self._path is None:
            return
        folder = self._path.is_dir()
        known = CONVERTED if folder else OFFERED
        question = f"{'Convert' if folder else 'Quantise'} {safe_line(self._path.name)} to which type?"
        note = f"{', '.join(known)}. It goes into HOME/models."
        kind = await self.app.push_screen_wait(AskLine(question, known[0] if folder else USUAL, note, path=False))
        if kind and not self._job.make(self._path, kind):
            self.app.say(BUSY, "warning")

    @work(group="ask", exclusive=True)
    @may_be_left
    async def action_compare(self) -> None:
        """Ask for a text, then measure the model and its copies in other types."""
        if self._path is None or self._path.is_dir():
            return
        models = await self._copies(self._path)
        note = f"{len(models)} files of this model are measured, each some minutes on a slow machine."
        text = await self.app.push_screen_wait(AskLine("Compare on which text?", "", note, path=True))
        if text and not self._job.compare(models, Path(text)):
            self.app.say(BUSY, "warning")

    async def _copies(self, path: Path) -> list[Path]:
        """The file, and every other found file of the same model, the largest first."""
        found = [each async for each in self._core.models.scan() if each.kind == "gguf" and not each.problem]
        stem = next((_stem(each) for each in found if Path(each.path) == path), path.stem)
        same = [each for each in found if _stem(each) == stem]
        files = [Path(each.path) for each in sorted(same, key=lambda each: -each.size)]
        return files if path in files else [path, *files]

    @work(group="ask", exclusive=True)
    @may_be_left
    async def action_context(self) -> None:
        """Estimate for another context."""
        answer = await self.app.push_screen_wait(
            AskLine("For a context of how many tokens?", str(self._tokens or 8192), "Nothing is changed.", path=False)
        )
        if answer is None:
            return
        if not (answer.isascii() and answer.isdecimal() and len(answer) < 10):
            self.app.say(f"{answer[:20]} is no number of tokens.", "error")
            return
        self._tokens = int(answer)
        self._estimate()

    @work(group="stop", exclusive=True)
    async def action_stop(self) -> None:
        """Stop what is made or measured; what was begun is removed."""
        await self._job.stop()
        self.app.say("Stopped; nothing of it was kept.")


def _stem(found: FoundModel) -> str:
    return stem_of(Path(found.path).stem, found.quantization)
