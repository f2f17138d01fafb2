"""Is an API for other programs started by the user alone, shown while it is on, and ended with one key?"""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from pathlib import Path

from assistant.tui.screens.activity import ActivityScreen
from assistant.tui.screens.serve import ServeScreen

from .conftest import running, until


def status(url: str, token: str) -> int:
    """What GET answers to this key."""
    request = urllib.request.Request(f"{url}/models", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code


async def test_serving_is_started_marked_renewed_and_stopped(home: Path) -> None:
    """/serve shows address and key; the status line and Activity say so as long as it is on; x ends it."""
    async with running(home, size=(80, 24)) as run:
        assert "SERVING" not in run.screen_text()
        await run.send("/serve what")
        await until(lambda: "/serve what is not known" in run.screen_text())
        await run.send("/serve 0")
        await until(lambda: isinstance(run.app.screen, ServeScreen) and "scripted@library" in run.screen_text())
        assert run.app.serving is not None and run.app.serving.server is not None
        server = run.app.serving.server
        assert server.url in run.screen_text() and server.token in run.screen_text()
        assert await asyncio.to_thread(status, server.url, server.token) == 200
        await run.pilot.press("n")
        await until(lambda: run.app.serving and run.app.serving.server not in (None, server))
        renewed = run.app.serving.server
        assert renewed.port == server.port and renewed.token != server.token
        assert await asyncio.to_thread(status, server.url, server.token) == 401
        await run.pilot.press("c")
        assert run.app.clipboard == renewed.token
        await run.pilot.press("escape")
        await until(lambda: f"SERVING 127.0.0.1:{server.port}" in run.screen_text())
        await run.pilot.press("alt+a")
        await until(
            lambda: isinstance(run.app.screen, ActivityScreen) and f"Serving: {server.url}" in run.screen_text()
        )
        await run.pilot.press("x")
        await until(lambda: run.app.serving.server is None and "Nothing long is going on." in run.screen_text())
        await run.pilot.press("escape")
        await until(lambda: run.app.screen is run.app.chat and "SERVING" not in run.screen_text())
        await run.send("/serve 0")
        await until(lambda: isinstance(run.app.screen, ServeScreen) and run.app.serving.server)
        await run.pilot.press("s")
        await until(lambda: "Nothing is served." in run.screen_text())
        await run.pilot.press("escape")
