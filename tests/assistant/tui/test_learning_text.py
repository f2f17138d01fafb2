"""Do typed fields become a recipe, tokens, curves and events become text, whatever is in them?"""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.data.preview import Preview
from adapters.errors import RecipeError
from adapters.training.recipe import Recipe
from assistant.tui.dataset_text import preview_content
from assistant.tui.plot import plot
from assistant.tui.progress_text import head_content, result_content
from assistant.tui.recipe_text import parse_recipe
from assistant.tui.training_watch import Watch, duration, watched


def test_typed_fields_become_a_recipe() -> None:
    """Empty fields keep their default; what cannot be is told by its name."""
    assert parse_recipe("lora", {"rank": "", "epochs": " "}, "") == (Recipe(), "", "")
    more = "targets=q_proj,v_proj rslora=true bits=int8 base=/models/x from=style@v2"
    made, base, begin = parse_recipe("qlora", {"rank": "4"}, more)
    assert made == Recipe("qlora", rank=4, targets=("q_proj", "v_proj"), rslora=True, bits="int8")
    assert (base, begin) == ("/models/x", "style@v2")
    for fields, more, told in (
        ({"rank": "4.5"}, "", "whole number"), ({"epochs": "x"}, "", "must be a number"), ({}, "seed", "no setting"),
        ({}, "colour=red", "no setting colour"), ({}, "rslora=1", "true or false"), ({"rank": "9999"}, "", "from 1 to"),
    ):  # fmt: skip
        with pytest.raises(RecipeError, match=told):
            parse_recipe("lora", fields, more)


def test_what_is_learned_is_seen_without_colour() -> None:
    """Learned tokens stand in brackets, tokens are set apart, control characters are gone."""
    tokens = (("<|user|>", False), ("Who", False), ("?", False), ("Mo", True), ("mo\n", True), ("\x1b[2J", True))
    shown = preview_content([Preview("pets:1", "train", tokens, 3, "start")]).plain
    assert "<|user|>│Who│?⟦Mo│mo↵\n│" in shown and shown.endswith("⟧") and "\x1b" not in shown
    assert "6 tokens, 3 learned, 3 cut at the start" in shown


@pytest.mark.parametrize("points", [[], [(0, 1.0)], [(0, 1.0), (1, 1.0)], [(n, 1 / (n + 1)) for n in range(3000)]])
def test_curves_fit_their_room(points: list[tuple[float, float]]) -> None:
    """Whatever there is to draw, each row has the width it was given."""
    drawn = plot([points, [(5, 0.5)]], 40, 6)
    assert drawn is not None and len(drawn.rows) == 6
    assert all(sum(len(text) for text, _ in row) == 40 for row in drawn.rows) and len(drawn.axis) == 40
    assert plot([points], 3, 1) is None and plot([[]], 40, 6) is None


def test_pairs_that_are_won_are_told_live_and_in_the_end() -> None:
    """A run on pairs says how many held-out ones are won, and by what margin; one on answers says nothing of it."""
    watch = Watch("taste")
    watch.observe({"event": "started", "step": 0, "steps": 9, "trainable": 4, "parameters": 8})
    watch.observe({"event": "step", "step": 3, "steps": 9, "loss": 1.0})
    assert "won" not in head_content(watch, 80).plain
    watch.observe({"event": "validation", "step": 3, "loss": 1.1, "general": 0.1, "accuracy": 0.825, "margin": 0.414})
    assert "82% of pairs won, margin +0.41" in head_content(watch, 80).plain
    watch.observe({"event": "finished", "result": {"steps": 9, "seconds": 3, "accuracy": 0.9, "margin": -0.1}})
    assert "90% of pairs won, margin -0.10" in result_content(watch, str).plain


def test_a_watch_takes_any_event(tmp_path: Path) -> None:
    """Events of other versions change nothing; a resumed run forgets what came after its checkpoint."""
    watch = Watch("style")
    for event in (
        {},
        {"event": "step"},
        {"event": "observe"},
        {"event": "step", "step": "x", "loss": 1},
        {"event": "line"},
    ):
        watch.observe(event)
    assert watch.line == "training style: preparing"
    for step in range(1, 6):
        watch.observe({"event": "step", "step": step, "steps": 10, "loss": 1.234, "seconds_left": 150})
    assert watch.line == "training style 50% · loss 1.23 · 3 min"
    watch.observe({"event": "started", "step": 3, "steps": 10, "epochs": 1})
    assert [step for step, _ in watch.losses] == [1, 2, 3]
    for step in range(9000):
        watch.observe({"event": "step", "step": step, "steps": 9000, "loss": 1.0, "seconds_left": 1})
    assert len(watch.losses) <= 2001 and watch.losses[-1][0] == 8999
    assert watched(tmp_path / "nothing", "gone", "interrupted").state == "interrupted"
    assert [duration(seconds) for seconds in (0.2, 61, 4800)] == ["1 s", "2 min", "1 h 20 min"]
