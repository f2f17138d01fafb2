"""The index of a large library: vectors in lists around trained centres (FAISS IVF, nothing compressed).

HNSW would find as much in less time, but cannot forget a vector: "remove_ids not implemented for this type of index"
(facebookresearch/faiss#3339). Lists can.
"""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]

HASHTABLE = 2  # faiss.DirectMap.Hashtable
PROBES = 32  # lists a search looks through
LISTS_FACTOR = 4  # times the root of the number of vectors: FAISS's own advice for its size
PER_LIST = 40  # vectors a centre is trained from
FEW = 5_000  # allowed vectors up to which all of them are compared


def in_lists(ids: Ids, vectors: Vectors) -> Any:
    """An index of these vectors, shape (len(ids), dimension), in lists. The same vectors give the same lists."""
    count, dimension = vectors.shape
    lists = max(1, int(LISTS_FACTOR * count**0.5))
    index: Any = faiss.index_factory(dimension, f"IVF{lists},Flat", faiss.METRIC_INNER_PRODUCT)
    sample = np.random.default_rng(0).choice(count, min(count, lists * PER_LIST), replace=False)
    index.train(np.ascontiguousarray(vectors[np.sort(sample)]))
    index.set_direct_map_type(HASHTABLE)  # vectors by id, and removal without a full pass
    index.nprobe = PROBES
    index.add_with_ids(np.ascontiguousarray(vectors), np.ascontiguousarray(ids, np.int64))
    return index


def listed_ids(index: Any) -> Ids:
    """All ids, list by list."""
    lists = index.invlists
    found = [
        faiss.rev_swig_ptr(lists.get_ids(number), lists.list_size(number)).copy()
        for number in range(index.nlist)
        if lists.list_size(number)
    ]
    return np.concatenate(found).astype(np.int64) if found else np.zeros(0, np.int64)


def nearest_in_lists(index: Any, vector: Vectors, k: int, allowed: Ids | None) -> list[tuple[int, float]]:
    """The k nearest as (id, cosine), best first. A few allowed ones are all compared; with more, as many more lists
    are looked through as vectors are left out."""
    if allowed is not None and len(allowed) <= FEW:
        return _compared(index, vector, k, allowed)
    k = min(k, int(index.ntotal) if allowed is None else len(allowed))
    if k <= 0:
        return []
    parameters = faiss.SearchParametersIVF(nprobe=PROBES)  # type: ignore[call-arg]  # typed as in C++
    if allowed is not None:
        selector = faiss.IDSelectorBatch(allowed)
        probes = min(index.nlist, -(-PROBES * int(index.ntotal) // len(allowed)))
        parameters = faiss.SearchParametersIVF(sel=selector, nprobe=probes)  # type: ignore[call-arg]  # as above
    cosines, ids = index.search(vector.reshape(1, -1), k, params=parameters)
    return [(int(number), float(cosine)) for number, cosine in zip(ids[0], cosines[0], strict=True) if number >= 0]


def _compared(index: Any, vector: Vectors, k: int, allowed: Ids) -> list[tuple[int, float]]:
    found = []
    for number in allowed.tolist():
        try:
            found.append((number, float(index.reconstruct(number) @ vector)))
        except RuntimeError:  # what FAISS raises for an unknown id
            continue
    return sorted(found, key=lambda each: (-each[1], each[0]))[:k]
