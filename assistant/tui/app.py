"""The terminal interface: one app over a Core, drawn before anything is opened or loaded."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import events
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.screen import Screen
from textual.worker import WorkerFailed

from assistant.crash import record
from assistant.errors import AssistantError
from assistant.safe_text import safe_text
from assistant.tui.job_ends import JobEnds
from assistant.tui.keys import with_keys
from assistant.tui.lost_terminal import hang_up_when_lost
from assistant.tui.quiet_collection import QUIET_SECONDS, QuietCollection
from assistant.tui.safe_app import SafeApp
from assistant.tui.screens.chat import ChatScreen
from assistant.tui.terminal_keys import read_any_bytes, teach_line_break
from assistant.tui.themes import use_themes
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.status_line import Status

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.evaluation_job import EvaluationJob
    from assistant.tui.folder_job import FolderJob
    from assistant.tui.ingest_job import IngestJob
    from assistant.tui.making_job import MakingJob
    from assistant.tui.pull_job import PullJob
    from assistant.tui.serve_job import ServeJob
    from assistant.tui.training_job import TrainingJob
    from ingest.progress import Summary


def _palette() -> type[Provider]:
    from assistant.tui.palette import CommandsProvider

    return CommandsProvider


class AssistantApp(SafeApp[None]):
    """A private chat assistant in the terminal."""

    TITLE = "Assistant"
    CSS_PATH = "app.tcss"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_palette}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", id="app.help"),
        Binding("ctrl+l", "open('library')", "Library", show=False, id="app.library"),
        Binding("f3", "open('adapters')", "Adapters", show=False, id="app.adapters"),
        Binding("f4,ctrl+t", "train", "Train", show=False, key_display="f4", id="app.train"),
        Binding("f6", "open('tokens')", "Tokens", show=False, id="app.tokens"),
        Binding("f7", "open('why')", "Why", show=False, id="app.why"),
        Binding("f12", "open('evaluation')", "Evaluation", show=False, id="app.evaluation"),
        Binding("f2", "open('prompts')", "Prompts", show=False, id="app.prompts"),
        Binding("f5", "open('playground')", "Playground", show=False, id="app.playground"),
        Binding("f9", "open('scores')", "Scores", show=False, id="app.scores"),
        Binding("f8", "roll_back", "Roll back", show=False, id="app.roll-back"),
        Binding("f10", "open('settings')", "Settings", show=False, id="app.settings"),
        Binding("alt+m", "open('models')", "Models", show=False, priority=True, id="app.models"),
        Binding("alt+a", "open('activity')", "Activity", show=False, priority=True, id="app.activity"),
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True, id="app.quit"),
        Binding("ctrl+p", "command_palette", "Command palette", show=False, priority=True, id="app.palette"),
        Binding("ctrl+c", "help_quit", "Stop the answer", show=False, system=True, id="app.interrupt"),
        Binding("alt+j", "jump", "Jump to a part", show=False, priority=True, id="app.jump"),
    ]

    def __init__(self, core: Core) -> None:
        teach_line_break()
        read_any_bytes()
        super().__init__(core.config.home / "logs")
        self.core = core
        self.ingest: IngestJob | None = None  # there as soon as the core is open
        self.folders: FolderJob | None = None  # as above
        self.training: TrainingJob | None = None  # as above
        self.evaluation: EvaluationJob | None = None  # as above
        self.pulls: PullJob | None = None  # as above
        self.making: MakingJob | None = None  # as above
        self.serving: ServeJob | None = None  # as above
        self.last_summary: Summary | None = None
        self.ends = JobEnds(self)
        self.remapped: Mapping[str, tuple[str, ...]] = {}  # keys of actions that the user has changed
        self.chat: ChatScreen = ChatScreen()
        self._notices_told = 0
        self._core_closing: asyncio.Task[None] | None = None
        self._collection: QuietCollection | None = None  # of a real terminal, when all is loaded

    # -- life ---------------------------------------------------------------

    def get_default_screen(self) -> Screen[None]:
        """The chat."""
        return self.chat

    def on_mount(self) -> None:
        """Draw first, open afterwards."""
        for line in use_themes(self, self.core.config.home, self.core.config.interface.theme, self.theme):
            self.say(line, "warning")
        hang_up_when_lost()
        for number in (signal.SIGTERM, signal.SIGHUP):  # leave the terminal as it was found, and keep the draft
            asyncio.get_running_loop().add_signal_handler(number, lambda: self.run_worker(self._hang_up()))
        self.call_after_refresh(lambda: self.run_worker(self._open(), name="open"))

    async def _open(self) -> None:
        if self.core.config.keys:
            from assistant.tui.keys import use_keys

            await use_keys(self)
        try:
            await self.core.open(shared=True)
        except AssistantError as error:
            await self.chat.cannot_open(error)
            return
        from assistant.tui.folder_job import FolderJob
        from assistant.tui.ingest_job import IngestJob

        self.ingest = IngestJob(self.core.pipeline, self.ends.ingested, self._job_failed)
        self.folders = FolderJob(self.core, self.ingest, self.say, self._job_failed)
        await self._open_training()
        await self.chat.start(self.core)
        if self.core.other_instance is not None:
            told = f"Another assistant (process {self.core.other_instance}) has {self.core.config.home} open."
            self.say(f"{told} Its documents can be asked here; chats of this window are not kept.", "warning")
        self.tell_notices()
        if not self.is_headless:
            self._collection = QuietCollection(lambda: self.chat.answering)
            self.set_interval(QUIET_SECONDS, self._collection.look)
        await self.core.warm()
        self.tell_notices()
        self.folders.start()

    async def _open_training(self) -> None:
        from assistant.tui.evaluation_job import EvaluationJob
        from assistant.tui.making_job import MakingJob
        from assistant.tui.pull_job import PullJob
        from assistant.tui.serve_job import ServeJob
        from assistant.tui.training_job import TrainingJob, unfinished_line

        self.serving = ServeJob(self.core)
        self.evaluation = EvaluationJob(self.core, self.ends.evaluated, self._job_failed)
        self.pulls = PullJob(self.core, self.say, self._job_failed)
        self.making = MakingJob(self.core, self.say, self._job_failed)
        self.training = TrainingJob(self.core, self.ends.trained, self._job_failed)
        if told := unfinished_line(await self.core.training.runs()):
            self.say(told, "warning")

    async def action_quit(self) -> None:
        """Keep what was typed, pause what is being trained, then close."""
        await self.chat.save_draft()
        if self.training is not None and self.training.running:
            self.run_worker(self._pause_and_exit(), group="quit", exclusive=True)
        else:
            self.exit()

    async def _hang_up(self) -> None:
        """The terminal may be gone: draw no more, since Textual waits for what it cannot write; close, then pause."""
        await self.chat.save_draft()
        self.exit()

    async def _pause_and_exit(self) -> None:
        assert self.training is not None
        self.say("Training is being paused; the assistant closes when its checkpoint is written.")
        told = await self.training.close()
        self.exit(message=Text(safe_text(with_keys(self, told))) if told else None)

    async def on_unmount(self) -> None:
        """Stop what runs, end the children, close the database. Textual may say so twice: both wait."""
        if self._core_closing is None:
            self._core_closing = asyncio.create_task(self._close_core())
        await asyncio.shield(self._core_closing)

    async def _close_core(self) -> None:
        if self.chat.session is not None:
            await self.chat.session.close()
        if self.folders is not None:
            await self.folders.close()
        if self.serving is not None:
            await self.serving.stop()
        if self.evaluation is not None:
            await self.evaluation.stop()
        if self.pulls is not None:
            await self.pulls.stop()
        if self.making is not None:
            await self.making.close()
        if self.training is not None and (told := await self.training.close()):
            self._exit_renderables.append(Text(safe_text(with_keys(self, told))))
        await self.core.close()

    # -- what the user is told ----------------------------------------------

    def say(self, text: str, severity: str = "information") -> None:
        """A notice in the corner."""
        shown = {"information": "information", "warning": "warning"}.get(severity, "error")
        self.notify(safe_text(with_keys(self, text)), severity=shown, markup=False)  # type: ignore[arg-type]  # one of the three

    def tell(self, error: Exception) -> None:
        """An error of ours, with what to do about it."""
        self.say(told(error), "error")

    def tell_notices(self) -> None:
        """Pass on what the core has to say and has not said yet."""
        for notice in self.core.notices[self._notices_told :]:
            self.say(notice, "warning")
        self._notices_told = len(self.core.notices)

    @property
    def status(self) -> Status:
        """What the status line shows now."""
        from assistant.tui.app_status import status_of

        return status_of(self)

    async def on_event(self, event: events.Event) -> None:
        """As Textual does; a key also says that what was told in the title of the terminal is seen."""
        if isinstance(event, events.Key):
            self.ends.seen()
        if self._collection is not None and isinstance(event, events.InputEvent | events.Paste):
            self._collection.input_came()
        await super().on_event(event)

    def _job_failed(self, error: Exception) -> None:
        if isinstance(error, USER_ERRORS):
            self.tell(error)
        else:
            path = record(error, self.core.config.home / "logs")
            self.say(f"It met an unexpected error ({type(error).__name__}). What happened is in {path}", "error")

    async def confirmed(self, question: str, consequence: str) -> bool:
        """Whether the user says yes to a question; only from within a worker."""
        from assistant.tui.screens.dialogs import ConfirmDialog

        return await self.push_screen_wait(ConfirmDialog(question, with_keys(self, consequence)))

    # -- screens --------------------------------------------------------------

    def action_open(self, name: str, argument: str = "") -> None:
        """Open a screen over the chat (see opening.SCREENS)."""
        from assistant.tui.opening import open_screen

        open_screen(self, name, argument)

    def action_train(self, name: str = "") -> None:
        """Open training; with a name, at its recipe."""
        self.action_open("train", name)

    def action_roll_back(self) -> None:
        """Put on the adapters that were on before."""
        if self.training is not None:
            from assistant.tui.adapter_actions import roll_back

            self.run_worker(roll_back(self), group="adapters")

    async def put_on(self, mix: str, *, force: bool = False) -> bool:
        """Put adapters on for all chats; only from within a worker. False if the user thought better of it."""
        from assistant.tui.adapter_actions import put_on

        return await put_on(self, mix, force=force)

    def action_help(self) -> None:
        """Show the keys of the focused widget, all keys, and the commands."""
        from assistant.tui.screens.help import HelpScreen, focused_keys

        if isinstance(self.screen, HelpScreen):
            self.pop_screen()
        else:
            self.push_screen(HelpScreen(*focused_keys(self.focused or self.screen)))

    def action_jump(self) -> None:
        """Show a letter over each part of the screen; the letter takes the focus there."""
        from assistant.tui.screens.jump import JumpScreen

        below = self.screen
        if not isinstance(below, JumpScreen):
            self.push_screen(JumpScreen(below), lambda target: below.set_focus(target) if target else None)

    def action_help_quit(self) -> None:
        """Ctrl+C with nothing selected: stop the answer, or say how to quit."""
        if self.chat.answering:
            self.chat.action_stop()
        else:
            self.say("{app.quit} quits.")

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Of Textual's own commands, the one that is about colours."""
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)

    def _handle_exception(self, error: Exception) -> None:
        cause = error.error if isinstance(error, WorkerFailed) else error
        if isinstance(error, WorkerFailed) and isinstance(cause, USER_ERRORS):
            self.tell(cause)
        else:
            super()._handle_exception(error)
