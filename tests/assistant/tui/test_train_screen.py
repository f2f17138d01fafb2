"""Does the training screen build, estimate, start, show, pause, resume and end as it says?"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Checkbox, ContentSwitcher, DataTable, Input, Select

from adapters.data.building import Options
from adapters.training.recipe import Recipe
from assistant.curation import DatasetRequest, build_dataset
from assistant.tui.screens.build_dataset import BuildDataset
from assistant.tui.screens.dialogs import ConfirmDialog
from assistant.tui.screens.help import HelpScreen
from assistant.tui.screens.train import TrainScreen
from tests.made_scores import another, answered

from .conftest import Running, running, until
from .scripted_training import STEPS, ScriptedTraining


async def prepare(run: Running, tmp_path: Path, **script: Any) -> ScriptedTraining:
    """A dataset called style, and a training that plays its part."""
    rows = tmp_path / "style.jsonl"
    lines = [{"prompt": f"How do I greet guest {n}?", "completion": f"Greeting:\n- Hello {n}"} for n in range(12)]
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
    await build_dataset(run.app.core, DatasetRequest("style", files=(rows,), options=Options(anyway=True)))
    training = ScriptedTraining(run.app.core, tmp_path / "runs", **script)
    run.app.core.training = training  # type: ignore[assignment]  # it has what the screen needs
    return training


async def open_train(run: Running, line: str = "") -> TrainScreen:
    if line:
        await run.send(line)
    else:
        await run.pilot.press("f4")
    await until(lambda: isinstance(run.app.screen, TrainScreen))
    await run.pilot.pause()
    screen = run.app.screen
    assert isinstance(screen, TrainScreen)
    return screen


def page(run: Running) -> str:
    return str(run.app.screen.query_one("#pages", ContentSwitcher).current)


async def start(run: Running) -> None:
    """From the list of data to a run that goes on."""
    await run.pilot.press("enter")
    await until(lambda: page(run) == "recipe")
    await until(lambda: "trained" in run.screen_text())
    await run.pilot.press("f5")
    await until(lambda: page(run) == "progress")


async def test_data_recipe_run_and_verdict_at_80_by_24(home: Path, tmp_path: Path) -> None:
    """Enter chooses, F5 starts, curves and answers are shown, the verdict has figures, a puts the adapter on."""
    async with running(home, (80, 24)) as run:
        training = await prepare(run, tmp_path)
        await open_train(run)
        shown = run.screen_text()
        assert "style" in shown and "to learn" in shown and "tokens a row" in shown and "█" in shown
        await run.pilot.press("enter")
        await until(lambda: page(run) == "recipe" and "last block" in run.screen_text())
        shown = run.screen_text()
        assert "4.9 M" in shown and "✔ 6.0 GB left" in shown and "✘ too big" in shown and "8.0 GB free" in shown
        run.app.screen.query_one("#knob-rank", Input).value = "8"
        run.app.screen.query_one("#more", Input).value = "seed=7"
        await run.pilot.press("f5")
        await until(lambda: run.app.training.watch is not None and run.app.training.watch.evaluation)
        assert training.requests[0].recipe == Recipe(rank=8, seed=7) and training.requests[0].name == "style"
        await until(lambda: not run.app.training.running)
        await until(lambda: "✔ proven" in run.screen_text())
        shown = run.screen_text()
        assert "token F1" in shown and "general probe" in shown and "distance to base" not in shown
        await run.pilot.press("c")
        await run.pilot.pause()
        assert "distance to base" in run.screen_text()
        await run.pilot.press("a")
        await until(lambda: run.app.core.model.adapter == "style@v1")


async def test_ones_own_pairs_are_built_and_planned_on_screen(home: Path) -> None:
    """The form counts them, builds them, and the recipe's defaults are those of preferences."""
    async with running(home, (80, 24)) as run:
        for number in range(12):
            base = await answered(run.app.core, f"What is in box {number * 7919}?", f"Box {number}.")
            other = await another(run.app.core, base, f"Lots of {number}!", adapter="style")
            await run.app.core.comparisons.add([base, other], [1, 2])
            await run.app.core.scores.change(base, good=number < 5)
        await open_train(run)
        await run.pilot.press("b")
        await until(lambda: isinstance(run.app.screen, BuildDataset))
        await until(lambda: "what you preferred to what (12)" in run.screen_text())
        assert "answers scored good (5), and bad (7)" in run.screen_text()
        run.app.screen.query_one("#dataset-name", Input).value = "taste"
        run.app.screen.query_one("#pairs", Checkbox).value = True
        await run.pilot.press("f5")
        await until(lambda: isinstance(run.app.screen, TrainScreen) and "preferences" in run.screen_text())
        await run.pilot.press("enter")
        await until(lambda: page(run) == "recipe")
        assert run.app.screen.query_one("#knob-learning_rate", Input).placeholder.strip() == "0.0003"
        assert run.app.screen.query_one("#knob-epochs", Input).placeholder.strip() == "1"
        assert run.app.screen.query_one("#knob-pull", Input).placeholder.split()[0] == "2"


