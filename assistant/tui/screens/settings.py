"""Every setting with its meaning: changed at once where that is possible, and written into the user's file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import DataTable, Footer

from assistant.keymap import change_keys, keymap, parse_keys, shown_keys
from assistant.safe_text import safe_line
from assistant.settings import Setting, all_settings, apply, change, parsed, shown
from assistant.tui.keys import catalogue, use_keys
from assistant.tui.told import USER_ERRORS
from assistant.tui.widgets.choice_table import ChoiceTable
from assistant.tui.widgets.plain import Plain
from assistant.wanted_keys import KEYS

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
        Binding("f2", "next_page", "Settings, keys", id="screen.next-page"),
    ]
    app: AssistantApp

    def __init__(self, core: Core, keys: bool = False) -> None:
        super().__init__()
        self._core = core
        self._settings: list[Setting] = []
        self._keys = keys  # whether the keys are listed, rather than the settings

    def compose(self) -> ComposeResult:
        """The table, the meaning, the keys."""
        yield Plain("Settings", classes="panel-title")
        yield ChoiceTable(id="settings")
        yield Plain(id="setting-detail")
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        """All of them."""
        if self._keys:
            await asyncio.to_thread(catalogue)
        table = self.query_one(ChoiceTable)
        table.add_columns("", "setting", "value")
        table.focus()
        self._list()

    def _list(self) -> None:
        table = self.query_one(ChoiceTable)
        row = table.cursor_row
        table.clear()
        self._settings = self._key_settings() if self._keys else all_settings(self._core.config)
        self.query_one(".panel-title", Plain).update("Keys" if self._keys else "Settings")
        for each in self._settings:
            value = safe_line(_shown(each, each.value))
            cut = value if len(value) <= VALUE else f"{value[: VALUE - 1]}…"
            name = each.key if each.section == KEYS else each.name
            table.add_row("*" if each.value != each.default else "", name, Text(cut))
        table.move_cursor(row=row)

    def _key_settings(self) -> list[Setting]:
        """The keys of every action, as if they were settings."""
        known = catalogue()
        found = keymap(known, self._core.config.keys)
        return [
            Setting(KEYS, each.id, list(found.keys[each.id]), list(each.keys), f"{each.place}: {each.meaning}", True)
            for each in known
            if each.id
        ]

    async def action_next_page(self) -> None:
        """Settings, or keys."""
        self._keys = not self._keys
        await asyncio.to_thread(catalogue)  # the first time it imports every screen
        self._list()
        self.query_one(ChoiceTable).move_cursor(row=0)

    @on(DataTable.RowHighlighted)
    def _detail(self, event: DataTable.RowHighlighted) -> None:
        if not 0 <= event.cursor_row < len(self._settings):
            return
        each = self._settings[event.cursor_row]
        when = "acts at once" if each.live else "acts after the next start"
        facts = " · ".join(part for part in (each.range, f"default {_shown(each, each.default)}", when) if part)
        told = Content.assemble((each.meaning, "bold"), f"\n{safe_line(facts)}\n{safe_line(_shown(each, each.value))}")
        self.query_one("#setting-detail", Plain).update(told)

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        self.run_worker(self._edit(self._settings[event.cursor_row]), group="settings", exclusive=True)

    async def _edit(self, setting: Setting) -> None:
        from assistant.tui.screens.dialogs import AskLine

        value = setting.value if isinstance(setting.default, str) else shown(setting.value).replace("'", '"')
        if setting.section == KEYS:
            value = ", ".join(setting.value)
        note = " · ".join(part for part in (setting.meaning, setting.range) if part)
        typed = await self.app.push_screen_wait(AskLine(setting.name, str(value), note, path=False))
        if typed is not None:
            self._change(setting, list(parse_keys(typed)) if setting.section == KEYS else parsed(setting, typed))

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
            if setting.section == KEYS:
                config = change_keys(self._core.config, catalogue(), setting.key, value)
            else:
                config = change(self._core.config, setting, value)
        except USER_ERRORS as error:
            self.app.tell(error)
            return
        apply(self._core, config)
        if setting.section == KEYS:
            self.run_worker(use_keys(self.app), group="keys")
        if setting.key == "theme":
            self.app.theme = config.interface.theme
        self._list()
        if not setting.live:
            self.app.say(f"{setting.name} is written; it acts after the next start.")


def _shown(setting: Setting, value: Any) -> str:
    return shown_keys(value) if setting.section == KEYS else shown(value)
