"""Is a chat on the screen a tree: asked in another way, walked, forked, taken back, found again by its words?"""

from __future__ import annotations

from pathlib import Path

from assistant.tui.screens.message_menu import MessageMenu
from assistant.tui.screens.rewrite import RewriteScreen
from assistant.tui.screens.search import SearchScreen

from .conftest import Running, running, until

CODE = "Two ways:\n\n```python\nprint(1)\n```\n\n- in a list\n  ```sh\n  ls\n  ```\n"


async def texts(run: Running) -> list[str]:
    await run.pilot.pause()
    return [view.message.text for view in run.app.chat.transcript.views()]


async def choose(run: Running, key: str) -> None:
    """Open the menu of the message under the cursor and press a letter."""
    await run.pilot.press("enter")
    await until(lambda: isinstance(run.app.screen, MessageMenu))
    await run.pilot.press(key)
    await until(lambda: not isinstance(run.app.screen, MessageMenu))


async def test_a_question_is_asked_in_another_way_walked_and_found_on_its_branch(home: Path) -> None:
    """Alt+Up, Enter, e edits; < 1/2 > walks; a search hit on the other branch opens that branch at the message."""
    async with running(home) as run:
        await run.ask("penguins")
        await run.ask("later")
        await run.pilot.press(*["alt+up"] * 4)
        await choose(run, "e")
        await until(lambda: run.prompt.text == "penguins")
        assert "Instead of: penguins" in run.screen_text()
        await run.send("walruses")
        await until(lambda: not run.app.chat.answering and len(run.app.chat.transcript.views()) == 2)
        assert await texts(run) == ["walruses", "You asked: walruses."]
        assert "< 2/2 >" in run.screen_text()
        await run.pilot.press("alt+left")
        await until(lambda: len(run.app.chat.transcript.views()) == 4)
        assert (await texts(run))[0] == "penguins" and "< 1/2 >" in run.screen_text()
        await run.pilot.press("ctrl+f")
        await until(lambda: isinstance(run.app.screen, SearchScreen))
        await run.pilot.press(*"walrus")
        await until(lambda: "2 messages, 1 chat" in run.screen_text())
        await run.pilot.press("enter")
        await until(lambda: len(run.app.chat.transcript.views()) == 2)
        await until(lambda: getattr(run.app.chat.focused, "message", None) is not None)
        assert "walruses" in run.app.chat.focused.message.text  # type: ignore[union-attr]  # awaited above


async def test_esc_leaves_a_question_as_it_was(home: Path) -> None:
    """/edit puts the last question into the prompt; Esc takes it out again and the next question goes below."""
    async with running(home) as run:
        await run.ask("one")
        await run.send("/edit")
        await until(lambda: run.prompt.text == "one")
        await run.pilot.press("escape")
        await until(lambda: run.prompt.text == "")
        await run.ask("two")
        assert len(await texts(run)) == 4


async def test_a_turn_is_taken_back_brought_back_and_forked(home: Path) -> None:
    """Alt+Z gives the question back to the prompt; /redo returns it; /fork copies what was said into a new chat."""
    async with running(home) as run:
        await run.ask("one")
        await run.ask("two")
        await run.pilot.press("alt+z")
        await until(lambda: run.prompt.text == "two")
        assert await texts(run) == ["one", "You asked: one."]
        await run.send("/redo")
        await until(lambda: len(run.app.chat.transcript.views()) == 4)
        before = run.session.conversation.id
        await run.send("/fork")
        await until(lambda: run.session.conversation.id != before)
        assert len(await texts(run)) == 4 and run.session.conversation.title == "one (fork)"


async def test_an_answer_is_rewritten_and_its_code_copied(home: Path) -> None:
    """The menu lists the code blocks; Alt+K copies one after the other; own words stand beside the model's."""
    async with running(home, text=CODE) as run:
        await run.ask("how")
        await run.pilot.press("alt+k")
        assert run.app.clipboard == "print(1)"
        await run.pilot.press("alt+k")
        assert run.app.clipboard == "ls"
        await run.pilot.press("alt+up")
        await choose(run, "1")
        assert run.app.clipboard == "print(1)"
        await choose(run, "e")
        await until(lambda: isinstance(run.app.screen, RewriteScreen))
        await run.pilot.press("ctrl+end", "!", "f5")
        await until(
            lambda: run.app.screen is run.app.chat and run.app.chat.transcript.answers()[-1].message.model == ""
        )
        assert run.app.chat.transcript.answers()[-1].text.startswith("!")
        await until(lambda: "< 2/2 >" in run.screen_text() and "You wrote this answer." in run.screen_text())


async def test_chats_are_pinned_and_named_from_the_list(home: Path) -> None:
    """Insert pins, F2 names; both are stored."""
    async with running(home) as run:
        await run.ask("first")
        await run.pilot.press("ctrl+b", "ctrl+b")
        run.app.chat.query_one("#chats").focus()
        await run.pilot.press("insert")
        await until(lambda: "★ first" in run.screen_text())
        await run.pilot.press("f2", "!", "enter")
        await until(lambda: "★ first!" in run.screen_text())
        [chat] = await run.app.core.conversations.recent()
        assert chat.pinned and chat.title == "first!"


async def test_a_chat_is_exported_with_its_branches_and_imported(home: Path, tmp_path: Path) -> None:
    """/export takes the form from the file's ending; /import adds the chats of a file to the list."""
    async with running(home) as run:
        await run.ask("one")
        await run.send(f"/export {tmp_path / 'chat.json'}")
        await until(lambda: (tmp_path / "chat.json").exists())
        await run.send(f"/import {tmp_path / 'chat.json'}")
        await until(lambda: "Imported: 1 new with 2 messages." in run.screen_text())
        assert len(await run.app.core.conversations.recent()) == 2
        await run.send(f"/import {tmp_path / 'none.json'}")
        await until(lambda: "There is no file" in run.screen_text())


async def test_the_context_of_an_answer_is_one_key_away(home: Path) -> None:
    """Alt+I shows the parts in tokens and the prompt as it was sent, at 80 columns; Esc closes."""
    async with running(home, size=(80, 24)) as run:
        await run.ask("how much is it")
        await run.pilot.press("alt+i")
        await until(lambda: "system prompt" in run.screen_text() and "█" in run.screen_text())
        assert "The prompt as it was sent" in run.screen_text()
        await run.pilot.press("c")
        assert run.app.clipboard.endswith("user: how much is it")
        await run.pilot.press("escape")
        await until(lambda: run.app.screen is run.app.chat)
