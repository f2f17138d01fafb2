"""Is a taste learned where there is one, refused where there is none or only one for length, and put to use?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from adapters.proof.reward_head import fit, held_out_log_odds
from assistant.bootstrap import Core, opened
from assistant.config import load_config
from assistant.errors import UsageError
from assistant.scoring.best_of import REWARD, Ranker, ranker, rankers, rewards, settle_best
from assistant.scoring.reward import FEWEST
from tests.made_scores import Run, another, answered, compared, shell


def test_a_head_finds_the_weights_that_made_the_labels() -> None:
    """Few rows and many features, an intercept that is far from zero; held-out rows are told apart, noise is not."""
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(200, 300)) * ([3.0] * 2 + [0.05] * 298)
    odds = 2 * rows[:, 0] - rows[:, 1] + 3
    targets = (draw.random(200) < 1 / (1 + np.exp(-odds))).astype(float)
    head = fit(rows, targets, intercept=True)
    assert head.weights[0] > 0.5 and head.weights[1] < -0.2 and head.intercept > 1
    slope = rows.T @ (1 / (1 + np.exp(-head.log_odds(rows))) - targets) + head.weights
    assert np.abs(slope).max() < 1e-3  # the gradient of the loss is zero: it is the maximum, not merely near it
    found = held_out_log_odds(rows, targets, list(range(200)), intercept=True)
    assert found[targets == 1].mean() > found[targets == 0].mean() + 1


async def test_a_manner_is_learned_and_may_choose(core: Core) -> None:
    """Right about held-out pairs beyond chance and beyond length; it prefers what it was not shown, too."""
    await compared(core, 40, "manner")
    found = await ranker(core)
    assert found.name == REWARD and found.low > 0.6 and found.count == 40
    values = await core.reward.values("What of the sea?", ["Certainly, gladly: sea.", "You stupid fool: sea."])
    assert values[0] > values[1]


@pytest.mark.parametrize(
    ("taste", "why"), [("chance", "no better than chance"), ("length", "no better than the length")]
)
async def test_what_is_no_taste_is_refused(core: Core, taste: str, why: str) -> None:
    """The toss of a coin, and a preference for the shorter answer: nobody needs a model for these."""
    await compared(core, 40, taste, seed=2)
    with pytest.raises(UsageError, match=why):
        await ranker(core)
    assert (await rankers(core))[0].refusal.startswith(why)


async def test_too_few_questions_are_refused_and_new_pairs_are_learned(core: Core) -> None:
    """What is needed is named; the head is learned anew when there are more, and not otherwise."""
    await compared(core, FEWEST - 1, "manner")
    with pytest.raises(UsageError, match=f"{FEWEST} are needed"):
        await ranker(core)
    await compared(core, 5, "manner", seed=2)
    head = await core.reward.head()
    assert not head.report.missing and await core.reward.head() is head


async def test_the_best_answer_goes_on_and_says_how_it_was_chosen(core: Core) -> None:
    """The chat's thread ends with it, the notice is stored, the other stays as its sibling."""
    await compared(core, 40, "manner")
    rude = await answered(core, "What of the moon?", "Stupid fool, moon.")
    polite = await another(core, rude, "Certainly, gladly: moon.")
    last = await another(core, rude, "You fool, obviously: moon.")
    answers = [await core.conversations.message(number) for number in (rude, polite, last)]
    best = await settle_best(core, await ranker(core), answers)
    thread = await core.conversations.thread(best.conversation_id)
    assert best.id == polite == thread[-1].id
    assert "best of 3 answers by the reward model" in thread[-1].notices[-1]
    assert await core.comparisons.siblings(best.id) == [rude, polite, last]


async def test_an_adapters_own_reward_is_what_it_makes_likelier(home: Path, tmp_path: Path) -> None:
    """The scripted model says “loud: …” with its adapter on: that answer has gained, the other has not."""
    (home / "adapters").mkdir()
    (home / "adapters" / "loud.gguf").write_bytes(b"GGUF")
    async with opened(load_config(home)) as core:
        plain = await answered(core, "hello", "You asked: hello.")
        loud = await another(core, plain, "loud: You asked: hello.")
        answers = [await core.conversations.message(number) for number in (plain, loud)]
        found = await rewards(core, Ranker("loud", 0.8, 0.7, 0.9, 30), answers)
        assert found[1] > 0 > found[0]


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return shell(home, capsys, monkeypatch)


def test_the_best_of_several_on_the_shell(run: Run, home: Path) -> None:
    """Refused before anything is asked; then one answer, with how it was chosen, and all of them kept."""
    code, _, err = run("ask", "hello", "--best", 3)
    assert code == 2 and "The reward model may not choose" in err and "20 are needed" in err
    assert run("ask", "hello", "--best", 1)[0] == 2 and run("ask", "hello", "--best", 3, "--best-by", "nope")[0] == 2
    assert json.loads(run("chats", "--json")[1]) == []
    assert "reward               not to choose: not enough pairs" in run("scores", "reward")[1]
    import asyncio

    async def fill() -> None:
        async with opened(load_config(home)) as core:
            await compared(core, 40, "manner")

    asyncio.run(fill())
    code, out, err = run("ask", "hello", "--best", 3)
    assert code == 0 and out.startswith("You asked: hello.") and "The best of 3 answers by the reward model" in err
    found = json.loads(run("ask", "hello", "--best", 2, "--json")[1])
    assert "The best of 2 answers" in found["notices"][-1]
    assert json.loads(run("scores", "reward", "--json")[1])[0]["useful"]
