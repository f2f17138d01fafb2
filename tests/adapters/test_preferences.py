"""Preferences: the loss and its gradients, what is learned from pairs, resumed, and what random taste comes to."""

import importlib.util
import json
import math
import random

import pytest
import torch
from accelerate import Accelerator
from made_base import CPU, codec, encoded, facts, general, tiny_base
from torch import nn

from adapters.errors import RecipeError
from adapters.rows import Origin, Row, Turn
from adapters.training.base_weights import load_tokenizer
from adapters.training.learner import Learner
from adapters.training.methods import prepare
from adapters.training.objectives import Preferences, Ratings
from adapters.training.packing import pack_pairs
from adapters.training.preference_loss import Rated, Reference
from adapters.training.recipe import Recipe, recipe_from_json
from adapters.training.trainer import Trainer

RECIPE = Recipe(
    objective="preferences", rank=4, alpha=8, epochs=6, batch_tokens=256, precision="fp32", seed=1, patience=0,
    learning_rate=1e-2, replay=0.5, pull=0.1,
)  # fmt: skip
NAMES = ("Ada", "Bo", "Cy", "Di", "Ed", "Flo")


def preferred(count, taste=lambda number: True, first=0):
    """Pairs of a short and a long answer; the short one is chosen where `taste` says so."""
    rows = []
    for number in range(first, first + count):
        short, long = f"{NAMES[number % 6]}.", f"I think that {NAMES[number % 6]} may be the one."
        chosen, rejected = (short, long) if taste(number) else (long, short)
        turns = (Turn("user", f"Who has key {number}?"), Turn("assistant", chosen))
        rows.append(Row(turns, origin=Origin("file", id=str(number)), only_last=True, rejected=rejected))
    return rows


def flat(base, rows):
    """The rows of pairs as the trainer takes them."""
    made = codec(base)
    return [each for row in rows for each in made.encode_pair(row, 512)]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_base(tmp_path_factory.mktemp("base") / "tiny.gguf")


@pytest.fixture
def moved(base):
    """A model whose adapter says something else than its base."""
    prepared = prepare(base, RECIPE, CPU)
    for name, weight in prepared.trainable.items():
        if "lora_B" in name:
            nn.init.normal_(weight, std=0.1, generator=torch.Generator().manual_seed(1))
    return prepared


def trainer(base, folder, rows, held_out, recipe=RECIPE, events=None):
    seen = [] if events is None else events
    return Trainer(
        prepare(base, recipe, CPU), recipe, flat(base, rows), flat(base, held_out), general(encoded(base, facts(6))),
        accelerator=Accelerator(cpu=True), folder=folder, emit=seen.append,
    )  # fmt: skip


def test_the_loss_is_that_of_the_formula():
    """Two pairs, worked by hand: -log sigmoid of the reward margin, and the chosen answer's nats for each token."""
    reference = Reference(torch.tensor([[-10.0, -12.0], [-3.0, -4.0]]), beta=0.5, chosen_weight=2.0)
    said = torch.tensor([-8.0, -14.0, -5.0, -4.0])  # margins 0.5 * (2 + 2) and 0.5 * (-2 - 0)
    expected = math.log1p(math.exp(-2)) + math.log1p(math.exp(1)) + 2.0 * (8 / 4 + 5 / 10)
    assert reference.margins(said).tolist() == [2.0, -1.0]
    assert float(reference.loss(said, torch.tensor([4, 7, 10, 3]))) == pytest.approx(expected)


def alone(model, rows):
    """The log-probability of each row's answer by itself, through PEFT's and transformers' own forward."""
    found = []
    for row in rows:
        ids, learned = torch.tensor([row.ids]), torch.tensor(row.learned[1:])
        log_probs = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
        found.append(log_probs.gather(1, ids[0, 1:, None])[learned].sum())
    return torch.stack(found)


@pytest.mark.parametrize("limit", [2000, 300, 1])
def test_packed_pairs_teach_what_single_rows_teach(base, moved, limit):
    """Loss and every gradient agree with unpacked rows beside the model without its adapter."""
    rows = flat(base, preferred(5))
    learner, weights = Learner(moved), moved.trainable
    objective = Preferences(learner, rows, (), RECIPE)
    objective.begin()
    beside = dict(objective.packs(range(5)))
    assert sum(len(packed.rows) for packed in beside) == 10
    sum(learner(packed, reference) for packed, reference in beside.items()).backward()
    ours = {name: weight.grad.clone() for name, weight in weights.items()}
    moved.peft.zero_grad()
    with torch.no_grad(), moved.peft.disable_adapter():
        without = alone(moved.peft, rows).view(-1, 2)
    says = alone(moved.peft, rows).view(-1, 2)
    gained = RECIPE.beta * (says - without)
    tokens = torch.tensor([row.targets for row in rows]).view(-1, 2)
    loss = (-torch.log(torch.sigmoid(gained[:, 0] - gained[:, 1])) - says[:, 0] / tokens[:, 0]).sum()
    loss.backward()
    for name, weight in weights.items():
        assert torch.allclose(ours[name], weight.grad, atol=1e-4 * float(weight.grad.abs().max())), name


