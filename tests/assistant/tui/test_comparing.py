"""Are answers compared blind, stored, and counted; and does the chat go on from the one that was picked?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.widgets import Input

from assistant.safe_text import UNSAFE
from assistant.tui.screens.chat import ChatScreen
from assistant.tui.screens.compare import AnswerPane, CompareScreen
from assistant.tui.screens.dialogs import AskLine, ConfirmDialog
from assistant.tui.screens.scores import ScoresScreen
from tests.made_run import finished_run
from tests.made_scores import another, answered, compared

from .conftest import Running, configure, running, until


async def opened_chat(run: Running, *answers: str) -> list[int]:
    """Opens a chat whose question has these answers; gives their numbers."""
    core = run.app.core
    first = await answered(core, "what is the rent", answers[0])
    numbers = [first, *[await another(core, first, answer, adapter="style") for answer in answers[1:]]]
    await run.session.open_id((await core.conversations.message(first)).conversation_id)
    await run.pilot.pause()
    return numbers


async def shown(run: Running) -> list[str]:
    """What stands in the panes, from left to right."""
    await until(lambda: isinstance(run.app.screen, CompareScreen))
    await run.pilot.pause()
    return [pane._answer.text for pane in run.app.screen.query(AnswerPane)]


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_siblings_are_compared_blind_and_the_picked_one_goes_on(home: Path, size: tuple[int, int]) -> None:
    """Alt+V: both answers, nobody's name; the pick is stored, told, and shown in the chat."""
    async with running(home, size=size) as run:
        old, new = await opened_chat(run, "It is 900.", "It is 950.")
        assert "It is 950." in run.screen_text() and "It is 900." not in run.screen_text()
        await run.pilot.press("alt+v")
        order = await shown(run)
        text = run.screen_text()
        assert "It is 900." in text and "It is 950." in text and "style" not in text and "what is the rent" in text
        await run.pilot.press("ab"[order.index("It is 900.")])
        await until(lambda: isinstance(run.app.screen, ChatScreen) and "was m + style" in run.screen_text())
        assert "It is 900." in run.screen_text() and "It is 950." not in run.screen_text()
        [comparison] = await run.app.core.comparisons.all()
        assert comparison.picked is not None and comparison.picked.message == old
        assert [answer.text for answer in comparison.answers] == order and {old, new} == {
            answer.message for answer in comparison.answers
        }


async def test_ties_bad_ones_and_no_vote(home: Path) -> None:
    """t and x are stored as such, Esc stores nothing; letters of answers that are not there do nothing."""
    async with running(home) as run:
        await opened_chat(run, "one", "two", "three")
        await run.pilot.press("alt+v")
        await shown(run)
        await run.pilot.press("d", "escape")
        await until(lambda: "No vote" in run.screen_text())
        assert await run.app.core.comparisons.all() == []
        for key, bad in (("t", False), ("x", True)):
            await run.pilot.press("alt+v")
            await shown(run)
            await run.pilot.press(key)
            await until(lambda: isinstance(run.app.screen, ChatScreen) and "A was" in run.screen_text())
            [comparison] = await run.app.core.comparisons.all()
            assert comparison.picked is None and comparison.all_bad is bad and len(comparison.answers) == 3


async def test_three_answers_are_ranked(home: Path) -> None:
    """r, then the best first; Esc gives the order up, not the vote; the last one follows by itself."""
    async with running(home, size=(80, 24)) as run:
        await opened_chat(run, "one", "two", "three")
        await run.pilot.press("alt+v")
        order = await shown(run)
        await run.pilot.press("r", "b", "escape")
        assert "Which is best?" in run.screen_text() and isinstance(run.app.screen, CompareScreen)
        await run.pilot.press("r", "b", "b", "c")
        await until(lambda: isinstance(run.app.screen, ChatScreen) and "A was" in run.screen_text())
        [comparison] = await run.app.core.comparisons.all()
        assert [(answer.text, answer.rank) for answer in comparison.answers] == list(zip(order, (3, 1, 2), strict=True))


