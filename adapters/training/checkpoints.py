"""Checkpoints of a run: weights, optimizer and place, whole or not there at all. [H] safetensors, torch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from adapters.durable import publish, sha256_of, unfinished

COMPLETE = "COMPLETE.json"  # written last: the SHA-256 of each file
KEPT = 2


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What training needs to go on: `place` is plain JSON (steps done, best so far, figures)."""

    weights: dict[str, Tensor]
    moments: dict[str, Tensor]
    place: dict[str, Any]


def save(folder: Path, step: int, checkpoint: Checkpoint) -> None:
    """Write a checkpoint beside the others.

    Raises:
        OSError: the disk is full; the checkpoints before are untouched.
    """
    final = folder / f"step-{step:06d}"
    if final.exists():  # training that was resumed passes here again
        shutil.rmtree(final)
    temporary = unfinished(final)
    temporary.mkdir(mode=0o700)
    try:
        save_file(_plain(checkpoint.weights), temporary / "weights.safetensors")
        save_file(_plain(checkpoint.moments), temporary / "moments.safetensors")
        write_json(temporary / "place.json", checkpoint.place)
        write_json(temporary / COMPLETE, {path.name: sha256_of(path) for path in sorted(temporary.iterdir())})
        publish(temporary, final)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def newest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint that is whole; what is not is passed over."""
    for path in sorted(folder.glob("step-*"), reverse=True):
        if is_whole(path):
            return load(path)
    return None


def load(path: Path) -> Checkpoint:
    """A checkpoint known to be whole."""
    return Checkpoint(
        load_file(path / "weights.safetensors"),
        load_file(path / "moments.safetensors"),
        json.loads((path / "place.json").read_text("utf-8")),
    )


def is_whole(path: Path) -> bool:
    """Whether every file is as it was when the checkpoint was finished."""
    try:
        sums = json.loads((path / COMPLETE).read_text("utf-8"))
        return {"weights.safetensors", "moments.safetensors", "place.json"} <= sums.keys() and all(
            sha256_of(path / name) == value for name, value in sums.items()
        )
    except (OSError, ValueError, AttributeError):
        return False


def prune(folder: Path) -> None:
    """Delete all but the newest few."""
    for path in sorted(folder.glob("step-*"))[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON into a folder that is not published yet."""
    with path.open("x", encoding="utf-8") as file:
        json.dump(value, file, indent=1)


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
