"""An embedder without a model, for tests and demonstrations: words hashed into a bag."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORD = re.compile(r"\w+")


class HashedEmbedder:
    """Texts that share words are near each other; meaning plays no part.

    Each distinct word adds the signs that its hash gives it, weighted by the square root of its count;
    two different words are nearly orthogonal even in 64 dimensions.
    """

    def __init__(self, dimension: int = 64) -> None:
        self._dimension = dimension

    @property
    def id(self) -> str:
        """Names the hashing and its width."""
        return f"hashed/{self._dimension}"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._dimension

    @property
    def max_tokens(self) -> int:
        """No limit of its own: as large as the real default, so chunks have the same size."""
        return 254

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimension), float32."""
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            # A text without words gets the vector of the empty word: every vector has length one.
            words = Counter(WORD.findall(text.casefold())) or Counter([""])
            for word, count in words.items():
                vectors[row] += np.sqrt(count) * self._word(word)
            vectors[row] /= np.linalg.norm(vectors[row])
        return vectors

    def _word(self, word: str) -> NDArray[np.float32]:
        digest = hashlib.shake_256(word.encode("utf-8", "replace")).digest(-(-self._dimension // 8))
        bits = np.unpackbits(np.frombuffer(digest, np.uint8), count=self._dimension)
        return bits.astype(np.float32) * 2 - 1
