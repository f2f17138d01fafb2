"""What does each method of training need: parameters, memory, disk and time, before anything is loaded?

Bytes follow from the base's shape and the recipe: float32 is 4 bytes a number, bfloat16 2; AdamW keeps two
float32 moments for each trained one (arXiv 1711.05101); NF4 with double quantisation takes 0.5 bytes a
weight, 1/64 for the scales of blocks of 64, and 4/16,384 for those of the scales (arXiv 2305.14314, section 3).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from adapters.training.recipe import METHODS, PACK_TOKENS, Method, Recipe
from adapters.training.shape import Shape

CHUNK = 512  # as the learner has it, which imports torch
FLOAT, HALF = 4, 2
NF4, INT8 = 0.5 + 1 / 64 + 4 / 16384, 1.0
LIBRARIES = 470 * 10**6  # resident before a model is loaded: torch, transformers, peft and accelerate
CORE_FLOPS = {"bf16": 80e9, "fp32": 35e9}  # sustained by one core in such a loop, where no run has told
GPU_FLOPS = 60e12
HOLES = 0.4  # of what a pack takes, more in a heap that packs of many sizes have gone through: benchmarks/RESULTS.md
REPLAY_ROWS = 578 + 768  # general prompts, and conversations the base makes up, as adapters.training.replay has them
REPLAY_TOKENS, REPLAY_LEARNED, REPLAY_MADE = 82, 49, 42  # of one on the average: all, learned, written by the base
GENERATION = 6.0  # generating a token costs as much as evaluating so many: memory, not arithmetic, limits it
VALIDATIONS, MEASURED = 9, 96  # validations in a run, and rows looked at in each, general ones included
KEPT = 3  # checkpoints there may be at once: two kept, one being written


@dataclass(frozen=True, slots=True)
class Work:
    """What is trained on: rows of the train split, their tokens, the longest row, and whether replay is cached."""

    rows: int
    tokens: int
    longest: int
    replay_ready: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to train with. `flops` is what a finished run has reached in all (0: none is known)."""

    cores: int
    half: bool  # bfloat16 is native
    memory: int  # free bytes, of the GPU where there is one
    disk: int  # free bytes
    flops: float = 0.0
    gpu: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One row of the table: bytes, seconds, counts. `refusal` says in words why it cannot run here, "" if it can."""

    method: Method
    trainable: int
    parameters: int
    weights: int
    gradients: int
    optimizer: int
    activations: int
    process: int  # libraries, holes in the heap, and copies that are made while loading and saving
    memory: int
    disk: int
    steps: int
    seconds: float
    refusal: str = ""

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return asdict(self)


def table(shape: Shape, recipe: Recipe, work: Work, machine: Machine) -> tuple[Estimate, ...]:
    """Every method that the recipe's objective has, with its other knobs; a learning rate belongs to its own only."""
    methods = [method for method in METHODS if method != "prompt" or recipe.objective == "answers"]
    return tuple(
        estimate(shape, recipe if method == recipe.method else replace(recipe, method=method), work, machine)
        for method in methods
    )


def estimate(shape: Shape, recipe: Recipe, work: Work, machine: Machine) -> Estimate:
    """What one recipe needs on this machine. A pair is two rows, looked at once more before the first step; a rated
    row has one beside it that belongs to another question.
    """
    if recipe.objective != "answers":
        work = replace(work, tokens=2 * work.tokens)
    half = recipe.precision == "bf16" or (recipe.precision == "auto" and machine.half)
    trained = trainable(shape, recipe)
    weights = _weights(shape, recipe, half)
    gradients, optimizer = FLOAT * trained, 2 * FLOAT * trained
    activations = _activations(shape, recipe, work, half) + _logits(shape, recipe, work, half)
    kept = FLOAT * trained + _teacher(shape, recipe, half)  # the best weights so far, and what the base said
    holes = 0 if machine.gpu else round(HOLES * activations)
    training = weights + gradients + optimizer + activations + holes + kept
    saving = weights + optimizer + kept + 2 * 2 * FLOAT * trained
    loading = (FLOAT + (HALF if half else 0)) * shape.parameters if shape.packed else weights + shape.stored
    peak = max(training, saving, loading)
    libraries = 0 if machine.gpu else LIBRARIES * recipe.processes
    memory = libraries + peak * (1 if machine.gpu else recipe.processes)
    disk = _disk(shape, recipe, trained)
    steps = max(1, round(work.rows * work.tokens / max(1, work.rows) / max(recipe.batch_tokens, 1) * recipe.passes))
    return Estimate(
        recipe.method, trained, shape.parameters, weights, gradients, optimizer, activations,
        memory - weights - gradients - optimizer - activations, memory, disk, steps,
        round(_seconds(shape, recipe, work, machine, half), 1), _refusal(memory, disk, machine),
    )  # fmt: skip


def trainable(shape: Shape, recipe: Recipe) -> int:
    """How many numbers are trained."""
    if recipe.method in ("lora", "qlora"):
        return shape.layers * recipe.rank * sum(sum(shape.linear(name)) for name in recipe.targets)
    if recipe.method == "full":
        return shape.parameters
    if recipe.method == "partial":  # the last block with its two norms, the last norm, the head
        return shape.block + 3 * shape.hidden + shape.head
    return recipe.virtual_tokens * shape.hidden


def flops_per_token(shape: Shape, recipe: Recipe) -> float:
    """Arithmetic for one token of training: 2 a weight forward, 2 for what flows back, 2 for what is trained.

    Kaplan et al. 2020 (arXiv 2001.08361, section 2.1); the head is counted for half of the tokens, the learned ones.
    """
    blocks, head = shape.layers * shape.block, shape.head / 2
    forward = 2.0 * (blocks + head)
    if recipe.method == "partial":
        return forward + 4.0 * (shape.block + head)
    return forward + 2.0 * (blocks + head) + 2.0 * (trainable(shape, recipe) if recipe.method != "prompt" else 0)


