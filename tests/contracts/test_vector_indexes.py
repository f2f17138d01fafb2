"""What every vector index promises: the same tests for FAISS, exact and in lists, and for PostgreSQL with pgvector."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ingest import vectors as faiss_vectors
from ingest.vector_lists import Ids, Vectors
from ingest.vectors import VectorIndex
from tests.made_postgres import MadePostgres, made_postgres

DIMENSION, COUNT = 16, 300
Index = VectorIndex  # or what answers the same


@pytest.fixture(scope="module")
def postgres() -> Iterator[MadePostgres]:
    """One server for all tests of this file."""
    with made_postgres() as server:
        yield server


@pytest.fixture(params=["exact", "lists", "postgres", "postgres-hnsw"])
def filled(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """An index of 300 vectors under the ids 1000, 1003, 1006, …"""
    index: Index
    if request.param.startswith("postgres"):
        store = request.getfixturevalue("postgres").store()
        from ingest import postgres_vectors  # there is no driver where the server skips

        if request.param == "postgres-hnsw":
            monkeypatch.setattr(postgres_vectors, "LARGE", 100)
        index, _ = postgres_vectors.open_table(store, tmp_path / "assistant.db", DIMENSION, None)
    else:
        monkeypatch.setattr(faiss_vectors, "LARGE", 100 if request.param == "lists" else 10_000)
        index = VectorIndex(DIMENSION)
    for start in range(0, COUNT, 50):
        index.add(numbers()[start : start + 50], unit_vectors()[start : start + 50])
    index.save(tmp_path / "index-1.faiss")
    assert index.exact == (request.param in ("exact", "postgres"))
    return index


def unit_vectors(count: int = COUNT, seed: int = 0) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((count, DIMENSION), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def numbers() -> Ids:
    return 1000 + 3 * np.arange(COUNT, dtype=np.int64)


def truth(allowed: Ids | None = None) -> Callable[[Vectors, int], list[tuple[int, float]]]:
    """The search of the exact index over what is allowed."""
    flat = VectorIndex(DIMENSION)
    kept = np.ones(COUNT, bool) if allowed is None else np.isin(numbers(), allowed)
    flat.add(numbers()[kept], unit_vectors()[kept])
    return flat.search


def agree(hits: list[tuple[int, float]], expected: list[tuple[int, float]]) -> None:
    assert [number for number, _ in hits] == [number for number, _ in expected]
    np.testing.assert_allclose([near for _, near in hits], [near for _, near in expected], atol=1e-5)


def test_it_finds_what_the_exact_index_finds(filled: Index) -> None:
    """The same ids in the same order with the same cosines; the approximate ones, at this size, at least 95 in 100."""
    exact, found = truth(), 0
    for query in unit_vectors(20, seed=1):
        hits, expected = filled.search(query, 10), exact(query, 10)
        assert len(hits) == 10 and [near for _, near in hits] == sorted((near for _, near in hits), reverse=True)
        found += len({number for number, _ in hits} & {number for number, _ in expected})
        if filled.exact:
            agree(hits, expected)
    assert found >= 190


@pytest.mark.parametrize("share", [2, 30])
def test_a_filter_applies_inside_the_search(filled: Index, share: int) -> None:
    """Of the allowed ones the best ten are found, however few they are; unknown ids do no harm, no ids find nothing."""
    allowed = np.append(numbers()[::share], 5)
    exact = truth(allowed)
    for query in unit_vectors(5, seed=2):
        agree(filled.search(query, 10, allowed), exact(query, 10))
    assert filled.search(unit_vectors(1)[0], 5, np.zeros(0, np.int64)) == []
    assert filled.search(unit_vectors(1)[0], 5, np.array([5])) == []


def test_ids_never_shift(filled: Index) -> None:
    """After removals and an addition each vector is found under its own id, and what is gone is not."""
    vectors, gone = unit_vectors(), np.array([1000, 1003, 1231, 1000 + 3 * (COUNT - 1), 5])
    assert filled.remove(gone) == 4
    extra = unit_vectors(1, seed=3)
    filled.add(np.array([7]), extra)
    assert len(filled) == len(filled.ids()) == COUNT - 3
    assert set(filled.ids().tolist()) == (set(numbers().tolist()) - set(gone.tolist())) | {7}
    assert filled.search(extra[0], 1)[0][0] == 7
    for row in range(2, COUNT - 1, 9):
        number = 1000 + 3 * row
        if number not in gone:
            assert filled.search(vectors[row], 1)[0][0] == number
    assert filled.search(vectors[0], 1)[0][0] != 1000


def test_vectors_come_back(filled: Index) -> None:
    """In the order asked for, as float32, with zeros for an id that is not there."""
    wanted = np.array([1006, 5, 1000])
    back = filled.vectors(wanted)
    assert back.shape == (3, DIMENSION) and back.dtype == np.float32
    np.testing.assert_allclose(back, [unit_vectors()[2], np.zeros(DIMENSION), unit_vectors()[0]], atol=1e-6)
    assert filled.vectors(np.zeros(0, np.int64)).shape == (0, DIMENSION)


@pytest.mark.parametrize("k", [0, 1, COUNT, 100_000])
def test_any_k_is_fine(filled: Index, k: int) -> None:
    """A k beyond the index yields all it has, where all are looked at; zero yields nothing."""
    hits = filled.search(unit_vectors(1)[0], k)
    assert len(hits) == len({number for number, _ in hits}) <= min(k, COUNT)
    assert len(hits) == min(k, COUNT) or not filled.exact


def test_an_emptied_index_finds_nothing(filled: Index) -> None:
    """Searching when all is removed is no error."""
    assert filled.remove(numbers()) == COUNT
    assert len(filled) == 0
    assert filled.search(unit_vectors(1)[0], 5) == []
    assert filled.search(unit_vectors(1)[0], 5, np.array([1000])) == []