async def test_a_comparison_is_made_again_from_the_list(home: Path) -> None:
    """Enter on the third page shows the same answers blind; the new vote takes the place of the old one."""
    async with running(home, size=(80, 24)) as run:
        old, new = await opened_chat(run, "one", "two")
        await run.app.core.comparisons.add([old, new], [2, 1])
        await run.pilot.press("f9")
        await until(lambda: isinstance(run.app.screen, ScoresScreen))
        await run.pilot.pause()
        await run.pilot.press("3")
        await until(lambda: "what is the rent" in run.screen_text())
        await run.pilot.pause()
        await run.pilot.press("enter")
        await shown(run)
        await run.pilot.press("t")
        await until(lambda: isinstance(run.app.screen, ScoresScreen) and " tie " in run.screen_text())
        [comparison] = await run.app.core.comparisons.all()
        assert comparison.picked is None


async def test_each_mix_answers_unseen(home: Path, tmp_path: Path) -> None:
    """/compare base style: two new answers, neither shown before the vote; without a vote the chat stays as it was."""
    configure(home)
    async with running(home) as run:
        await run.app.core.registry.add(finished_run(tmp_path / "run", "style", base_sha256=""))
        view = await run.ask("hello")
        await run.send("/compare base style")
        order = await shown(run)
        assert sorted(order) == ["You asked: hello.", "style@v1: You asked: hello."]
        await run.pilot.press("escape")
        await until(lambda: "No vote" in run.screen_text())
        assert (await run.app.core.conversations.thread(run.session.conversation.id))[-1].id == view.message.id
        await run.send("/compare base style")
        order = await shown(run)
        await run.pilot.press("ab"[order.index("style@v1: You asked: hello.")])
        await until(lambda: isinstance(run.app.screen, ChatScreen) and "was scripted + style@v1" in run.screen_text())
        assert "style@v1: You asked: hello." in run.screen_text()
        assert run.app.core.model.adapter == ""
        await run.ask("and now")
        assert "You asked: and now." in run.screen_text()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/compare", "This question has one answer"),
        ("/compare base", "Two to four answers can be compared, not 1"),
        ("/compare base nope", "There is no adapter nope"),
        ("/compare base base", "The answers are the same"),
    ],
)
async def test_what_cannot_be_compared_is_told(home: Path, line: str, told: str) -> None:
    """In one line above the prompt; the chat stays as it was."""
    async with running(home) as run:
        view = await run.ask("hello")
        await run.send(line)
        await until(lambda: told in run.screen_text())
        assert (await run.app.core.conversations.thread(run.session.conversation.id))[-1].id == view.message.id


async def test_escape_stops_the_answers_to_compare(home: Path) -> None:
    """Nothing is compared, the chat stays at its answer, and the next question is answered."""
    async with running(home, text="word " * 60, tokens_per_second=40) as run:
        view = await run.ask("hello")
        await run.send("/compare base base")
        await until(lambda: run.app.chat.answering and "unseen" in run.screen_text())
        await run.pilot.press("escape")
        await until(lambda: "Nothing was compared" in run.screen_text())
        assert (await run.app.core.conversations.thread(run.session.conversation.id))[-1].id == view.message.id
        assert not run.app.chat.answering


async def test_the_leaderboard_is_the_third_page(home: Path) -> None:
    """Too few votes are told; thirty give an order."""
    async with running(home, size=(80, 24)) as run:
        old, new = await opened_chat(run, "one", "two")
        await run.app.core.comparisons.add([old, new], [2, 1])
        await run.pilot.press("f9")
        await until(lambda: isinstance(run.app.screen, ScoresScreen))
        await run.pilot.pause()
        await run.pilot.press("3")
        await until(lambda: "Not enough votes" in run.screen_text())
        assert "m + style" in run.screen_text() and "By adapter" in run.screen_text()
        await run.pilot.press("b")
        await until(lambda: "By setting" in run.screen_text() and "at temperature 0.7" in run.screen_text())
        await run.pilot.press("b", "b")
        await until(lambda: "By adapter" in run.screen_text())
        for number in range(30):
            base = await answered(run.app.core, f"q{number}", "one")
            styled = await another(run.app.core, base, "two", adapter="style")
            await run.app.core.comparisons.add([base, styled], [2, 1])
        await run.pilot.press("1", "3")
        await until(lambda: "Places differ" in run.screen_text())
        assert "picked 0 of 31 times" in run.screen_text()


