"""The API for other programs while the app is open: started and ended by the user alone, and always shown."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from assistant.errors import UsageError

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.serving.server import Server
    from assistant.tui.app import AssistantApp


class ServeJob:
    """At most one server; `server` is None while nothing listens."""

    def __init__(self, core: Core) -> None:
        self.server: Server | None = None
        self._core = core
        self._open = contextlib.AsyncExitStack()

    @property
    def line(self) -> str:
        """For the status line, "" while nothing listens."""
        return f"SERVING 127.0.0.1:{self.server.port}" if self.server is not None else ""

    async def start(self, port: int | None = None, *, new_token: bool = False) -> None:
        """Listen, unless it does already.

        Raises:
            UsageError: the port is taken; StorageError: the token cannot be kept.
        """
        if self.server is None:
            from assistant.serving.server import PORT, opened_server

            opened = opened_server(self._core, PORT if port is None else port, new_token=new_token)
            self.server = await self._open.enter_async_context(opened)

    async def stop(self) -> None:
        """Listen no longer; answers under way are cancelled."""
        self.server = None
        await self._open.aclose()


async def serve(app: AssistantApp, rest: str) -> None:
    """`[PORT|off]`: listen and show where, or listen no longer.

    Raises:
        UsageError: neither a port nor `off`, or the port is taken.
    """
    if app.serving is None:
        raise UsageError("The assistant is still being opened.", "Wait a moment.")
    if rest == "off":
        await app.serving.stop()
        app.say("Nothing is served any longer.")
        return
    if rest and not (rest.isascii() and rest.isdecimal() and len(rest) < 6):
        raise UsageError(f"/serve {rest[:40]} is not known.", "/serve, /serve and a port, or /serve off.")
    await app.serving.start(int(rest) if rest else None)
    app.action_open("serve")
