"""Which chunks are nearest to a vector? A FAISS index, exact until it is large, whose ids are chunk ids.

The index is a cache of the vectors in SQLite: it may be thrown away at any time. FAISS accepts many
damaged files without a word, so a file is opened only if its size and SHA-256 are the recorded ones.
"""

from __future__ import annotations

import contextlib
import hashlib
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray

from ingest.atomic_file import replacing
from ingest.errors import IngestError
from ingest.vector_lists import Ids, Vectors, in_lists, listed_ids, nearest_in_lists

LARGE = 200_000  # vectors: a flat search takes 15 ms there on one thread
BLOCK = 2**20  # bytes of a file at a time: a large index would not fit into memory twice


class DamagedIndexError(IngestError):
    """An index file that is not the one that was saved; rebuild the index from the database."""


class IndexFile(NamedTuple):
    """A saved index: its name inside the folder, its size in bytes, its SHA-256 in hex."""

    file: str
    size: int
    sha256: str


class VectorIndex:
    """Vectors by chunk id; nearest means highest inner product, the cosine for unit vectors.

    Flat and exact up to LARGE vectors; above, they lie in lists around trained centres, of which a search looks
    through PROBES (IVF; benchmarks/index_size has recall and times). Both take additions and removals as they come,
    and ids are never reused or shifted.
    """

    def __init__(self, dimension: int) -> None:
        # Any: the types that faiss ships are those of its C++, not of the Python methods over it
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def exact(self) -> bool:
        """Whether every vector is looked at."""
        return isinstance(self._index, faiss.IndexIDMap2)

    @property
    def description(self) -> str:
        """What it is, in words."""
        return f"FAISS, {'exact' if self.exact else 'in lists'}"

    def ids(self) -> Ids:
        """The chunk ids in the order in which the vectors lie."""
        if self.exact:
            return np.asarray(faiss.vector_to_array(self._index.id_map), dtype=np.int64)
        return listed_ids(self._index)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add vectors of shape (len(ids), dimension); an id must not be there yet."""
        self._index.add_with_ids(np.ascontiguousarray(vectors, np.float32), np.ascontiguousarray(ids, np.int64))
        if self.exact and len(self) > LARGE:
            present = self.ids()
            self._index = in_lists(present, self.vectors(present))

    def remove(self, ids: Ids) -> int:
        """Remove the vectors of these ids; returns how many there were."""
        wanted = np.ascontiguousarray(ids, np.int64)
        if self.exact:
            return int(self._index.remove_ids(wanted))
        selector = faiss.IDSelectorArray(wanted)
        return int(self._index.remove_ids(selector))

    def vectors(self, ids: Ids) -> Vectors:
        """The vectors of these ids, shape (len(ids), dimension); zeros for an id that is not there."""
        found = np.zeros((len(ids), self.dimension), np.float32)
        for row, number in enumerate(ids.tolist()):
            with contextlib.suppress(RuntimeError):  # what FAISS raises for an unknown id
                found[row] = self._index.reconstruct(number)
        return found

    def search(self, vector: Vectors, k: int, allowed: Ids | None = None) -> list[tuple[int, float]]:
        """The k nearest as (id, cosine), best first. `allowed` is applied inside the search, so a
        narrow filter still yields k results; None allows all, an empty array nothing."""
        # A single query is faster on one thread: waiting at OpenMP barriers on a busy machine cost 7 -> 32 ms.
        faiss.omp_set_num_threads(1)
        if not self.exact:
            return nearest_in_lists(self._index, vector, k, allowed)
        ids = self.ids()
        mask = np.ones(len(ids), bool) if allowed is None else np.isin(ids, allowed)
        k = min(k, int(mask.sum()))
        if k <= 0:
            return []
        parameters = None if allowed is None else _only(mask)
        flat = faiss.downcast_index(self._index.index)  # its ids are positions, which the bitmap counts
        cosines, positions = flat.search(vector.reshape(1, -1), k, params=parameters)
        return [(int(ids[at]), float(cosine)) for cosine, at in zip(cosines[0], positions[0], strict=True) if at >= 0]

    def save(self, path: Path) -> IndexFile:
        """Write to `path` so that a reader never sees half a file.

        Raises:
            IngestError: the disk is full or not writable; an old file stays as it was.
        """
        digest, size, failed = hashlib.sha256(), 0, list[OSError]()

        def take(block: bytes) -> None:
            nonlocal size
            digest.update(block)
            size += len(block)
            try:
                if not failed:
                    write(block)
            except OSError as error:  # it must not cross FAISS, which knows no errors of Python
                failed.append(error)

        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with replacing(path) as write:
                sink = faiss.PyCallbackIOWriter(take, BLOCK)  # type: ignore[attr-defined]  # not among its types
                faiss.write_index(self._index, sink)
                if failed:
                    raise failed[0]
        except OSError as error:
            message = f"The search index could not be saved in {path.parent}: {error.strerror}."
            raise IngestError(message, "Make room or mend the folder. Nothing is lost: it is saved again.") from error
        return IndexFile(path.name, size, digest.hexdigest())

    @classmethod
    def load(cls, path: Path, size: int, sha256: str, dimension: int) -> VectorIndex:
        """The index saved at `path`.

        Raises:
            DamagedIndexError: the file is missing, not the recorded one, or of another kind.
        """
        try:
            with path.open("rb") as file:
                _check_recorded(file, path.name, size, sha256)
                file.seek(0)
                source = faiss.PyCallbackIOReader(file.read, BLOCK)  # type: ignore[attr-defined]  # as above
                index: Any = faiss.read_index(source)
        except OSError as error:
            raise DamagedIndexError(f"{path.name} cannot be read: {error.strerror}.") from error
        except RuntimeError as error:
            raise DamagedIndexError(f"{path.name} is not an index that FAISS can read.") from error
        if not isinstance(index, (faiss.IndexIDMap2, faiss.IndexIVFFlat)) or index.d != dimension:
            raise DamagedIndexError(f"{path.name} is an index of another kind.")
        loaded = cls(dimension)
        loaded._index = index
        return loaded


def _only(mask: NDArray[np.bool_]) -> Any:
    bits = np.packbits(mask, bitorder="little")
    selector = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type]  # typed as in C++, see above
    return faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]  # typed as in C++, see above


def _check_recorded(file: BufferedReader, name: str, size: int, sha256: str) -> None:
    found = file.seek(0, 2)
    if found != size:
        raise DamagedIndexError(f"{name} has {found} bytes instead of {size}.")
    file.seek(0)
    if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
        raise DamagedIndexError(f"{name} has changed since it was saved.")