async def test_comparisons_are_listed_withdrawn_exported_and_lead_to_their_chat(home: Path, tmp_path: Path) -> None:
    """What was said stands below the board; e writes the pairs, d takes one back, o opens the chat."""
    async with running(home, size=(80, 24)) as run:
        old, new = await opened_chat(run, "one", "two")
        await run.app.core.comparisons.add([old, new], [2, 1])
        await run.session.open(None)
        await run.pilot.press("f9")
        await until(lambda: isinstance(run.app.screen, ScoresScreen))
        await run.pilot.pause()
        await run.pilot.press("3")
        await until(lambda: "what is the rent" in run.screen_text() and "Not enough votes" in run.screen_text())
        await run.pilot.press("e")
        await until(lambda: isinstance(run.app.screen, AskLine))
        target = tmp_path / "pairs.jsonl"
        run.app.screen.query_one(Input).value = str(target)
        await run.pilot.press("enter")
        await until(target.exists)
        pair = json.loads(target.read_text())
        assert pair["chosen"] == [{"role": "assistant", "content": "two"}] and pair["chosen_by"] == "m + style"
        await until(lambda: isinstance(run.app.screen, ScoresScreen))
        await run.pilot.press("d")
        await until(lambda: isinstance(run.app.screen, ConfirmDialog))
        await run.pilot.press("n")
        await until(lambda: isinstance(run.app.screen, ScoresScreen))
        await run.pilot.press("o")
        await until(lambda: isinstance(run.app.screen, ChatScreen) and "what is the rent" in run.screen_text())
        await run.pilot.press("f9")
        await until(lambda: isinstance(run.app.screen, ScoresScreen))
        await run.pilot.pause()
        await run.pilot.press("3")
        await until(lambda: "what is the rent" in run.screen_text())
        await run.pilot.pause()
        await run.pilot.press("d")
        await until(lambda: isinstance(run.app.screen, ConfirmDialog))
        await run.pilot.press("y")
        await until(lambda: "No votes between" in run.screen_text())
        assert await run.app.core.comparisons.all() == []


HOSTILE = "[/] \x1b]52;c;eA==\x07 [@click=app.quit]x[/] \u202etxt \x9b2J [a](http://evil.example/?q=1)"


@pytest.mark.parametrize("size", [(80, 24), (20, 6)])
async def test_hostile_text_is_shown_and_does_nothing(home: Path, size: tuple[int, int]) -> None:
    """In questions, answers, notes, better answers and names of adapters, on every screen of scoring."""
    async with running(home, size=size) as run:
        core = run.app.core
        first = await answered(core, HOSTILE, HOSTILE, model=HOSTILE)
        second = await another(core, first, f"{HOSTILE} too", adapter=HOSTILE)
        await core.scores.change(first, good=True, note=HOSTILE, better=f"better {HOSTILE}")
        await core.comparisons.add([first, second], [1, 2])
        await run.session.open_id((await core.conversations.message(first)).conversation_id)
        for keys in (("alt+up",), ("alt+s",), ("escape", "alt+v"), ("escape", "f9"), ("m",), ("2",), ("3",)):
            await run.pilot.press(*keys)
            await run.pilot.pause(0.3)
            shown = run.screen_text()
            assert not [letter for letter in shown if letter != "\n" and ord(letter) in UNSAFE]
            assert run.app.is_running


async def test_the_best_of_several_goes_on_in_the_chat(home: Path) -> None:
    """Refused with what is missing; then others are written unseen, and the chat says how the best was chosen."""
    async with running(home, size=(80, 24)) as run:
        await run.ask("one")
        await run.send("/best 3")
        await until(lambda: "20 are needed" in run.screen_text())
        await run.send("/best nope nope")
        await until(lambda: "does not understand" in run.screen_text())
        view = run.app.chat.transcript.answers()[-1]
        await compared(run.app.core, 40, "manner")
        run.prompt.replace_text("")
        await run.send("/best 3")
        await until(lambda: "The best of 3 answers is" in run.screen_text())
        assert len(await run.app.core.comparisons.siblings(view.message.id)) == 3
        await until(lambda: "by the reward model" in " ".join(run.screen_text().split()))


async def test_principles_revise_each_answer_in_the_chat(home: Path) -> None:
    """The revised answer is on the screen with its reason, the draft beside it; without principles /revise refuses."""
    async with running(home) as run:
        await run.ask("one")
        await run.send("/revise")
        await until(lambda: "There are no principles" in run.screen_text())
    with (home / "config.toml").open("a") as settings:
        settings.write('[answer]\nprinciples = ["Be kind."]\n')
    async with running(home) as run:
        await run.send("two")
        await until(lambda: "Revised by your principles" in run.screen_text() and not run.app.chat.answering)
        last = run.app.chat.transcript.answers()[-1].message
        assert "Be kind" in last.text and len(await run.app.core.comparisons.siblings(last.id)) == 2
