"""The models that can be fetched by name: a short, dated list with sizes, licences and hashes."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("catalogue.toml")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a repository on the Hugging Face Hub. `size` in bytes, `context` in tokens; `source` says where the
    size and the SHA-256 are from (see the file)."""

    name: str
    title: str
    group: str
    repository: str
    file: str
    size: int
    sha256: str
    source: str
    parameters: int
    quantization: str
    context: int
    template: str
    licence: str
    good_for: str


@functools.cache
def catalogue() -> tuple[Entry, ...]:
    """All of them, from small to large."""
    return tuple(Entry(**entry) for entry in tomllib.loads(FILE.read_text("utf-8"))["model"])
