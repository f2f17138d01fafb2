"""Serving: where other programs find the assistant, with which key, under which names; and an end to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer

from assistant.safe_text import safe_line
from assistant.tui.told import USER_ERRORS
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp
    from assistant.tui.serve_job import ServeJob

LOOK_SECONDS = 1.0
OFF = "Nothing is served. s starts an OpenAI-compatible API on this machine, for editors and other chat programs."
HOW = (
    "A model's name says what answers: + puts adapters on, @ asks documents and cites them (@library is all of them). "
    "Only programs on this machine that have the key are answered, one at a time; what is asked is not kept, unless "
    "the request says store = true. It ends with s, with the assistant, or with /serve off."
)


class ServeScreen(ModalScreen[None]):
    """Address, key and names while it is on."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "Serving"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Back", key_display="esc", id="screen.back"),
        Binding("s", "serve", "Start or stop", id="serve.start"),
        Binding("c", "copy('token')", "Copy the key", id="serve.copy-key"),
        Binding("u", "copy('url')", "Copy the address", id="serve.copy-address"),
        Binding("n", "renew", "New key", id="serve.new-key"),
    ]
    app: AssistantApp

    def __init__(self, core: Core, job: ServeJob) -> None:
        super().__init__()
        self._core, self._job = core, job
        self._names: list[str] = []

    def compose(self) -> ComposeResult:
        """One column that scrolls."""
        yield Plain("Serving", classes="panel-title")
        with MovingScroll(id="serve"):
            yield Plain(id="serve-state")
            yield Plain(HOW, classes="dialog-note")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Look now and every second."""
        self.query_one("#serve").focus()
        self._refresh()
        self.set_interval(LOOK_SECONDS, self._look)

    @work(exclusive=True)
    async def _refresh(self) -> None:
        server = self._job.server
        self._names = await server.answers.names() if server is not None else []
        self._look()

    @work(exclusive=True, group="serve")
    async def action_serve(self) -> None:
        """Start, or stop."""
        try:
            await (self._job.start() if self._job.server is None else self._job.stop())
        except USER_ERRORS as error:
            self.app.tell(error)
        self._refresh()

    @work(exclusive=True, group="serve")
    async def action_renew(self) -> None:
        """A new key; the old one is worth nothing from now on."""
        port = self._job.server.port if self._job.server is not None else None
        try:
            await self._job.stop()
            await self._job.start(port, new_token=True)
        except USER_ERRORS as error:
            self.app.tell(error)
        self._refresh()

    def action_copy(self, what: str) -> None:
        """Into the clipboard."""
        if self._job.server is not None:
            self.app.copy_to_clipboard(getattr(self._job.server, what))
            self.app.say("Copied.")

    def _look(self) -> None:
        self.query_one("#serve-state", Plain).update(self._told())

    def _told(self) -> Content:
        server = self._job.server
        if server is None:
            return Content(f"{OFF}\n")
        rows = [
            ("Address", server.url),
            ("API key", server.token),
            ("Answered", f"{server.answers.answered:,}"),
            ("Under way", f"{server.answers.waiting:,}"),
            ("Models", "\n           ".join(safe_line(name) for name in self._names)),
        ]
        lines = [Content.assemble((f"{name:<11}", "$text-accent"), value) for name, value in rows]
        return Content("\n").join(
            [Content.styled("On, for programs on this machine", "bold $text-warning"), *lines, ""]
        )
