"""What a GGUF file says about itself: its metadata, its tensors, and whether a chat can run on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.errors import GGUFError

# tensor type -> (name, weights in a block, bytes of a block), as ggml_blck_size and ggml_type_size give them
TENSOR_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18),
}  # fmt: skip

# general.file_type -> the quantization's usual name (llama.h, enum llama_ftype)
FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
    19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL",
    26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16",
    36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip

COUNT = "split.count"  # in how many files a model lies; see gguf_parts
PART = re.compile(r"-\d{5}-of-\d{5}$")
NAMED_BY_HASH = re.compile(r"sha256-[0-9a-f]{64}")  # how Ollama keeps its files


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as listed in the header; `shape` is in file order (fastest dimension first)."""

    name: str
    shape: tuple[int, ...]
    type: str
    size: int  # bytes

    @property
    def weights(self) -> int:
        """How many numbers it holds."""
        count = 1
        for length in self.shape:
            count *= length
        return count


@dataclass(frozen=True, slots=True)
class GGUFFacts:
    """What a GGUF file says about itself. Arrays left out of `metadata` appear as their length.

    Of a model in several files, `path` is the first, `size` that of all.
    """

    path: Path
    size: int  # bytes
    version: int
    metadata: dict[str, Any]
    tensors: dict[str, Tensor]

    def text(self, key: str) -> str:
        """A string of the metadata, "" where there is none."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int:
        """A whole number of the metadata (of a list its largest: values per layer), 0 where there is none."""
        value = self.metadata.get(key)
        if isinstance(value, list):
            return max((entry for entry in value if isinstance(entry, int)), default=0)
        return value if isinstance(value, int) else 0

    @property
    def name(self) -> str:
        """The file's name without its ending, and without the number of a part: what the user calls it; of a file named
        by its hash, its own word."""
        own = self.text("general.name") if NAMED_BY_HASH.fullmatch(self.path.name) else ""
        return shown(own) or (PART.sub("", self.path.stem) if self.number(COUNT) > 1 else self.path.stem)

    @property
    def kind(self) -> str:
        """`model`, `adapter`, …; files of before the key existed are models."""
        return self.text("general.type") or "model"

    @property
    def architecture(self) -> str:
        """llama, qwen2, …"""
        return self.text("general.architecture")

    @property
    def parameters(self) -> int:
        """How many weights the tensors hold."""
        return sum(tensor.weights for tensor in self.tensors.values())

    @property
    def quantization(self) -> str:
        """Q4_K_M, F16, …; where the file does not say, the type that holds most weights."""
        named = FILE_TYPES.get(self.number("general.file_type")) if "general.file_type" in self.metadata else None
        if named or not self.tensors:
            return named or ""
        totals: dict[str, int] = {}
        for tensor in self.tensors.values():
            totals[tensor.type] = totals.get(tensor.type, 0) + tensor.weights
        return max(totals, key=lambda kind: totals[kind])

    @property
    def context(self) -> int:
        """Tokens the model was trained to read at once."""
        return self.number(f"{self.architecture}.context_length")

    @property
    def chat_template(self) -> str:
        """The model's own chat template, "" where it has none."""
        return self.text("tokenizer.chat_template")


def check_model(facts: GGUFFacts) -> None:
    """Refuse a file that no chat can run on.

    Raises:
        GGUFError: an adapter, a vocabulary without weights, or a model without a context length.
    """
    name = facts.path.name
    if facts.kind != "model":
        hint = (
            "Load its base model, then put the adapter on."
            if facts.kind == "adapter"
            else "Choose a model's GGUF file."
        )
        raise GGUFError(f"{name} is no model: it says it is of type '{shown(facts.kind)}'.", hint)
    if not facts.architecture:
        raise GGUFError(f"{name} does not name its architecture.", "The file may be damaged: get it again.")
    if facts.context <= 0:
        raise GGUFError(f"{name} gives no context length, so it is no text model.", "Choose a chat model's GGUF file.")
    if not facts.tensors:
        raise GGUFError(f"{name} holds no weights.", "The file may be a vocabulary only: get the whole model.")


def shown(text: str, limit: int = 40) -> str:
    """Text of an untrusted file, short and without control characters."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text[:limit])
