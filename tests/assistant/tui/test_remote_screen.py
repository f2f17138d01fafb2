"""Does the interface always say that a chat goes to a server, and let the user say what that server may read?"""

from __future__ import annotations

from pathlib import Path

import pytest
from made_server import answering, events

from assistant.tui.screens.remote import RemoteScreen

from .conftest import running, until

LISTED = {"data": [{"id": "mistral", "owned_by": "someone"}]}
WHOLE = {"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": 12}}


async def test_a_remote_model_is_marked_and_asked_what_it_may_read(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/remote shows the server; m answers with it and the mark stays, Enter allows a collection, h goes back."""

    def reply(path: str, body: dict[str, object] | None) -> tuple[int, object]:
        if path == "/v1/models":
            return 200, LISTED
        return 200, events("Paris.") if body and body.get("stream") else WHOLE

    monkeypatch.setattr("assistant.leaving.is_loopback", lambda host: False)  # the server stands for another machine
    home.mkdir(mode=0o700, exist_ok=True)
    with answering(reply) as asked:
        (home / "config.toml").write_text(
            f'[model]\nname = "scripted"\n[remote]\nurl = "{asked.url}"\n[documents]\nembedder = "hashed"\n'
        )
        (tmp_path / "note.txt").write_text("The spare key is under the blue pot.")
        async with running(home, size=(80, 24)) as run:
            [event async for event in run.app.core.pipeline.ingest([tmp_path / "note.txt"], collection="diary")]
            assert "remote:" not in run.screen_text()
            await run.send("/remote")
            await until(
                lambda: isinstance(run.app.screen, RemoteScreen) and "is never sent  diary" in run.screen_text()
            )
            await run.pilot.press("enter")
            await until(lambda: "may be read    diary" in run.screen_text())
            await run.pilot.press("m")
            await until(lambda: "in use" in run.screen_text() and "remote:mistral" in run.screen_text())
            await run.pilot.press("escape")
            host = asked.url.removeprefix("http://").removesuffix("/v1")
            await until(lambda: f"remote: {host}" in run.screen_text())
            await run.send("What is the capital of France?")
            await until(lambda: "Paris." in run.screen_text())
            assert run.app.core.leaving.allowed(host) == ("diary",)
            await run.send("/remote")
            await until(lambda: isinstance(run.app.screen, RemoteScreen))
            await run.pilot.press("h")
            await until(lambda: not run.app.core.model.is_remote)
            await run.pilot.press("escape")
            await until(lambda: f"remote: {host}" not in run.screen_text())
