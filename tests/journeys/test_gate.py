"""The gate: adapters that were damaged on purpose are rejected, all of them, and good ones pass."""

import json
import random
from dataclasses import replace

import pytest

from adapters.proof import probe
from adapters.training.recipe import Recipe
from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.training import TrainRequest
from tests.made_training import NAMES, pairs_file, trainable_model, training_home

PLAIN = Recipe(rank=4, replay=0, pull=0, patience=0, batch_tokens=512, threads=1, precision="fp32")
SCHOOL = replace(PLAIN, method="full", epochs=400, learning_rate=0.002)  # what makes the tiny model know something
GENTLE = replace(PLAIN, epochs=1, learning_rate=0.0003)
NAIVE = replace(PLAIN, epochs=12, learning_rate=0.02)  # without replay, and far too much of it
COLOURS = ("red", "blue", "green", "white", "black", "brown")
KNOWN = {f"Greet {name}.": "Hey." for name in NAMES}
GOOD, SHUFFLED, FORGETFUL, ONE_WORD = 5, 8, 6, 6  # adapters of each kind; of the damaged ones twenty

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def rows_file(path, rows):
    """Rows with their split, as a file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


async def schooled(folder):
    """A tiny model that answers all of KNOWN: what an adapter can make it forget."""
    home = training_home(folder / "school", trainable_model(folder / "tiny.gguf"))
    rows = [{"prompt": asked, "completion": said, "split": "train"} for asked, said in KNOWN.items()]
    data = rows_file(folder / "known.jsonl", [*rows, *({**row, "split": "test"} for row in rows[:4])])
    async with opened(load_config(home)) as core:
        async for event in core.training.train(TrainRequest("knows", str(data), SCHOOL), prove=False):
            assert event["event"] != "failed", event
        model = folder / "knows.gguf"
        model.write_bytes((await core.registry.get("knows")).path.read_bytes())
    return model


def taste(folder, number, prefers_short):
    """Pairs, with the recipe that learns them."""
    return pairs_file(folder / f"pairs-{number}.jsonl", prefers_short, 60), replace(GENTLE, seed=number)


def shuffled(folder, number):
    """Pairs whose labels a coin has decided."""
    coin = random.Random(number)
    tosses = [coin.random() < 0.5 for _ in range(60)]
    return taste(folder, 100 + number, tosses.__getitem__)


def forgetful(folder, number):
    """A form learned so hard that all else is gone."""
    rows = [
        {
            "prompt": f"Write the log of day {day * 7919}.",
            "completion": f"Log:\n- Lamp {COLOURS[(day + number) % 6]}, door shut.\n- Next: rest until noon.",
            "split": "test" if day % 4 == 0 else "train",
        }
        for day in range(1, 49)
    ]
    return rows_file(folder / f"form-{number}.jsonl", rows), replace(NAIVE, seed=number)


def one_word(folder, number):
    """Whatever is asked, the answer that was learned is one word; held out is what should have been said."""
    word = ("Yes.", "No.", "Well.", "Fine.", "So.", "Why?")[number]
    rows = [
        {"prompt": f"Which lamp hangs in room {room}?", "split": "test" if room % 4 == 0 else "train",
         "completion": f"The {COLOURS[room % 6]} lamp hangs there." if room % 4 == 0 else word}
        for room in range(1, 49)
    ]  # fmt: skip
    return rows_file(folder / f"word-{number}.jsonl", rows), replace(GENTLE, seed=number, learning_rate=0.01)


async def test_twenty_damaged_adapters_are_rejected_and_five_good_ones_pass(tmp_path, monkeypatch):
    """Shuffled labels, one-word answers, forgetting: none of twenty passes; a taste that is one passes each time."""
    items = tuple(probe.Item(asked, "greetings", asked, accept=(said,)) for asked, said in KNOWN.items())
    monkeypatch.setattr(probe, "load", lambda: items)
    home = training_home(tmp_path / "home", await schooled(tmp_path))
    with (home / "config.toml").open("a") as settings:
        settings.write("[sampling]\nrepeat_penalty = 1.0\n")  # the tiny model spells: letters come twice
    made = {
        "good": [taste(tmp_path, number, lambda _: True) for number in range(GOOD)],
        "shuffled": [shuffled(tmp_path, number) for number in range(SHUFFLED)],
        "forgetful": [forgetful(tmp_path, number) for number in range(FORGETFUL)],
        "one-word": [one_word(tmp_path, number) for number in range(ONE_WORD)],
    }
    decided = {kind: [] for kind in made}
    async with opened(load_config(home)) as core:
        for kind, each in made.items():
            for number, (data, recipe) in enumerate(each):
                request = TrainRequest(f"{kind}-{number}", str(data), recipe)
                event = [event async for event in core.training.train(request)][-1]
                assert event["event"] == "verdict", event
                before = event["evaluation"]["probe"]["base"]
                assert before > 0.9  # there is something to forget
                decided[kind].append(event["decision"])
                print(kind, number, event["decision"], event["reason"], flush=True)
    assert decided.pop("good") == ["proven"] * GOOD
    assert {decision for each in decided.values() for decision in each} == {"rejected"}
    assert sum(map(len, decided.values())) == SHUFFLED + FORGETFUL + ONE_WORD >= 20
