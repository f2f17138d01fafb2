"""`assistant learn` from the shell, where nothing has to be trained: what there is, what is missing and refused."""

import asyncio
import json

import pytest

from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.scoring.feedback import FEWEST, WORTH_TELLING, Feedback
from tests.made_scores import another, answered, shell


@pytest.fixture
def run(home, capsys, monkeypatch):
    return shell(home, capsys, monkeypatch)


def compared(home, count):
    async def work():
        async with opened(load_config(home)) as core:
            for number in range(count):
                one = await answered(core, f"Question {number * 7919}?", "short")
                await core.comparisons.add([one, await another(core, one, "a longer answer")], [1, 2])

    asyncio.run(work())


def test_the_plan_says_what_there_is_and_what_is_missing(run, home):
    """Three comparisons: so many more of each kind; forty: pairs, and why. The plan writes nothing."""
    compared(home, 3)
    code, out, _ = run("learn", "--plan")
    assert code == 0 and out.startswith("3 new scores.") and "37 more comparisons" in out
    compared(home, FEWEST)
    code, out, _ = run("learn", "--plan", "--json")
    plan = json.loads(out)
    assert code == 0 and (plan["way"], plan["ready"], plan["rows"]["pairs"]) == ("pairs", True, FEWEST + 3)
    assert plan["heading"] == f"{FEWEST + 3} new scores" and "DPO" in plan["why"]
    assert not (home / "training").exists()


def test_what_cannot_be_learned_is_one_line_and_a_hint(run, home):
    """Nobody to ask: usage. Too few, also of the kind that is wanted: training, with the number."""
    assert run("learn")[0] == 2
    assert run("learn", "--json", stdin="")[0] == 2
    for arguments, number in (((), f"{FEWEST} more"), (("--from", "ratings"), f"{FEWEST} more")):
        code, out, err = run("learn", "--auto", *arguments)
        assert code == 8 and number in err and err.count("\n") == 2 and not out
    code, _, err = run("learn", "--from", "guesses")
    assert code == 2 and "guesses" in err
    code, _, err = run("learn", "--auto", "--set", "rank=none")
    assert code == 2 or "rank must be a number" in err
    assert not (home / "training" / "datasets").exists()


@pytest.mark.parametrize(
    ("found", "way"),
    [
        (Feedback(1, compared=FEWEST, typed=90, good=90), "pairs"),
        (Feedback(1, compared=FEWEST - 1, typed=20, good=20), "answers"),
        (Feedback(1, compared=30, typed=10), "pairs"),
        (Feedback(1, good=45, rated_good=45, rated_bad=12), "ratings"),
        (Feedback(1, good=45, rated_good=45, rated_bad=3), "answers"),
        (Feedback(1, compared=FEWEST - 1), None),
        (Feedback(1, rated_good=FEWEST - 1, rated_bad=3), None),
    ],
)
def test_the_way_follows_from_what_there_is(found, way):
    """Comparisons first, then typed answers, then ratings of both kinds, then good answers alone."""
    assert found.way == way
    assert found.ready is (way is not None)
    if way:
        assert found.missing(way) == 0 and found.why(way)
    assert found.too_few and WORTH_TELLING > 0
