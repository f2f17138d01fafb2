"""Which files were moved: files that are new where they lie, held by their hash against those that left their place.

A moved file keeps its document, so nothing of it is embedded again and old citations still open. The
suffix must stay, since it decides how a file is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from ingest.reading import Fingerprint
from ingest.records import FoundFile, KnownFile


@dataclass(frozen=True, slots=True)
class Move:
    """A document whose file lies elsewhere now. `name` is the title by its new name."""

    document: int
    source: str
    file: FoundFile
    name: str


def worth_hashing(known: Mapping[str, KnownFile], left: Sequence[str], arrived: Iterable[FoundFile]) -> list[FoundFile]:
    """Those of the new or changed files that may be one that left its place: same size, same suffix.

    `left` are the paths of the rows whose file is gone, then of those whose file changed.
    """
    kinds = {(known[path].size, _suffix(path)) for path in left if _can_move(known[path])}
    return [file for file in arrived if (file.size, _suffix(file.path)) in kinds]


def match(
    known: Mapping[str, KnownFile], left: Sequence[str], hashed: Mapping[str, tuple[FoundFile, Fingerprint]]
) -> list[Move]:
    """The moves that explain the files in `hashed` (new or changed, by path), each document moved once.

    A changed file counts as one that left: files may have changed places, or one was moved onto another.
    Of several copies the one with the same name is taken.
    """
    places = defaultdict(list)
    for path in left:
        row = known[path]
        if _can_move(row) and not (path in hashed and hashed[path][1].sha256 == row.sha256):
            places[row.sha256, _suffix(path)].append(path)
    moves = []
    for path, (file, fingerprint) in hashed.items():
        sources = places[fingerprint.sha256, _suffix(path)]
        if not sources or (path in known and known[path].sha256 == fingerprint.sha256):
            continue
        source = next((each for each in sources if PurePath(each).name == PurePath(path).name), sources[0])
        sources.remove(source)
        moves.append(Move(known[source].id, source, file, fingerprint.name))
    return moves


def _can_move(row: KnownFile) -> bool:
    return row.state == "ready" and row.embedded and bool(row.sha256)


def _suffix(path: str) -> str:
    return PurePath(path).suffix.lower()
