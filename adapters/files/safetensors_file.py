"""Reads safetensors files, every number checked before it is believed. [H] numpy.

The layout is safetensors' own (https://github.com/huggingface/safetensors#format): a length of eight bytes,
a JSON header, the tensors' bytes. numpy has no bfloat16, so those are widened by hand, which is exact.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.errors import TrainingError
from adapters.files.gguf_facts import shown

MAX_HEADER, MAX_TENSORS, MAX_DIMENSIONS = 100 * 2**20, 100_000, 8
BFLOAT = "BF16"
TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", BFLOAT: "<u2"}


@dataclass(frozen=True, slots=True)
class _Entry:
    type: str
    shape: tuple[int, ...]
    start: int  # in the file


class SafeTensors:
    """The floating-point tensors of one file, or of a folder with an index and its shards, read one at a time."""

    def __init__(self, path: Path) -> None:
        """Raises TrainingError: missing, damaged, or no safetensors."""
        self._entries: dict[str, tuple[Path, _Entry]] = {}
        for file in _files(path):
            self._entries |= {name: (file, entry) for name, entry in _header(file).items()}

    @property
    def names(self) -> list[str]:
        """All tensors, sorted."""
        return sorted(self._entries)

    def shape(self, name: str) -> tuple[int, ...]:
        """A tensor's shape, in the order of transformers: (out, in)."""
        return self._entries[name][1].shape

    def stored(self, name: str) -> tuple[str, int]:
        """How a tensor is stored: its type (F32, BF16, …) and its bytes."""
        entry = self._entries[name][1]
        return entry.type, math.prod(entry.shape) * np.dtype(TYPES[entry.type]).itemsize

    def read(self, name: str) -> NDArray[np.float32]:
        """A tensor as 32-bit floats.

        Raises:
            TrainingError: it holds infinite numbers, or the file cannot be read.
        """
        file, entry = self._entries[name]
        try:
            with file.open("rb") as source:
                source.seek(entry.start)
                raw = np.fromfile(source, TYPES[entry.type], math.prod(entry.shape))
        except OSError as error:
            raise TrainingError(f"{file.name} cannot be read: {error.strerror}.", "Check the disk.") from error
        values = (raw.astype(np.uint32) << 16).view(np.float32) if entry.type == BFLOAT else raw.astype(np.float32)
        if not np.isfinite(values).all():
            raise TrainingError(
                f"{file.name} holds numbers that are infinite or none, in '{shown(name, 100)}'.",
                "The training went wrong: train again with a lower learning rate.",
            )
        return values.reshape(entry.shape)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    index = path / "model.safetensors.index.json"
    if not index.is_file():
        return [path / "model.safetensors"]
    try:
        names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
        if all(Path(name).name == name for name in names):
            return [path / name for name in names]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise _damaged(index, "it lists no files of this folder")


def _header(path: Path) -> dict[str, _Entry]:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(MAX_HEADER, size - 8):
                raise _damaged(path, "its header is longer than the file may be")
            described = json.loads(file.read(length))
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "its header is not JSON") from error
    if not isinstance(described, dict) or len(described) > MAX_TENSORS:
        raise _damaged(path, "its header is no list of tensors")
    described.pop("__metadata__", None)
    return {name: _entry(path, name, each, 8 + length, size) for name, each in described.items()}


def _entry(path: Path, name: str, described: Any, start: int, size: int) -> _Entry:
    wrong = _damaged(path, f"the tensor '{shown(name, 100)}' cannot be as it is described")
    try:
        kind, shape, (begin, end) = described["dtype"], described["shape"], described["data_offsets"]
    except (TypeError, KeyError, ValueError) as error:
        raise wrong from error
    if kind not in TYPES:
        raise TrainingError(
            f"{path.name} holds '{shown(name, 100)}' as {shown(str(kind))}, which cannot be exported.",
            f"Known: {', '.join(TYPES)}.",
        )
    numbers = [*shape, begin, end] if isinstance(shape, list) else [-1]
    if any(type(number) is not int or not 0 <= number < 2**62 for number in numbers) or len(shape) > MAX_DIMENSIONS:
        raise wrong
    if end - begin != math.prod(shape) * np.dtype(TYPES[kind]).itemsize or start + end > size:
        raise wrong
    return _Entry(kind, tuple(shape), start + begin)


def _damaged(path: Path, what: str) -> TrainingError:
    return TrainingError(f"{path.name} is damaged: {what}.", "Get the file again, or train again.")
