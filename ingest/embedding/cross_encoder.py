"""A reranker for any sentence-transformers cross-encoder that the user has in a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import CrossEncoder

from ingest.embedding.sentence import refuse_own_code
from ingest.errors import IngestError

BATCH = 8
MAX_TOKENS = 512  # of question and passage together, where the model names no length


class CrossEncoderReranker:
    """The model of `folder` through torch, in fp32. Only safetensors are read, no code of the model runs."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Cheap, but for the checks; the model is loaded by first use.

        Raises:
            IngestError: the folder holds no such model, or one that could run code.
        """
        self._folder, self._threads = folder, max(1, threads)
        refuse_own_code(folder)
        if not any(folder.glob("*.safetensors")):
            raise IngestError(f"{folder} has no .safetensors file.", "Only models in that format are loaded.")
        labels = _labels(folder)
        if labels != 1:
            raise IngestError(
                f"The model in {folder} gives {labels} figures for a passage; a reranker gives one.",
                "Name a cross-encoder for ranking, such as one trained on MS MARCO.",
            )

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """See ingest.reranking.Reranker: the sigmoid of what the model says of question and text."""
        torch.set_num_threads(self._threads)
        pairs = [(_readable(query), _readable(text)) for text in texts]
        if not pairs:
            return []
        found = self._model.predict(
            pairs, batch_size=BATCH, show_progress_bar=False, activation_fn=torch.nn.Sigmoid(), convert_to_numpy=True
        )
        return [round(float(score), 6) for score in found]

    @cached_property
    def _model(self) -> Any:
        try:
            model = CrossEncoder(
                str(self._folder), device="cpu", local_files_only=True, trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )  # fmt: skip
            model.max_seq_length = min(model.max_seq_length or MAX_TOKENS, MAX_TOKENS)
        except Exception as error:  # whatever the library makes of a broken model
            message = f"The reranker in {self._folder} cannot be loaded: {error}"
            raise IngestError(message, 'Choose another folder, or set documents.reranker to "".') from error
        return model


def _labels(folder: Path) -> int:
    """How many figures the model gives, as its config.json says: transformers counts two where it says nothing."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return int(config.get("num_labels") or len(config.get("id2label") or (0, 1)))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        message = f"{folder} is not a cross-encoder: config.json cannot be read."
        raise IngestError(message, "Name the folder of a sentence-transformers cross-encoder.") from error


def _readable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
