"""The vector index: exact search, ids that stay, filters inside the search, files that cannot lie."""

from __future__ import annotations

import gc
import hashlib
import resource
import stat
from pathlib import Path

import faiss
import numpy as np
import pytest

from ingest.errors import IngestError
from ingest.vector_lists import Ids, Vectors
from ingest.vectors import DamagedIndexError, IndexFile, VectorIndex

DIMENSION = 16


def unit_vectors(count: int, seed: int = 0) -> Vectors:
    """Random vectors of length one."""
    vectors = np.random.default_rng(seed).standard_normal((count, DIMENSION), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def ids(*numbers: int) -> Ids:
    """Ids as the index takes them."""
    return np.array(numbers, np.int64)


@pytest.fixture
def filled() -> tuple[VectorIndex, Vectors]:
    """An index of 200 vectors under the ids 1000, 1003, 1006, … and the vectors."""
    vectors = unit_vectors(200)
    index = VectorIndex(DIMENSION)
    index.add(1000 + 3 * np.arange(200), vectors)
    return index, vectors


def test_search_is_exact(filled: tuple[VectorIndex, Vectors]) -> None:
    """Hits are those of a full comparison, best first, with their cosines."""
    index, vectors = filled
    query = unit_vectors(1, seed=1)[0]
    order = np.argsort(-(vectors @ query))[:10]
    hits = index.search(query, 10)
    assert [number for number, _ in hits] == [1000 + 3 * int(row) for row in order]
    np.testing.assert_allclose([cosine for _, cosine in hits], (vectors @ query)[order], atol=1e-6)


def test_ids_never_shift(filled: tuple[VectorIndex, Vectors]) -> None:
    """After removals at the start, middle and end, and an addition, each vector is found under its own id."""
    index, vectors = filled
    gone = [0, 1, 77, 199]
    assert index.remove(ids(*(1000 + 3 * row for row in gone), 5)) == 4
    extra = unit_vectors(1, seed=2)
    index.add(ids(7), extra)
    for row in set(range(200)) - set(gone):
        assert index.search(vectors[row], 1)[0][0] == 1000 + 3 * row
    assert index.search(extra[0], 1)[0][0] == 7
    assert len(index) == len(index.ids()) == 197


@pytest.mark.parametrize("k", [0, 1, 199, 200, 201, 10_000])
def test_any_k_is_fine(filled: tuple[VectorIndex, Vectors], k: int) -> None:
    """A k beyond the index yields all it has, without padding; zero yields nothing."""
    index, vectors = filled
    assert len({number for number, _ in index.search(vectors[0], k)}) == min(k, 200)


def test_an_empty_index_finds_nothing() -> None:
    """Searching before anything was added is no error, with a filter or without."""
    index = VectorIndex(DIMENSION)
    assert index.search(unit_vectors(1)[0], 5) == []
    assert index.search(unit_vectors(1)[0], 5, ids(1)) == []


def test_a_filter_applies_inside_the_search(filled: tuple[VectorIndex, Vectors]) -> None:
    """The three farthest vectors of all are found when only they are allowed."""
    index, vectors = filled
    query = unit_vectors(1, seed=3)[0]
    farthest = np.argsort(vectors @ query)[:3]
    allowed = 1000 + 3 * farthest
    hits = index.search(query, 10, allowed)
    assert [number for number, _ in hits] == [int(number) for number in allowed[::-1]]


def test_a_filter_may_name_unknown_ids(filled: tuple[VectorIndex, Vectors]) -> None:
    """Ids that are not in the index, however large or negative, are passed over; none allowed finds none."""
    index, vectors = filled
    allowed = ids(-1, 2**62, 1006, 1006, 1007)
    assert [number for number, _ in index.search(vectors[0], 5, allowed)] == [1006]
    assert index.search(vectors[0], 5, ids()) == []
    assert index.search(vectors[0], 5, ids(1)) == []


def test_a_filter_outlives_its_arrays(filled: tuple[VectorIndex, Vectors]) -> None:
    """FAISS keeps a pointer to the bitmap: a collection of garbage must not change what is found."""
    index, vectors = filled
    for row in (0, 90, 199):
        allowed = ids(1000 + 3 * row)
        gc.collect()
        assert index.search(vectors[0], 3, allowed)[0][0] == 1000 + 3 * row


def test_a_saved_index_is_loaded_whole(filled: tuple[VectorIndex, Vectors], tmp_path: Path) -> None:
    """A loaded index has the same ids and answers, its file is the owner's alone, and it can be changed."""
    index, vectors = filled
    saved = index.save(tmp_path / "new" / "index-1.faiss")
    path = tmp_path / "new" / saved.file
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = VectorIndex.load(path, saved.size, saved.sha256, DIMENSION)
    assert np.array_equal(loaded.ids(), index.ids())
    assert loaded.search(vectors[4], 9) == index.search(vectors[4], 9)
    loaded.add(ids(1), vectors[:1])
    assert loaded.remove(ids(1000)) == 1


def test_every_flipped_byte_is_detected(filled: tuple[VectorIndex, Vectors], tmp_path: Path) -> None:
    """One changed bit anywhere in the file, which FAISS itself would mostly accept, is refused."""
    path, saved = saved_at(filled[0], tmp_path)
    whole = path.read_bytes()
    for at in [0, 1, len(whole) - 1, *np.random.default_rng(0).integers(0, len(whole), 200)]:
        torn = bytearray(whole)
        torn[at] ^= 1
        path.write_bytes(torn)
        with pytest.raises(DamagedIndexError):
            VectorIndex.load(path, saved.size, saved.sha256, DIMENSION)


def test_every_wrong_length_is_detected(filled: tuple[VectorIndex, Vectors], tmp_path: Path) -> None:
    """A file cut anywhere, one with bytes after its end, and a missing one are refused."""
    path, saved = saved_at(filled[0], tmp_path)
    whole = path.read_bytes()
    for length in [0, 1, 8, saved.size // 2, saved.size - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedIndexError):
            VectorIndex.load(path, saved.size, saved.sha256, DIMENSION)
    path.write_bytes(whole + b"\0")
    with pytest.raises(DamagedIndexError):
        VectorIndex.load(path, saved.size, saved.sha256, DIMENSION)
    path.unlink()
    with pytest.raises(DamagedIndexError):
        VectorIndex.load(path, saved.size, saved.sha256, DIMENSION)


def test_an_index_of_another_kind_is_refused(tmp_path: Path) -> None:
    """A file with the recorded checksum but another kind or dimension of index, or none, is refused."""
    wide = VectorIndex(DIMENSION * 2)
    bare = faiss.IndexFlatIP(DIMENSION)
    wide.save(tmp_path / "wide.faiss")
    for data in [(tmp_path / "wide.faiss").read_bytes(), bytes(faiss.serialize_index(bare)), b"no index at all"]:
        path = tmp_path / "index-1.faiss"
        path.write_bytes(data)
        with pytest.raises(DamagedIndexError):
            VectorIndex.load(path, len(data), hashlib.sha256(data).hexdigest(), DIMENSION)


def test_a_save_that_fails_keeps_the_old_file(filled: tuple[VectorIndex, Vectors], tmp_path: Path) -> None:
    """When the disk takes only a part of the new file, the old one stays and no rest is left behind."""
    index, vectors = filled
    path, saved = saved_at(index, tmp_path)
    index.add(ids(1), vectors[:1])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(IngestError, match="could not be saved") as raised:
            index.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert raised.value.hint
    assert [entry.name for entry in tmp_path.iterdir()] == [saved.file]
    assert len(VectorIndex.load(path, saved.size, saved.sha256, DIMENSION)) == 200


def saved_at(index: VectorIndex, folder: Path) -> tuple[Path, IndexFile]:
    """The index saved as the first generation."""
    saved = index.save(folder / "index-1.faiss")
    return folder / saved.file, saved


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> tuple[VectorIndex, Vectors]:
    """An index over the limit from which vectors lie in lists: 3,000 of them, under even ids."""
    monkeypatch.setattr("ingest.vectors.LARGE", 2_000)
    vectors = unit_vectors(3_000)
    index = VectorIndex(DIMENSION)
    for start in range(0, 3_000, 500):
        index.add(2 * np.arange(start, start + 500), vectors[start : start + 500])
    assert not index.exact
    return index, vectors


def test_a_large_index_finds_nearly_all_and_keeps_its_ids(large: tuple[VectorIndex, Vectors]) -> None:
    """Nine in ten of the true neighbours are found, each with its own id, and all ids and vectors are there."""
    index, vectors = large
    assert sorted(index.ids().tolist()) == [2 * row for row in range(3_000)]
    np.testing.assert_array_equal(index.vectors(ids(0, 2_002, 1)), [*vectors[[0, 1_001]], np.zeros(DIMENSION)])
    found = 0
    for query in unit_vectors(20, seed=3):
        best = {2 * int(row) for row in np.argsort(-(vectors @ query))[:10]}
        found += len(best & {number for number, _ in index.search(query, 10)})
    assert found >= 180


def test_a_large_index_adds_and_removes_as_it_comes(large: tuple[VectorIndex, Vectors]) -> None:
    """What is removed is not found again, what is added is; the rest stays where it was."""
    index, vectors = large
    assert index.remove(ids(0, 2, 5_998, 7)) == 3
    index.add(ids(7), unit_vectors(1, seed=2))
    assert len(index) == 2_998
    assert index.search(unit_vectors(1, seed=2)[0], 1)[0][0] == 7
    assert index.search(vectors[0], 1)[0][0] != 0
    assert index.search(vectors[2], 1)[0][0] == 4


def test_a_filter_on_a_large_index_still_gives_k(
    large: tuple[VectorIndex, Vectors], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few allowed ids are compared exactly, many are searched in more lists; ids that are not there are left out."""
    index, vectors = large
    query = unit_vectors(1, seed=4)[0]
    allowed = ids(*range(0, 600, 2), 9_999)
    exact = [2 * int(row) for row in np.argsort(-(vectors[:300] @ query))[:10]]
    assert [number for number, _ in index.search(query, 10, allowed)] == exact
    monkeypatch.setattr("ingest.vector_lists.FEW", 10)
    hits = index.search(query, 10, allowed)
    assert len(hits) == 10
    assert {number for number, _ in hits} <= set(allowed.tolist())
    assert index.search(query, 10, ids()) == []


def test_a_large_index_is_saved_and_loaded(large: tuple[VectorIndex, Vectors], tmp_path: Path) -> None:
    """After loading it searches, reconstructs, adds and removes as before."""
    index, vectors = large
    file = index.save(tmp_path / "index-1.faiss")
    loaded = VectorIndex.load(tmp_path / "index-1.faiss", file.size, file.sha256, DIMENSION)
    assert loaded.search(vectors[5], 5) == index.search(vectors[5], 5)
    assert loaded.remove(ids(10)) == 1
    loaded.add(ids(10), vectors[5:6])
    np.testing.assert_array_equal(loaded.vectors(ids(10)), vectors[5:6])
