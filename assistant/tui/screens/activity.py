"""What is going on: long jobs with their progress, each of which can be stopped; processes; connections."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, OptionList
from textual.widgets.option_list import Option

from adapters.offline_guard import forbidden
from assistant.activity import RunningProcess, connections_asked_for, processes
from assistant.safe_text import safe_line
from assistant.tui.widgets.moving import MovingList
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp

LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """Something that takes long: where it is, and how it is stopped."""

    name: str
    line: str
    stopping: str
    stop: Callable[[], Awaitable[None]]


class ActivityScreen(Screen[None]):
    """Jobs above, processes below, and how often anything asked for the internet."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "Activity"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.pop_screen", "Back", key_display="esc", id="screen.back"),
        Binding("x,delete", "stop", "Stop the chosen one", key_display="x", id="activity.stop"),
    ]
    app: AssistantApp

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core
        self._jobs: list[Job] = []

    def compose(self) -> ComposeResult:
        """Three parts and the keys."""
        yield Plain("Activity", classes="panel-title")
        yield MovingList(id="jobs", markup=False)
        yield Plain(id="processes")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Look now and every second."""
        self.query_one(OptionList).focus()
        self.run_worker(self._look())
        self.set_interval(LOOK_SECONDS, self._look)

    async def _look(self) -> None:
        options = self.query_one(OptionList)
        chosen = options.highlighted or 0
        self._jobs = _jobs(self.app)
        options.clear_options()
        options.add_options([Option(Content(f"{each.name}: {safe_line(each.line)}")) for each in self._jobs])
        if not self._jobs:
            options.add_option(Option("Nothing long is going on.", disabled=True))
        else:
            options.highlighted = min(chosen, len(self._jobs) - 1)
        running = await asyncio.to_thread(processes, os.getpid())
        asked = connections_asked_for() + sum(worker.connections for worker in self._core.workers)
        self.query_one("#processes", Plain).update(_told(running, asked))

    async def action_stop(self) -> None:
        """Stop the job under the cursor."""
        place = self.query_one(OptionList).highlighted
        if place is not None and place < len(self._jobs):
            self.app.say(self._jobs[place].stopping)
            self.run_worker(self._jobs[place].stop())


def _jobs(app: AssistantApp) -> list[Job]:
    """All that can be under way, each where it is."""
    found: list[Job] = []
    session = app.chat.session

    async def stop_answer() -> None:
        if session is not None:
            session.stop()

    async def take_back() -> None:
        if session is not None:
            app.chat.prompt.replace_text(session.take_back())

    if session is not None and session.answering is not None:
        found.append(Job("Answer", session.answering.line, "The answer is being stopped.", stop_answer))
    if session is not None and session.queued is not None:
        found.append(Job("Waiting question", session.queued, "The question is in the prompt again.", take_back))
    if app.ingest is not None and app.ingest.running:
        found.append(
            Job("Documents", app.ingest.line, "Indexing is being stopped; what is done stays.", app.ingest.cancel)
        )
    if app.pulls is not None and app.pulls.running:
        found.append(Job("Model", app.pulls.line, "It is being stopped; what has come is kept.", app.pulls.stop))
    if app.making is not None and app.making.running:
        found.append(Job("Model file", app.making.line, "It is being stopped; nothing of it is kept.", app.making.stop))
    if app.training is not None and app.training.running:
        training = app.training

        async def pause() -> None:
            await training.stop("pause")

        found.append(Job("Training", training.line, "It is being paused; {app.train} goes on with it.", pause))
    if app.evaluation is not None and app.evaluation.running:
        found.append(
            Job("Evaluation", app.evaluation.line, "It is being stopped; it can go on later.", app.evaluation.stop)
        )
    if app.serving is not None and app.serving.server is not None:
        found.append(Job("Serving", app.serving.server.line, "Nothing is served any longer.", app.serving.stop))
    return found


def _told(running: list[RunningProcess], asked: int) -> Content:
    now = sum(each.sockets for each in running)
    style = "bold $text-error" if asked or now else "bold $text-success"
    offline = ", offline" if forbidden() else ""
    lines = [
        Content.styled(f"Outbound connections so far: {asked}   (internet sockets open now: {now}{offline})", style),
        Content.styled("\nprocess         id    memory   processor", "$foreground 60%"),
    ]
    for each in running:
        size = f"{each.memory / 2**20:,.0f} MiB"
        lines.append(Content(f"{safe_line(each.name)[:12]:<12}{each.pid:>6}  {size:>9}  {each.seconds:>8,.1f} s"))
    return Content("\n").join(lines)
