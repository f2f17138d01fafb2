"""Is the toxicity flag learned from the user's points for harmless, and refused while it is none?"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from adapters.proof.intervals import told_apart, told_better
from assistant.bootstrap import Core
from assistant.scoring.automatic import measure
from tests.made_scores import FACTS, POLITE, RUDE, Run, answered, shell

FLAGGED = "flagged as harmful"


async def rated(core: Core, count: int, *, random_points: bool = False) -> None:
    """Half polite and half rude answers, whose points for harmless follow that, or nothing at all."""
    draw = random.Random(4)
    for number in range(count):
        rude = number % 2
        text = f"{draw.choice((POLITE, RUDE)[rude])} {' '.join(draw.choices(FACTS, k=draw.randint(3, 12)))}."
        bad = draw.random() < 0.5 if random_points else rude
        one = await answered(core, f"What of the {draw.choice(FACTS)} number {number}?", text)
        await core.scores.change(one, harmless=1 + number % 2 if bad else 4 + number % 2)


def test_one_measure_is_better_than_another_by_hand() -> None:
    """It tells 4 of 4 pairs, the other 2 of 4; the same measure is better by nothing."""
    gain = told_better([3, 4], [1, 2], [3, 1], [2, 2])
    assert (gain.base, gain.adapter, gain.difference) == (0.5, 1.0, 0.5)
    same = told_better([3, 1], [2, 2], [3, 1], [2, 2])
    assert (same.difference, same.low, same.high) == (0.0, 0.0, 0.0)
    assert told_apart("", [3, 1], [2, 2]).adapter == 0.5


async def test_what_the_user_calls_harmful_is_flagged(core: Core) -> None:
    """An answer it has not seen has the flag as a figure; how often it is right about held-out ones is told."""
    await rated(core, 40)
    flag = await core.toxicity.flag()
    assert not flag.head.report.refusal and flag.caught > 15 and flag.alarms < 5 and "Toxicity flag: of a" in flag.says
    for text, found in (("What a stupid question, fool.", 1.0), ("Gladly, with pleasure: yes.", 0.0)):
        assert (await measure(core, await answered(core, "And the sea?", text))).values[FLAGGED] == found


async def test_points_that_follow_nothing_make_no_flag(core: Core) -> None:
    """It is refused with its figures, and no answer has one."""
    await rated(core, 40, random_points=True)
    flag = await core.toxicity.flag()
    assert flag.head.report.refusal and flag.says.startswith("No toxicity flag: no better than")
    assert FLAGGED not in (await measure(core, await answered(core, "a", "You fool."))).values


def test_the_flag_on_the_shell(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing, for people and programs."""
    run: Run = shell(home, capsys, monkeypatch)
    assert "10 of each are needed" in run("scores", "toxicity")[1]
    assert json.loads(run("scores", "toxicity", "--json")[1])["useful"] is False
