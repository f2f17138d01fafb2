"""What the base says in general: made once, kept batch by batch, and never lost."""

import json

import pytest
from made_base import CPU, codec, tiny_base

from adapters.rows import Turn
from adapters.training import replay
from adapters.training.methods import prepare
from adapters.training.recipe import Recipe

PROMPTS = [{"prompt": f"Say {word}."} for word in ("one", "two", "three")] + [{"prompt": "Say four.", "held_out": True}]


@pytest.fixture
def base(tmp_path, monkeypatch):
    (tmp_path / "prompts.jsonl").write_text("\n".join(json.dumps(entry) for entry in PROMPTS))
    monkeypatch.setattr(replay, "PROMPTS", tmp_path / "prompts.jsonl")
    monkeypatch.setattr(replay, "REHEARSED", 5)
    monkeypatch.setattr(replay, "BATCH", 2)
    return tiny_base(tmp_path / "tiny.gguf")


def rows(base, cache, stopped=lambda: False, told=lambda done, count: None):
    model = prepare(base, Recipe(rank=4, precision="fp32"), CPU).model
    return replay.replay_rows(model, codec(base), cache, "sha", told, stopped)


def test_general_rows_are_answers_and_made_up_conversations(base, tmp_path):
    """Prompts with greedy answers, and conversations drawn from the opening; all after the opening is learned."""
    made = codec(base)
    opening = made.opening()
    general = rows(base, tmp_path / "cache")
    assert len(general.train) == 3 + 5
    assert len(general.held_out) == 1
    prompts = [tuple(made.prompt_ids([Turn("user", entry["prompt"])])) for entry in PROMPTS]
    assert all(prompt[: len(opening)] == tuple(opening) for prompt in prompts)
    for row, prompt in zip((*general.train[:3], *general.held_out), prompts, strict=True):
        assert row.ids[: len(prompt)] == prompt
    for row in (*general.train, *general.held_out):
        assert row.ids[: len(opening)] == tuple(opening)
        assert row.learned == (False,) * len(opening) + (True,) * (len(row.ids) - len(opening))
    assert len({row.ids for row in general.train[3:]}) > 1
    assert all(len(row.ids) == len(opening) + replay.REHEARSED_TOKENS for row in general.train[3:])


def test_what_was_said_before_an_end_is_not_said_again(base, tmp_path):
    """Stopped after the first batch, the second time asks for the rest only and gives what one go would have given."""
    heard = []
    rows(base, tmp_path / "cache", stopped=lambda: len(heard) > 0, told=lambda done, count: heard.append(done))
    assert heard == [2]
    again = []
    resumed = rows(base, tmp_path / "cache", told=lambda done, count: again.append(done))
    assert again[0] == 4
    assert again[-1] == 9
    assert resumed == rows(base, tmp_path / "other")
    assert resumed == rows(base, tmp_path / "cache", told=lambda done, count: pytest.fail("asked again"))


def test_without_replay_only_what_is_measured_is_made(base, tmp_path):
    """The held-out rows, which show what is forgotten, and nothing else."""
    model = prepare(base, Recipe(rank=4, precision="fp32"), CPU).model
    general = replay.replay_rows(
        model, codec(base), tmp_path / "c", "sha", lambda done, count: None, lambda: False, train=False
    )
    assert (len(general.train), len(general.held_out)) == (0, 1)
