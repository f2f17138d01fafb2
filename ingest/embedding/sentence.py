"""An embedder for any other sentence-transformers model the user has in a folder, multilingual ones too."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from ingest.embedding.fingerprint import weights_fingerprint
from ingest.errors import IngestError

BATCH = 16
SAFE_MODULES = "sentence_transformers."


class SentenceEmbedder:
    """The model of `folder` through torch, in fp32. Only safetensors are read, no code of the model runs."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Cheap, but for the checks; the model is loaded by first use.

        Raises:
            IngestError: the folder holds no such model, or one that could run code.
        """
        self._folder = folder
        self._threads = max(1, threads)
        _refuse_code(folder)
        weights = sorted(folder.glob("*.safetensors"))
        if not weights:
            raise IngestError(f"{folder} has no .safetensors file.", "Only models in that format are loaded.")
        self._weights = weights[0]

    @cached_property
    def id(self) -> str:
        """Name of the folder and of its weights."""
        return f"{self._folder.resolve().name}/fp32/{weights_fingerprint(self._weights)}"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._model.get_embedding_dimension() or 0)

    @property
    def max_tokens(self) -> int:
        """Tokens of text read; the start and end marks take two of the model's length."""
        return int(self._model.max_seq_length or 512) - 2

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimension), float32."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        readable = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        torch.set_num_threads(self._threads)
        vectors = self._model.encode(
            readable, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )
        return np.ascontiguousarray(vectors, dtype=np.float32)

    @cached_property
    def _model(self) -> Any:
        try:
            return SentenceTransformer(
                str(self._folder), device="cpu", local_files_only=True, trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )  # fmt: skip
        except Exception as error:  # whatever the library makes of a broken model
            message = f"The embedding model in {self._folder} cannot be loaded: {error}"
            raise IngestError(message, "Choose another folder, or set the embedder to minilm.") from error


def _refuse_code(folder: Path) -> None:
    """A model folder may name Python classes to import, or hold pickles: refuse both."""
    parts = _json(folder / "modules.json")
    foreign = [part.get("type", "") for part in parts if not part.get("type", "").startswith(SAFE_MODULES)]
    if foreign:
        raise IngestError(
            f"The model in {folder} wants to run its own code ({foreign[0]}).", "Choose a model without its own code."
        )
    refuse_own_code(folder)


def refuse_own_code(folder: Path) -> None:
    """Refuse a folder whose configuration names Python classes, or whose weights are pickles.

    Raises:
        IngestError: it does.
    """
    for config in folder.rglob("config*.json"):
        if "auto_map" in config.read_text(encoding="utf-8", errors="replace"):
            raise IngestError(
                f"The model in {folder} wants to run its own code ({config.name}).",
                "Choose a model without its own code.",
            )
    for pickle in folder.rglob("pytorch_model*.bin"):
        if not any(pickle.parent.glob("*.safetensors")):
            raise IngestError(f"{pickle} can hold code.", "Convert the model to safetensors first.")


def _json(path: Path) -> list[dict[str, str]]:
    try:
        return list(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        message = f"{path.parent} is not a sentence-transformers model: {path.name} cannot be read."
        raise IngestError(message, "Name a folder with modules.json in it.") from error
