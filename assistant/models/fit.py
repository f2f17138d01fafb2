"""Will a model fit: for running with several contexts, and for training by each method, against what is free?"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapters.errors import GGUFError, TrainingError
from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import GGUFFacts, check_model
from adapters.training.estimate import Estimate, Machine, Work, estimate
from adapters.training.recipe import Recipe
from adapters.training.shape import Shape, shape_of
from assistant.errors import ModelError, UsageError
from assistant.models.location import STARTER, STARTER_FILE
from assistant.models.memory import (
    CACHE,
    CACHE_TYPES,
    SMALLEST,
    Need,
    available_memory,
    graphics_memory,
    largest_context,
    need,
)

CONTEXTS = (2048, 8192, 32768, 131072)  # shown beside the one that is asked for
DEFAULT_CONTEXT = 8192  # as assistant.backends.llamacpp has it, which imports llama.cpp
EXAMPLE = Work(rows=200, tokens=30_000, longest=512, replay_ready=True)  # what training is told for
# the precisions of the base's weights that each method can have; the optimizer's are float32 in all
RECIPES = (
    ("fp32", Recipe(method="full", precision="fp32")),
    ("bf16", Recipe(method="full", precision="bf16")),
    ("bf16", Recipe(method="partial", precision="bf16")),
    ("fp32", Recipe(method="lora", precision="fp32")),
    ("bf16", Recipe(method="lora", precision="bf16")),
    ("int8", Recipe(method="qlora", bits="int8", precision="bf16")),
    ("nf4", Recipe(method="qlora", bits="nf4", precision="bf16")),
    ("bf16", Recipe(method="prompt", precision="bf16")),
)

# the arithmetic people are taught: bytes a parameter to store; and to train in full with AdamW in float32, where the
# last is a rule of thumb for activations and temporary values ("Generative AI with Large Language Models", week 1,
# DeepLearning.AI and AWS 2023; the first three also https://huggingface.co/docs/transformers/model_memory_anatomy)
STORED = {"fp32": 4.0, "fp16": 2.0, "bf16": 2.0, "int8": 1.0, "nf4": 0.516}
TRAINED = {"weights": 4, "gradients": 4, "AdamW": 8, "activations": 8}


@dataclass(frozen=True, slots=True)
class Running:
    """What one context takes, in bytes."""

    context: int
    need: Need


@dataclass(frozen=True, slots=True)
class Fit:
    """A model beside this machine. `free` and `gpu_free` are bytes; `largest` is the longest context that fits, 0
    for none; `training` pairs the precision of the base's weights with the estimate, and is empty where `untrainable`
    says why.
    """

    name: str
    path: Path
    parameters: int
    quantization: str
    trained_context: int
    cache: str
    asked: Running
    others: tuple[Running, ...]
    largest: int
    free: int
    gpu: str
    gpu_free: int
    training: tuple[tuple[str, Estimate], ...]
    untrainable: str = ""

    @property
    def verdict(self) -> str:
        """`fits`, `tight` or `too large`, for the context that is asked for."""
        return self.asked.need.verdict(self.free)

    @property
    def taught(self) -> dict[str, float]:
        """Bytes to store the parameters in each type, and to train all of them in float32, by the usual rule."""
        stored = {kind: self.parameters * each for kind, each in STORED.items()}
        return {**stored, "training": float(self.parameters * sum(TRAINED.values()))}

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "model": self.name, "path": str(self.path), "parameters": self.parameters,
            "quantization": self.quantization, "trained_context": self.trained_context, "cache": self.cache,
            "free": self.free, "gpu": self.gpu, "gpu_free": self.gpu_free, "verdict": self.verdict,
            "margin": self.free - self.asked.need.total, "largest_context": self.largest,
            "running": [self._row(each) for each in (self.asked, *self.others)],
            "training": [{"precision": precision, **each.as_json()} for precision, each in self.training],
            "untrainable": self.untrainable, "taught": self.taught,
        }  # fmt: skip

    def _row(self, each: Running) -> dict[str, Any]:
        return {"context": each.context, "verdict": each.need.verdict(self.free), **each.need.as_json()}


def fit(path: Path, context: int = 0, cache: str = CACHE) -> Fit:
    """The estimates for a GGUF file; a `context` of 0 is the file's own, at most 8,192. Reads its header alone.

    Raises:
        GGUFError: no model. ModelError: a folder. UsageError: no such cache type, or a context that cannot be.
    """
    if path.is_dir():
        raise ModelError(f"{path.name} is a folder of safetensors.", "Convert it first: assistant models convert DIR")
    if cache not in CACHE_TYPES:
        raise UsageError(f"There is no cache type {cache!r}.", f"Known: {', '.join(CACHE_TYPES)}.")
    facts = read_gguf(path)
    check_model(facts)
    wanted = context or min(DEFAULT_CONTEXT, facts.context)
    if not SMALLEST <= wanted <= facts.context:
        raise UsageError(
            f"The context must be from {SMALLEST} to {facts.context:,} tokens, which the model was trained for.",
            "Leave out --context for the usual one.",
        )
    free, (gpu, gpu_free) = available_memory(), graphics_memory()
    training, untrainable = _training(path, gpu, gpu_free or free)
    others = sorted({each for each in (*CONTEXTS, facts.context) if each <= facts.context} - {wanted})
    name = STARTER if path.name == STARTER_FILE else facts.name
    return Fit(
        name, path, facts.parameters, facts.quantization, facts.context, cache,
        _running(facts, wanted, cache), tuple(_running(facts, each, cache) for each in others),
        largest_context(facts, free, cache), free, gpu, gpu_free, training, untrainable,
    )  # fmt: skip


def _running(facts: GGUFFacts, context: int, cache: str) -> Running:
    return Running(context, need(facts, context, cache))


def _training(path: Path, gpu: str, memory: int) -> tuple[tuple[tuple[str, Estimate], ...], str]:
    try:
        shape: Shape = shape_of(path)
    except (GGUFError, TrainingError) as error:
        return (), f"{error} {error.hint}"
    disk = shutil.disk_usage(path.parent).free
    machine = Machine(len(os.sched_getaffinity(0)), True, memory, disk, gpu=gpu)
    return tuple((precision, _of(shape, recipe, machine)) for precision, recipe in RECIPES), ""


def _of(shape: Shape, recipe: Recipe, machine: Machine) -> Estimate:
    found = estimate(shape, recipe, EXAMPLE, machine)
    return replace(found, seconds=0.0)  # time is told by the plan of a training, which knows its rows
