"""A tiny base that both engines read, rows to train on, and a run of the trainer in this process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from made_gguf import tiny_metadata, tiny_tensors, write_gguf

from adapters.rows import Origin, Row, Turn
from adapters.training.base_weights import load_tokenizer
from adapters.training.encoding import Codec, Encoded, codec_from
from adapters.training.methods import Prepared, prepare
from adapters.training.recipe import Recipe
from adapters.training.replay import Replay
from adapters.training.trainer import Trainer

CPU = torch.device("cpu")


def tiny_base(path: Path) -> Path:
    """A model of 100 kB whose tokenizer transformers reads: the one merge it has makes a token that exists."""
    metadata = tiny_metadata()
    metadata["tokenizer.ggml.tokens"][0] = "ab"  # in place of the letter of a byte no test writes
    return write_gguf(path, metadata, tiny_tensors())


def facts(count: int, split: str = "train", letters: str = "xyz") -> list[Row]:
    """Questions with answers that can only be learned by heart."""
    return [
        Row(
            (Turn("user", f"What is number {number}?"), Turn("assistant", f"It is {letters[number % 3] * 3}.")),
            origin=Origin("file", id=str(number)),
            split=split,  # type: ignore[arg-type]
        )
        for number in range(count)
    ]


def codec(base: Path) -> Codec:
    """The base's codec with a short system prompt."""
    return codec_from(load_tokenizer(base), "Be brief.")


def encoded(base: Path, rows: Sequence[Row]) -> list[Encoded]:
    """The rows as tokens."""
    made = codec(base)
    return [made.encode(row, 512) for row in rows]


def general(rows: Sequence[Encoded]) -> Replay:
    """Rows in place of what the base says to general prompts."""
    return Replay(tuple(rows[:-2]), tuple(rows[-2:]))


def trained(
    base: Path,
    recipe: Recipe,
    folder: Path,
    events: list[dict[str, Any]] | None = None,
    stop_at: int = 0,
    wish: str = "pause",
    held_out: Sequence[Row] = (),
) -> tuple[Trainer, Prepared, str]:
    """Train on ten facts with four general rows; `wish` after `stop_at` steps."""
    rows = encoded(base, facts(10))
    validation = encoded(base, held_out) or rows[:3]
    prepared = prepare(base, recipe, CPU)
    seen = [] if events is None else events
    trainer = Trainer(
        prepared, recipe, rows, validation, general(encoded(base, facts(6))),
        accelerator=Accelerator(cpu=True), folder=folder, emit=seen.append,
    )  # fmt: skip
    ended = trainer.run(lambda: wish if stop_at and trainer.place.step >= stop_at else "", lambda: None)
    return trainer, prepared, ended
