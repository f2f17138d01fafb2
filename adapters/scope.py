"""Which questions is an adapter for? Those near what it was taught: a fact that was learned is no answer to others.

An adapter that knows private facts answers everything else worse than its base, and the more so the surer it knows
them. So it has a scope, and is on only for questions inside it (a scope classifier as in SERAC, Mitchell et al. 2022,
arXiv 2206.06520, by nearest neighbour). Taking an adapter off and on costs a millisecond. A question inside is asked in
the taught wording that is nearest: what a small model has learned in some wordings it does not always know in others.

The file is in safetensors' layout: eight bytes of length, a JSON header, and the vectors as halves.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.errors import AdapterFitError

FILE = "scope.safetensors"  # in a version's folder
TAUGHT = "taught.json"  # beside it: the questions in their order; stays at home when the adapter leaves
GENERAL = Path(__file__).parent / "training" / "replay_prompts.jsonl"
GENERAL_SHARE = 0.05  # of general questions may be inside; chosen with benchmarks/personal_facts.py
LARGEST, LARGEST_HEADER = 64 * 2**20, 2**16  # bytes


@dataclass(frozen=True, slots=True)
class Scope:
    """The least cosine of a question inside, and the taught questions: N unit vectors of `embedder`, D halves each."""

    embedder: str  # its id
    threshold: float
    dimension: int  # D
    taught: bytes  # N * D * 2

    def as_bytes(self) -> bytes:
        """The file."""
        shape = [len(self.taught) // (2 * self.dimension), self.dimension]
        header = json.dumps({
            "__metadata__": {"embedder": self.embedder, "threshold": f"{self.threshold:.4f}"},
            "taught": {"dtype": "F16", "shape": shape, "data_offsets": [0, len(self.taught)]},
        }).encode()  # fmt: skip
        return len(header).to_bytes(8, "little") + header + self.taught


def threshold_of(general: Sequence[float]) -> float:
    """How near a question must be to be inside, where `general` are the cosines of general questions: as near as
    only GENERAL_SHARE of them are.
    """
    ordered = sorted(general)
    return ordered[min(len(ordered) - 1, int((1 - GENERAL_SHARE) * len(ordered)))]


def read_scope(folder: Path) -> Scope | None:
    """The scope of the version in `folder`; None where it has none, and answers everything.

    Raises:
        AdapterFitError: its file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        data = path.read_bytes() if path.stat().st_size <= LARGEST else b""
        length = int.from_bytes(data[:8], "little")
        if length > LARGEST_HEADER:
            raise ValueError("no header")
        header, taught = json.loads(data[8 : 8 + length]), data[8 + length :]
        (rows, dimension), told = header["taught"]["shape"], header["__metadata__"]
        scope = Scope(str(told["embedder"]), float(told["threshold"]), dimension, taught)
        if rows < 1 or dimension < 1 or len(taught) != rows * dimension * 2 or header["taught"]["dtype"] != "F16":
            raise ValueError("not as it is described")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise AdapterFitError(f"{path} cannot be read.", "Train the adapter again.") from error
    return scope


def general_questions() -> list[str]:
    """Questions about anything, to measure a scope with."""
    return [json.loads(line)["prompt"] for line in GENERAL.read_text("utf-8").splitlines()]
