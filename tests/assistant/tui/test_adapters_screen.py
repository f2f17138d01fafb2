"""Does the list of adapters put on, mix, weaken, roll back, prove apart, and lose nothing without asking?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.widgets import DataTable, Input

from adapters.versions.registered import Adapter
from assistant.tui.adapter_text import change, strength_content
from assistant.tui.screens import adapters
from assistant.tui.screens.adapters import AdaptersScreen
from assistant.tui.screens.dialogs import AskLine, ConfirmDialog
from tests.made_run import finished_run

from .conftest import Running, running, until
from .scripted_training import evaluation


async def added(run: Running, folder: Path, name: str, state: str, **changes: Any) -> Adapter:
    """A version on the scripted model, which has no file and therefore no hash."""
    registry = run.app.core.registry
    made = folder / f"run-{name}-{len(await registry.all())}"
    adapter = await registry.add(finished_run(made, name, **{"base_sha256": ""} | changes))
    if state == "trained":
        return adapter
    found = evaluation(adapter.label, state == "proven")
    return await registry.add_evaluation(adapter, found.as_json(), found.scores, state, found.verdict.reason)


async def open_adapters(run: Running) -> AdaptersScreen:
    await run.pilot.press("f3")
    await until(lambda: isinstance(run.app.screen, AdaptersScreen))
    await run.pilot.pause()
    screen = run.app.screen
    assert isinstance(screen, AdaptersScreen)
    return screen


async def answer(run: Running, key: str) -> None:
    """Answer the question that comes."""
    await until(lambda: isinstance(run.app.screen, ConfirmDialog))
    await run.pilot.pause()
    await run.pilot.press(key)
    await until(lambda: isinstance(run.app.screen, AdaptersScreen))


def notices(run: Running) -> str:
    return "\n".join(str(each.message) for each in run.app._notifications)


async def test_on_mixed_weaker_and_back_with_one_key(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Enter puts one on, space mixes, the arrows change a strength, F8 restores what was on before and says so."""
    monkeypatch.setattr(adapters, "SETTLE_SECONDS", 1.5)  # four keys of a busy machine belong together
    async with running(home, (80, 24)) as run:
        await added(run, tmp_path, "style", "proven")
        await added(run, tmp_path, "work", "proven")
        screen = await open_adapters(run)
        shown = run.screen_text()
        assert "✔ proven" in shown and "0 → 100" in shown and "F1" in shown
        model = run.app.core.model
        await run.pilot.press("enter")
        await until(lambda: model.adapter == "style@v1")
        await until(lambda: "● 1.00" in run.screen_text())
        await run.pilot.press("down", "space")
        await until(lambda: model.adapter == "style@v1 work@v1")
        await until(lambda: run.screen_text().count("● 1.00") == 2)
        await run.pilot.press("left", "left", "left", "right")
        await until(lambda: "0.90" in run.screen_text())
        await until(lambda: model.adapter == "style@v1 work@v1:0.9")
        assert len(await run.app.core.registry.log.history()) == 3  # four keys, one entry
        await run.pilot.press("f8")
        await until(lambda: model.adapter == "style@v1 work@v1")
        await until(lambda: "Rolled back. On now: style@v1 work@v1" in notices(run))
        await until(lambda: "● 0.90" not in run.screen_text())
        await run.pilot.press("o")
        await until(lambda: model.adapter == "")
        await run.pilot.press("escape")
        await until(lambda: run.app.screen is run.app.chat)
        await run.pilot.press("f8")  # in the chat too, with the prompt focused
        await until(lambda: model.adapter == "style@v1 work@v1")
        assert screen not in run.app.screen_stack and run.prompt.text == ""


async def test_what_is_not_proven_is_asked_about(home: Path, tmp_path: Path) -> None:
    """No leaves everything as it was, yes puts it on; its figures and worst answers stand beside each other."""
    async with running(home, (160, 50)) as run:
        await added(run, tmp_path, "style", "rejected")
        await open_adapters(run)
        shown = run.screen_text()
        assert "✘ rejected" in shown and "general probe" in shown and "worse" in shown and "data card" in shown
        await run.pilot.press("enter")
        await answer(run, "n")
        assert run.app.core.model.adapter == ""
        await run.pilot.press("enter")
        await answer(run, "y")
        await until(lambda: run.app.core.model.adapter == "style@v1")


