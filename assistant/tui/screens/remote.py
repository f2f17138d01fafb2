"""The model on a server: which one, whether it answers, and which collections it may read."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, OptionList
from textual.widgets.option_list import Option

from assistant.safe_text import safe_line
from assistant.tui.told import USER_ERRORS
from assistant.tui.widgets.moving import MovingList
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp

OFF = (
    "No server is named, so nothing is sent anywhere. remote.url in the settings (F10) names one that speaks OpenAI's "
    "API: vLLM, llama-server, Ollama, LM Studio. A key stands in a file of mode 0600 (remote.key_file)."
)
WHAT = (
    "Chats go to it while it is in use. The text of a document goes there only if its collection is allowed: Enter "
    "allows or forbids the chosen one."
)
HERE = "The server is on this machine: what it is given does not leave it, and no collection needs leave."


class RemoteScreen(ModalScreen[None]):
    """Enter allows or forbids the chosen collection."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "Remote model"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Back", key_display="esc", id="screen.back"),
        Binding("m", "use", "Answer with it", id="remote.use"),
        Binding("h", "here", "Answer here", id="remote.here"),
    ]
    app: AssistantApp

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core
        self._names: list[str] = []
        self._doing = ""

    def compose(self) -> ComposeResult:
        """What it is above the list of collections."""
        yield Plain("Remote model", classes="panel-title")
        yield Plain(id="remote-state")
        yield MovingList(id="remote-collections", markup=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Look once."""
        self.query_one(OptionList).focus()
        self._refresh()

    @work(exclusive=True)
    async def _refresh(self) -> None:
        self._names = [each.name for each in await self._core.library.collections()]
        leaving = self._core.leaving
        allowed = leaving.allowed(leaving.host) if leaving.host else ()
        options, at = self.query_one(OptionList), self.query_one(OptionList).highlighted
        options.clear_options()
        told = {True: ("may be read  ", "$text-warning"), False: ("is never sent", "")}
        if leaving.host and not leaving.is_here:
            options.add_options(
                [Option(Content.assemble(told[name in allowed], f"  {safe_line(name)}")) for name in self._names]
            )
            options.highlighted = min(at or 0, len(self._names) - 1) if self._names else None
        self.query_one("#remote-state", Plain).update(self._told())

    def _told(self) -> Content:
        leaving, model = self._core.leaving, self._core.model
        if not leaving.host:
            return Content(OFF)
        use = "in use" if model.is_remote else "not in use: m answers with it"
        lines = [
            Content.assemble(("Server      ", "$text-accent"), safe_line(leaving.host), f" ({use})"),
            Content.assemble(("Model       ", "$text-accent"), safe_line(leaving.settings.model) or "its first one"),
        ]
        if model.is_remote and model.info is not None:
            lines.append(Content.assemble(("Answers as  ", "$text-accent"), safe_line(model.info.name)))
        return Content("\n").join([*lines, Content(self._doing), Content(HERE if leaving.is_here else WHAT)])

    @work(exclusive=True, group="remote")
    async def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Allow or forbid."""
        leaving, name = self._core.leaving, self._names[event.option_index]
        try:
            if name in leaving.allowed(leaving.host):
                leaving.withdraw(name)
            else:
                await leaving.allow(name)
        except USER_ERRORS as error:
            self.app.tell(error)
        self._refresh()

    def action_use(self) -> None:
        """Load the model at the server."""
        self._load("remote")

    def action_here(self) -> None:
        """Go back to the embedded model, or the one of the settings."""
        name = self._core.config.model.name
        self._load("starter" if name.startswith("remote") else name)

    @work(exclusive=True, group="remote")
    async def _load(self, name: str) -> None:
        if self.app.chat.answering:
            self.app.say("An answer is under way: stop it first (Esc), or wait.")
            return
        self._doing = "Asking the server…" if name == "remote" else "Loading…"
        self._refresh()
        try:
            info = await self._core.model.load(name)
            self.app.say(f"{info.name} answers from now on.")
        except USER_ERRORS as error:
            self.app.tell(error)
        self._doing = ""
        self._refresh()
