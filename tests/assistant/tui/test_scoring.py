"""Is an answer scored with a key, judged in detail, mended in place, and found again?"""

from __future__ import annotations

from pathlib import Path

from textual import events
from textual.widgets import Input, TextArea

from assistant.storage.conversations import Conversations
from assistant.tui.screens.build_dataset import BuildDataset
from assistant.tui.screens.chat import ChatScreen
from assistant.tui.screens.dialogs import ConfirmDialog
from assistant.tui.screens.score import GuideScreen, ScoreScreen
from assistant.tui.screens.scores import ScoresScreen

from .conftest import configure, running, until


async def test_one_key_scores_the_last_answer_and_types_nothing(home: Path) -> None:
    """Alt+Y as a terminal sends it, with its letter: good, shown below the answer, stored; again takes it back."""
    async with running(home) as run:
        view = await run.ask("one")
        run.app.post_message(events.Key("alt+y", "y"))
        await until(lambda: "Scored: good" in run.screen_text())
        assert run.prompt.text == ""
        score = await run.app.core.scores.of(view.message.id)
        assert score is not None and score.good
        await run.pilot.press("alt+n")
        await until(lambda: "Scored: bad" in run.screen_text())
        await run.pilot.press("alt+n")
        await until(lambda: "Scored:" not in run.screen_text())
        assert await run.app.core.scores.of(view.message.id) is None


async def test_the_chosen_answer_is_scored_and_scores_come_back_with_the_chat(home: Path) -> None:
    """Not the last one but the one with the focus; the score is there when the chat is opened again."""
    async with running(home) as run:
        first = await run.ask("one")
        await run.ask("two")
        await run.pilot.press("alt+up", "alt+up", "alt+up", "alt+n")  # past the question between them
        await until(lambda: "Scored: bad" in run.screen_text())
        assert [each.score.message for each in await run.app.core.scores.all()] == [first.message.id]
        chat = run.session.conversation
        await run.session.open(None)
        assert "Scored" not in run.screen_text()
        await run.session.open(chat)
        await run.pilot.pause()
        assert "Scored: bad" in run.screen_text()


async def test_every_judgement_is_stored_with_f5(home: Path) -> None:
    """Keys of the rows, the note, and the better answer, in eighty columns."""
    async with running(home, size=(80, 24)) as run:
        view = await run.ask("one")
        await run.pilot.press("alt+s")
        await until(lambda: isinstance(run.app.screen, ScoreScreen))
        await run.pilot.press("b", "down", "4", "down", "right", "down", "5", "down", "down")
        assert isinstance(run.app.focused, Input)
        await run.pilot.press("n", "o", "tab", "space", "b", "f")
        shown = run.screen_text()
        assert "[bad]" in shown and "does what was asked" in shown and "F5, Ctrl+S  save" in shown
        area = run.app.screen.query_one(TextArea)
        assert area.text != view.message.text
        area.text = "Better."
        await run.pilot.press("f5")
        await until(lambda: isinstance(run.app.screen, ChatScreen))
        score = await run.app.core.scores.of(view.message.id)
        assert score is not None
        assert (score.good, score.helpful, score.truthful, score.harmless) == (False, 4, 1, 5)
        assert (score.nonsense, score.note, score.better) == (False, "no", "Better.")
        await until(lambda: "better answer given" in run.screen_text())
        await run.pilot.press("alt+s")
        await until(lambda: isinstance(run.app.screen, ScoreScreen))
        assert run.app.screen.query_one(TextArea).text == "Better."
        await run.pilot.press("ctrl+d")
        await until(lambda: isinstance(run.app.screen, ChatScreen))
        assert await run.app.core.scores.of(view.message.id) is None


async def test_an_answer_that_was_not_edited_is_no_better_one(home: Path) -> None:
    """Saving the untouched text stores no correction."""
    async with running(home) as run:
        view = await run.ask("one")
        await run.pilot.press("alt+s")
        await until(lambda: isinstance(run.app.screen, ScoreScreen))
        await run.pilot.press("f", "f5")
        await until(lambda: isinstance(run.app.screen, ChatScreen))
        score = await run.app.core.scores.of(view.message.id)
        assert score is not None and score.better == "" and score.nonsense


async def test_the_guide_is_one_key_away_and_leaving_asks_about_what_was_typed(home: Path) -> None:
    """Ctrl+G from a field; Esc does not throw a typed note away unasked."""
    async with running(home) as run:
        await run.ask("one")
        await run.pilot.press("alt+s")
        await until(lambda: isinstance(run.app.screen, ScoreScreen))
        run.app.screen.query_one(Input).focus()
        await run.pilot.press("x", "ctrl+g")
        await until(lambda: isinstance(run.app.screen, GuideScreen))
        assert "weigh more than helpful" in " ".join(run.screen_text().split())
        await run.pilot.press("escape", "escape")
        await until(lambda: isinstance(run.app.screen, ConfirmDialog))
        await run.pilot.press("n")
        await until(lambda: isinstance(run.app.screen, ScoreScreen))
        assert run.app.screen.query_one(Input).value == "x"


