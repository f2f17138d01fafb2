"""The child that counts and shows the tokens of rows: no tokenizer is loaded into the process with the screen."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from adapters.data.dataset import label
from adapters.data.preview import Preview
from adapters.rows import Row, row_from_json
from adapters.training.encoding import Codec, codec_for


class EncodingWorker:
    """Encodes rows for one base model; its tokenizer is loaded with the first call."""

    def __init__(self, base: str, system_prompt: str) -> None:
        self._base = base
        self._system = system_prompt
        self._loaded: Codec | None = None

    def measure(self, rows: list[dict[str, Any]], max_tokens: int) -> list[list[Any]]:
        """[tokens, cut tokens, side] of each row (see lengths.Measured)."""
        encoded = [self._codec().encode(row_from_json(row).longest, max_tokens) for row in rows]
        return [[len(entry.ids) + entry.cut, entry.cut, entry.side] for entry in encoded]

    def preview(self, rows: list[dict[str, Any]], max_tokens: int) -> list[dict[str, Any]]:
        """The tokens of each row and which are learned (see preview.Preview); a pair's two answers one by one."""
        found = [entry for row in rows for entry in previews(row_from_json(row), self._codec(), max_tokens)]
        return [asdict(entry) for entry in found]

    def _codec(self) -> Codec:
        if self._loaded is None:
            self._loaded = codec_for(Path(self._base), self._system)
        return self._loaded


def previews(row: Row, codec: Codec, max_tokens: int) -> list[Preview]:
    """The tokens of one row; of a pair, the chosen answer's and those it is learned to stay away from."""
    if row.is_pair:
        return [
            _preview(row, codec, max_tokens, ", chosen"),
            _preview(row.other, codec, max_tokens, ", rejected: to stay away from"),
        ]
    return [_preview(row, codec, max_tokens)]


def _preview(row: Row, codec: Codec, max_tokens: int, which: str = "") -> Preview:
    encoded = codec.encode(row, max_tokens)
    return Preview(f"{label(row)}{which}", row.split, tuple(codec.pieces(encoded)), encoded.cut, encoded.side)
