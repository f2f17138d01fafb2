"""A model in several GGUF files: `NAME-00001-of-00003.gguf` and what follows, as llama.cpp's gguf-split writes them.

The first holds the metadata; every one says which it is (`split.no`, from 0) and of how many (`split.count`), and
`split.tensors.count` how many tensors they hold together (llama.cpp, src/llama-model-loader.cpp). llama.cpp is given
the first and finds the others by their names, so their headers are held against each other before it opens one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.errors import GGUFError
from adapters.files.gguf_facts import COUNT, GGUFFacts, Tensor

NAME = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf")
PLACE, TENSORS = "split.no", "split.tensors.count"


@dataclass(frozen=True, slots=True)
class Part:
    """What the name of a file says: the model's name, which part it is, from 1, and of how many."""

    folder: Path
    model: str
    number: int
    count: int

    def file(self, number: int) -> Path:
        """Where another part of the same model lies."""
        return self.folder / f"{self.model}-{number:05}-of-{self.count:05}.gguf"


def part_of(path: Path) -> Part | None:
    """What the name says; None where it is not that of a part."""
    found = NAME.fullmatch(path.name)
    return Part(path.parent, found[1], int(found[2]), int(found[3])) if found else None


def files_of(first: GGUFFacts) -> tuple[Path, ...]:
    """All files of a model, of which `first` is the only one or the first part."""
    part = part_of(first.path)
    if part is None or first.number(COUNT) <= 1:
        return (first.path,)
    return tuple(part.file(number) for number in range(1, part.count + 1))


def check_one_file(facts: GGUFFacts) -> None:
    """For what reads a model from one file alone.

    Raises:
        GGUFError: it lies in several.
    """
    if facts.number(COUNT) > 1:
        raise GGUFError(
            f"{facts.name} lies in {facts.number(COUNT)} files; training and transformers read a model from one.",
            "Make one of them: llama-gguf-split --merge, or assistant models quantize.",
        )


def joined(first: GGUFFacts, read: Callable[[Path], GGUFFacts]) -> GGUFFacts:
    """The facts of a whole model: the metadata of its first part, the size and the tensors of all. `read` reads a part.

    Raises:
        GGUFError: it is another than the first part, one is missing, or they do not belong together.
    """
    part, count = part_of(first.path), first.number(COUNT)
    if part is None or part.count != count:
        raise GGUFError(
            f"{first.path.name} says that it is one of {count} parts, and is not named so.",
            f"Give the parts the names they came with: NAME-00001-of-{count:05}.gguf and so on.",
        )
    if part.number != 1 and part.file(1).is_file():
        raise GGUFError(f"{first.path.name} is part {part.number} of {count}.", f"Choose the first: {part.file(1)}")
    size = 0
    tensors: dict[str, Tensor] = {}
    for number in range(1, count + 1):
        facts = first if number == part.number else _read(part, number, read)
        if (facts.number(PLACE), facts.number(COUNT)) != (number - 1, count):
            raise _damaged(facts, f"it says that it is part {facts.number(PLACE) + 1} of {facts.number(COUNT)}")
        if twice := tensors.keys() & facts.tensors.keys():
            raise _damaged(facts, f"the tensor '{min(twice)[:40]}' stands in another part, too")
        tensors |= facts.tensors
        size += facts.size
    if len(tensors) != first.number(TENSORS):
        raise _damaged(first, f"it announces {first.number(TENSORS):,} tensors, its parts hold {len(tensors):,}")
    return replace(first, size=size, tensors=tensors)


def _read(part: Part, number: int, read: Callable[[Path], GGUFFacts]) -> GGUFFacts:
    path = part.file(number)
    if not path.is_file():
        raise GGUFError(
            f"Part {number} of {part.count} of {part.model} is missing: there is no {path.name} beside the others.",
            "Get it again; all parts lie in one folder.",
        )
    return read(path)


def _damaged(facts: GGUFFacts, what: str) -> GGUFError:
    return GGUFError(f"{facts.path.name} is damaged: {what}.", "Get the file again.")
