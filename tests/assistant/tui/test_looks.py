"""Does each screen look as it was approved? (`pytest --snapshot-update` after looking at a change.)"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from assistant.bootstrap import Core
from assistant.config import load_config
from assistant.tui.app import AssistantApp
from assistant.tui.training_watch import Watch
from tests.made_run import finished_run

from .conftest import configure, until
from .scripted_training import STEPS, ScriptedTraining, evaluation

ANSWER = """The lease says three things:

1. The **deposit** is 1,290 pounds.
2. It is paid back within *ten days*.

```python
deposit = 1290
```
"""


def prepared(home: Path, *keys: str, ask: str = "") -> tuple[AssistantApp, Callable[[Pilot[None]], Any]]:
    """An app, and what is done with it before the picture: a question, then keys."""
    configure(home, text=ANSWER)
    app = AssistantApp(Core(load_config(home)))
    app.animation_level = "none"

    async def before(pilot: Pilot[None]) -> None:
        app.chat.prompt.cursor_blink = False
        await until(lambda: app.chat.session is not None and app.core.model.state == "ready")
        if ask:
            app.chat.prompt.replace_text(ask)
            await pilot.press("enter")
            await until(lambda: app.chat.transcript.answers() and not app.chat.answering)
            assert app.chat.session is not None
            app.chat.session.last_usage = None  # its rate differs from run to run
        await pilot.press(*keys)
        await pilot.pause(0.6)

    return app, before


@pytest.mark.parametrize(
    ("size", "keys", "ask"),
    [
        pytest.param((80, 24), (), "", id="welcome"),
        pytest.param((80, 24), (), "What does the lease say?", id="answer"),
        pytest.param((160, 48), ("slash", "s"), "What does the lease say?", id="wide"),
        pytest.param((80, 24), ("f1",), "", id="help"),
        pytest.param((80, 24), ("alt+s", "b", "down", "4"), "What does the lease say?", id="score"),
        pytest.param((80, 24), ("ctrl+l",), "", id="library"),
    ],
)
def test_looks(size: tuple[int, int], keys: tuple[str, ...], ask: str, home: Path, snap_compare: Any) -> None:
    """The picture is the same as the approved one."""
    app, before = prepared(home, *keys, ask=ask)
    assert snap_compare(app, terminal_size=size, run_before=before)


def learning(home: Path, folder: Path, *keys: str) -> tuple[AssistantApp, Callable[[Pilot[None]], Any]]:
    """An app with two adapters and a run half way through, and the keys that show one of them."""
    app, before = prepared(home)

    async def show(pilot: Pilot[None]) -> None:
        await before(pilot)
        for name, state in (("work", "rejected"), ("style", "proven")):
            adapter = await app.core.registry.add(finished_run(folder / name, name, base_sha256=""))
            found = evaluation(adapter.label, state == "proven")
            await app.core.registry.add_evaluation(adapter, found.as_json(), found.scores, state, found.verdict.reason)  # type: ignore[arg-type]  # one of the states
        training = ScriptedTraining(app.core, folder / "runs")
        assert app.training is not None
        app.training.watch = watch = Watch("style", "style-1")
        watch.observe(
            {"event": "started", "steps": STEPS, "epochs": 3, "trainable": 4_900_000, "parameters": 134_500_000}
        )
        for step in range(1, 31):
            for event in training._step(step):
                watch.observe(event)
        await pilot.press(*keys)
        await pilot.pause(0.6)

    return app, show


@pytest.mark.parametrize(
    ("size", "keys"),
    [
        pytest.param((80, 24), ("f3",), id="adapters"),
        pytest.param((80, 24), ("f4", "3"), id="training"),
        pytest.param((160, 48), ("f4", "3"), id="training-wide"),
    ],
)
def test_learning_looks(
    size: tuple[int, int], keys: tuple[str, ...], home: Path, tmp_path: Path, snap_compare: Any
) -> None:
    """The picture is the same as the approved one."""
    app, show = learning(home, tmp_path, *keys)
    assert snap_compare(app, terminal_size=size, run_before=show)
