"""Scores of the user: kept with the answer they judge, changed, withdrawn, learned from; on the shell too."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.data.building import Options
from assistant.bootstrap import Core
from assistant.conversation import Sampling
from assistant.curation import DatasetRequest, build_dataset
from assistant.errors import NotFoundError, UsageError
from assistant.scoring.guide import MEANINGS, guide
from assistant.scoring.score import ASPECTS, POINTS, Score
from ingest.document import Passage
from tests.made_scores import Run, answered, shell


async def test_a_score_is_changed_field_by_field_and_withdrawn(core: Core) -> None:
    """What is not named stays; an emptied score is gone; withdrawing twice is told."""
    number = await answered(core, "Who?", "Tom.")
    assert await core.scores.of(number) is None
    await core.scores.change(number, good=False, note="no")
    score = await core.scores.change(number, helpful=2, truthful=5)
    assert score is not None and (score.good, score.helpful, score.truthful, score.note) == (False, 2, 5, "no")
    assert await core.scores.of(number) == score
    chat = (await core.conversations.message(number)).conversation_id
    assert await core.scores.of_chat(chat) == {number: score}
    assert await core.scores.change(number, good=None, helpful=None, truthful=None, note="") is None
    assert await core.scores.of(number) is None
    with pytest.raises(NotFoundError):
        await core.scores.withdraw(number)


async def test_a_better_answer_that_changes_nothing_is_no_correction(core: Core) -> None:
    """The original with other space around it is not stored as chosen over itself."""
    number = await answered(core, "Who?", "Tom.")
    assert await core.scores.change(number, better=" Tom.\n") is None
    score = await core.scores.change(number, better="Tim.")
    assert score is not None and score.better == "Tim." and not score.well


async def test_nonsense_is_never_good(core: Core) -> None:
    """What was said last stands; said together, nonsense does."""
    number = await answered(core, "Who?", "Tom tom tom.")
    await core.scores.change(number, good=True)
    score = await core.scores.change(number, nonsense=True)
    assert score is not None and score.good is False
    score = await core.scores.change(number, good=True)
    assert score is not None and score.good and not score.nonsense
    score = await core.scores.change(number, good=True, nonsense=True)
    assert score is not None and score.nonsense and score.good is False


async def test_what_cannot_be_scored_is_told_and_changes_nothing(core: Core) -> None:
    """Questions, unfinished answers, unknown numbers, points out of range."""
    number = await answered(core, "Who?", "Tom.")
    message = await core.conversations.message(number)
    assert message.parent_id is not None
    partial = await core.conversations.begin_answer(message.conversation_id, message.parent_id, Sampling())
    for wrong, error in ((message.parent_id, UsageError), (partial.id, UsageError), (999, NotFoundError)):
        with pytest.raises(error):
            await core.scores.change(wrong, good=True)
    for changes in ({"helpful": 6}, {"truthful": -1}, {"note": "x" * 5_000}):
        with pytest.raises(UsageError):
            await core.scores.change(number, **changes)
    assert await core.scores.all() == []


async def test_scores_leave_with_their_chat(core: Core) -> None:
    """In the trash they are out of sight and out of datasets; deleted for good they are gone."""
    number = await answered(core, "Who?", "Tom.")
    await core.scores.change(number, good=True)
    chat = (await core.conversations.message(number)).conversation_id
    await core.conversations.trash(chat)
    assert await core.scores.all() == []
    await core.conversations.restore(chat)
    assert [each.score.message for each in await core.scores.all()] == [number]
    await core.conversations.delete_for_good(chat)
    assert await core.scores.of(number) is None


@pytest.mark.parametrize(
    ("score", "overall", "well"),
    [
        (Score(1, good=True), 5.0, True),
        (Score(1, good=False), 1.0, False),
        (Score(1, helpful=4, truthful=4, harmless=4), 4.0, True),
        (Score(1, helpful=5, truthful=3, harmless=3), 3.5, False),
        (Score(1, helpful=1, truthful=5, harmless=5), 4.0, True),
        (Score(1, good=True, truthful=2), 2.0, False),
        (Score(1, good=True, helpful=2), 2.0, True),
        (Score(1, good=False, helpful=5), 5.0, False),
        (Score(1, nonsense=True, helpful=5), 1.0, False),
        (Score(1, note="?"), None, False),
    ],
)
def test_overall_and_well(score: Score, overall: float | None, well: bool) -> None:
    """Truthful and harmless weigh more than helpful; nonsense and what is wrong are never learned."""
    assert (score.overall, score.well) == (overall, well)


def test_the_guide_explains_every_point_of_every_aspect() -> None:
    """Five meanings an aspect, all of them in the guide."""
    assert set(MEANINGS) == set(ASPECTS) and all(len(texts) == len(POINTS) for texts in MEANINGS.values())
    assert all(text in guide() for texts in MEANINGS.values() for text in texts)


async def test_a_dataset_takes_what_was_scored_well_and_what_was_corrected(core: Core) -> None:
    """Good answers as they are, bad ones as corrected, below their passages; nothing else; origin and rating kept."""
    good = await answered(core, "Who has the key?", "Tom has it.", adapter="style")
    fixed = await answered(core, "What is the rent?", "It is 900.")
    await core.conversations.note_prompt(
        fixed, "Be brief.", [Passage(1, 1, "Lease", "/l", "950 pounds", 0, 10)], "1 passage"
    )
    bad, unscored = await answered(core, "Where?", "Here."), await answered(core, "When?", "Now.")
    await core.scores.change(good, helpful=5, truthful=4)
    await core.scores.change(fixed, good=False, better="It is 950.")
    await core.scores.change(bad, good=False)
    dataset = await build_dataset(core, DatasetRequest("scored", scores=True, options=Options(anyway=True)))
    rows = {int(row.origin.id): row for row in dataset.rows if row.origin.id.isdecimal()}
    assert set(rows) == {good, fixed} and unscored not in rows
    assert rows[good].answer == "Tom has it." and rows[good].origin.rating == "helpful 5, truthful 4"
    assert rows[good].origin.adapter == "m + style"
    assert rows[fixed].answer == "It is 950." and "950 pounds" in rows[fixed].question
    assert (rows[fixed].origin.rating, rows[fixed].origin.adapter) == ("edited", "")


async def test_without_a_good_answer_there_is_no_dataset(core: Core) -> None:
    """One line says what to do first."""
    await core.scores.change(await answered(core, "Where?", "Here."), good=False)
    with pytest.raises(UsageError, match="No answer is scored well"):
        await build_dataset(core, DatasetRequest("scored", scores=True))


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return shell(home, capsys, monkeypatch)


def test_scoring_on_the_shell(run: Run) -> None:
    """Score, change, show, list, export, withdraw; the answer keeps model, sampling and prompt for it."""
    asked = json.loads(run("ask", "hello", "--temperature", "0.5", "--json")[1])
    number = asked["message"]
    assert f"assistant {number}" in run("chats", "show", asked["chat"])[1]
    assert run("score", "last", "--good", "--helpful", "4")[:2] == (0, f"{number}: good · helpful 4\n")
    assert "helpful" not in run("score", number, "--helpful", "0")[1]
    code, out, _ = run("score", number, "--bad", "--better", "-", "--json", stdin="Hello to you.\n")
    assert code == 0 and json.loads(out)["better"] == "Hello to you." and json.loads(out)["good"] is False
    [line] = run("scores", "export")[1].splitlines()
    exported = json.loads(line)
    assert exported["model"] == "scripted" and exported["sampling"]["temperature"] == 0.5
    assert exported["messages"] == [{"role": "user", "content": "hello"}] and exported["passages"] == []
    assert exported["system"].startswith("You are a private assistant")
    assert json.loads(run("scores", "export", "--json")[1]) == [exported]
    assert json.loads(run("scores", "show", number, "--json")[1]) == exported
    assert "better answer given" in run("scores")[1] and "Hello to you." in run("score", "last")[1]
    assert json.loads(run("scores", "list", "--json")[1])[0]["question"] == "hello"
    assert "withdrawn" in run("score", number, "--withdraw")[1]
    assert "No answer is scored yet" in run("scores")[1]
    assert guide() in run("scores", "guide")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("score", "last", "--good"), 3, "There is no answer yet"),
        (("score", "7", "--good"), 3, "There is no answer 7"),
        (("score", "seven", "--good"), 2, "'seven' is no answer"),
        (("score", "7", "--good", "--withdraw"), 2, "either changed or withdrawn"),
        (("score", "7", "--good", "--bad"), 2, "not allowed with"),
        (("scores", "show", "7"), 3, "no message 7"),
        (("dataset", "build", "x", "--scores"), 2, "No answer is scored well"),
    ],
)
def test_wrong_use_is_one_line_and_a_code(run: Run, arguments: tuple[str, ...], code: int, told: str) -> None:
    """What is wrong, what to do, never a traceback."""
    got, out, err = run(*arguments)
    assert (got, out) == (code, "") and told in err and len(err.splitlines()) == 2


def test_a_kill_loses_no_score_or_comparison_that_was_acknowledged(home: Path) -> None:
    """Everything printed before the process was killed is there afterwards."""
    code = f"""
