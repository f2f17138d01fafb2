"""Preferences: pairs are trained on, and the proof tells a taste from the toss of a coin."""

import random
from dataclasses import replace

import pytest

from adapters.proof import probe
from adapters.training.recipe import Recipe
from assistant import proving
from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.training import TrainRequest
from tests.made_training import pairs_file, ratings_file, trainable_model, training_home

TINY = Recipe(rank=4, epochs=4, learning_rate=0.01, replay=0, pull=0.01, batch_tokens=512, threads=1, precision="fp32")

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(autouse=True)
def small_probe(monkeypatch):
    """A dozen questions of the general probe."""
    items = probe.load()[::25]
    monkeypatch.setattr(proving.probe, "load", lambda: items)


async def trained_on(folder, taste, recipe=TINY, file=pairs_file):
    """All events of a training on pairs or ratings by `taste`, proof and all."""
    home = training_home(folder / "home", trainable_model(folder / "tiny.gguf"))
    data = file(folder / "judged.jsonl", taste)
    async with opened(load_config(home)) as core:
        events = [event async for event in core.training.train(TrainRequest("taste", str(data), recipe))]
        return events, (await core.registry.get("taste")).state


async def test_a_taste_is_trained_proven_and_told_by_pairs_won(tmp_path):
    """A rater who prefers short answers: the run knows that it learns preferences, and wins the held-out pairs."""
    events, state = await trained_on(tmp_path, lambda number: True)
    verdict = events[-1]
    assert verdict["event"] == "verdict", verdict
    started = next(event for event in events if event["event"] == "started")
    assert (started["objective"], started["rows"]) == ("preferences", 70)
    last = [event for event in events if event["event"] == "validation"][-1]
    assert last["accuracy"] > 0.9 and last["margin"] > 0
    won = next(figure for figure in verdict["evaluation"]["figures"] if figure["name"] == "pairs_won")
    assert verdict["evaluation"]["primary"] == "pairs_won" and won["count"] == 20 and won["adapter"] > 0.9
    assert (verdict["decision"], state) == ("proven", "proven"), verdict["reason"]
    assert "preferred beyond chance" in verdict["reason"]


async def test_a_rater_with_random_taste_is_rejected(tmp_path):
    """Who tosses a coin teaches nothing that holds for other questions, and the verdict says so."""
    coin = random.Random(5)
    tosses = [coin.random() < 0.5 for _ in range(100)]
    events, state = await trained_on(tmp_path, tosses.__getitem__)
    verdict = events[-1]
    assert verdict["event"] == "verdict", verdict
    assert (verdict["decision"], state) == ("rejected", "rejected"), verdict["reason"]
    won = next(figure for figure in verdict["evaluation"]["figures"] if figure["name"] == "pairs_won")
    assert won["count"] == 20 and won["low"] <= 0


async def test_what_learned_nothing_is_rejected_and_not_an_error(tmp_path):
    """Where every step was worse than none, the base is what was kept, and the verdict says so."""
    events, state = await trained_on(tmp_path, lambda number: True, replace(TINY, pull=100))
    assert next(event for event in events if event["event"] == "finished")["result"]["best_step"] == 0
    verdict = events[-1]
    assert (verdict.get("decision"), state) == ("rejected", "rejected"), verdict
    assert "the base itself" in verdict["reason"]


async def test_ratings_are_trained_and_proven_or_rejected_likewise(tmp_path):
    """Short answers rated good: the good ones held out gain more. Ratings by the toss of a coin are rejected."""
    (tmp_path / "coin").mkdir()
    events, state = await trained_on(tmp_path, lambda number: number % 2 == 1, file=ratings_file)
    verdict = events[-1]
    assert verdict["event"] == "verdict", verdict
    assert next(event for event in events if event["event"] == "started")["objective"] == "ratings"
    assert (verdict["evaluation"]["primary"], verdict["decision"], state) == ("ratings_told", "proven", "proven"), (
        verdict
    )
    coin = random.Random(5)
    tosses = [coin.random() < 0.5 for _ in range(120)]
    events, state = await trained_on(tmp_path / "coin", tosses.__getitem__, file=ratings_file)
    assert (events[-1].get("decision"), state) == ("rejected", "rejected"), events[-1]
