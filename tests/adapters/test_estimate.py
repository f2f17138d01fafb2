"""What a training needs, told before: parameters exactly, memory and disk by formula, refusals in words."""

import json
from dataclasses import replace

import pytest

from adapters.errors import TrainingError
from adapters.training.estimate import Machine, Work, estimate, table, trainable
from adapters.training.recipe import METHODS, Recipe
from adapters.training.shape import shape_of
from assistant.models.location import resolve_model
from tests.made_training import trainable_model

MACHINE = Machine(2, True, 64 * 10**9, 10**12)
WORK = Work(180, 18_000, 140)


@pytest.fixture(scope="module")
def starter():
    return shape_of(resolve_model("starter"))


@pytest.mark.parametrize(
    ("recipe", "count"),
    [
        (Recipe(), 4_884_480),  # SmolLM2-135M, rank 16 on all seven: as PEFT counts
        (Recipe(rank=8), 2_442_240),
        (Recipe(targets=("q_proj", "v_proj")), 16 * 30 * (2 * 576 + 576 + 192)),
        (Recipe(method="full"), 134_515_008),
        (Recipe(method="partial"), 3_538_944 + 3 * 576 + 49_152 * 576),
        (Recipe(method="prompt", virtual_tokens=20), 20 * 576),
    ],
)
def test_trained_parameters_are_counted_exactly(starter, recipe, count):
    """The formula for each method gives what the trainer reports."""
    assert trainable(starter, recipe) == count


def test_a_gguf_and_a_folder_of_the_same_model_have_one_shape(starter, tmp_path):
    """config.json says what the GGUF's header says, the number of parameters included."""
    config = {
        "model_type": "llama", "num_hidden_layers": 30, "hidden_size": 576, "intermediate_size": 1536,
        "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49_152, "tie_word_embeddings": True,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert shape_of(tmp_path) == replace(starter, stored=0, packed=False)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"model_type": "llama"}', '{"model_type": "gpt2"}'])
def test_a_folder_that_is_no_model_is_refused_in_words(tmp_path, content):
    """Missing, damaged, incomplete, foreign: one sentence and a hint."""
    if content:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(TrainingError) as refused:
        shape_of(tmp_path)
    assert refused.value.hint


def test_methods_stand_in_their_order_of_cost(starter):
    """Full training needs most, a soft prompt least; quantised weights are smaller than half-precision ones."""
    by = {entry.method: entry for entry in table(starter, Recipe(), WORK, MACHINE)}
    assert tuple(by) == METHODS
    assert by["full"].memory == max(entry.memory for entry in by.values())
    assert by["prompt"].trainable < by["lora"].trainable < by["partial"].trainable < by["full"].trainable
    assert by["qlora"].weights < by["lora"].weights < by["full"].weights
    assert by["full"].optimizer == 8 * 134_515_008 and by["full"].gradients == 4 * 134_515_008
    assert all(
        entry.weights + entry.gradients + entry.optimizer + entry.activations + entry.process == entry.memory
        for entry in by.values()
    )


def test_time_follows_rows_epochs_and_the_speed_of_the_last_run(starter):
    """Twice the epochs cost about twice the time; a run that was twice as fast halves it."""
    work = replace(WORK, replay_ready=True)
    once, twice = (estimate(starter, Recipe(epochs=epochs), work, MACHINE).seconds for epochs in (4, 8))
    assert 1.7 < twice / once < 2.1
    slow, fast = (estimate(starter, Recipe(), work, replace(MACHINE, flops=flops)).seconds for flops in (1e11, 2e11))
    assert 1.6 < slow / fast < 2.1


def test_too_little_memory_or_disk_is_refused_at_the_border(starter):
    """What is needed and what is free stand in the refusal; one byte more and it runs."""
    needed = estimate(starter, Recipe(), WORK, MACHINE)
    for machine in (replace(MACHINE, memory=needed.memory - 1), replace(MACHINE, disk=2 * needed.disk - 1)):
        assert "free" in estimate(starter, Recipe(), WORK, machine).refusal
    enough = replace(MACHINE, memory=needed.memory, disk=2 * needed.disk)
    assert estimate(starter, Recipe(), WORK, enough).refusal == ""
    assert "H200" in estimate(starter, Recipe(), WORK, replace(MACHINE, memory=1, gpu="H200")).refusal


def test_a_tiny_model_has_a_shape(tmp_path):
    """Everything follows from the header, also for a model of 100 kB."""
    shape = shape_of(trainable_model(tmp_path / "tiny.gguf"))
    assert (shape.layers, shape.hidden, shape.vocabulary, shape.tied) == (2, 32, 262, True)
    assert trainable(shape, Recipe(rank=4)) == 4096
