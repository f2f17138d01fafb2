"""The `/` commands that open a screen, some with what was typed behind them; see opening.SCREENS."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assistant.tui.screens.chat import ChatScreen


class ScreenCommands:
    """One method a command."""

    _screen: ChatScreen

    async def _docs(self, rest: str) -> None:
        self._screen.app.action_open("library")

    async def _context(self, rest: str) -> None:
        self._screen.app.action_open("context")

    async def _adapters(self, rest: str) -> None:
        self._screen.app.action_open("adapters")

    async def _eval(self, rest: str) -> None:
        self._screen.app.action_open("evaluation", rest)

    async def _scores(self, rest: str) -> None:
        self._screen.app.action_open("scores")

    async def _safety(self, rest: str) -> None:
        self._screen.app.action_open("safety")

    async def _why(self, rest: str) -> None:
        self._screen.app.action_open("why")

    async def _tokens(self, rest: str) -> None:
        self._screen.app.action_open("tokens", rest)

    async def _playground(self, rest: str) -> None:
        self._screen.app.action_open("playground", rest)

    async def _models(self, rest: str) -> None:
        self._screen.app.action_open("models")

    async def _fit(self, rest: str) -> None:
        self._screen.app.action_open("fit", rest)

    async def _serve(self, rest: str) -> None:
        from assistant.tui.serve_job import serve

        await serve(self._screen.app, rest)

    async def _remote(self, rest: str) -> None:
        from assistant.tui.screens.remote import RemoteScreen

        self._screen.app.push_screen(RemoteScreen(self._screen.app.core))

    async def _settings(self, rest: str) -> None:
        self._screen.app.action_open("settings")

    async def _trash(self, rest: str) -> None:
        self._screen.app.action_open("trash")

    async def _keys(self, rest: str) -> None:
        self._screen.app.action_open("settings", "keys")

    async def _activity(self, rest: str) -> None:
        self._screen.app.action_open("activity")