def test_a_pair_alone_shares_its_whole_prompt(base):
    """In a pack of its own, the prompt is evaluated once for both answers."""
    rows = flat(base, preferred(3))
    for packed in pack_pairs(rows, range(3), 1):
        chosen = rows[packed.rows[0]]
        assert packed.prefix == len(chosen.ids) - chosen.targets


@pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="trl is not installed")
def test_loss_and_gradients_are_those_of_trl(base, moved, tmp_path):
    """TRL's own DPO trainer, on the same batch and model, computes the same loss and gradients."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    rows = flat(base, preferred(4))
    examples = []
    for chosen, rejected in zip(rows[::2], rows[1::2], strict=True):
        start = len(chosen.ids) - chosen.targets
        answers = {"chosen_ids": list(chosen.ids[start:]), "rejected_ids": list(rejected.ids[start:])}
        examples.append({"prompt_ids": list(chosen.ids[:start]), **answers})
    learner, weights = Learner(moved), moved.trainable
    objective = Preferences(learner, rows, (), Recipe(objective="preferences", beta=0.3, chosen_weight=0.0))
    objective.begin()
    ours = sum(learner(packed, reference) for packed, reference in objective.packs(range(4))) / 4
    ours.backward()
    gradients = {name: weight.grad.clone() for name, weight in weights.items()}
    moved.peft.zero_grad()
    config = DPOConfig(
        output_dir=str(tmp_path), beta=0.3, loss_type=["sigmoid"], report_to=[], use_cpu=True, bf16=False,
        gradient_checkpointing=False, disable_dropout=False,
    )  # fmt: skip
    tokenizer = load_tokenizer(base)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    theirs = DPOTrainer(
        model=moved.peft, args=config, processing_class=tokenizer,
        train_dataset=Dataset.from_list([{"prompt": "Who?", "chosen": "Ada.", "rejected": "Bo."}]),
    )  # fmt: skip
    theirs.model.delete_adapter("ref")  # a copy of ours as it is: the base is to be the reference
    loss = theirs.compute_loss(theirs.model, theirs.data_collator(examples))
    assert float(ours.detach()) == pytest.approx(float(loss.detach()), rel=1e-5)
    loss.backward()
    for name, weight in weights.items():
        assert torch.allclose(gradients[name], weight.grad, atol=1e-4 * float(weight.grad.abs().max())), name


def test_a_taste_is_learned_and_holds_for_new_questions(base, tmp_path):
    """Short answers are preferred: on held-out questions their reward is the higher one, and the loss falls."""
    events = []
    run = trainer(base, tmp_path, preferred(24), preferred(12, first=100), events=events)
    assert run.run(lambda: "", lambda: None) == "finished"
    validations = [event for event in events if event["event"] == "validation"]
    assert (validations[0]["accuracy"], validations[0]["margin"]) == (0.5, 0.0)
    assert validations[-1]["accuracy"] == 1.0 and validations[-1]["margin"] > 0.5
    assert validations[-1]["loss"] < 0.8 * validations[0]["loss"]
    assert (run.place.accuracy, run.place.margin) == (1.0, validations[-1]["margin"])
    started = next(event for event in events if event["event"] == "started")
    assert (started["objective"], started["rows"]) == ("preferences", 24)


def chosen_likelihood(run, rows):
    """The mean log-probability of the chosen answers, as the model is now."""
    packs = pack_pairs(rows, range(len(rows) // 2), 2000)
    with torch.no_grad():
        return float(torch.cat([run._learner.log_probs(packed)[::2] for packed in packs]).mean())


def test_the_chosen_answer_keeps_its_likelihood_with_its_own_term(base, tmp_path):
    """With the term the chosen answers become likelier than they were; that is what small sets need it for."""
    rows = preferred(24)
    run = trainer(base, tmp_path, rows, preferred(6, first=100))
    before = chosen_likelihood(run, flat(base, rows))
    run.run(lambda: "", lambda: None)
    assert chosen_likelihood(run, flat(base, rows)) > before + 1.0


def test_a_paused_run_ends_like_one_in_one_go(base, tmp_path):
    """The base is looked at again with the adapter off, so the figures after a pause are the same."""
    rows, held_out = preferred(12), preferred(6, first=100)
    whole = trainer(base, tmp_path / "whole", rows, held_out)
    whole.run(lambda: "", lambda: None)
    first = trainer(base, tmp_path / "parts", rows, held_out)
    assert first.run(lambda: "pause" if first.place.step >= 5 else "", lambda: None) == "pause"
    resumed = trainer(base, tmp_path / "parts", rows, held_out)
    assert resumed.run(lambda: "", lambda: None) == "finished"
    assert resumed.place.validation == pytest.approx(whole.place.validation, rel=1e-4)
    assert resumed.place.margin == pytest.approx(whole.place.margin, rel=1e-3)


def test_random_taste_is_not_learned(base, tmp_path):
    """Whoever chooses by the toss of a coin: held-out pairs are won no more often than by chance."""
    coin = random.Random(3)
    tosses = {number: coin.random() < 0.5 for number in range(200)}
    recipe = recipe_from_json(RECIPE.as_json() | {"patience": 3})
    run = trainer(base, tmp_path, preferred(24, tosses.get), preferred(40, tosses.get, first=100), recipe)
    run.run(lambda: "", lambda: None)
    run._validate()  # with the best weights, which are what is kept
    assert 0.3 <= run.place.accuracy <= 0.7


def ratings(base, count, taste=lambda number: number % 2 == 0, first=0):
    """Rated rows as the trainer takes them: short answers are good, long ones bad, where `taste` says so."""
    rows = []
    for row in preferred(count, taste, first):
        number = int(row.origin.id)
        rows.append(Row(row.turns, origin=row.origin, only_last=True, desirable=number % 2 == 0))
    return codec(base).encode_rated(rows, 512)


def test_the_loss_of_ratings_is_that_of_the_formula():
    """A good and a bad answer, worked by hand: one less the value, beside how far the model has strayed."""
    said, base = torch.tensor([-8.0, -5.0]), torch.tensor([-10.0, -3.0])
    rated = Rated(base, torch.tensor([True, False]), beta=0.5, strayed=1.0, weights=(3.0, 2.0))
    expected = 2.0 * (1 - 1 / (1 + math.exp(-0.5))) + 3.0 * (1 - 1 / (1 + math.exp(-1.5)))
    assert float(rated.loss(said, torch.tensor([3, 3]))) == pytest.approx(expected)


@pytest.mark.parametrize("limit", [300, 1])
def test_packed_ratings_teach_what_single_rows_teach(base, moved, monkeypatch, limit):
    """Loss and gradients agree with unpacked rows; the distance comes from answers to other questions, and is fixed."""
    monkeypatch.setattr("adapters.training.objectives.PACK_TOKENS", limit)
    rows, weights = ratings(base, 6), moved.trainable
    learner = Learner(moved)
    objective = Ratings(learner, rows, (), RECIPE)
    objective.begin()
    ours = sum(learner(packed, beside) for packed, beside in objective.packs(range(6)))
    ours.backward()
    gradients = {name: weight.grad.clone() for name, weight in weights.items()}
    moved.peft.zero_grad()
    with torch.no_grad(), moved.peft.disable_adapter():
        without = alone(moved.peft, rows)
    gained = alone(moved.peft, rows) - without
    strayed = gained[1::2].mean().clamp(min=0).detach()
    sign = torch.tensor([1.0 if row.desirable else -1.0 for row in rows[::2]])
    loss = (1 - torch.sigmoid(sign * RECIPE.beta * (gained[::2] - strayed))).sum()
    assert float(ours.detach()) == pytest.approx(float(loss.detach()), rel=1e-5)
    loss.backward()
    for name, weight in weights.items():
        assert torch.allclose(gradients[name], weight.grad, atol=1e-4 * float(weight.grad.abs().max())), name


def test_a_rated_taste_is_learned_and_holds_for_new_questions(base, tmp_path):
    """Short answers are rated good and long ones bad: held-out good ones gain more than bad ones."""
    recipe, events = recipe_from_json(RECIPE.as_json() | {"objective": "ratings"}), []
    run = Trainer(
        prepare(base, recipe, CPU), recipe, ratings(base, 32), ratings(base, 16, first=100),
        general(encoded(base, facts(6))), accelerator=Accelerator(cpu=True), folder=tmp_path, emit=events.append,
    )  # fmt: skip
    assert run.run(lambda: "", lambda: None) == "finished"
    validations = [event for event in events if event["event"] == "validation"]
    assert (validations[0]["accuracy"], validations[0]["margin"]) == (0.5, 0.0)
    assert validations[-1]["accuracy"] > 0.9 and validations[-1]["loss"] < validations[0]["loss"]


def test_both_answers_lose_the_same_of_a_long_prompt(base):
    """The prompt is cut by what the longer answer needs, so that both stand below the same words."""
    row = preferred(1)[0]
    row = Row((Turn("user", "word " * 300), row.turns[-1]), only_last=True, rejected=row.rejected * 3)
    chosen, rejected = codec(base).encode_pair(row, 200)
    assert len(rejected.ids) == 200 and chosen.cut == rejected.cut > 0
    start = len(chosen.ids) - chosen.targets
    assert chosen.ids[:start] == rejected.ids[:start] and not any(chosen.learned[:start])
    tight = codec(base).encode_pair(row, 20)
    assert all(len(each.ids) <= 20 and each.targets for each in tight)


def test_a_soft_prompt_cannot_learn_preferences():
    """Its base has no virtual tokens, so there is nothing to compare with; the line says what to choose."""
    with pytest.raises(RecipeError, match="soft prompt") as refused:
        Recipe(method="prompt", objective="preferences")
    assert "lora" in refused.value.hint
    assert recipe_from_json(json.loads(json.dumps(RECIPE.as_json()))) == RECIPE
