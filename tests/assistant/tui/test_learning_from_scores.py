"""Does the interface tell of new scores once, learn from them after a yes, and put on and roll back what is proven?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from adapters.proof import probe
from adapters.training.recipe import Recipe
from assistant.bootstrap import Core, opened
from assistant.config import load_config
from assistant.learning import LearnRequest
from assistant.scoring.comparing import settle
from assistant.tui import learn_actions
from assistant.tui.screens.dialogs import ConfirmDialog
from assistant.tui.screens.scores import ScoresScreen
from assistant.tui.widgets.plain import Plain
from tests.made_scores import another, answered
from tests.made_training import NAMES, trainable_model, training_home

from .conftest import Running, configure, running, until

TINY = Recipe(rank=4, epochs=4, learning_rate=0.01, replay=0, pull=0.01, batch_tokens=512, threads=1, precision="fp32")


async def compared(core: Core, count: int) -> None:
    """So many comparisons in which the short answer is preferred."""
    for number in range(count):
        name = NAMES[number % len(NAMES)]
        short = await answered(core, f"Who has key {number * 7919}?", f"{name}.")
        long = await another(core, short, f"I think that {name} may be the one.")
        await settle(core, [await core.conversations.message(each) for each in (short, long)], (1, 2))


def prepared(home: Path, count: int) -> None:
    async def work() -> None:
        async with opened(load_config(home)) as core:
            await compared(core, count)

    asyncio.run(work())


def notices(run: Running) -> list[str]:
    return [notice.message for notice in run.app._notifications]


def new_scores(run: Running) -> str:
    """The line above the scores, which a notice may hide for a while."""
    return str(run.app.screen.query_one("#scores-new", Plain).render())


async def open_scores(run: Running) -> ScoresScreen:
    await run.pilot.press("f9")
    await until(lambda: isinstance(run.app.screen, ScoresScreen) and "new score" in new_scores(run))
    screen = run.app.screen
    assert isinstance(screen, ScoresScreen)
    return screen


def test_new_scores_are_told_once_and_too_few_with_what_is_missing(home: Path) -> None:
    """Forty comparisons: the next score brings one notice, never a second; with three, F9 says what is missing."""
    configure(home)
    prepared(home, 3)

    async def few() -> None:
        async with running(home, (80, 24)) as run:
            await open_scores(run)
            assert new_scores(run) == "3 new scores; 37 more and they can be learned."
            await run.pilot.press("l")
            await until(lambda: any("too few to learn from" in text for text in notices(run)))

    asyncio.run(few())
    prepared(home, 40)

    async def enough() -> None:
        async with running(home, (80, 24)) as run:
            for keys in (("alt+y",), ("alt+n",)):
                await run.ask("Hello?")
                await run.pilot.press(*keys)
                await until(lambda: run.app.chat.composer is not None and not run.app.chat.answering)
                await run.app.workers.wait_for_complete()
            assert sum("/learn learns from them" in text for text in notices(run)) == 1
            await open_scores(run)
            assert "l learns from them" in new_scores(run)
            await run.pilot.press("l")
            await until(lambda: isinstance(run.app.screen, ConfirmDialog))
            assert "learn from them?" in run.screen_text()
            await run.pilot.press("n")
            await until(lambda: isinstance(run.app.screen, ScoresScreen))
            assert run.app.training is not None and not run.app.training.running

    asyncio.run(enough())


@pytest.mark.timeout(600)
def test_scored_learned_proven_put_on_and_rolled_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole loop by keys, on a model that is really trained: F9, l, y; then l, y puts it on, F8 takes it off."""
    items = probe.load()[::25]
    monkeypatch.setattr(probe, "load", lambda: items)
    monkeypatch.setattr(learn_actions, "LearnRequest", lambda: LearnRequest(recipe=TINY))
    home = training_home(tmp_path / "home", trainable_model(tmp_path / "tiny.gguf"))
    prepared(home, 44)

    async def loop() -> None:
        async with running(home, (80, 24)) as run:
            job: Any = run.app.training
            await open_scores(run)
            await answer(run, "l", "y")
            await until(lambda: job.running)
            await until(lambda: not job.running, 400)
            assert job.watch.judged["promotable"], job.watch.judged
            assert any("from-scores@v1 is proven. /learn, or l" in text for text in notices(run))
            assert not run.app.core.model.adapter
            await answer(run, "l", "y")
            await until(lambda: run.app.core.model.adapter == "from-scores@v1")
            await run.pilot.press("f8")
            await until(lambda: not run.app.core.model.adapter)
            await run.pilot.press("l")
            await until(lambda: any("Nothing was scored since from-scores@v1" in text for text in notices(run)))

    asyncio.run(loop())


async def answer(run: Running, *keys: str) -> None:
    """Press a key that asks, then the answer."""
    first, *rest = keys
    await run.pilot.press(first)
    await until(lambda: isinstance(run.app.screen, ConfirmDialog))
    await run.pilot.press(*rest)
