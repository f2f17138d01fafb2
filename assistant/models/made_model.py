"""What is told while a model file is made or measured, and what came of it; which types there are."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adapters.files.gguf_facts import FILE_TYPES
from assistant.models.memory import gigabytes

# types that need no importance matrix, the largest first; their numbers are llama.cpp's (llama_ftype)
OFFERED = (
    "F32", "BF16", "F16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q5_1", "Q5_0", "Q4_K_M", "Q4_K_S", "Q4_1", "Q4_0",
    "IQ4_NL", "IQ4_XS", "Q3_K_L", "Q3_K_M", "Q3_K_S", "Q2_K",
)  # fmt: skip
NUMBERS = {name: number for number, name in FILE_TYPES.items() if name in OFFERED}
WHOLE = ("F32", "BF16", "F16")  # not quantised
CONVERTED = ("F16", "BF16", "F32")  # what a folder can become


@dataclass(frozen=True, slots=True)
class Making:
    """How far it is: `done` of `total` tensors or windows of `what`."""

    what: str
    done: int
    total: int

    @property
    def line(self) -> str:
        """`quantising to Q4_K_M 12/272`"""
        return f"{self.what} {self.done}/{self.total}" if self.total else f"{self.what}…"


@dataclass(frozen=True, slots=True)
class Parity:
    """llama.cpp beside transformers on some texts: the distances of all scores in units of their spread, places where
    both prefer the same token, and texts that both cut into the same tokens. `close` is what rounding explains.
    """

    typical: float  # median
    largest: float
    agreeing: int
    places: int
    same_tokens: int
    texts: int
    close: float

    @property
    def agreed(self) -> bool:
        """Whether the file says what the folder says."""
        return self.typical <= self.close and self.same_tokens == self.texts

    @property
    def line(self) -> str:
        """One line for people."""
        told = (
            f"scores differ by {self.typical:.2g} of their spread (at most {self.largest:.2g}), the same token is "
            f"preferred at {self.agreeing} of {self.places} places"
        )
        if self.agreed:
            return f"llama.cpp and transformers agree: {told}."
        if self.same_tokens < self.texts:
            return f"Both engines cut only {self.same_tokens} of {self.texts} texts into the same tokens."
        return f"llama.cpp and transformers do not agree: {told}."


@dataclass(frozen=True, slots=True)
class Made:
    """A finished file: sizes in bytes, before and after; `parity` of a converted folder, None where there is none."""

    path: Path
    kind: str
    size: int
    before: int
    notice: str = ""
    parity: Parity | None = None

    @property
    def line(self) -> str:
        """One line for people."""
        share = self.size / self.before if self.before else 1.0
        return f"{self.path} ({gigabytes(self.size)}, {share:.0%} of {gigabytes(self.before)})"

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        parity = {**asdict(self.parity), "agreed": self.parity.agreed} if self.parity else None
        return {
            "path": str(self.path), "type": self.kind, "size": self.size, "before": self.before,
            "notice": self.notice, "parity": parity,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """A model on a text. `error` is the standard error of the perplexity; `reads` and `writes` are tokens a second."""

    name: str
    path: str
    quantization: str
    size: int
    parameters: int
    vocabulary: int
    perplexity: float
    error: float
    tokens: int
    reads: float
    writes: float

    @property
    def bits(self) -> float:
        """Bits a weight, the whole file counted."""
        return 8 * self.size / max(1, self.parameters)


def stem_of(name: str, quantization: str) -> str:
    """A model's name without the type it ends in: `m.Q4_K_M` and `m-q4_k_m` are both `m`."""
    return re.sub(rf"[.-]({re.escape(quantization)}|F16|F32|BF16)$", "", name, flags=re.IGNORECASE) or name
