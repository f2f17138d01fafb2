"""Reads what a GGUF file says about itself, every number checked before it is believed.

The layout follows the GGUF specification (ggml/docs/gguf.md, versions 2 and 3). Only the header is
read, never the weights, so a file of many gigabytes costs milliseconds; and a file that lies about
its sizes is refused here, in words, before any native code sees it.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from adapters.errors import GGUFError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_KEYS, MAX_TENSORS, MAX_STRING, MAX_ARRAY = 10_000, 100_000, 16 * 2**20, 16 * 2**20
MAX_ALIGNMENT, MAX_HEADER, MAX_DIMENSIONS = 2**20, 64 * 2**20, 4
KEPT_ARRAY = 64  # longer arrays (the vocabulary) are skipped unless asked for
READ_AHEAD = 2 * 2**20

STRING, ARRAY, BOOL = 8, 9, 7
SCALARS = {
    0: struct.Struct("<B"), 1: struct.Struct("<b"), 2: struct.Struct("<H"), 3: struct.Struct("<h"),
    4: struct.Struct("<I"), 5: struct.Struct("<i"), 6: struct.Struct("<f"), 7: struct.Struct("<?"),
    10: struct.Struct("<Q"), 11: struct.Struct("<q"), 12: struct.Struct("<d"),
}  # fmt: skip

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
    """What a GGUF file says about itself. Arrays left out of `metadata` appear as their length."""

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
        """The file's name without its ending: what the user calls it."""
        return self.path.stem

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


def read_gguf(path: Path, keep_arrays: bool = False) -> GGUFFacts:
    """The facts of a GGUF file; `keep_arrays` also keeps arrays of more than 64 entries.

    Raises:
        GGUFError: the file is missing, no GGUF, cut short, or claims what cannot be.
    """
    try:
        if not path.is_file():
            raise GGUFError(f"There is no file {path}.", "Check the path.")
        with path.open("rb") as file:
            return _Reader(path, file, keep_arrays).facts()
    except OSError as error:
        raise GGUFError(
            f"{path.name} cannot be read: {error.strerror}.", "Check the path and its permissions."
        ) from error


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


