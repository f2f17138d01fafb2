"""How does a run's result become the GGUF file the chat runs? In a child, so that no array library comes in here."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from adapters.errors import TrainingError
from adapters.versions.registered import KINDS, MAIN_FILES


def main_file(run: Path) -> Path:
    """The file that a run's result is used as: adapter.gguf, model.gguf, or a soft prompt's settings."""
    return run / "result" / MAIN_FILES[KINDS.get(str(_json(run / "result" / "recipe.json").get("method")), "lora")]


async def convert(run: Path, base: Path) -> None:
    """Write the result's GGUF file, in a child process; `base` is the chat's model, a GGUF file.

    Raises:
        TrainingError: it cannot be represented, does not belong to `base`, or the disk is full.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "adapters.files.conversion_worker", str(run), str(base),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        said, _ = await child.communicate()
    except asyncio.CancelledError:
        child.kill()
        await child.wait()
        raise
    if child.returncode:
        try:
            error = json.loads(said.splitlines()[-1])
        except (ValueError, IndexError):
            error = {"message": f"Writing the adapter's GGUF file failed (exit code {child.returncode}).", "hint": ""}
        raise TrainingError(error["message"], error["hint"])


def run_facts(run: Path) -> dict[str, Any]:
    """The content of a run's run.json.

    Raises:
        TrainingError: it cannot be read.
    """
    return _json(run / "run.json")


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TrainingError(f"The run has no readable {path.name}.", "Let it finish first, or train again.") from error
    return value if isinstance(value, dict) else {}