import asyncio
from pathlib import Path
from assistant.bootstrap import opened
from assistant.config import load_config
from tests.made_scores import another, answered
async def work():
    async with opened(load_config(Path({str(home)!r}))) as core:
        for place in range(10_000):
            number = await answered(core, "q", "a")
            await core.scores.change(number, good=bool(place % 2), note=str(place))
            await core.comparisons.add([number, await another(core, number, "b")], [1, 2], note=str(place))
            print(number, place, flush=True)
asyncio.run(work())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        wanted = random.Random(7).randrange(10, 30)
        said = [child.stdout.readline().split() for _ in range(wanted)]
        os.kill(child.pid, signal.SIGKILL)
        said += [line.split() for line in child.stdout.read().splitlines() if line.count(" ") == 1]
    check = f"""
import asyncio, json
from pathlib import Path
from assistant.bootstrap import opened
from assistant.config import load_config
async def work():
    async with opened(load_config(Path({str(home)!r}))) as core:
        scored = {{each.score.message: each.score.note for each in await core.scores.all()}}
        print(json.dumps([scored, {{each.answers[0].message: each.note for each in await core.comparisons.all()}}]))
asyncio.run(work())
"""
    both = json.loads(subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout)
    assert all(kept[number] == note for kept in both for number, note in said) and len(said) >= wanted
