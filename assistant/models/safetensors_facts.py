"""What a folder of safetensors says of itself: its config.json and the headers of its files, every number checked.

The layout is https://github.com/huggingface/safetensors#format. Weights are never read, so nothing heavy is needed.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

MAX_CONFIG, MAX_HEADER, MAX_TENSORS = 4 * 2**20, 100 * 2**20, 100_000  # bytes, bytes, tensors


class FolderError(Exception):
    """Why a folder cannot be used as a model, in words."""


def is_model_folder(folder: Path) -> bool:
    """Whether it looks like a model in the layout of transformers."""
    return (folder / "config.json").is_file() and bool(weight_files(folder))


def weight_files(folder: Path) -> list[Path]:
    """Its safetensors, sorted by name."""
    return sorted(path for path in folder.glob("*.safetensors") if path.is_file())


def folder_facts(folder: Path) -> dict[str, Any]:
    """Fields of FoundModel: size, architecture, parameters, quantization, context, template, tokenizer.

    Raises:
        FolderError: a file is damaged, is missing, or the model wants to run code of its own.
        OSError: a file cannot be read.
    """
    config = _json(folder / "config.json")
    if "auto_map" in config:
        raise FolderError("It wants to run code of its own, which is never done.")
    files = weight_files(folder)
    counts: dict[str, int] = {}
    for file in files:
        for kind, count in _weights(file).items():
            counts[kind] = counts.get(kind, 0) + count
    return {
        "size": sum(file.stat().st_size for file in files),
        "architecture": str(config.get("model_type", ""))[:40],
        "parameters": sum(counts.values()),
        "quantization": max(counts, key=lambda kind: counts[kind], default=""),
        "context": _whole(config.get("max_position_embeddings")),
        "template": (folder / "chat_template.jinja").is_file()
        or "chat_template" in _json(folder / "tokenizer_config.json", missing=True),
        "tokenizer": "tokenizer.json" if (folder / "tokenizer.json").is_file() else "",
    }


def _json(path: Path, *, missing: bool = False) -> dict[str, Any]:
    if missing and not path.is_file():
        return {}
    if path.stat().st_size > MAX_CONFIG:
        raise FolderError(f"{path.name} is larger than {MAX_CONFIG // 2**20} MiB.")
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FolderError(f"{path.name} is not valid JSON.") from error
    if not isinstance(value, dict):
        raise FolderError(f"{path.name} is no JSON object.")
    return value


def _weights(path: Path) -> dict[str, int]:
    """How many numbers of each type a file holds."""
    damaged = FolderError(f"{path.name} is damaged or not whole.")
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(MAX_HEADER, size - 8):
            raise damaged
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError) as error:
            raise damaged from error
    if not isinstance(header, dict) or len(header) > MAX_TENSORS:
        raise damaged
    counts: dict[str, int] = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            kind, shape, (begin, end) = str(entry["dtype"])[:12], entry["shape"], entry["data_offsets"]
            numbers = [*shape, begin, end]
        except (TypeError, KeyError, ValueError) as error:
            raise damaged from error
        if any(type(number) is not int or not 0 <= number < 2**62 for number in numbers):
            raise damaged
        if begin > end or 8 + length + end > size:
            raise damaged
        counts[kind] = counts.get(kind, 0) + math.prod(shape)
    return counts


def _whole(value: Any) -> int:
    return value if type(value) is int and 0 < value < 2**31 else 0
