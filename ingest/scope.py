"""Which part of the library is searched: collections, kinds of file, folders and dates.

A scope is a list of terms. A plain name is a collection; `type:pdf`, `path:letters` (a part of the path, or all
below `path:~/Letters`), `since:2025-03` and `until:2025` are filters on the file and the day it was last changed.
Terms of one kind widen each other, kinds narrow each other. A scope is applied inside both searches, before
anything is ranked: a narrow one still gives as many passages as were asked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.errors import IngestError

if TYPE_CHECKING:
    import sqlite_utils

KEYS = ("type", "path", "since", "until")
EXAMPLE = "Filters are type:pdf, path:letters, path:~/Letters, since:2025-03-31 and until:2025."
_TERM = re.compile(rf"({'|'.join(KEYS)}):(\S+)", re.IGNORECASE)
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?")


@dataclass(frozen=True, slots=True)
class Scope:
    """A condition in SQL on a document `d`, with its values; `unknown` are collections that are not there."""

    where: str
    values: tuple[object, ...]
    unknown: tuple[str, ...] = ()

    @property
    def passages(self) -> str:
        """SQL that selects the numbers of the passages."""
        return f"SELECT k.id FROM documents d JOIN chunks k ON k.document_id = d.id WHERE {self.where}"


def is_filter(term: str) -> bool:
    """Whether a term is a filter and not the name of a collection, which has no colon."""
    return ":" in term


def split_filters(text: str) -> tuple[str, tuple[str, ...]]:
    """The words of a typed search, and the filters that stood among them."""
    filters = tuple(f"{match[1].lower()}:{match[2]}" for match in _TERM.finditer(text))
    return " ".join(_TERM.sub(" ", text).split()), filters


def check_filters(terms: Sequence[str]) -> None:
    """Raises:
    IngestError: a filter that does not exist, or a date that is none.
    """
    for term in filter(is_filter, terms):
        _condition(term)


def resolved(db: sqlite_utils.Database, terms: Sequence[str] | None) -> Scope | None:
    """The scope that terms name; None for the whole library (also where all of its collections are named).

    Raises:
        IngestError: as `check_filters`.
    """
    if terms is None:
        return None
    known: dict[str, int] = dict(db.conn.execute("SELECT name, id FROM collections").fetchall())
    filters = [term for term in terms if is_filter(term)]
    names = [term for term in terms if not is_filter(term)]
    unknown = tuple(name for name in names if name not in known)
    numbers = {known[name] for name in names if name in known}
    conditions: dict[str, list[tuple[str, object]]] = {}
    for term in filters:
        conditions.setdefault(term.partition(":")[0].lower(), []).append(_condition(term))
    parts, values = [], []
    if numbers != set(known.values()) and (names or not filters):
        parts.append(f"d.collection_id IN ({', '.join(str(int(number)) for number in sorted(numbers))})")
    for alternatives in conditions.values():
        parts.append(f"({' OR '.join(sql for sql, _ in alternatives)})")
        values += [value for _, value in alternatives]
    if not parts and not unknown:
        return None
    return Scope(" AND ".join(parts) or "1", tuple(values), unknown)


def _condition(term: str) -> tuple[str, object]:
    """A filter as SQL with one value. Paths are compared as bytes: a name need not be UTF-8."""
    key, _, value = term.partition(":")
    key = key.lower()
    if key not in KEYS or not value:
        raise IngestError(f"“{term}” is no filter.", EXAMPLE)
    if key == "type":
        return "lower(CAST(d.path AS TEXT)) LIKE ?", f"%.{value.lstrip('.').lower()}"
    if key == "path" and value[0] in "/~.":
        start = _below(term, value)
        return f"substr(CAST(d.path || '/' AS BLOB), 1, {len(start)}) = ?", start
    if key == "path":
        return "instr(lower(CAST(d.path AS TEXT)), ?) > 0", value.lower()
    if key == "since":
        return "d.mtime_ns >= ?", _moment(term, value, after=False)
    return "d.mtime_ns < ?", _moment(term, value, after=True)


def _below(term: str, value: str) -> bytes:
    """What the path of everything below a folder begins with, and that of the file itself with a slash behind it."""
    try:
        folder = os.path.abspath(Path(value).expanduser())  # noqa: PTH100  # links stay as named
        return os.fsencode(folder).rstrip(b"/") + b"/"
    except (RuntimeError, ValueError) as error:
        raise IngestError(f"“{term}” names no folder.", EXAMPLE) from error


def _moment(term: str, value: str, *, after: bool) -> int:
    """When a year, month or day begins in local time, or when the next one does: nanoseconds since 1970."""
    match = _DATE.fullmatch(value)
    try:
        if match is None:
            raise ValueError
        year, month, day = (int(part) if part else 0 for part in match.groups())
        moment = datetime(year, month or 1, day or 1)
        if after and day:
            moment += timedelta(days=1)
        elif after:
            moment = datetime(year + (month or 12) // 12, (month or 12) % 12 + 1, 1)
        return int(moment.timestamp()) * 1_000_000_000
    except (ValueError, OverflowError, OSError) as error:
        raise IngestError(f"“{term}” names no date.", "Write it as 2025, 2025-03 or 2025-03-31.") from error
