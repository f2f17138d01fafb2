"""Every setting with its meaning: changed at once where that is possible, and written into the user's file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import DataTable, Footer

from assistant.safe_text import safe_line
from assistant.settings import Setting, all_settings, apply, change, parsed, shown
from assistant.tui.told import USER_ERRORS
from assistant.tui.widgets.choice_table import ChoiceTable
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp

VALUE = 34  # columns of a value


class SettingsScreen(Screen[None]):
    """A table of settings; below it, what the one under the cursor means."""

    CSS_PATH = "screens.tcss"
    BINDING_GROUP_TITLE = "Settings"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f10,q", "app.pop_screen", "Back", key_display="esc", id="screen.back"),
        Binding("space", "flip", "On, off", id="settings.flip"),
        Binding("d", "default", "Default", id="settings.default"),
    ]
    app: AssistantApp

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core
        self._settings: list[Setting] = []

    def compose(self) -> ComposeResult:
        """The table, the meaning, the keys."""
        yield Plain("Settings", classes="panel-title")
        yield ChoiceTable(id="settings")
        yield Plain(id="setting-detail")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """All of them."""
        table = self.query_one(ChoiceTable)
        table.add_columns("", "setting", "value")
        table.focus()
        self._list()

    def _list(self) -> None:
        table = self.query_one(ChoiceTable)
        row = table.cursor_row
        table.clear()
        self._settings = all_settings(self._core.config)
        for each in self._settings:
            value = safe_line(shown(each.value))
            cut = value if len(value) <= VALUE else f"{value[: VALUE - 1]}…"
            table.add_row("*" if each.value != each.default else "", each.name, Text(cut))
        table.move_cursor(row=row)

    @on(DataTable.RowHighlighted)
    def _detail(self, event: DataTable.RowHighlighted) -> None:
        if not 0 <= event.cursor_row < len(self._settings):
            return
        each = self._settings[event.cursor_row]
        when = "acts at once" if each.live else "acts after the next start"
        facts = " · ".join(part for part in (each.range, f"default {shown(each.default)}", when) if part)
        told = Content.assemble((each.meaning, "bold"), f"\n{safe_line(facts)}\n{safe_line(shown(each.value))}")
        self.query_one("#setting-detail", Plain).update(told)

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        self.run_worker(self._edit(self._settings[event.cursor_row]), group="settings", exclusive=True)

    async def _edit(self, setting: Setting) -> None:
        from assistant.tui.screens.dialogs import AskLine

        value = setting.value if isinstance(setting.default, str) else shown(setting.value).replace("'", '"')
        note = " · ".join(part for part in (setting.meaning, setting.range) if part)
        typed = await self.app.push_screen_wait(AskLine(setting.name, str(value), note, path=False))
        if typed is not None:
            self._change(setting, parsed(setting, typed))

    def action_flip(self) -> None:
        """Turn a setting that is true or false."""
        setting = self._chosen()
        if isinstance(setting.default, bool):
            self._change(setting, not setting.value)
        else:
            self.app.say("Enter changes this one.")

    def action_default(self) -> None:
        """Back to the shipped value."""
        setting = self._chosen()
        self._change(setting, setting.default)

    def _chosen(self) -> Setting:
        return self._settings[self.query_one(ChoiceTable).cursor_row]

    def _change(self, setting: Setting, value: Any) -> None:
        try:
            if setting.key == "theme" and value not in self.app.available_themes:
                known = ", ".join(sorted(self.app.available_themes))
                self.app.say(f"There is no theme {value}. Known: {known}.", "error")
                return
            config = change(self._core.config, setting, value)
        except USER_ERRORS as error:
            self.app.tell(error)
            return
        apply(self._core, config)
        if setting.key == "theme":
            self.app.theme = config.interface.theme
        self._list()
        if not setting.live:
            self.app.say(f"{setting.name} is written; it acts after the next start.")
