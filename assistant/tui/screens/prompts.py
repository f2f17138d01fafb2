"""The prompt library: what there is, how one is written, and using, writing, changing, removing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import DataTable, Footer, TextArea

from assistant.prompts.files import NEW, as_toml, parse_prompt
from assistant.prompts.prompt import KINDS
from assistant.prompts.using import costs
from assistant.safe_text import safe_line, safe_text
from assistant.tui.keys import key_line
from assistant.tui.opening import is_open, may_be_left
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.choice_table import ChoiceTable
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.prompts.prompt import Prompt
    from assistant.tui.app import AssistantApp


class EditPrompt(ModalScreen[bool]):
    """A prompt as it is written; saved whole or not at all. True if it was saved."""

    CSS_PATH = ["screens.tcss", "prompts.tcss"]  # noqa: RUF012  # Textual declares it without ClassVar
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+s", "save", "Save", key_display="f5", id="edit-prompt.save"),
        Binding("escape", "dismiss(False)", "Cancel", id="screen.back"),
    ]

    def __init__(self, core: Core, old: Prompt | None) -> None:
        """`old` is the prompt to change, None for a new one."""
        super().__init__()
        self._core, self._old = core, old

    def compose(self) -> ComposeResult:
        """The text, what is wrong with it, the keys."""
        with Vertical(classes="dialog", id="edit-prompt"):
            yield Plain(safe_line(self._old.name) if self._old else "A new prompt", classes="dialog-title")
            yield TextArea(as_toml(self._old) if self._old else NEW, compact=True, tab_behavior="focus")
            yield Plain(
                "Kinds: " + ", ".join(KINDS) + ". {{name}} is a variable, {{examples}} their place.", id="edit-told"
            )
            yield Plain(
                key_line(self.app, edit_prompt__save="save", screen__back="leave it as it was"), classes="dialog-keys"
            )

    @work(group="save", exclusive=True)
    async def action_save(self) -> None:
        """Keep it, or say what is wrong."""
        try:
            prompt = parse_prompt(self.query_one(TextArea).text)
            old = self._old.name if self._old else ""
            await self._core.prompts.save(prompt, new=self._old is None, instead_of=old)
        except USER_ERRORS as error:
            self.query_one("#edit-told", Plain).update(Content.styled(safe_line(told(error)), "$text-warning"))
        else:
            self.dismiss(True)


class PromptsScreen(Screen[None]):
    """One row a prompt; below it, or beside it where there is room, how the chosen one is written."""

    CSS_PATH = ["screens.tcss", "prompts.tcss"]  # noqa: RUF012  # as above
    BINDING_GROUP_TITLE = "Prompts"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012  # as above
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", id="screen.back"),
        Binding("n", "new", "New", id="prompts.new"),
        Binding("e", "edit", "Edit", id="prompts.edit"),
        Binding("c", "copy", "Copy", id="prompts.copy"),
        Binding("d,delete", "remove", "Remove", key_display="d", id="prompts.remove"),
    ]
    app: AssistantApp

    def __init__(self, core: Core, name: str = "") -> None:
        """`name` is the prompt to begin at."""
        super().__init__()
        self._core, self._name = core, name
        self._prompts: list[Prompt] = []
        self._inspector = core.tokenizer()

    def compose(self) -> ComposeResult:
        """Title, list, the chosen one, keys."""
        yield Plain(Content.styled("Prompts", "bold"), id="prompts-title")
        with Container(id="prompts-body"):
            yield ChoiceTable(id="prompt-list")
            with MovingScroll(id="prompt-detail"):
                yield Plain(id="prompt-costs")
                yield Plain(id="prompt-text")
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        """Fill the list."""
        table = self.query_one(ChoiceTable)
        for label in ("Prompt", "Kind", "Examples", "About"):
            table.add_column(label, key=label)
        await self._reload()
        table.focus()

    async def on_unmount(self) -> None:
        """The tokenizer is not needed any more."""
        await self._inspector.close()

    async def _reload(self) -> None:
        self._prompts = await self._core.prompts.all()
        table = self.query_one(ChoiceTable)
        row = table.cursor_row
        table.clear()
        for prompt in self._prompts:
            mark = "" if prompt.shipped else "*"
            about = Text(safe_line(prompt.about))
            table.add_row(prompt.name + mark, prompt.kind, str(len(prompt.examples) or ""), about)
        names = [prompt.name for prompt in self._prompts]
        table.move_cursor(row=names.index(self._name) if self._name in names else row)
        own = sum(not prompt.shipped for prompt in self._prompts)
        told = f"  {len(self._prompts)} · {own} of your own (*)"
        self.query_one("#prompts-title", Plain).update(Content.assemble(("Prompts", "bold"), told))
        self._show()

    def _chosen(self) -> Prompt | None:
        row = self.query_one(ChoiceTable).cursor_row
        return self._prompts[row] if 0 <= row < len(self._prompts) else None

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self) -> None:
        self._show()
        self.refresh_bindings()

    def _show(self) -> None:
        if (prompt := self._chosen()) is not None:
            self.query_one("#prompt-text", Plain).update(safe_text(as_toml(prompt)))
            self.query_one("#prompt-costs", Plain).update(
                Content.styled(f"{prompt.kind}: {KINDS[prompt.kind]}", "bold")
            )
            self._count(prompt)

    @work(group="count")
    @may_be_left
    async def _count(self, prompt: Prompt) -> None:
        try:
            line = (await costs(self._inspector, prompt)).line
        except USER_ERRORS as error:
            line = safe_line(told(error))
        if is_open(self) and self._chosen() == prompt:
            head = Content.styled(f"{prompt.kind}: {KINDS[prompt.kind]}", "bold")
            self.query_one("#prompt-costs", Plain).update(Content.assemble(head, "\n", (line, "$text-muted")))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What comes along stays."""
        prompt = self._chosen() if action == "remove" and self.is_mounted else None
        return action != "remove" or (prompt is not None and not prompt.shipped)

    @on(DataTable.RowSelected)
    @work(group="use", exclusive=True)
    async def _use(self) -> None:
        """Fill it in; then it stands in the chat."""
        from assistant.tui.screens.use_prompt import UsePrompt

        prompt = self._chosen()
        if prompt is not None and await self.app.push_screen_wait(UsePrompt(self._core, prompt, {})):
            self.dismiss()

    def action_new(self) -> None:
        """Write one."""
        self._edit(None)

    def action_edit(self) -> None:
        """Change the chosen one; of one that comes along, your own copy."""
        self._edit(self._chosen())

    @work(group="edit", exclusive=True)
    async def _edit(self, prompt: Prompt | None) -> None:
        self._name = prompt.name if prompt else ""
        if await self.app.push_screen_wait(EditPrompt(self._core, prompt)):
            await self._reload()

    def action_copy(self) -> None:
        """Copy how it is written."""
        if (prompt := self._chosen()) is not None:
            self.app.copy_to_clipboard(as_toml(prompt))
            self.app.say(f"{prompt.name} is in the clipboard.")

    @work(group="remove", exclusive=True)
    async def action_remove(self) -> None:
        """Forget one of your own, after asking."""
        prompt = self._chosen()
        if prompt is None or prompt.shipped:
            return
        if await self.app.confirmed(f"Remove the prompt {prompt.name}?", "It is gone for good."):
            await self._core.prompts.remove(prompt.name)
            await self._reload()
