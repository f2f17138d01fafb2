"""Is a model in several GGUF files read as the one it is, and refused where its parts do not belong together?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from made_gguf import I32, U16, split_model, tiny_metadata, tiny_model, tiny_tensors, write_gguf

from adapters.errors import GGUFError, TrainingError
from adapters.files.gguf import read_gguf
from adapters.files.gguf_parts import files_of
from adapters.training.base_weights import load_tokenizer
from adapters.training.shape import shape_of


def test_the_parts_are_one_model(tmp_path: Path) -> None:
    """Metadata of the first; tensors and bytes of all; the name without the number."""
    whole, paths = read_gguf(tiny_model(tmp_path / "whole.gguf")), split_model(tmp_path, "big", 3)
    found = read_gguf(paths[0])
    assert (found.name, found.size) == ("big", sum(path.stat().st_size for path in paths))
    assert found.tensors == whole.tensors and found.parameters == whole.parameters
    assert files_of(found) == tuple(paths) and files_of(whole) == (whole.path,)
    assert read_gguf(split_model(tmp_path, "one", 1)[0]).name == "one-00001-of-00001"


def _gone(paths: list[Path]) -> Path:
    paths[2].unlink()
    return paths[0]


def _cut(paths: list[Path]) -> Path:
    paths[1].write_bytes(paths[1].read_bytes()[:-100])
    return paths[0]


def _first_gone(paths: list[Path]) -> Path:
    paths[0].unlink()
    return paths[1]


def _swapped(paths: list[Path]) -> Path:
    third = paths[2].read_bytes()
    paths[2].write_bytes(paths[1].read_bytes())
    paths[1].write_bytes(third)
    return paths[0]


def _renamed(paths: list[Path]) -> Path:
    return paths[0].rename(paths[0].with_name("model.gguf"))


def _of_another(paths: list[Path]) -> Path:
    keys = {"split.no": U16(1), "split.count": U16(3), "split.tensors.count": I32(20)}
    write_gguf(paths[1], keys, dict(list(tiny_tensors().items())[:1]))
    return paths[0]


def _fewer(paths: list[Path]) -> Path:
    keys = {"split.no": U16(1), "split.count": U16(3), "split.tensors.count": I32(20)}
    write_gguf(paths[1], keys, {"another.weight": tiny_tensors()["output_norm.weight"]})
    return paths[0]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_gone, r"Part 3 of 3 of big is missing: there is no big-00003-of-00003\.gguf"),
        (_first_gone, "Part 1 of 3 of big is missing"),
        (lambda paths: paths[1], r"big-00002-of-00003\.gguf is part 2 of 3"),
        (_cut, r"big-00002-of-00003\.gguf is not whole"),
        (_swapped, "it says that it is part 3 of 3"),
        (_renamed, "one of 3 parts, and is not named so"),
        (_of_another, "stands in another part, too"),
        (_fewer, "announces 20 tensors, its parts hold"),
    ],
)  # fmt: skip
def test_parts_that_do_not_belong_together_are_refused(
    tmp_path: Path, damage: Callable[[list[Path]], Path], told: str
) -> None:
    """In one line, from the headers alone."""
    with pytest.raises(GGUFError, match=told):
        read_gguf(damage(split_model(tmp_path, "big", 3)))


def test_what_reads_one_file_alone_says_so(tmp_path: Path) -> None:
    """Training and transformers; and a file that only is called a part is no part."""
    first = split_model(tmp_path, "big", 2)[0]
    for read in (shape_of, load_tokenizer):
        with pytest.raises((GGUFError, TrainingError), match="lies in 2 files"):
            read(first)
    alone = write_gguf(tmp_path / "alone-00001-of-00002.gguf", tiny_metadata(), tiny_tensors())
    assert read_gguf(alone).name == "alone-00001-of-00002"
