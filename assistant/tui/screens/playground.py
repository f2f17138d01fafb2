"""The playground: one prompt answered side by side by up to four settings, and why each token came."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Footer, Input, TextArea

from assistant.errors import UsageError
from assistant.playground import MOST_SETTINGS, STARTS, Playground, parse_setting
from assistant.safe_text import safe_line
from assistant.tui.decoding_text import chosen_line, distribution_content
from assistant.tui.keys import key_line, with_keys
from assistant.tui.opening import is_open, may_be_left
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.answer_pane import AnswerPane
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.token_flow import TokenFlow

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp

EXAMPLE = "Name a colour of the rainbow."
KNOBS = "temperature top_k top_p min_p max_tokens seed adapter"
HOW = f"{{playground.answer}} answers by each setting: greedy, chat, or {KNOBS}"


class DistributionDialog(ModalScreen[None]):
    """What could have come in place of a token."""

    CSS_PATH = ["screens.tcss", "playground.tcss"]  # noqa: RUF012  # Textual declares it without ClassVar
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss", "Back", id="screen.back")]

    def __init__(self, title: str, content: Content) -> None:
        super().__init__()
        self._title, self._content = title, content

    def compose(self) -> ComposeResult:
        """One table that scrolls."""
        with MovingScroll(id="distribution"):
            yield Plain(self._title, classes="dialog-title")
            yield Plain(self._content)
            yield Plain(key_line(self.app, screen__back="back"), classes="dialog-keys")


class PlaygroundScreen(Screen[None]):
    """The prompt, a pane a setting, and the token under the cursor."""

    CSS_PATH = ["screens.tcss", "playground.tcss"]  # noqa: RUF012  # as above
    BINDING_GROUP_TITLE = "Playground"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012  # as above
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "answer", "Answer", id="playground.answer"),
        Binding("escape", "back", "Back", id="screen.back"),
        Binding("f2", "add", "One more", id="playground.add"),
        Binding("f3", "remove", "One less", id="playground.remove"),
        Binding("enter", "distribution", "What else could have come", id="playground.distribution"),
        Binding("tab", "app.focus_next", "Next", show=False, id="screen.next-field"),
    ]
    app: AssistantApp

    def __init__(self, core: Core, prompt: str) -> None:
        super().__init__()
        self._core, self._prompt = core, prompt
        self._playground = Playground(core)
        self._answering = False
        self._asked = ""  # the prompt that the answers belong to
        self._panes = 0  # so far, so that ids are never used twice

    def compose(self) -> ComposeResult:
        """The prompt, the panes, the token, keys."""
        yield Plain(Content.styled("Playground", "bold"), id="play-title")
        yield TextArea(self._prompt or EXAMPLE, id="play-prompt", compact=True, tab_behavior="focus")
        with Grid(id="play-panes", classes="-of-2"):
            for setting in STARTS[:2]:
                yield self._pane(setting)
        yield Plain(id="play-detail")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Ready to change the prompt, or to answer."""
        self.query_one("#play-prompt").focus()
        self._tell(with_keys(self.app, HOW))

    async def on_unmount(self) -> None:
        """Its model process is not needed any more."""
        await self._playground.close()

    def _pane(self, setting: str) -> AnswerPane:
        self._panes += 1
        return AnswerPane(self._panes, setting)

    def _tell(self, text: str | Content) -> None:
        self.query_one("#play-detail", Plain).update(text)

    # -- answering -----------------------------------------------------------------

    @on(AnswerPane.Submitted)
    def action_answer(self) -> None:
        """Answer the prompt by each setting, one after the other."""
        panes = list(self.query(AnswerPane))
        try:
            settings = [parse_setting(pane.setting, self._core.config) for pane in panes]
            prompt = self.query_one("#play-prompt", TextArea).text
            self._playground.messages(prompt)
        except UsageError as error:
            self._tell(Content.styled(told(error), "$text-warning"))
            return
        for pane in panes:
            pane.clear()
        self._asked = prompt
        self._answer(list(zip(panes, settings, strict=True)))

    @work(group="answer", exclusive=True)
    @may_be_left
    async def _answer(self, asked: list[tuple[AnswerPane, object]]) -> None:
        self._answering = True
        self._tell("The model is being opened in a process of its own…")
        self.refresh_bindings()
        try:
            for pane, setting in asked:
                async for decoded in self._playground.answer(self._asked, setting):  # type: ignore[arg-type]  # Setting
                    if pane.decoded is None:
                        self._tell(f"Answering by {safe_line(pane.setting) or 'all knobs off'}. Esc stops.")
                    pane.show(decoded)
            self._tell("Tab goes to an answer, ← → to a token, Enter shows what else could have come.")
        except USER_ERRORS as error:
            if is_open(self):
                self._tell(Content.styled(told(error), "$text-warning"))
        finally:
            self._answering = False
            if is_open(self):
                self.refresh_bindings()

    @on(TokenFlow.Moved)
    def _moved(self, event: TokenFlow.Moved) -> None:
        self._tell_of(event.flow)

    def on_descendant_focus(self) -> None:
        """The answer that has the focus is the one that is told of."""
        if isinstance(self.focused, TokenFlow):
            self._tell_of(self.focused)
        self.refresh_bindings()

    def _tell_of(self, flow: TokenFlow) -> None:
        pane = flow.parent
        if isinstance(pane, AnswerPane) and pane.decoded is not None and pane.decoded.tokens:
            self._tell(chosen_line(pane.decoded, flow.place))

    @work(group="distribution", exclusive=True)
    async def action_distribution(self) -> None:
        """The twenty likeliest tokens at the cursor, before and after each knob."""
        flow = self.focused
        pane = flow.parent if isinstance(flow, TokenFlow) else None
        if not (isinstance(flow, TokenFlow) and isinstance(pane, AnswerPane) and pane.decoded and pane.decoded.tokens):
            return
        decoded, place = pane.decoded, flow.place
        try:
            found = await self._playground.next_tokens(self._asked, decoded, place)
        except USER_ERRORS as error:
            if is_open(self):
                self._tell(Content.styled(told(error), "$text-warning"))
            return
        title = f"Token {place + 1} by {decoded.setting.text}"
        self.app.push_screen(DistributionDialog(title, distribution_content(found, decoded.tokens[place].token)))

    # -- settings --------------------------------------------------------------------

    async def action_add(self) -> None:
        """One more setting, up to four."""
        count = len(self.query(AnswerPane))
        if count < MOST_SETTINGS:
            pane = self._pane(STARTS[count])
            await self.query_one("#play-panes", Grid).mount(pane)
            self._count_panes()
            pane.query_one(Input).focus()

    async def action_remove(self) -> None:
        """Take the last setting away."""
        panes = list(self.query(AnswerPane))
        if len(panes) > 1 and not self._answering:
            await panes[-1].remove()
            self._count_panes()

    def _count_panes(self) -> None:
        self.query_one("#play-panes").set_classes(f"-of-{len(self.query(AnswerPane))}")
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what can be done now."""
        if action == "distribution":
            return isinstance(self.focused, TokenFlow) and not self._answering
        if action in ("add", "remove"):
            count = len(self.query(AnswerPane))
            return not self._answering and (count < MOST_SETTINGS if action == "add" else count > 1)
        return action != "answer" or not self._answering

    def action_back(self) -> None:
        """Stop answering, else leave."""
        if self._answering:
            self.workers.cancel_group(self, "answer")
            self._tell("Stopped.")
        else:
            self.dismiss()
