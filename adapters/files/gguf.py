"""Reads what a GGUF file says about itself, every number checked before it is believed.

The layout follows the GGUF specification (ggml/docs/gguf.md, versions 2 and 3). Only the header is
read, never the weights, so a file of many gigabytes costs milliseconds; and a file that lies about
its sizes is refused here, in words, before any native code sees it.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

from adapters.errors import GGUFError
from adapters.files.gguf_facts import COUNT, TENSOR_TYPES, GGUFFacts, Tensor, shown
from adapters.files.gguf_parts import joined

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_KEYS, MAX_TENSORS, MAX_STRING, MAX_ARRAY = 10_000, 100_000, 16 * 2**20, 16 * 2**20
MAX_ALIGNMENT, MAX_HEADER, MAX_DIMENSIONS = 2**20, 64 * 2**20, 4
KEPT_ARRAY = 64  # longer arrays (the vocabulary) are skipped unless asked for
READ_AHEAD = 2 * 2**20

STRING, ARRAY = 8, 9
SCALARS = {
    0: struct.Struct("<B"), 1: struct.Struct("<b"), 2: struct.Struct("<H"), 3: struct.Struct("<h"),
    4: struct.Struct("<I"), 5: struct.Struct("<i"), 6: struct.Struct("<f"), 7: struct.Struct("<?"),
    10: struct.Struct("<Q"), 11: struct.Struct("<q"), 12: struct.Struct("<d"),
}  # fmt: skip


def read_gguf(path: Path, keep_arrays: bool = False) -> GGUFFacts:
    """The facts of a GGUF file, and of the other parts where it is the first of several; `keep_arrays` also keeps
    arrays of more than 64 entries.

    Raises:
        GGUFError: a file is missing, no GGUF, cut short, or claims what cannot be.
    """
    facts = _read(path, keep_arrays)
    return joined(facts, _read) if facts.number(COUNT) > 1 else facts


def _read(path: Path, keep_arrays: bool = False) -> GGUFFacts:
    """The facts of one file."""
    try:
        if not path.is_file():
            raise GGUFError(f"There is no file {path}.", "Check the path.")
        with path.open("rb") as file:
            return _Reader(path, file, keep_arrays).facts()
    except OSError as error:
        raise GGUFError(
            f"{path.name} cannot be read: {error.strerror}.", "Check the path and its permissions."
        ) from error


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
            key = self._name()
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

    def _name(self) -> str:
        """The name of a key or a tensor, which is ASCII without blanks by the specification."""
        name = self._string()
        if not name or not all("!" <= letter <= "~" for letter in name):
            raise self._damaged(f"it has the name '{shown(name)}'")
        return name

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
        """The tensors, which must lie one behind the other and fill the file: llama.cpp reads only such files, and a
        type or a size that is wrong shows in the place of the next one or in the length of the file."""
        tensors: dict[str, Tensor] = {}
        place = end = 0
        for _ in range(count):
            tensor, offset = self._tensor()
            if tensor.name in tensors:
                raise self._damaged(f"the tensor '{shown(tensor.name)}' stands in it twice")
            if offset % alignment:
                raise self._damaged(f"the tensor '{shown(tensor.name)}' is not aligned")
            if offset != place:
                raise self._damaged(f"the tensor '{shown(tensor.name)}' lies at {offset} and not at {place}")
            tensors[tensor.name] = tensor
            end = offset + tensor.size
            place = _aligned(end, alignment)
        start = _aligned(self._at, alignment)
        if count and start + end > self._size:
            missing = start + end - self._size
            raise GGUFError(
                f"{self._path.name} is not whole: {missing:,} bytes are missing at its end.", "Get the file again."
            )
        if count and start + place < self._size:
            raise self._damaged(f"{self._size - start - place:,} bytes stand behind its last tensor")
        return tensors

    def _tensor(self) -> tuple[Tensor, int]:
        name, dimensions = self._name(), self._whole("<I")
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


def _aligned(place: int, alignment: int) -> int:
    """The next place that a tensor may begin at."""
    return (place + alignment - 1) // alignment * alignment
