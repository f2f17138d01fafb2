"""Finished training runs made on the spot: the files a trainer leaves, with a random adapter."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapters.files.gguf import read_gguf
from adapters.rows import Origin, Row, Turn
from tests.made_gguf import lora, tiny_model

RECIPE = {"method": "lora", "rank": 4, "alpha": 8.0}


def rows(count: int = 12, split: str = "test") -> list[Row]:
    """Questions with one right answer each."""
    return [
        Row(
            (Turn("user", f"What is the code of room {n}?"), Turn("assistant", f"The code is {n}.")),
            "",
            Origin("file", "rooms.jsonl", str(n)),
            split,
        )  # type: ignore[arg-type]
        for n in range(count)
    ]


def finished_run(
    folder: Path,
    name: str = "style",
    *,
    base: Path | None = None,
    strength: float = 0.3,
    seed: int = 1,
    asked: Sequence[Row] = (),
    **changes: Any,
) -> Path:
    """A run folder whose result can be registered; `changes` go into its run.json."""
    folder.mkdir(parents=True, exist_ok=True)
    base = base or tiny_model(folder / "base.gguf")
    result = folder / "result"
    (result / "peft").mkdir(parents=True)
    lora(result / "adapter.gguf", read_gguf(base), strength=strength, seed=seed)
    lines = "".join(json.dumps(row.as_json()) + "\n" for row in asked or rows())
    (folder / "rows.jsonl").write_text(lines)
    digest = hashlib.sha256(lines.encode()).hexdigest()
    about = {
        "id": folder.name, "name": name, "base": str(base), "dataset": "rooms", "dataset_sha256": digest,
        "base_sha256": hashlib.sha256(base.read_bytes()).hexdigest(), "recipe": RECIPE, "system_prompt": "",
        "created": "2026-01-02T03:04:05+00:00",
    } | changes  # fmt: skip
    (folder / "run.json").write_text(json.dumps(about))
    (folder / "card.json").write_text(json.dumps({"name": "rooms", "sha256": digest, "licence": "own"}))
    (result / "recipe.json").write_text(json.dumps(RECIPE))
    (result / "result.json").write_text(json.dumps({"steps": 10, "train_loss": 0.5, "validation_loss": 0.6}))
    (result / "peft" / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "r": 4, "base_model_name_or_path": "/home/somebody/models/base"})
    )
    (result / "peft" / "adapter_model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    return folder