class _Reader:
    """A cursor over the header that never believes a length before comparing it with the file."""

    def __init__(self, path: Path, file: BinaryIO, keep_arrays: bool) -> None:
        self._path = path
        self._file = file
        self._keep_arrays = keep_arrays
        self._size = os.fstat(file.fileno()).st_size
        self._data = b""
        self._at = 0

    def facts(self) -> GGUFFacts:
        version = self._version()
        tensor_count, key_count = self._whole("<Q"), self._whole("<Q")
        if key_count > MAX_KEYS or tensor_count > MAX_TENSORS:
            raise self._damaged(f"it claims {key_count} keys and {tensor_count} tensors")
        metadata: dict[str, Any] = {}
        for _ in range(key_count):
            key = self._string()
            if key in metadata:
                raise self._damaged(f"the key '{shown(key)}' stands in it twice")
            metadata[key] = self._value(self._whole("<I"))
        alignment = self._alignment(metadata)
        tensors = self._tensors(tensor_count, alignment)
        return GGUFFacts(self._path, self._size, version, metadata, tensors)

    def _version(self) -> int:
        start = self._file.read(len(MAGIC))
        self._file.seek(0)
        if start != MAGIC:
            begins = f"it begins with '{shown(start.decode('utf-8', 'replace'))}'" if start else "it is empty"
            raise GGUFError(
                f"{self._path.name} is not a GGUF model: {begins}.",
                "Choose a file ending in .gguf from a model's page.",
            )
        self._need(8)
        self._at = 4
        version = self._whole("<I")
        if version not in VERSIONS:
            raise GGUFError(
                f"{self._path.name} is GGUF version {version}; versions 2 and 3 can be read.",
                "Get a newer file of the model.",
            )
        return version

    def _need(self, count: int) -> None:
        """Make sure `count` bytes stand at the cursor."""
        missing = self._at + count - len(self._data)
        if missing <= 0:
            return
        if self._at + count > self._size:
            raise self._damaged("it ends inside its header")
        if self._at + count > MAX_HEADER:
            raise self._damaged(f"its header is longer than {MAX_HEADER // 2**20} MiB")
        self._data += self._file.read(max(missing, READ_AHEAD, len(self._data)))
        if self._at + count > len(self._data):
            raise self._damaged("it ends inside its header")

    def _whole(self, layout: str) -> int:
        size = struct.calcsize(layout)
        self._need(size)
        (value,) = struct.unpack_from(layout, self._data, self._at)
        self._at += size
        return int(value)

    def _string(self) -> str:
        length = self._whole("<Q")
        if length > MAX_STRING:
            raise self._damaged(f"it claims a string of {length} bytes")
        self._need(length)
        self._at += length
        return self._data[self._at - length : self._at].decode("utf-8", "replace")

    def _value(self, kind: int) -> Any:
        if kind == STRING:
            return self._string()
        if kind == ARRAY:
            return self._array()
        return self._scalars(kind, 1)[0]

    def _scalars(self, kind: int, count: int) -> list[Any]:
        layout = SCALARS.get(kind)
        if layout is None:
            raise self._damaged(f"it uses the unknown value type {kind}")
        self._need(layout.size * count)
        code = layout.format.lstrip("<")
        values = list(struct.unpack_from(f"<{count}{code}", self._data, self._at))
        self._at += layout.size * count
        return values

    def _array(self) -> Any:
        kind, count = self._whole("<I"), self._whole("<Q")
        if count > MAX_ARRAY:
            raise self._damaged(f"it claims a list of {count} values")
        if kind == STRING:
            return self._strings(count)
        if count > KEPT_ARRAY and not self._keep_arrays and kind in SCALARS:
            self._need(SCALARS[kind].size * count)
            self._at += SCALARS[kind].size * count
            return count
        return self._scalars(kind, count)

    def _strings(self, count: int) -> Any:
        if count <= KEPT_ARRAY or self._keep_arrays:
            return [self._string() for _ in range(count)]
        for _ in range(count):  # a vocabulary of 150,000 entries: kept plain, it is the whole cost of reading
            if self._at + 8 > len(self._data):
                self._need(8)
            length = int.from_bytes(self._data[self._at : self._at + 8], "little")
            if length > MAX_STRING:
                raise self._damaged(f"it claims a string of {length} bytes")
            self._at += 8 + length
        self._need(0)
        return count

    def _alignment(self, metadata: dict[str, Any]) -> int:
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):
            raise self._damaged(f"its alignment is {shown(str(alignment))}")
        return alignment

    def _tensors(self, count: int, alignment: int) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = {}
        ends: list[int] = []
        for _ in range(count):
            tensor, offset = self._tensor()
            if tensor.name in tensors:
                raise self._damaged(f"the tensor '{shown(tensor.name)}' stands in it twice")
            if offset % alignment:
                raise self._damaged(f"the tensor '{shown(tensor.name)}' is not aligned")
            tensors[tensor.name] = tensor
            ends.append(offset + tensor.size)
        start = (self._at + alignment - 1) // alignment * alignment
        if ends and start + max(ends) > self._size:
            missing = start + max(ends) - self._size
            raise GGUFError(
                f"{self._path.name} is not whole: {missing:,} bytes are missing at its end.", "Get the file again."
            )
        return tensors

    def _tensor(self) -> tuple[Tensor, int]:
        name, dimensions = self._string(), self._whole("<I")
        if not 0 < dimensions <= MAX_DIMENSIONS:
            raise self._damaged(f"the tensor '{shown(name)}' has {dimensions} dimensions")
        shape = tuple(self._scalars(10, dimensions))
        kind, offset = self._whole("<I"), self._whole("<Q")
        if kind not in TENSOR_TYPES:
            raise self._damaged(f"the tensor '{shown(name)}' has the unknown type {kind}")
        type_name, block, block_size = TENSOR_TYPES[kind]
        tensor = Tensor(name, shape, type_name, 0)
        if min(shape) <= 0 or tensor.weights >= 2**62 or shape[0] % block:
            raise self._damaged(f"the tensor '{shown(name)}' has the impossible shape {shape}")
        return Tensor(name, shape, type_name, tensor.weights // block * block_size), offset

    def _damaged(self, what: str) -> GGUFError:
        return GGUFError(f"{self._path.name} is damaged: {what}.", "Get the file again.")


def shown(text: str, limit: int = 40) -> str:
    """Text of an untrusted file, short and without control characters."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text[:limit])
