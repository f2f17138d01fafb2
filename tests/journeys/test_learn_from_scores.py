"""The closed loop: scores are learned, proven, put on and rolled back; cut short, it goes on where it was."""

import asyncio
import json
import os
import random
import signal
from dataclasses import replace

import pytest

from adapters.proof import probe
from adapters.training.recipe import Recipe
from adapters.training.runs import PROCESS
from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.errors import AdapterError, NotFoundError, TrainingError
from assistant.evaluation.question import Question
from assistant.evaluation.running import RunRequest
from assistant.learning import LearnRequest
from assistant.scoring.comparing import settle
from assistant.storage.evaluation_sets import save_set
from tests.made_evaluation import asked
from tests.made_scores import another, answered, shell
from tests.made_training import NAMES, trainable_model, training_home

TINY = Recipe(rank=4, epochs=4, learning_rate=0.01, replay=0, pull=0.01, batch_tokens=512, threads=1, precision="fp32")
REQUEST = LearnRequest(recipe=TINY)
KNOBS = [f"--set={name}={getattr(TINY, name)}" for name in
         ("rank", "epochs", "learning_rate", "replay", "pull", "batch_tokens", "threads", "precision")]  # fmt: skip

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(autouse=True)
def small_probe(monkeypatch):
    """A dozen questions of the general probe."""
    items = probe.load()[::25]
    monkeypatch.setattr(probe, "load", lambda: items)


@pytest.fixture
def home(tmp_path):
    """A home whose chat runs the tiny model that can be trained."""
    return training_home(tmp_path / "home", trainable_model(tmp_path / "tiny.gguf"))


async def compared(core, count, prefers_short, first=0):
    """So many comparisons of a short and a long answer, each to a question of its own."""
    for number in range(first, first + count):
        name = NAMES[number % len(NAMES)]
        short = await answered(core, f"Who has key {number * 7919}?", f"{name}.")
        long = await another(core, short, f"I think that {name} may be the one.")
        shown = [await core.conversations.message(each) for each in (short, long)]
        await settle(core, shown, (1, 2) if prefers_short(number) else (2, 1))


async def events_of(stream):
    return [event async for event in stream]


def named(events, name):
    return [event for event in events if event["event"] == name]


async def test_scores_are_learned_proven_put_on_and_rolled_back(home):
    """From 60 comparisons to the adapter that answers, by two calls; the next version has to be as good as it."""
    async with opened(load_config(home)) as core:
        await compared(core, 60, lambda number: True)
        found = await core.learning.feedback()
        assert (found.new, found.last, found.way, found.ready) == (60, "", "pairs", True)
        events = await events_of(core.learning.learn(REQUEST))
        assert events[0]["step"] == "begin" and "60 pairs" in events[0]["why"]
        judged = events[-1]
        assert judged["event"] == "judged" and judged["promotable"] and not named(events, "compared"), judged
        assert not core.model.adapter and await core.adapters.mix() == ()  # nothing is on before somebody says so
        rows = (core.config.home / "training/datasets/from-scores/rows.jsonl").read_text().splitlines()
        origin = json.loads(rows[0])["origin"]
        assert origin["source"] == "chat" and origin["id"] and origin["rating"] == "comparison"
        assert await core.learning.promote(judged["adapter"], judged["current"]) == "from-scores@v1"
        assert core.model.adapter == "from-scores@v1"
        assert await core.adapters.rollback() == ""
        with pytest.raises(TrainingError, match="Nothing was scored since from-scores@v1"):
            await core.learning.next(REQUEST)  # it was on and was taken off again: not put on by itself
        await core.adapters.rollback()

        await compared(core, 30, lambda number: True, first=60)
        events = await events_of(core.learning.learn(REQUEST))
        [beside] = named(events, "compared")
        assert (beside["adapter"], beside["current"]) == ("from-scores@v2", "from-scores@v1")
        figure = beside["evaluation"]["figures"][0]
        assert figure["name"] == "followed" and figure["count"] >= 8 and figure["base"] > 0.8
        assert (beside["decision"] == "proven") == (figure["difference"] >= 0), beside["reason"]
        assert events[-1]["mix"] == "from-scores@v2"  # in place of its own earlier version
        state = (await core.registry.get("from-scores@v2")).state
        assert state == beside["decision"] and len(await core.registry.evaluations(await last(core))) == 2


async def last(core):
    return await core.registry.get("from-scores@v2")


async def test_a_coin_is_rejected_and_never_put_on(home):
    """Who tosses a coin teaches nothing; the shell says so, puts nothing on, and does not try the same again."""
    coin = random.Random(5)
    async with opened(load_config(home)) as core:
        await compared(core, 44, lambda number: coin.random() < 0.5)
        events = await events_of(core.learning.learn(REQUEST))
        judged = events[-1]
        assert (judged["event"], judged["decision"], judged["promotable"]) == ("judged", "rejected", False), judged
        with pytest.raises(AdapterError, match="not proven"):
            await core.learning.promote(judged["adapter"], judged["current"])
        assert (await core.learning.feedback()).last == "from-scores@v1"
        with pytest.raises(TrainingError, match="Nothing was scored"):
            await core.learning.next(REQUEST)


