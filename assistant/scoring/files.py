"""How do scores and preferences leave as files? As JSON lines, one a score or a pair."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import StorageError, UsageError
from assistant.scoring.learning import exported
from assistant.scoring.preferences import pair_json, pairs
from ingest.atomic_file import replace_file

if TYPE_CHECKING:
    from assistant.bootstrap import Core


async def score_values(core: Core) -> list[dict[str, Any]]:
    """Every score with its prompt, passages, model, adapter and sampling, the oldest first."""
    return [await exported(core, each) for each in reversed(await core.scores.all())]


async def pair_values(core: Core) -> list[dict[str, Any]]:
    """Every pair as preference trainers read it (see `preferences.pair_json`)."""
    return [await pair_json(core, pair) for pair in await pairs(core)]


async def save_lines(path: Path, values: Sequence[dict[str, Any]]) -> None:
    """Write values to a new file, one a line.

    Raises:
        UsageError: the file exists already; StorageError: it cannot be written.
    """
    if path.exists():
        raise UsageError(f"{path} exists already.", "Choose another name.")
    data = "".join(f"{json.dumps(value)}\n" for value in values).encode()
    try:
        await asyncio.to_thread(replace_file, path, data)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}.", "Choose another.") from error
