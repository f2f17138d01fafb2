"""Does the chat screen ask, stream, stop, queue, resume, and survive what dies?"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from assistant.bootstrap import Core
from assistant.chat_files.imported_chat import ImportedChat, ImportedMessage
from assistant.config import load_config
from assistant.tui.app import AssistantApp
from assistant.tui.widgets.messages import NoticeView, QuestionView

from .conftest import configure, running, until


async def test_the_first_frame_shows_a_welcome_and_a_prompt_before_the_core_is_open(home: Path) -> None:
    """A new user can read what this is and type while nothing is loaded yet."""
    configure(home)
    app = AssistantApp(Core(load_config(home)))
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.chat.prompt.has_focus
        await pilot.press("h", "i")
        await until(lambda: app.chat.session is not None)
        await pilot.pause()
        assert app.chat.prompt.text == "hi"
        assert app.chat.query(".welcome")


async def test_a_question_sent_before_the_core_is_open_is_answered(home: Path) -> None:
    """Enter during start-up loses nothing."""
    configure(home)
    app = AssistantApp(Core(load_config(home)))
    async with app.run_test() as pilot:
        await pilot.press("h", "i", "enter")
        await until(lambda: app.chat.transcript.answers() and not app.chat.answering)
        assert "You asked: hi." in app.chat.transcript.answers()[0].text


async def test_a_question_is_answered_and_stored(home: Path) -> None:
    """What was typed and what was streamed are on the screen and in the database."""
    async with running(home) as run:
        await run.type("what is it")
        await run.pilot.press("enter")
        await until(lambda: run.app.chat.transcript.answers() and not run.app.chat.answering)
        thread = await run.app.core.conversations.thread(run.session.conversation.id)
        assert [message.text for message in thread] == ["what is it", "You asked: what is it."]
        await run.pilot.pause()
        shown = run.screen_text()
        assert "You asked: what is it." in shown and "no documents yet" in shown
        assert run.prompt.text == ""


async def test_escape_stops_the_answer_and_keeps_what_was_streamed(home: Path) -> None:
    """The stopped answer stays on the screen, marked as such, long before it would have ended."""
    async with running(home, text="word " * 1000, tokens_per_second=50) as run:
        await run.send("go on")
        await until(lambda: run.session.answering is not None and len(run.session.answering.text) > 20)
        await run.pilot.press("escape")
        await until(lambda: not run.app.chat.answering)
        view = run.app.chat.transcript.answers()[-1]
        assert view.message.state == "stopped" and view.message.text.startswith("word word")
        assert len(view.message.text.split()) < 1000
        assert "stopped" in run.screen_text()


async def test_text_streams_into_the_transcript_while_it_is_written(home: Path) -> None:
    """The first words are on the screen before the last ones exist."""
    async with running(home, text="alpha beta gamma delta " * 30, tokens_per_second=60) as run:
        await run.send("go")
        await until(lambda: "alpha beta" in run.screen_text())
        assert run.app.chat.answering
        await run.pilot.press("escape")
        await until(lambda: not run.app.chat.answering)


async def test_code_fences_are_whole_after_streaming(home: Path) -> None:
    """A streamed code block shows its lines once the answer is complete."""
    async with running(
        home, text="Look:\n\n```python\nprint('one')\nprint('two')\n```\n\nDone.", tokens_per_second=40
    ) as run:
        await run.ask("code")
        shown = run.screen_text()
        assert "print('one')" in shown and "print('two')" in shown and "Done." in shown


async def test_a_question_asked_meanwhile_waits_visibly_and_is_asked_next(home: Path) -> None:
    """Enter during an answer queues; Esc would take it back."""
    async with running(home, text="word " * 400, tokens_per_second=50) as run:
        await run.send("first")
        await until(lambda: run.app.chat.answering)
        await run.send("second")
        await until(lambda: run.session.queued == "second")
        await run.pilot.pause()
        assert "Next: second" in run.screen_text()
        run.session.stop()
        await until(lambda: len(run.app.chat.transcript.answers()) == 2 and run.app.chat.answering)
        assert [str(view.content) for view in run.app.chat.query(QuestionView)] == ["first", "second"]


async def test_escape_takes_a_waiting_question_back_into_the_prompt(home: Path) -> None:
    """First Esc returns the waiting question, the second stops the answer."""
    async with running(home, text="word " * 200, tokens_per_second=50) as run:
        await run.send("first")
        await until(lambda: run.app.chat.answering)
        await run.send("second")
        await until(lambda: run.session.queued == "second")
        await run.pilot.press("escape")
        assert run.prompt.text == "second" and run.app.chat.answering
        await run.pilot.press("escape")
        await until(lambda: not run.app.chat.answering)


async def test_an_answer_goes_on_while_another_chat_is_open(home: Path) -> None:
    """Leaving a chat does not stop its answer, and coming back shows all of it, while it is written, too."""
    async with running(home, text="first " + "word " * 100, tokens_per_second=20) as run:
        await run.send("first")
        await until(lambda: run.session.answering is not None and run.session.answering.text)
        left = run.session.conversation.id
        await run.pilot.press("ctrl+n")
        await until(lambda: run.session.conversation is None)
        assert run.app.chat.answering and not run.app.chat.transcript.answers()
        await run.session.open_id(left)
        words = len(run.session.answering.text)
        await until(lambda: len(run.session.answering.text) > words + 20 and "word" in run.screen_text())
        assert "first word" in run.screen_text()
        await until(lambda: not run.app.chat.answering)
        await run.pilot.pause()
        view = run.app.chat.transcript.answers()[-1]
        assert view.message.state == "done" and view.text.count("word") == 100


async def test_another_answer_replaces_the_last_one(home: Path) -> None:
    """Ctrl+R answers the last question again."""
    async with running(home) as run:
        first = (await run.ask("what")).message.id
        await run.pilot.press("ctrl+r")
        await until(
            lambda: run.app.chat.transcript.answers() and run.app.chat.transcript.answers()[-1].message.id != first
        )
        await until(lambda: not run.app.chat.answering)
        assert len(run.app.chat.transcript.answers()) == 1


async def test_the_last_chat_and_its_draft_are_there_again(home: Path) -> None:
    """Closing and opening shows the same conversation and the unsent text."""
    async with running(home) as run:
        await run.ask("remember me")
        await run.type("half a thou")
        await run.app.action_quit()
    async with running(home) as run:
        assert run.prompt.text == "half a thou"
        assert "You asked: remember me." in run.screen_text()
        assert run.session.conversation.title == "remember me"


async def test_a_draft_is_saved_while_typing(home: Path) -> None:
    """Two seconds after typing, the text would survive a power cut."""
    async with running(home) as run:
        await run.type("unsent")
        await until(lambda: run.session.conversation is not None, seconds=5)
        stored = await run.app.core.conversations.get(run.session.conversation.id)
        await until(lambda: stored.draft == "unsent", seconds=5)


async def test_an_interrupted_answer_is_shown_with_how_to_continue(home: Path) -> None:
    """What a crash left half-written is marked, and /continue answers again."""
    async with running(home) as run:
        await run.ask("before the crash")
        conversation = run.session.conversation.id
        core = run.app.core
        thread = await core.conversations.thread(conversation)
        await core.conversations.begin_turn(conversation, thread[-1].id, "lost", core.config.sampling.sampling())
    async with running(home) as run:
        assert "/continue" in run.screen_text()
        await run.send("/continue")
        await until(lambda: run.app.chat.transcript.answers()[-1].message.state == "done")
        assert "You asked: lost." in run.app.chat.transcript.answers()[-1].text


async def test_a_killed_model_process_leaves_the_app_usable(home: Path) -> None:
    """The answer says what died and keeps what was streamed; the next question is answered."""
    async with running(home, text="word " * 200, tokens_per_second=50) as run:
        await run.send("first")
        await until(lambda: run.session.answering is not None and len(run.session.answering.text) > 20)
        worker = run.app.core.workers[0]
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        await until(lambda: not run.app.chat.answering)
        await run.pilot.pause()
        view = run.app.chat.transcript.answers()[-1]
        assert view.message.state == "error" and view.message.text.startswith("word")
        assert any("-error" in notice.classes for notice in view.query(NoticeView))
        await run.send("second")
        await until(lambda: run.session.answering is not None and len(run.session.answering.text) > 20)
        await run.pilot.press("escape")
        await until(lambda: not run.app.chat.answering)
        assert run.app.is_running


async def test_a_model_that_cannot_be_loaded_is_told_and_nothing_closes(home: Path) -> None:
    """A missing model file is a notice and a failed state in the status line."""
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text('[model]\nname = "/nowhere/model.gguf"\n[documents]\nembedder = "hashed"\n')
    async with running(home) as run:
        await until(lambda: run.app.status.state == "failed")
        await run.send("hello")
        await until(lambda: run.app.chat.transcript.answers() and not run.app.chat.answering)
        assert run.app.chat.transcript.answers()[-1].message.state == "error"
        assert run.app.is_running


async def test_typing_anywhere_goes_into_the_prompt(home: Path) -> None:
    """With the list of chats focused, letters are still a question."""
    async with running(home) as run:
        await run.ask("one")
        await run.pilot.press("alt+up")
        assert not run.prompt.has_focus
        await run.type("hey you")
        assert run.prompt.text == "hey you" and run.prompt.has_focus


async def test_only_the_newest_messages_of_a_long_chat_are_widgets(home: Path) -> None:
    """A long chat opens fast; Page Up at the top shows more."""
    async with running(home) as run:
        core = run.app.core
        chat = await core.conversations.create("long")
        parent = None
        for number in range(25):
            _, answer = await core.conversations.begin_turn(chat.id, parent, f"q{number}", core.engine.sampling)
            await core.conversations.finish_answer(answer.id, "done", f"a{number}", model="m", adapter="")
            parent = answer.id
        await run.session.open_id(chat.id)
        await run.pilot.pause()
        assert 4 <= len(run.app.chat.transcript.answers()) <= 8
        assert "a24" in run.screen_text()
        for _ in range(6):
            await run.pilot.press("pageup")
            await run.pilot.pause()
        await until(lambda: len(run.app.chat.transcript.answers()) > 12)


async def test_a_storm_of_sizes_breaks_nothing(home: Path) -> None:
    """From one column to two hundred, with panels open, the app goes on."""
    async with running(home) as run:
        await run.ask("one")
        for width, height in ((1, 1), (200, 60), (3, 50), (120, 2), (80, 24), (20, 5), (160, 48)):
            await run.pilot.resize_terminal(width, height)
        await run.pilot.press("ctrl+b")
        await run.pilot.resize_terminal(7, 7)
        await run.pilot.resize_terminal(100, 30)
        assert "You asked" in run.screen_text() and run.app.is_running


async def test_a_chat_of_ten_thousand_messages_opens_and_scrolls_at_once(home: Path) -> None:
    """However far one scrolls, only a window of it is mounted, and it comes back to the end."""
    texts = tuple(ImportedMessage(n - 1, ("user", "assistant")[n % 2], f"number {n}") for n in range(10_000))
    async with running(home) as run:
        chat = await run.app.core.conversations.imported.add(ImportedChat("x", "long", "", 9_999, texts))
        await run.session.open_id(chat)
        await run.pilot.pause()
        transcript = run.app.chat.transcript
        assert len(transcript.views()) <= 32
        assert "number 9999" in run.screen_text() and "earlier messages" in str(transcript.children[0].render())
        for _ in range(30):
            await run.pilot.press("pageup")
        await until(lambda: transcript.views()[0].message.text <= "number 9900")
        assert len(transcript.views()) <= 32 and "number 9999" not in run.screen_text()
        await run.send("and now?")
        await until(lambda: "You asked: and now?." in run.screen_text())
        assert len(transcript.views()) <= 32


async def test_a_draft_that_is_being_saved_does_not_part_a_question_from_its_chat(home: Path) -> None:
    """The first draft and the first question make one chat, in whose place the answer stands, without a draft."""
    async with running(home) as run:
        run.prompt.replace_text("the first question")
        saving = asyncio.create_task(run.session.save_draft())
        await asyncio.sleep(0)  # until it waits for the database
        await run.pilot.press("enter")
        await until(lambda: run.app.chat.transcript.answers() and not run.app.chat.answering)
        await saving
        [chat] = await run.app.core.conversations.recent()
        assert chat.messages == 2 and chat.draft == "" and run.session.conversation.id == chat.id
