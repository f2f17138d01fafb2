"""Our commands in Textual's command palette."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.markup import escape

from assistant.tui.commands import COMMANDS, Command
from assistant.tui.keys import with_key

if TYPE_CHECKING:
    from assistant.tui.app import AssistantApp


class CommandsProvider(Provider):
    """Every `/` command; one that needs an argument is put into the prompt to be finished."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for command in COMMANDS:
            told = with_key(self.app, command.help, command.action)
            yield DiscoveryHit(Content(command.usage), partial(self._choose, command), command.usage, escape(told))

    async def search(self, query: str) -> Hits:
        """Those that match what is typed."""
        matcher = self.matcher(query)
        for command in COMMANDS:
            score = matcher.match(f"{command.usage} {command.help}")
            if score > 0:
                told = with_key(self.app, command.help, command.action)
                yield Hit(score, Content(command.usage), partial(self._choose, command), command.usage, escape(told))

    def _choose(self, command: Command) -> None:
        app: AssistantApp = self.app  # type: ignore[assignment]  # the only app with this provider
        app.chat.choose_command(command)
