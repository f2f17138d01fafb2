"""What the base says in general: made once, kept batch by batch, and never lost."""

import json
import lzma

import pytest
from made_base import CPU, codec, tiny_base

from adapters.durable import sha256_of
from adapters.rows import Turn
from adapters.training import replay
from adapters.training.base_weights import load_tokenizer
from adapters.training.encoding import codec_from
from adapters.training.methods import prepare
from adapters.training.recipe import Recipe
from assistant.config import load_config
from assistant.models.location import starter_path
from assistant.prompting import system_prompt

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


def test_what_ships_is_taken_where_nothing_is_cached(base, tmp_path, monkeypatch):
    """Rows under the same name are read from the package; a damaged file there is as none."""
    made = rows(base, tmp_path / "cache")
    (kept,) = (tmp_path / "cache").glob("*.json")
    shipped = tmp_path / "replayed" / f"{kept.name}.xz"
    shipped.parent.mkdir()
    shipped.write_bytes(lzma.compress(kept.read_bytes()))
    monkeypatch.setattr(replay, "SHIPPED", shipped.parent)
    asked = []
    assert rows(base, tmp_path / "other", told=lambda done, count: asked.append(done)) == made
    assert not asked and not (tmp_path / "other").exists()
    shipped.write_bytes(shipped.read_bytes()[:-9])
    assert rows(base, tmp_path / "third", told=lambda done, count: asked.append(done)) == made and asked


def test_the_embedded_model_need_not_be_asked(tmp_path):
    """The shipped rows are those of the shipped prompts, model and system prompt: no model is needed to have them."""
    system = system_prompt(load_config(tmp_path).answer.system_prompt)
    chat = codec_from(load_tokenizer(starter_path()), system)
    sha256 = sha256_of(starter_path())
    general = replay.replay_rows(None, chat, tmp_path, sha256, lambda done, count: None, lambda: False)
    assert len(general.train) > 1200 and len(general.held_out) > 50
    opening = tuple(chat.opening())
    assert all(row.ids[: len(opening)] == opening for row in (*general.train, *general.held_out))
