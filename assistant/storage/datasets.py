"""Where datasets are kept: HOME/training/datasets/NAME, each written so that a crash leaves the old or the new one."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from adapters.data.dataset import (
    CARD_FILE,
    NEXT_CARD_FILE,
    ROWS_FILE,
    Card,
    Dataset,
    card_bytes,
    check_name,
    load,
    load_card,
    rows_bytes,
    sha256_of,
    split_counts,
)
from assistant.errors import NotFoundError
from ingest.atomic_file import replace_file


def datasets_folder(home: Path) -> Path:
    """The folder that holds one folder a dataset."""
    return home / "training" / "datasets"


def dataset_folder(home: Path, name: str) -> Path:
    """Where the dataset called `name` is kept, or would be.

    Raises:
        DatasetError: `name` cannot be a dataset's.
    """
    check_name(name)
    return datasets_folder(home) / name


def list_datasets(home: Path) -> list[Card]:
    """The cards of all datasets by name; rows are not read."""
    folder = datasets_folder(home)
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []
    cards = [load_card(folder / name) for name in names]
    return [replace(card, name=name) for name, card in zip(names, cards, strict=True) if card is not None]


def load_dataset(home: Path, name: str) -> Dataset:
    """A dataset with its rows.

    Raises:
        DatasetError: there is none, or its rows are not those it was built with.
    """
    return load(dataset_folder(home, name))


def save_dataset(home: Path, dataset: Dataset) -> Dataset:
    """Write a dataset over the one of its name; returned with its hash, time and counts.

    The next card is written first, then the rows, then the card: whichever of these a crash leaves
    last, the rows have a card with their hash.

    Raises:
        OSError: the disk is full or read-only; the dataset before is untouched.
    """
    folder = dataset_folder(home, dataset.card.name)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = rows_bytes(dataset.rows)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    card = replace(dataset.card, sha256=sha256_of(data), created=now, rows=split_counts(dataset.rows))
    replace_file(folder / NEXT_CARD_FILE, card_bytes(card))
    replace_file(folder / ROWS_FILE, data)
    replace_file(folder / CARD_FILE, card_bytes(card))
    (folder / NEXT_CARD_FILE).unlink(missing_ok=True)
    return Dataset(card, dataset.rows)


def remove_dataset(home: Path, name: str) -> None:
    """Delete a dataset's folder. Adapters and runs made from it stay.

    Raises:
        NotFoundError: there is none.
    """
    folder = dataset_folder(home, name)
    if not folder.is_dir():
        raise NotFoundError(f"There is no dataset {name}.", "`assistant dataset list` lists them.")
    shutil.rmtree(folder)
