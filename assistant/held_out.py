"""Which rows is a proof to ask, and what did the training leave for it?"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from adapters.errors import AdapterFitError
from adapters.rows import Row, row_from_json
from assistant.errors import NotFoundError

MAX_ROWS = 120  # held-out rows that are asked; more are drawn at random, the same for the same rows


def drawn(rows: list[Row]) -> list[Row]:
    """At most MAX_ROWS of the rows, at random, the same for the same rows."""
    return rows if len(rows) <= MAX_ROWS else random.Random(0).sample(rows, MAX_ROWS)


def read_rows(path: Path) -> list[Row]:
    """The rows of a rows.jsonl.

    Raises:
        NotFoundError: there is none; AdapterFitError: it holds other lines.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise NotFoundError(
            f"There are no rows to ask: {path} cannot be read.",
            "Give a dataset: assistant adapters prove NAME --data DATASET",
        ) from error
    try:
        return [row_from_json(json.loads(line)) for line in lines if line.strip()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AdapterFitError(f"{path} holds lines that are no rows.", "Build the dataset again.") from error


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object that a training left.

    Raises:
        AdapterFitError: it is damaged.
    """
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise AdapterFitError(f"{path} cannot be read.", "Train the adapter again.") from error
    return value if isinstance(value, dict) else {}