async def test_for_this_chat_only(home: Path, tmp_path: Path) -> None:
    """c gives the open chat its own adapter, and takes it away again; the others answer as before."""
    async with running(home) as run:
        await added(run, tmp_path, "style", "proven")
        await open_adapters(run)
        await run.pilot.press("c")
        await until(lambda: run.session.conversation is not None and run.session.conversation.adapters == "style@v1")
        await until(lambda: "this chat: style@v1" in run.screen_text())
        assert await run.app.core.adapters.mix() == ()
        await run.pilot.press("c")
        await until(lambda: run.session.conversation.adapters is None)


async def test_retire_rename_export_delete_import(home: Path, tmp_path: Path) -> None:
    """Each does what it names; deleting asks; what was exported comes back as not proven."""
    async with running(home) as run:
        await added(run, tmp_path, "style", "proven")
        await open_adapters(run)
        await run.pilot.press("t")
        await until(lambda: "– retired" in run.screen_text())
        file = tmp_path / "style.zip"
        for key, typed in (("n", "letters"), ("e", str(file))):
            await run.pilot.press(key)
            await until(lambda: isinstance(run.app.screen, AskLine))
            await run.pilot.pause()
            run.app.screen.query_one(Input).value = typed
            await run.pilot.press("enter")
            await until(lambda: isinstance(run.app.screen, AdaptersScreen))
        await until(lambda: "letters@v1" in run.screen_text() and file.exists())
        await until(lambda: "letters@v1 is in" in notices(run))
        await run.pilot.press("d")
        await answer(run, "y")
        await until(lambda: run.app.screen.query_one("#adapters", DataTable).row_count == 0)
        assert "No adapters yet" in run.screen_text()
        await run.pilot.press("i")
        await until(lambda: isinstance(run.app.screen, AskLine))
        await run.pilot.pause()
        run.app.screen.query_one(Input).value = str(file)
        await run.pilot.press("enter")
        await until(lambda: isinstance(run.app.screen, AdaptersScreen))
        await until(lambda: run.app.screen.query_one("#adapters", DataTable).row_count == 1)
        await until(lambda: "? not proven" in run.screen_text())


async def test_commands_of_adapters(home: Path, tmp_path: Path) -> None:
    """/adapter refuses what is not proven, with a way; for one chat, back, and the names complete."""
    async with running(home) as run:
        await added(run, tmp_path, "style", "proven")
        await added(run, tmp_path, "odd", "trained")
        told = run.app.chat.composer.query_one("#told")

        async def command(line: str, expected: str) -> None:
            await run.send(line)
            await until(lambda: expected in f"{told.content}{notices(run)}")
            run.prompt.replace_text("")

        await command("/adapter odd", "has not been proven")
        await command("/adapter style:0.7", "On now: style@v1:0.7")
        await command("/adapter odd:0.2 style --force", "On now: odd@v1:0.2 style@v1")
        await command("/rollback", "Rolled back. On now: style@v1:0.7")
        await command("/adapter style --chat", "This chat answers with style@v1")
        await command("/adapter all --chat", "what is on for all")
        await command("/adapter off", "No adapter is on now")
        assert "style@v1" in [each.label for each in await run.app.chat._suggest("/adapter st")]
        await run.send("/adapters")
        await until(lambda: isinstance(run.app.screen, AdaptersScreen))


def test_figures_and_strengths_as_text() -> None:
    """What was not measured is left blank; a bar has its mark at one."""
    assert change([0.123, 0.9]) == "12 → 90" and change(None) == change([1]) == ""
    assert "strength 0.70" in strength_content(0.7).plain and "│" in strength_content(0.7).plain
    assert "off" in strength_content(None).plain
