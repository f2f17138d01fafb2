"""Rows laid end to end give the loss and the gradients that each row alone gives."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_base import CPU, tiny_base
from torch import nn

from adapters.training.encoding import Encoded
from adapters.training.learner import Learner, Teacher
from adapters.training.methods import prepare
from adapters.training.packing import pack, steps
from adapters.training.recipe import Recipe

ROWS = [
    Encoded((5, 6, 7, *range(20, 20 + length)), (False,) * 4 + (True,) * (length - 1)) for length in (9, 3, 30, 14, 2)
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    base = tiny_base(tmp_path_factory.mktemp("base") / "tiny.gguf")
    ready = prepare(base, Recipe(rank=4, precision="fp32"), CPU)
    for name, weight in ready.trainable.items():
        if "lora_B" in name:
            nn.init.normal_(weight, std=0.3, generator=torch.Generator().manual_seed(1))
    return ready


def alone(prepared, rows):
    """The loss of each row by itself, through transformers' and PEFT's own forward."""
    total = torch.zeros(())
    for row in rows:
        ids = torch.tensor([row.ids])
        logits = prepared.peft(input_ids=ids).logits[0, :-1]
        learned = torch.tensor(row.learned[1:])
        total = total + nn.functional.cross_entropy(logits[learned], ids[0, 1:][learned], reduction="sum")
    return total


def gradients(prepared, loss):
    for weight in prepared.trainable.values():
        weight.grad = None
    loss.backward()
    return {name: weight.grad.clone() for name, weight in prepared.trainable.items()}


@pytest.mark.parametrize("limit", [1000, 40, 1])
def test_packed_rows_learn_what_single_rows_learn(prepared, limit):
    """Loss and every gradient agree with unpacked rows, however many rows share a pack."""
    packs = pack(ROWS, range(len(ROWS)), limit)
    learner = Learner(prepared)
    packed = sum(learner(each) for each in packs)
    expected = alone(prepared, ROWS)
    assert torch.allclose(packed, expected, rtol=1e-5)
    one, other = gradients(prepared, sum(learner(each) for each in packs)), gradients(prepared, alone(prepared, ROWS))
    for name, gradient in one.items():
        assert torch.allclose(gradient, other[name], atol=1e-4 * float(other[name].abs().max())), name


def test_the_fused_step_is_pefts_own(prepared):
    """With the fused LoRA step taken away again, the loss stays."""
    packs = pack(ROWS, range(len(ROWS)), 1000)
    fused = Learner(prepared)(packs[0])
    layers = [layer for layer in prepared.peft.modules() if "forward" in vars(layer)]
    kept = [vars(layer).pop("forward") for layer in layers]
    plain = Learner(prepared)(packs[0])
    for layer, forward in zip(layers, kept, strict=True):
        layer.forward = forward
    assert layers
    assert torch.allclose(fused, plain, rtol=1e-5)


def test_the_distance_to_the_base_is_nothing_before_training_and_something_after(prepared):
    """KL divergence to the base: zero with the adapter off, positive with it on."""
    learner = Learner(prepared)
    with prepared.peft.disable_adapter(), torch.no_grad():
        teacher = Teacher(learner, ROWS, range(len(ROWS)), 1000)
        packs = pack(ROWS, range(len(ROWS)), 40)
        assert sum(float(learner(each, teacher.of(each))) for each in packs) == pytest.approx(0, abs=1e-4)
    with torch.no_grad():
        assert sum(float(learner(each, teacher.of(each))) for each in packs) > 1


@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=12), min_size=1, max_size=8), st.integers(1, 40))
def test_every_learned_token_is_predicted_once(ids, limit):
    """Packs hold each row once; targets are the learned tokens, and each predictor stands right before its target."""
    rows = [Encoded(tuple(row), (False, *(place % 2 == 0 for place in range(1, len(row))))) for row in ids]
    packs = pack(rows, range(len(rows)), limit)
    assert sorted(index for each in packs for index in each.rows) == list(range(len(rows)))
    for each in packs:
        assert len(each.ids) == each.prefix + sum(each.lengths)
        expected = []
        start = each.prefix
        for index, length in zip(each.rows, each.lengths, strict=True):
            row = rows[index]
            assert (*each.ids[: each.prefix], *each.ids[start : start + length]) == row.ids
            for place in range(1, len(row.ids)):
                if row.learned[place]:
                    before = place - 1 if place - 1 < each.prefix else start + place - 1 - each.prefix
                    expected.append((before, row.ids[place]))
            start += length
        assert list(zip(each.predictors, each.targets, strict=True)) == expected


@given(st.integers(1, 40), st.integers(0, 9), st.floats(0, 3), st.floats(0.1, 4))
def test_steps_take_each_row_once_an_epoch(count, replay, share, epochs):
    """Each epoch holds every row once, in another order; general rows come in their share; the seed decides all."""
    plan = steps([10] * count, replay, share, batch_tokens=25, epochs=epochs, seed=3)
    assert plan == steps([10] * count, replay, share, batch_tokens=25, epochs=epochs, seed=3)
    seen = [index for step in plan for index in step.rows]
    whole = len(seen) // count * count
    for start in range(0, whole, count):
        if start + count <= len(seen):
            assert sorted(seen[start : start + count]) == list(range(count))
    if replay and share <= replay / 3:
        assert abs(sum(len(step.replay) for step in plan) - share * len(seen)) <= len(plan)
