"""Can chats be grouped, given a persona, deleted and brought back without leaving the app?"""

from __future__ import annotations

from pathlib import Path

from assistant.tui.screens.dialogs import AskLine, ConfirmDialog
from assistant.tui.screens.trash import TrashScreen

from .conftest import running, until


async def test_chats_are_grouped_given_a_persona_deleted_and_brought_back(home: Path) -> None:
    """The list has headings that cannot be chosen; the trash lists what was deleted, in eighty columns."""
    async with running(home, size=(110, 30)) as run:
        await run.ask("one")
        await run.send("/persona You are a pirate.")
        await until(lambda: "persona: You are a pirate." in run.screen_text())
        await run.ask("two")
        answer = run.app.chat.transcript.answers()[-1].message
        assert "You are a pirate." in (await run.app.core.conversations.message(answer.id)).system
        await run.send("/group my flat")
        await until(lambda: "my flat" in run.screen_text())
        await run.send("/new")
        await run.ask("three")
        await until(lambda: "Today" in run.screen_text())
        chats = run.app.chat._chats
        assert [chats.get_option_at_index(place).disabled for place in range(chats.option_count)] == [
            True, False, True, False,
        ]  # fmt: skip
        chats.focus()
        await run.pilot.press("g", "f4")
        await until(lambda: isinstance(run.app.screen, AskLine))
        run.app.screen.query_one("Input").value = "off"
        await run.pilot.press("enter")
        await until(lambda: "my flat" not in run.screen_text())

        run.prompt.focus()
        await run.pilot.resize_terminal(80, 24)
        await run.send("/delete")
        await until(lambda: isinstance(run.app.screen, ConfirmDialog))
        await run.pilot.press("y")
        await until(lambda: run.app.screen is run.app.chat and run.session.conversation.title == "one")
        await run.send("/trash")
        await until(lambda: isinstance(run.app.screen, TrashScreen) and "three" in run.screen_text())
        assert "r Bring back" in run.screen_text() and "1 chats" in run.screen_text()
        await run.pilot.press("r")
        await until(lambda: "The trash is empty" in run.screen_text())
        await run.pilot.press("escape")
        await until(lambda: run.app.screen is run.app.chat)
        assert [each.title for each in await run.app.core.conversations.recent()] == ["three", "one"]

        await run.send("/delete")
        await until(lambda: isinstance(run.app.screen, ConfirmDialog))
        await run.pilot.press("y")
        await until(lambda: run.app.screen is run.app.chat)
        await run.send("/trash")
        await until(lambda: isinstance(run.app.screen, TrashScreen) and "one" in run.screen_text())
        await run.pilot.press("x")
        await until(lambda: isinstance(run.app.screen, ConfirmDialog))
        await run.pilot.press("y")
        await until(lambda: isinstance(run.app.screen, TrashScreen) and "The trash is empty" in run.screen_text())
        assert [each.title for each in await run.app.core.conversations.recent()] == ["three"]
