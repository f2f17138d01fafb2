"""Using a prompt: its variables to fill in, its examples to pick, what it says and costs then."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Checkbox, Input, TextArea

from assistant.errors import UsageError
from assistant.prompts.prompt import Prompt, all_variables, example_block, rendered
from assistant.prompts.using import missing_adapter
from assistant.safe_text import safe_line, safe_text
from assistant.tui.keys import key_line
from assistant.tui.opening import is_open, may_be_left
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain
from assistant.tui.widgets.tick import Tick

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp

WAIT_SECONDS = 0.2  # after a key, before tokens are counted again


class UsePrompt(ModalScreen[bool]):
    """True when the prompt was put into the chat or sent."""

    CSS_PATH = ["screens.tcss", "prompts.tcss"]  # noqa: RUF012  # Textual declares it without ClassVar
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "put(True)", "Send", id="use-prompt.send"),
        Binding("ctrl+s", "put(False)", "Into the prompt", id="use-prompt.into-the-prompt"),
        Binding("escape", "dismiss(False)", "Cancel", id="screen.back"),
    ]
    app: AssistantApp

    def __init__(self, core: Core, prompt: Prompt, values: Mapping[str, str]) -> None:
        """`values` are what is known already."""
        super().__init__()
        self._core, self._prompt, self._values = core, prompt, values
        self._inspector = core.tokenizer()
        self._changes = self._counted = 0
        self._text, self._shots = "", 0  # as it would be sent now, and with how many examples
        self._priced = False  # whether each example says what it costs

    def compose(self) -> ComposeResult:
        """Fields, examples, what comes of them, keys."""
        with Vertical(classes="dialog", id="use-prompt"):
            yield Plain(f"{safe_line(self._prompt.name)}  {safe_line(self._prompt.about)}", classes="dialog-title")
            with MovingScroll(id="use-fields"):
                for variable in all_variables(self._prompt):
                    value = self._values.get(variable.name, "")
                    with Horizontal(classes=f"field -{variable.type}"):
                        yield Plain(variable.name, classes="field-name")
                        if variable.type == "long":
                            yield TextArea(value, id=f"variable-{variable.name}", compact=True, tab_behavior="focus")
                        else:
                            hint = safe_line(variable.hint)
                            yield Input(value, id=f"variable-{variable.name}", compact=True, placeholder=hint)
                for number, example in enumerate(self._prompt.examples, 1):
                    label = safe_line(f"{number}  {example.input} → {example.output}")
                    yield Tick(Content(label[:200]), True, id=f"example-{number}", compact=True)
            yield Plain(id="use-told")
            with MovingScroll(id="use-preview", can_focus=False):
                yield Plain(id="use-text")
            told = key_line(self.app, use_prompt__into_the_prompt="into the prompt", use_prompt__send="send")
            back = key_line(self.app, screen__back="cancel")
            yield Plain(f"{told}    Tab  next field    {back}", classes="dialog-keys")

    async def on_mount(self) -> None:
        """Ready to fill in the first field."""
        fields = self.query("#use-fields Input, #use-fields TextArea, #use-fields Tick")
        if fields:
            fields.first().focus()
        if note := await missing_adapter(self._core, self._prompt):
            self.app.say(note, "warning")
        if is_open(self):
            self._changed()

    async def on_unmount(self) -> None:
        """The tokenizer is not needed any more."""
        await self._inspector.close()

    def _rendered(self) -> str:
        """As it would be sent.

        Raises:
            UsageError: something is missing, or cannot be.
        """
        values = {each.name: self._value(f"#variable-{each.name}") for each in all_variables(self._prompt)}
        ticks = [
            self.query_one(f"#example-{number}", Tick).value for number in range(1, len(self._prompt.examples) + 1)
        ]
        shots = [example for example, ticked in zip(self._prompt.examples, ticks, strict=True) if ticked]
        return rendered(self._prompt, values, shots)

    def _value(self, field: str) -> str:
        found: Widget = self.query_one(field)
        return found.text if isinstance(found, TextArea) else found.value if isinstance(found, Input) else ""

    @on(Input.Changed)
    @on(TextArea.Changed)
    @on(Checkbox.Changed)
    def _changed(self) -> None:
        self._changes += 1
        try:
            self._text = self._rendered()
        except UsageError as error:
            self.query_one("#use-told", Plain).update(Content.styled(safe_line(told(error)), "$text-warning"))
            return
        self._shots = sum(tick.value for tick in self.query(Tick))
        self.query_one("#use-text", Plain).update(safe_text(self._text))
        if self._counted == 0:
            self._counted = self._changes
            self._count()

    @work(group="count")
    @may_be_left
    async def _count(self) -> None:
        """Say what it costs, until nothing changes any more: one call at a time."""
        done = -1
        while done != self._changes and is_open(self):
            done = self._changes
            await asyncio.sleep(WAIT_SECONDS)
            if done != self._changes:
                continue
            try:
                line = await self._cost()
                if not self._priced:
                    await self._price_examples()
            except USER_ERRORS as error:
                line = told(error)
            if is_open(self):
                self.query_one("#use-told", Plain).update(Content.styled(safe_line(line), "$text-muted"))
        self._counted = 0

    async def _price_examples(self) -> None:
        """Say behind each example what it costs."""
        self._priced = True
        for number, example in enumerate(self._prompt.examples, 1):
            tokens = len((await self._inspector.split(example_block(example))).tokens)
            if is_open(self):
                label = safe_line(f"{number}  ({tokens} tokens)  {example.input} → {example.output}")
                self.query_one(f"#example-{number}", Tick).label = Content(label[:200])

    async def _cost(self) -> str:
        split = await self._inspector.split(self._text)
        kind = {0: "zero-shot", 1: "one-shot"}.get(self._shots, f"few-shot, {self._shots} examples")
        share = f" · {split.share:.1%} of the context of {split.tokenizer.context:,}" if split.share is not None else ""
        return f"{len(split.tokens):,} tokens{share}" + (f" · {kind}" if self._prompt.examples else "")

    def action_put(self, send: bool) -> None:
        """Put it into the chat's prompt, or send it; a text is never lost: what stood there goes below it."""
        try:
            text = self._rendered()
        except UsageError as error:
            self.query_one("#use-told", Plain).update(Content.styled(safe_line(told(error)), "$text-warning"))
            return
        chat = self.app.chat
        if send and chat.session is not None:
            chat.session.ask(text)
        else:
            before = chat.prompt.text.strip()
            chat.prompt.replace_text(f"{text}\n\n{before}" if before else text)
        chat.prompt.focus()
        self.dismiss(True)
