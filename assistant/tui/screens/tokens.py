"""Tokens: a text, a message or a whole prompt as the model's tokenizer cuts it, beside a second tokenizer if wanted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, TextArea

from assistant.safe_text import safe_line
from assistant.tui.opening import is_open, may_be_left
from assistant.tui.token_text import figures_content, merges_text, piece_content, word_at
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.token_flow import TokenFlow

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.conversation import Message
    from assistant.tokens.inspector import TokenInspector
    from assistant.tokens.token import Split
    from assistant.tui.app import AssistantApp

EXAMPLE = "Type or paste any text: unbelievable, 2026, déjà vu 🙂"
PAGES = {"text": "Text", "message": "Message", "prompt": "Prompt as sent"}
WAIT_SECONDS = 0.15  # after a key, before the text is cut again


class TokensScreen(Screen[None]):
    """One page a source; below the tokens, what is to be said of the one under the cursor."""

    CSS_PATH = ["screens.tcss", "tokens.tcss"]  # noqa: RUF012  # Textual declares it without ClassVar
    BINDING_GROUP_TITLE = "Tokens"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012  # as above
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="screen.back"),
        Binding("f2", "next_page", "Next page", id="screen.next-page"),
        Binding("m", "merges", "Merges", id="tokens.merges"),
        Binding("w", "other", "Second tokenizer", id="tokens.other"),
        Binding("e", "edit", "Edit text", id="tokens.edit"),
        Binding("tab", "app.focus_next", "Next", show=False, id="screen.next-field"),
    ]
    app: AssistantApp

    def __init__(self, core: Core, text: str, message: Message | None) -> None:
        """`text` is what to begin with, `message` the chosen one of the chat."""
        super().__init__()
        self._core, self._text, self._message = core, text, message
        self._page = "message" if message is not None and not text else "text"
        self._inspectors: list[TokenInspector] = []
        self._splits: list[Split] = []
        self._wanted = self._shown = 0  # how often the text has changed, and which change is on the screen

    def compose(self) -> ComposeResult:
        """Pages, the text to type, tokens with their figures, the token under the cursor, keys."""
        yield Plain(id="tokens-title")
        yield TextArea(self._text or EXAMPLE, id="tokens-text", compact=True, tab_behavior="focus")
        with Container(id="tokens-flows"):
            for number in (0, 1):
                with Container(id=f"tokens-{number}", classes="tokens-side"):
                    yield Plain(id=f"tokens-figures-{number}", classes="tokens-figures")
                    yield TokenFlow(id=f"tokens-flow-{number}")
        yield Plain(id="tokens-detail")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Cut what there is."""
        self._inspectors = [self._core.tokenizer()]
        self.query_one("#tokens-detail", Plain).update("The tokenizer is being opened…")
        self.query_one("#tokens-1").display = False
        self._show_page()
        self.query_one("#tokens-flow-0" if self._page != "text" or self._text else "#tokens-text").focus()

    async def on_unmount(self) -> None:
        """The tokenizers are not needed any more."""
        for each in self._inspectors:
            await each.close()

    def _show_page(self) -> None:
        names = [
            (f" {name} ", "reverse bold" if key == self._page else "$text-muted")
            for key, name in PAGES.items()
            if self._has(key)
        ]
        self.query_one("#tokens-title", Plain).update(Content.assemble(("Tokens  ", "bold"), *names))
        self.query_one("#tokens-text").display = self._page == "text"
        for flow in self.query(TokenFlow):
            flow.place = 0
        self.refresh_bindings()
        self._cut()

    def _has(self, page: str) -> bool:
        return page == "text" or (self._message is not None and (page == "message" or self._message.role != "user"))

    def action_next_page(self) -> None:
        """The next source; behind the last one the first."""
        pages = [page for page in PAGES if self._has(page)]
        self._page = pages[(pages.index(self._page) + 1) % len(pages)]
        self._show_page()
        self.query_one("#tokens-flow-0").focus()

    @on(TextArea.Changed)
    def _changed(self) -> None:
        self._cut()

    def _cut(self) -> None:
        """Cut the page's text, and once more if it changes meanwhile: one call to the tokenizers at a time."""
        self._wanted += 1
        if self._wanted == self._shown + 1:
            self._cut_until_shown()

    @work(group="cut")
    @may_be_left
    async def _cut_until_shown(self) -> None:
        while self._shown != self._wanted:
            wanted = self._wanted
            await asyncio.sleep(WAIT_SECONDS)
            if wanted != self._wanted:
                continue
            problem = ""
            try:
                self._splits = await self._split()
            except USER_ERRORS as error:
                problem = safe_line(told(error))
            if not is_open(self):  # left meanwhile, and its tokenizers closed
                return
            if problem:
                self.query_one("#tokens-detail", Plain).update(Content.styled(problem, "$text-warning"))
            else:
                self._draw()
            self._shown = wanted

    def _draw(self) -> None:
        for number, split in enumerate(self._splits):
            flow = self.query_one(f"#tokens-flow-{number}", TokenFlow)
            flow.show(
                [safe_line(piece.shown) for piece in split.pieces],
                [token.kind not in ("normal", "byte") for token in split.tokens],
                [piece.text.endswith("\n") for piece in split.pieces],
            )
            self.query_one(f"#tokens-figures-{number}", Plain).update(figures_content(split))
        self.query_one("#tokens-1").display = len(self._splits) > 1
        self._tell(self.query_one("#tokens-flow-0", TokenFlow))

    async def _split(self) -> list[Split]:
        first, *others = self._inspectors
        if self._page == "prompt" and self._message is not None:
            from assistant.sent_prompt import sent_prompt

            prompt = await first.split_prompt((await sent_prompt(self._core, self._message.id)).messages)
            return [prompt, *[await each.split(prompt.text, special=True) for each in others]]
        typed = self.query_one("#tokens-text", TextArea).text
        text = self._message.text if self._page == "message" and self._message is not None else typed
        return [await each.split(text) for each in self._inspectors]

    @on(TokenFlow.Moved)
    def _moved(self, event: TokenFlow.Moved) -> None:
        self._tell(event.flow)

    def on_descendant_focus(self) -> None:
        """The cursor of the flow that has the focus is the one that is told of."""
        if isinstance(self.focused, TokenFlow) and self._splits:
            self._tell(self.focused)
        self.refresh_bindings()

    def _tell(self, flow: TokenFlow) -> None:
        number = int((flow.id or "0")[-1])
        pieces = self._splits[number].pieces if number < len(self._splits) else ()
        told = piece_content(pieces[flow.place], flow.place, len(pieces)) if pieces else Content("no tokens")
        self.query_one("#tokens-detail", Plain).update(told)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters are typed while the text has the focus."""
        typing = isinstance(self.focused, TextArea)
        if action == "edit":
            return self._page == "text" and not typing
        return action not in ("merges", "other") or not typing

    def action_back(self) -> None:
        """From the text to its tokens, then out."""
        if isinstance(self.focused, TextArea):
            self.query_one("#tokens-flow-0").focus()
        else:
            self.dismiss()

    def action_edit(self) -> None:
        """Type another text."""
        self.query_one("#tokens-text").focus()

    @work(group="merges", exclusive=True)
    async def action_merges(self) -> None:
        """How the word under the cursor came to its tokens."""
        from assistant.tui.screens.dialogs import ReadDialog

        flow = self.focused if isinstance(self.focused, TokenFlow) else self.query_one("#tokens-flow-0", TokenFlow)
        number = int((flow.id or "0")[-1])
        if number >= len(self._splits) or not self._splits[number].pieces:
            return
        try:
            words = await self._inspectors[number].words(word_at(self._splits[number].pieces, flow.place))
        except USER_ERRORS as error:
            if is_open(self):
                self.app.tell(error)
            return
        about = "A word begins as its bytes; the pair that was learned first is joined, again and again."
        self.app.push_screen(ReadDialog("Merges, one by one", f"{about}\n\n{merges_text(words)}"))

    @work(group="other", exclusive=True)
    async def action_other(self) -> None:
        """Put a second tokenizer beside the model's, or take it away."""
        if len(self._inspectors) > 1:
            await self._inspectors.pop().close()
        else:
            from assistant.tui.screens.dialogs import AskLine

            note = "A GGUF file, a tokenizer.json, or a folder with one; w again takes it away."
            path = await self.app.push_screen_wait(AskLine("Second tokenizer", "", note, path=True))
            if path is None:
                return
            other = self._core.tokenizer(path)
            try:
                await other.facts()
            except USER_ERRORS as error:
                self.app.tell(error)
                await other.close()
                return
            self._inspectors.append(other)
        self._cut()