async def test_what_cannot_be_stored_stays_on_the_screen(home: Path) -> None:
    """The chat was deleted meanwhile: the typed note is still there, with the reason."""
    async with running(home) as run:
        await run.ask("one")
        await run.pilot.press("alt+s")
        await until(lambda: isinstance(run.app.screen, ScoreScreen))
        chats: Conversations = run.app.core.conversations
        await chats.trash(run.session.conversation.id)
        await run.pilot.press("g", "f5")
        await until(lambda: "There is no answer" in run.screen_text())
        assert isinstance(run.app.screen, ScoreScreen)


async def test_scoring_without_an_answer_is_told(home: Path) -> None:
    """Keys and commands say what is missing."""
    async with running(home) as run:
        await run.pilot.press("alt+y")
        await until(lambda: "There is no answer yet" in run.screen_text())
        await run.send("/score perhaps")
        await until(lambda: "An answer is good or bad" in run.screen_text())


async def test_the_screen_of_scores_lists_changes_withdraws_and_opens_chats(home: Path) -> None:
    """F9: the score with its question; Enter changes it, d withdraws it, o goes to its chat."""
    async with running(home, size=(80, 24)) as run:
        await run.ask("where is the key")
        await run.send("/score good")
        await until(lambda: "Scored: good" in run.screen_text())
        await run.session.open(None)
        await run.pilot.press("f9")
        await until(lambda: isinstance(run.app.screen, ScoresScreen) and "where is the key" in run.screen_text())
        await run.pilot.pause()
        await run.pilot.press("enter")
        await until(lambda: isinstance(run.app.screen, ScoreScreen))
        await run.pilot.press("down", "3", "f5")
        await until(lambda: "3/-/-" in run.screen_text())
        await run.pilot.press("o")
        await until(lambda: isinstance(run.app.screen, ChatScreen) and "helpful 3" in run.screen_text())
        await run.send("/scores")
        await until(lambda: isinstance(run.app.screen, ScoresScreen))
        await run.pilot.pause()
        await run.pilot.press("d")
        await until(lambda: isinstance(run.app.screen, ConfirmDialog))
        await run.pilot.press("y")
        await until(lambda: "No answer is scored yet" in run.screen_text())


async def test_scored_answers_are_a_source_of_datasets(home: Path) -> None:
    """The form counts them and hands them on."""
    async with running(home) as run:
        await run.ask("one")
        await run.pilot.press("alt+y")
        await until(lambda: "Scored: good" in run.screen_text())
        form = BuildDataset(run.app.core, run.session.conversation)
        await run.app.push_screen(form)
        await until(lambda: "answers scored well, and better ones (1)" in run.screen_text())
        form.query_one("#dataset-name", Input).value = "good"
        form.query_one("#scores").toggle()  # type: ignore[attr-defined]  # a Tick
        assert form.request().scores


async def test_an_answer_is_measured_and_the_second_page_says_what_agrees(home: Path) -> None:
    """m measures the score under the cursor; page 2 tells how many answers are missing."""
    async with running(home, size=(80, 24)) as run:
        await run.ask("where is the key")
        await run.send("/score good")
        await until(lambda: "Scored: good" in run.screen_text())
        await run.pilot.press("f9")
        await until(lambda: "where is the key" in run.screen_text())
        await run.pilot.pause()
        await run.pilot.press("m")
        await until(lambda: "declines" in run.screen_text())
        await run.pilot.press("2")
        await until(lambda: "not enough answers: 1 of 10" in run.screen_text())
        assert "Spearman" in run.screen_text()
        await run.pilot.press("f2", "f2", "f2")
        await until(lambda: "where is the key" in run.screen_text())


async def test_a_wrong_rule_in_the_settings_is_told_on_the_page(home: Path) -> None:
    """The rest of the screen works."""
    configure(home)
    with (home / "config.toml").open("a") as settings:
        settings.write('[scoring]\nrules = ["nope"]\n')
    async with running(home) as run:
        await run.pilot.press("f9")
        await until(lambda: isinstance(run.app.screen, ScoresScreen))
        await run.pilot.pause()
        await run.pilot.press("2")
        await until(lambda: "There is no rule 'nope'" in run.screen_text())


async def test_the_judge_has_a_page_that_says_whether_to_rely_on_it(home: Path) -> None:
    """v judges, in eighty columns; the verdict is grey with its reason, and one answer has its points below it."""
    async with running(home, size=(80, 24), text="helpful 4, A") as run:
        await run.ask("one")
        await run.pilot.press("alt+y", "f9")
        await until(lambda: isinstance(run.app.screen, ScoresScreen))
        await run.pilot.press("v")
        await until(lambda: "The judge: helpful 4" in run.screen_text())
        await run.pilot.press("4")
        await until(
            lambda: "not judged, or too long" in run.screen_text() or "Not to be relied on" in run.screen_text()
        )
        await run.pilot.press("v")
        await until(lambda: "Not to be relied on" in run.screen_text() and "overall" in run.screen_text())
        assert run.app.screen.query_one("#judge-pairs").has_class("-grey")


async def test_safety_is_told_and_probed(home: Path) -> None:
    """/safety lists what is checked and what not, in eighty columns; b runs the probes without adapters."""
    async with running(home, size=(80, 24)) as run:
        await run.send("/safety")
        await until(lambda: "Not checked" in run.screen_text() or "Checked" in run.screen_text())
        await run.pilot.press("b")
        await until(lambda: "of 12  declines a harmful request" in run.screen_text())
        await run.pilot.press("escape")