async def test_answers_of_the_model_stay_text(home: Path, tmp_path: Path) -> None:
    """Sample answers are shown as they are: no markup, no control characters."""
    async with running(home, (160, 50)) as run:
        await prepare(run, tmp_path)
        await open_train(run)
        await start(run)
        await until(lambda: f"answers at step {STEPS}" in run.screen_text())
        assert f"After {STEPS} steps: [b]kindly" in run.screen_text() and "\x1b" not in run.screen_text()


async def test_pause_leave_resume(home: Path, tmp_path: Path) -> None:
    """p pauses at a checkpoint, the list of runs says so, F5 goes on; it goes on without the screen too."""
    async with running(home) as run:
        training = await prepare(run, tmp_path, pace=0.05)
        await open_train(run)
        await start(run)
        await until(lambda: run.app.training.watch.step > 3)
        await run.pilot.press("p")
        await until(lambda: not run.app.training.running)
        assert run.app.training.watch.state == "paused"
        paused_at = run.app.training.watch.step
        await run.pilot.press("4")
        await until(lambda: page(run) == "runs" and "‖ paused" in run.screen_text())
        training.pace = 0.02
        await run.pilot.press("f5")
        await until(lambda: page(run) == "progress" and run.app.training.running)
        await run.pilot.press("escape")
        await until(lambda: run.app.screen is run.app.chat)
        await until(lambda: "training style" in run.screen_text() and "loss" in run.app.status.training)
        assert run.app.training.watch.losses[0][0] == 1 and paused_at < STEPS
        await until(lambda: not run.app.training.running)
        assert run.app.training.watch.evaluation and run.app.status.training == ""


async def test_finish_now_keeps_what_is_learned(home: Path, tmp_path: Path) -> None:
    """f ends training before its planned end; the adapter is registered and proven as after a whole run."""
    async with running(home) as run:
        await prepare(run, tmp_path, pace=0.05)
        await open_train(run)
        await start(run)
        await until(lambda: run.app.training.watch.step > 3)
        await run.pilot.press("f")
        await until(lambda: not run.app.training.running)
        watch = run.app.training.watch
        assert watch.state == "finished" and watch.losses[-1][0] < STEPS and watch.evaluation


async def test_cancel_asks_first(home: Path, tmp_path: Path) -> None:
    """x and no goes on, x and yes ends; the checkpoint stays."""
    async with running(home) as run:
        await prepare(run, tmp_path, pace=0.1)
        await open_train(run)
        await start(run)
        await until(lambda: run.app.training.watch.step > 0)
        for key, goes_on in (("n", True), ("y", False)):
            await run.pilot.press("x")
            await until(lambda: isinstance(run.app.screen, ConfirmDialog))
            await run.pilot.pause()
            await run.pilot.press(key)
            await until(lambda: isinstance(run.app.screen, TrainScreen))
            await until(lambda goes_on=goes_on: run.app.training.running == goes_on)
        assert run.app.training.watch.state == "cancelled"