def test_the_shell_learns_by_itself_and_goes_on_after_a_kill(home, capsys, monkeypatch):
    """`learn --auto` whose trainer is killed says how to go on; the same command goes on with the same run."""
    run = shell(home, capsys, monkeypatch)

    async def prepare():
        async with opened(load_config(home)) as core:
            await compared(core, 44, lambda number: True)
            async for event in core.learning.learn(REQUEST):
                if event["event"] == "checkpoint":
                    folder = next(core.training.runs_folder.iterdir())
                    os.kill(int((folder / PROCESS).read_text()), signal.SIGKILL)
            assert event["event"] == "failed"
            step = await core.learning.next(REQUEST)
            return step.step, step.run

    step, killed = asyncio.run(prepare())
    assert step == "resume"
    code, out, err = run("learn", "--auto", "--json", *KNOBS)
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0, err
    assert lines[0]["step"] == "resume" and lines[-1]["run"] == killed
    result = lines[-1]
    assert (result["decision"], result["promoted"], result["mix"]) == ("proven", True, "from-scores@v1"), result
    code, out, err = run("learn", "--auto")
    assert code == 8 and "Nothing was scored since from-scores@v1" in err
    code, out, err = run("adapters", "rollback", "--json")
    assert code == 0 and json.loads(out) == {"mix": ""}


async def test_what_is_proven_and_waits_for_a_yes_is_judged_again(home):
    """Cut between proof and promotion, the next call trains nothing and only asks again; an evaluation set of the
    user's on which it is worse than the base has it rejected in the end.
    """
    async with opened(load_config(home)) as core:
        await compared(core, 44, lambda number: True)
        async for event in core.learning.learn(REQUEST):
            if event["event"] == "verdict":
                break
        assert event["decision"] == "proven", event["reason"]
        events = await events_of(core.learning.learn(REQUEST))
        assert [events[0]["step"], events[-1]["event"]] == ["judge", "judged"] and events[-1]["promotable"]

        core.config = core.config.with_value("scoring", "sets", ["house"])
        with pytest.raises(NotFoundError, match="no evaluation set house"):
            await events_of(core.learning.learn(REQUEST))
        await as_the_base_says(core, "house")
        events = await events_of(core.learning.learn(REQUEST))
        [outcome] = named(events, "set")
        assert outcome["worse"] and "before 100.0 % (worse)" in outcome["line"], outcome
        assert events[-1]["decision"] == "rejected" and not events[-1]["promotable"]
        assert (await core.registry.get("from-scores")).state == "rejected"
        with pytest.raises(AdapterError, match="not proven"):
            await core.learning.promote("from-scores@v1", "")


async def as_the_base_says(core, name):
    """An evaluation set whose answers are those of the base: to say something else is to get worse."""
    asked_of = [Question(f"q{number}", f"Who has lamp {number * 7919}?", ("?",)) for number in range(12)]
    run, _ = await asked(core, RunRequest(name, base=True, documents=False), asked_of)
    said = {question: graded.answer.text for question, graded in run.answers[0].items()}
    save_set(core.config.home, name, [replace(each, answers=(said[each.id],)) for each in asked_of])


async def test_thumbs_are_learned_as_ratings_and_typed_answers_as_they_stand(home):
    """Ratings where answers were only called good or bad; answers as they stand where better ones were typed."""
    async with opened(load_config(home)) as core:
        for number in range(44):
            name = NAMES[number % len(NAMES)]
            text = f"{name}." if number % 2 else f"I think that {name} may be the one."
            message = await answered(core, f"Who has key {number * 7919}?", text)
            await core.scores.change(message, good=bool(number % 2))
        found = await core.learning.feedback()
        assert (found.way, found.rated_good, found.rated_bad) == ("ratings", 22, 22)
        assert found.missing("pairs") == 40 and found.missing("answers") == 18
        for number in range(20):
            message = await answered(core, f"Who has lamp {number * 7919}?", "I do not know.")
            await core.scores.change(message, better=f"{NAMES[number % 12]} has it, and keeps it in the loft.")
        step = await core.learning.next(REQUEST)
        assert step.way == "answers" and "20 typed, 22 good" in step.why
        with pytest.raises(TrainingError, match="To learn pairs, 20 more"):
            await core.learning.next(replace(REQUEST, way="pairs"))


async def test_too_few_scores_are_told_with_what_is_missing(core):
    """Nothing is built from a handful: the message has the number."""
    await compared(core, 3, lambda number: True)
    with pytest.raises(TrainingError) as refused:
        await core.learning.next(REQUEST)
    assert refused.value.message == "3 new scores: too few to learn from."
    assert "37 more comparisons" in refused.value.hint
