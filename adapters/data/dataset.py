"""What a dataset is on disk: `rows.jsonl`, its hash, and the card that says what is in it."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from adapters.errors import DatasetError
from adapters.rows import Row, Split, row_from_json

ROWS_FILE, CARD_FILE, NEXT_CARD_FILE = "rows.jsonl", "card.json", "card.next.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Card:
    """What is in a dataset. `sha256` is of the bytes of rows.jsonl; `tokens` of all rows, with
    their prompts; of a pair those of its longer answer."""

    name: str
    sha256: str = ""
    created: str = ""  # ISO 8601, UTC
    rows: dict[str, int] = field(default_factory=dict)  # of each split
    tokens: int = 0
    sources: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    licence: str = ""
    kind: str = ""  # see routing.Kind
    advice: tuple[str, ...] = ()
    lengths: dict[str, Any] = field(default_factory=dict)  # see lengths.Lengths
    removed: dict[str, int] = field(default_factory=dict)  # exact, near, bad: rows that were left out
    bad: tuple[str, ...] = ()  # the first rows that could not be used: file:line and why
    privacy: tuple[dict[str, Any], ...] = ()  # see privacy.Finding
    options: dict[str, Any] = field(default_factory=dict)  # seed, wordings, shares
    earlier: tuple[str, ...] = ()  # hashes this dataset had before rows were forgotten

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A card and its rows."""

    card: Card
    rows: tuple[Row, ...]

    def split(self, name: Split) -> tuple[Row, ...]:
        """The rows of one split, in their order."""
        return tuple(row for row in self.rows if row.split == name)


def check_name(name: str) -> None:
    """Refuse a name that could not be a folder's.

    Raises:
        DatasetError: it holds other characters than letters, digits, dots, dashes and underscores.
    """
    if not NAME.fullmatch(name) or ".." in name:
        raise DatasetError(
            f"{name[:80]!r} cannot be the name of a dataset.",
            "Use up to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit.",
        )


def rows_bytes(rows: Iterable[Row]) -> bytes:
    """The content of rows.jsonl."""
    lines = (json.dumps(row.as_json(), ensure_ascii=False, sort_keys=True) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def card_bytes(card: Card) -> bytes:
    """The content of card.json."""
    return (json.dumps(card.as_json(), ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def sha256_of(data: bytes) -> str:
    """The hash that names a dataset's content."""
    return hashlib.sha256(data).hexdigest()


def split_counts(rows: Iterable[Row]) -> dict[str, int]:
    """Rows of each split, also of the empty ones."""
    counts = Counter(row.split for row in rows)
    return {name: counts[name] for name in SPLITS}


def parse_rows(data: bytes, name: str) -> tuple[Row, ...]:
    """The rows of a rows.jsonl; `name` names it in errors.

    Raises:
        DatasetError: a line is not a row of ours.
    """
    rows = []
    for number, line in enumerate(data.splitlines(), 1):
        try:
            rows.append(row_from_json(json.loads(line)))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise DatasetError(f"{name}, line {number}, is no row of a dataset.", "Build the dataset again.") from error
    return tuple(rows)


def load(folder: Path) -> Dataset:
    """The dataset in `folder`, checked against its hash.

    Raises:
        DatasetError: there is none, or it was changed or damaged after it was built.
    """
    try:
        data = (folder / ROWS_FILE).read_bytes()
    except OSError as error:
        raise DatasetError(f"There is no dataset {folder.name}.", "`assistant dataset list` lists them.") from error
    sha256 = sha256_of(data)
    for card in (read_card(folder / CARD_FILE), read_card(folder / NEXT_CARD_FILE)):
        if card is not None and card.sha256 == sha256:
            return Dataset(card, parse_rows(data, f"{folder.name}/{ROWS_FILE}"))
    raise DatasetError(
        f"The rows of the dataset {folder.name} are not those it was built with.",
        f"Build it again from them: assistant dataset build {folder.name} {folder / ROWS_FILE}",
    )


def load_card(folder: Path) -> Card | None:
    """The card of the dataset in `folder` without reading its rows; None where there is none.

    A crash between the rows and the card leaves the next card beside it; `load` tells them apart.
    """
    return read_card(folder / CARD_FILE) or read_card(folder / NEXT_CARD_FILE)


def read_card(path: Path) -> Card | None:
    """A card of any version: keys this one does not know are left out. None where it cannot be read."""
    try:
        value = json.loads(path.read_bytes())
        known = {entry.name: entry.default for entry in fields(Card)}
        settings: dict[str, Any] = {
            key: tuple(entry) if known[key] == () else entry for key, entry in value.items() if key in known
        }
        return Card(**settings)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def holding(rows: Sequence[Row], text: str) -> tuple[Row, ...]:
    """The rows in whose turns, text or source's name `text` stands, whatever its case and spacing."""
    wanted = plain(text)
    return tuple(row for row in rows if wanted and wanted in plain(searched(row)))


def searched(row: Row) -> str:
    """All words of a row: what is said in it and the name of its source."""
    return "\n".join([*(turn.content for turn in row.turns), row.rejected, row.text, row.origin.name])


def plain(text: str) -> str:
    """`text` as it is compared: case folded, every run of white space one space."""
    return " ".join(text.casefold().split())


def label(row: Row) -> str:
    """A row's name in a list: where it comes from."""
    origin = row.origin
    return f"{origin.name or origin.source}:{origin.id}" if origin.id else origin.name or origin.source
