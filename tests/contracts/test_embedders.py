"""What every embedder promises: the same tests for the shipped fake, the embedded model and one in a folder."""

from __future__ import annotations

import time
from functools import cache

import numpy as np
import pytest

from ingest.embedding import open_embedder
from ingest.embedding.base import Embedder
from ingest.embedding.minilm import model_folder

TEXTS = [
    "The tenant pays the rent on the first of each month.",
    "Rent is due from the tenant on the first day of every month.",
    "Bake the bread for forty minutes until the crust is brown.",
    "x",
    "Water boils at a lower temperature on a high mountain. " * 30,
]
ODD = [
    "",
    " \n\t ",
    "\x00\x1b[31m",
    "half a pair: \ud83d",
    "👩‍👩‍👧 שלום مرحبا 你好 Straße",
    "é" * 400,
    "\u202eabc",
]


@cache
def embedder(name: str) -> Embedder:
    """One of each, as loading the real ones takes a while."""
    # "folder" is the embedded model opened as a user would open a model of their own
    return open_embedder(str(model_folder()) if name == "folder" else name, threads=2)


@pytest.fixture(params=["hashed", "minilm", "folder"])
def any_embedder(request: pytest.FixtureRequest) -> Embedder:
    """Each embedder in turn."""
    return embedder(request.param)


def test_vectors_have_length_one(any_embedder: Embedder) -> None:
    """Every vector is float32, of the stated dimension and of length one, so an inner product is a cosine."""
    vectors = any_embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), any_embedder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_a_text_does_not_depend_on_its_neighbours(any_embedder: Embedder) -> None:
    """A text embedded alone has the vector that it has among shorter and longer texts, in any order."""
    together = any_embedder.embed(TEXTS)
    reverse = any_embedder.embed(TEXTS[::-1])[::-1]
    alone = np.concatenate([any_embedder.embed([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-3)
    np.testing.assert_allclose(together, reverse, atol=1e-3)


def test_the_same_text_has_the_same_vector(any_embedder: Embedder) -> None:
    """Embedding again gives the same bits."""
    assert np.array_equal(any_embedder.embed(TEXTS), any_embedder.embed(TEXTS))


def test_no_texts_give_no_vectors(any_embedder: Embedder) -> None:
    """An empty list is not an error and keeps its second dimension."""
    assert any_embedder.embed([]).shape == (0, any_embedder.dimension)


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_odd_texts_have_vectors(any_embedder: Embedder, text: str) -> None:
    """Empty text, control characters, half surrogates and other scripts yield finite vectors of length one."""
    vector = any_embedder.embed([text])[0]
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("text", ["word " * 100_000, "w" * 500_000], ids=["words", "one-word"])
def test_very_long_texts_are_read_in_time(any_embedder: Embedder, text: str) -> None:
    """Half a million characters cost no more than seconds."""
    start = time.process_time()
    vector = any_embedder.embed([text])[0]
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)
    assert time.process_time() - start < 5


def test_texts_that_say_the_same_are_near(any_embedder: Embedder) -> None:
    """A reworded sentence is nearer than a sentence about something else."""
    rent, reworded, bread = any_embedder.embed(TEXTS[:3])
    assert rent @ reworded > rent @ bread + 0.2


def test_ids_differ() -> None:
    """No two embedders share an id, or vectors of one would be searched with the other."""
    names = [embedder(name).id for name in ("hashed", "minilm", "folder")]
    assert len(set(names)) == 3
