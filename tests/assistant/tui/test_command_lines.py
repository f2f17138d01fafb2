"""Do `/` commands do on the screen what they say?"""

from __future__ import annotations

from pathlib import Path

from assistant.tui.screens.dialogs import ConfirmDialog
from assistant.tui.screens.help import HelpScreen
from assistant.tui.screens.library import LibraryScreen
from assistant.tui.screens.search import SearchScreen

from .conftest import running, until


async def test_hints_stand_above_the_prompt_without_moving_the_conversation(home: Path) -> None:
    """The list covers the end of the transcript; Tab completes; Esc hides it."""
    async with running(home) as run:
        await run.ask("one")
        before = run.app.chat.transcript.region
        await run.type("/te")
        await run.pilot.press("backspace", "backspace")
        await until(lambda: run.app.chat.query_one("#hints").display)
        await run.pilot.pause()
        assert run.app.chat.transcript.region == before
        assert "/help" in run.screen_text() and "keys and commands" in run.screen_text()
        await run.type("he")
        await until(lambda: run.app.chat.composer._hints.suggestions[0].line == "/help")
        await run.pilot.press("tab")
        assert run.prompt.text == "/help"
        await run.pilot.press("escape")
        assert not run.app.chat.query_one("#hints").display


async def test_what_commands_answer(home: Path, tmp_path: Path) -> None:
    """Each of these commands changes what it names, and wrong ones change nothing but say so in one line."""
    async with running(home) as run:
        told = run.app.chat.composer.query_one("#told")

        async def command(line: str) -> str:
            run.prompt.replace_text("")
            await run.send(line)
            await run.pilot.pause(0.1)
            return str(told.content)

        assert await command("/hlep") == "There is no command /hlep. Did you mean /help?"
        assert run.prompt.text == "/hlep"
        assert "Did you mean temperature?" in await command("/set temprature 0")
        assert "temperature is now 0" in await command("/set temperature 0")
        assert run.app.core.engine.sampling.temperature == 0.0
        assert "must be from 0 to 5" in await command("/set temperature 99")
        assert "without_documents is now False" in await command("/set without_documents false")
        assert not run.app.core.engine.settings.without_documents
        assert "no file or folder" in await command("/add /nowhere/at-all")
        assert "no collection" in await command("/scope letters")
        assert "There is no theme" in await command("/theme nope")
        assert "This chat is empty" in await command("/export")
        assert "no answer yet" in await command("/regenerate")
        await command("/theme nord")
        assert run.app.theme == "nord"

        await run.ask("one")
        await command("/rename A better title")
        assert run.session.conversation.title == "A better title"
        assert "Saved as" in await command(f"/export {tmp_path}/chat.md")
        assert "You asked: one." in (tmp_path / "chat.md").read_text()
        assert "exists already" in await command(f"/export {tmp_path}/chat.md")
        await command("/scope none")
        await until(lambda: run.session.conversation.collections == ())
        await command("/copy")
        assert run.app.clipboard == "You asked: one."
        await command("/new")
        assert run.session.conversation is None
        await until(lambda: run.app.core.model.state == "ready")
        assert "scripted answers from now on" in await command("/model scripted")
        await command("/model /nowhere.gguf")
        await until(lambda: "/nowhere.gguf" in str(told.content))
        assert "You asked: still there." in (await run.ask("still there")).text
        assert "no adapter" in await command("/adapter /nowhere/adapter.gguf 0.5")


async def test_screens_open_by_command_and_close_by_escape(home: Path) -> None:
    """/help, /docs, /search and /delete; the last asks first."""
    async with running(home) as run:
        await run.ask("find these words")
        chat = run.session.conversation.id
        for line, screen in (("/help", HelpScreen), ("/docs", LibraryScreen), ("/search these words", SearchScreen)):
            await run.send(line)
            await until(lambda screen=screen: isinstance(run.app.screen, screen))
            await run.pilot.pause()
            await run.pilot.press("escape")
            await until(lambda: run.app.screen is run.app.chat)
        await run.send("/delete")
        await until(lambda: isinstance(run.app.screen, ConfirmDialog))
        await run.pilot.press("escape")
        await until(lambda: run.app.screen is run.app.chat)
        assert run.session.conversation.id == chat
        await run.send("/delete")
        await until(lambda: isinstance(run.app.screen, ConfirmDialog))
        await run.pilot.press("y")
        await until(lambda: run.session.conversation is None)
        assert [each.id for each in await run.app.core.conversations.trashed()] == [chat]


async def test_a_found_message_opens_its_chat(home: Path) -> None:
    """Search looks into all chats."""
    async with running(home) as run:
        await run.ask("the zebra question")
        chat = run.session.conversation.id
        await run.send("/new")
        await until(lambda: run.session.conversation is None)
        await run.send("/search zebra")
        await until(lambda: isinstance(run.app.screen, SearchScreen))
        await run.pilot.pause()
        await run.pilot.press("enter")
        await until(lambda: run.session.conversation is not None and run.session.conversation.id == chat)


async def test_the_palette_offers_the_commands(home: Path) -> None:
    """Ctrl+P, a few letters, Enter."""
    async with running(home) as run:
        await run.pilot.press("ctrl+p")
        await run.pilot.pause()
        await run.pilot.press(*"docs")
        await until(lambda: "/docs" in run.screen_text() and "/export" not in run.screen_text())
        await run.pilot.press("enter")
        await until(lambda: isinstance(run.app.screen, LibraryScreen))