@pytest.mark.parametrize("way", ["ctrl+q", "hang-up"])
async def test_quitting_pauses_and_says_so(
    home: Path, tmp_path: Path, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl+Q, or the end of the terminal, while a run goes on leaves it paused; how to go on is told at the end."""
    async with running(home) as run:
        await prepare(run, tmp_path, pace=0.1)
        await open_train(run)
        await start(run)
        await until(lambda: run.app.training.watch.step > 0)
        if way == "ctrl+q":
            await run.pilot.press("ctrl+q")
            await until(lambda: run.app._exit)
        else:
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: run.app._exit)
    assert not run.app.training.running and run.app.training.watch.state == "paused"
    told = capsys.readouterr().err
    assert "style is paused at step" in told and "F4" in told


async def test_f1_names_the_keys_of_the_page(home: Path, tmp_path: Path) -> None:
    """The keys of the list, of its page and of the screen stand first."""
    async with running(home) as run:
        await prepare(run, tmp_path)
        await open_train(run)
        await run.pilot.press("f1")
        await until(lambda: isinstance(run.app.screen, HelpScreen))
        await run.pilot.pause()
        shown = run.screen_text()
        assert "Training" in shown and "Build" in shown and "Next page" in shown and "Start" in shown


async def test_what_cannot_start_says_why_and_nothing_runs(home: Path, tmp_path: Path) -> None:
    """A wrong field, a method that does not fit: words, no run."""
    async with running(home) as run:
        await prepare(run, tmp_path)
        await open_train(run, "/train style")
        await until(lambda: page(run) == "recipe")
        run.app.screen.query_one("#knob-epochs", Input).value = "many"
        await until(lambda: "epochs must be a number" in run.screen_text())
        await run.pilot.press("f5")
        assert not run.app.training.running
        run.app.screen.query_one("#knob-epochs", Input).value = ""
        run.app.screen.query_one("#method", Select).value = "full"
        await run.pilot.press("f5")
        await until(lambda: run.app.training.watch is not None and run.app.training.watch.state == "failed")
        await until(lambda: "too big" in run.screen_text())


async def test_a_dataset_is_built_from_what_was_taught(home: Path) -> None:
    """b opens the form; too few rows are refused in it with the number needed, and built when asked all the same."""
    async with running(home, (80, 24)) as run:
        for number in range(4):
            await run.send(f"/teach Who is cat {number}? => Cat {number} is called Momo {number}.")
        told = run.app.chat.composer.query_one("#told")
        await until(lambda: "4 taught" in str(told.content))
        await open_train(run)
        assert "No datasets yet" in run.screen_text()
        await run.pilot.press("b")
        await until(lambda: isinstance(run.app.screen, BuildDataset))
        await run.pilot.pause()
        await until(lambda: run.app.screen.query_one("#teachings", Checkbox).value)
        await run.pilot.press("enter")
        await until(lambda: "needs a name" in run.screen_text())
        await run.pilot.press(*"cats", "enter")
        await until(lambda: "at least 5" in run.screen_text())
        before = run.screen_text().count("▐X▌")
        run.app.screen.query_one("#anyway", Checkbox).value = True
        await run.pilot.pause()
        assert run.screen_text().count("▐X▌") == before + 1 == 2  # not by colour alone
        await run.pilot.press("f5")
        await until(lambda: isinstance(run.app.screen, TrainScreen))
        await until(lambda: run.app.screen.query_one("#datasets", DataTable).row_count == 1)
        await run.pilot.press("p")  # the scripted model has no tokenizer
        await until(lambda: "There is no model" in run.screen_text())
        await run.pilot.press("d")
        await until(lambda: isinstance(run.app.screen, ConfirmDialog))
        await run.pilot.pause()
        await run.pilot.press("y")
        await until(lambda: isinstance(run.app.screen, TrainScreen))
        await until(lambda: "No datasets yet" in run.screen_text())


async def test_runs_that_did_not_end_are_named_at_the_start(home: Path) -> None:
    """A run whose process is gone is told, listed, looked at, and deleted on request."""
    folder = home / "training" / "runs" / "pets-20260102T030405-abcd"
    folder.mkdir(parents=True)
    facts = {"id": folder.name, "name": "pets", "dataset": "pets", "created": "2026-01-02T03:04:05Z", "recipe": {}}
    (folder / "run.json").write_text(json.dumps(facts))
    step = {"event": "step", "step": 7, "steps": 9, "loss": 1.5}
    (folder / "events.jsonl").write_text(json.dumps(step) + "\n{broken\n")
    async with running(home) as run:
        await until(lambda: any("not finished: pets" in str(each.message) for each in run.app._notifications))
        await open_train(run)
        await run.pilot.press("4")
        await until(lambda: "‖ interrupted" in run.screen_text() and "7/9" in run.screen_text())
        await run.pilot.press("enter")
        await until(lambda: page(run) == "progress" and "step 7/9" in run.screen_text())
        await run.pilot.press("4", "d")
        await until(lambda: isinstance(run.app.screen, ConfirmDialog))
        await run.pilot.pause()
        await run.pilot.press("y")
        await until(lambda: not folder.exists())


@pytest.mark.slow
@pytest.mark.timeout(2400)
async def test_a_real_run_on_the_embedded_model(home: Path, tmp_path: Path) -> None:
    """Tokens with what is learned, a run with curves, paused and resumed, registered; its proof given up by x."""
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text('[documents]\nembedder = "hashed"\n')
    async with running(home, (80, 24)) as run:
        rows = tmp_path / "style.jsonl"
        lines = [{"prompt": f"How do I greet guest {n}?", "completion": f"Greeting:\n- Hello {n}"} for n in range(24)]
        rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
        await build_dataset(run.app.core, DatasetRequest("style", files=(rows,), options=Options(anyway=True)))
        await open_train(run, "/train style")
        await until(lambda: page(run) == "recipe" and "✔" in run.screen_text(), 120)
        await run.pilot.press("escape", "1", "p")
        await until(lambda: "⟦" in run.screen_text() and "<|im_start|>" in run.screen_text(), 300)
        await run.pilot.press("enter")
        await until(lambda: page(run) == "recipe")
        for knob, value in (("rank", "4"), ("epochs", "8"), ("replay", "0")):
            run.app.screen.query_one(f"#knob-{knob}", Input).value = value
        await run.pilot.press("f5")
        await until(lambda: run.app.training.watch is not None and run.app.training.watch.checkpoint, 1500)
        await run.pilot.press("p")
        await until(lambda: not run.app.training.running, 120)
        assert run.app.training.watch.state == "paused", run.app.training.watch.problem
        await run.pilot.press("f5")
        await until(lambda: bool(run.app.training.watch.adapter), 600)
        assert run.app.training.watch.losses[-1][1] < run.app.training.watch.losses[0][1]
        await until(lambda: run.app.training.watch.state == "proving", 60)
        await run.pilot.press("x")
        await until(lambda: isinstance(run.app.screen, ConfirmDialog))
        await run.pilot.pause()
        await run.pilot.press("y")
        await until(lambda: not run.app.training.running, 60)
        assert [each.state for each in await run.app.core.registry.all()] == ["trained"]