def _weights(shape: Shape, recipe: Recipe, half: bool) -> int:
    """The base as it lies in memory; a head that is trained is a copy of its own where it was the embedding."""
    size = HALF if half else FLOAT
    if recipe.method == "qlora":
        linear = shape.layers * shape.block
        packed = linear * (NF4 if recipe.bits == "nf4" else INT8)
        return round(packed + (shape.parameters - linear) * size)
    if recipe.method in ("full", "partial"):
        untied = shape.head if recipe.method == "partial" and shape.tied else 0
        return FLOAT * (shape.parameters + untied)
    return size * shape.parameters


def _teacher(shape: Shape, recipe: Recipe, half: bool) -> int:
    """The base's last hidden states on the general rows, and its head where training changes that."""
    states = REPLAY_ROWS * REPLAY_LEARNED * shape.hidden * (HALF if half else FLOAT)
    return states + (FLOAT * shape.head if recipe.method in ("full", "partial") else 0)


def _activations(shape: Shape, recipe: Recipe, work: Work, half: bool) -> int:
    """What is kept between forward and backward for a pack, in bytes, as counted tensor by tensor.

    In each block and token: gate, its activation and the other half (3 inner widths), both norms in float32,
    queries, keys and values as they were made and as they are set apart by row, a probability for each head
    and token looked at; and the inputs of the layers that are trained.
    """
    size = HALF if half else FLOAT
    tokens = max(PACK_TOKENS, min(work.longest, recipe.max_tokens))
    queries, keys = shape.heads * shape.width, shape.groups * shape.width
    virtual = recipe.virtual_tokens if recipe.method == "prompt" else 0
    each = (
        3 * size * shape.inner + 2 * FLOAT * shape.hidden + size * shape.heads * (min(tokens, work.longest) + virtual)
    )
    if recipe.method in ("full", "partial"):  # float32 weights: residuals and norms too, and inputs cast one by one
        each += 2 * FLOAT * shape.hidden + FLOAT * queries + 2 * (FLOAT + size) * keys
        each += size * (5 * shape.hidden + queries + shape.inner)
        blocks = 1 if recipe.method == "partial" else shape.layers
        return blocks * (tokens * each + (HALF * shape.block if half else 0))
    each += size * (queries + 4 * keys)
    if recipe.method == "lora":  # fused: layers that read the same share it
        each += size * (2 * shape.hidden + queries + shape.inner + recipe.rank * len(recipe.targets))
    elif recipe.method == "qlora":  # PEFT's own: a float32 copy for each layer, and of what goes on to the next
        each += FLOAT * (7 * shape.hidden + queries + shape.inner + recipe.rank * len(recipe.targets))
    return (tokens + virtual) * each * shape.layers


def _logits(shape: Shape, recipe: Recipe, work: Work, half: bool) -> int:
    """Of the learned tokens whose logits exist at once: their logarithms, and two gradients, in float32; beside
    them the gradient of a head that is trained, as it was computed and in float32.
    """
    head = shape.head * (FLOAT + (HALF if half else 0)) if recipe.method in ("full", "partial") else 0
    return 3 * FLOAT * min(CHUNK, max(PACK_TOKENS, work.longest)) * shape.vocabulary + head


def _disk(shape: Shape, recipe: Recipe, trained: int) -> int:
    """Checkpoints (weights, best weights, two moments), the result, its GGUF, and the registry's copy of both."""
    checkpoints = KEPT * 4 * FLOAT * trained
    whole = recipe.method in ("full", "partial")
    result = (FLOAT + 2 * HALF) * shape.parameters if whole else 2 * (FLOAT + HALF) * trained
    return checkpoints + result + 10**6


def _seconds(shape: Shape, recipe: Recipe, work: Work, machine: Machine, half: bool) -> float:
    """Training and validation at the speed of the last run, or a guess; a base's general answers are made once."""
    cores = min(recipe.threads or machine.cores, machine.cores) * recipe.processes
    speed = machine.flops or (GPU_FLOPS if machine.gpu else CORE_FLOPS["bf16" if half else "fp32"] * cores)
    general = recipe.replay * work.rows
    tokens = (work.tokens + general * REPLAY_TOKENS) * recipe.passes
    cost = flops_per_token(shape, recipe)
    forward = 2.0 * (shape.layers * shape.block + shape.head / 2)
    length = work.tokens / max(1, work.rows)
    looked_at = VALIDATIONS * (min(64, work.rows / 8) * length + (MEASURED - 64) * REPLAY_TOKENS)
    asked = 0 if work.replay_ready else REPLAY_ROWS * (REPLAY_TOKENS + GENERATION * REPLAY_MADE)
    before = work.tokens if recipe.objective != "answers" else 0
    return 10.0 + (tokens * cost + (looked_at + asked + before) * forward) / speed


def _refusal(memory: int, disk: int, machine: Machine) -> str:
    if memory > machine.memory:
        where = f"of the {machine.gpu}'s memory" if machine.gpu else "of memory"
        return f"needs about {gigabytes(memory)} {where}, {gigabytes(machine.memory)} are free"
    if 2 * disk > machine.disk:  # twice, so that an estimate that is wrong does not fill the disk
        return f"needs {gigabytes(2 * disk)} of free disk, there are {gigabytes(machine.disk)}"
    return ""


def gigabytes(count: int) -> str:
    """Bytes as people read them."""
    return f"{count / 1e9:.1f} GB" if count >= 10**8 else f"{count / 1e6:.0f} MB"
