"""What every embedder can do: turn texts into unit vectors, and count tokens the way it reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Embedder(Protocol):
    """An embedding model."""

    @property
    def id(self) -> str:
        """Names the model and everything that changes its vectors; stored with each vector."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def max_tokens(self) -> int:
        """Longest text the model reads whole; longer ones are cut silently by most models."""

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimension), float32."""
