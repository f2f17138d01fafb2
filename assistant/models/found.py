"""A model that lies on this machine: where, of which kind, and what its own files say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gguf", "safetensors"]


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A GGUF file, or a folder with safetensors, in `place`. What could not be read stands in `problem`.

    Of a GGUF model in several `files`, `path` is the first, `size` that of all. `size` in bytes, `context` in tokens;
    `tokenizer` is the file's own word for its kind ("gpt2", "llama", …).
    """

    name: str
    path: str
    place: str
    kind: Kind
    size: int
    architecture: str = ""
    parameters: int = 0
    quantization: str = ""
    context: int = 0
    template: bool = False
    tokenizer: str = ""
    files: int = 1
    problem: str = ""

    @property
    def line(self) -> str:
        """`llama, 7.2 B parameters, Q4_K_M, 4.4 GB, reads 32,768 tokens, no chat template`"""
        if self.problem:
            return self.problem
        parts = [
            self.architecture,
            f"{counted(self.parameters)} parameters" if self.parameters else "",
            self.quantization,
            gigabytes(self.size),
            f"reads {self.context:,} tokens" if self.context else "",
            "" if self.template else "no chat template",
        ]
        return ", ".join(part for part in parts if part)


def gigabytes(size: int) -> str:
    """`4.4 GB`, `98 MB`: bytes in powers of ten, as disks and hosts count them."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def counted(parameters: int) -> str:
    """`7.2 B`, `135 M`."""
    return f"{parameters / 1e9:.1f} B" if parameters >= 1e9 else f"{parameters / 1e6:.0f} M"
