"""The GGUF reader: what it tells of good files, and how it refuses the others."""

from __future__ import annotations

import random
import struct
import time
from pathlib import Path

import pytest
from made_gguf import U64, mutated, tiny_metadata, tiny_model, tiny_tensors, write_gguf

from adapters.errors import GGUFError
from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import GGUFFacts, check_model
from assistant.models.location import starter_path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_model(tmp_path / "tiny.gguf")


def test_the_embedded_model_is_described() -> None:
    """Architecture, size, quantization, context and template of the embedded model are read from its header."""
    facts = read_gguf(starter_path())
    assert (facts.architecture, facts.kind, facts.quantization) == ("llama", "model", "Q4_1")
    assert (facts.parameters, facts.context) == (134_515_008, 8192)
    assert "<|im_start|>" in facts.chat_template
    assert facts.tensors["blk.0.attn_q.weight"].shape == (576, 576)
    check_model(facts)


def test_reading_costs_milliseconds() -> None:
    """The header of the 98 MB model, with its 98,000 strings, is read within 0.2 s of CPU time."""
    best = min(_seconds(starter_path()) for _ in range(3))
    assert best < 0.2


def test_long_lists_are_kept_only_on_request(model: Path) -> None:
    """The vocabulary appears as its length, or whole if asked for."""
    assert read_gguf(model).metadata["tokenizer.ggml.tokens"] == 261
    tokens = read_gguf(model, keep_arrays=True).metadata["tokenizer.ggml.tokens"]
    assert len(tokens) == 261 and tokens[-1] == "</s>"


def test_version_2_is_read(tmp_path: Path) -> None:
    """Files of GGUF version 2 are read as those of version 3."""
    path = write_gguf(tmp_path / "two.gguf", tiny_metadata(), tiny_tensors(), version=2)
    assert read_gguf(path).version == 2


def test_quantization_without_a_file_type(model: Path) -> None:
    """Where the file does not name its quantization, the type holding most weights is named."""
    assert read_gguf(model).quantization == "F32"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Dear reader,\nthis is a letter.", r"notes\.gguf is not a GGUF model: it begins with 'Dear'"),
        (b"", "it is empty"),
        (b"GGUF", "it ends inside its header"),
        (b"GGUF" + struct.pack("<I", 1) + bytes(16), "is GGUF version 1"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 10_001), "claims 10001 keys"),
        (b"GGUF" + struct.pack("<IQQ", 3, 100_001, 0), "100001 tensors"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**63), "claims a string of"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 100), "ends inside its header"),
        (b"GGUF" + struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"k", 99), "unknown value type 99"),
        (b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 4, 2**60), "claims a list of"),
        (b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 9, 1), "unknown value type 9"),
        (b"GGUF" + struct.pack("<IQQQ1sIQ", 3, 1, 0, 1, b"t", 5, 1), "has 5 dimensions"),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"t", 1, 0, 0, 0), "impossible shape"),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"t", 1, 2**63, 0, 0), "impossible shape"),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"t", 1, 8, 77, 0), "unknown type 77"),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"t", 1, 8, 0, 7), "not aligned"),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"t", 1, 8, 0, 2**40), "lies at 1099511627776 and not at 0"),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"t", 1, 2**40, 0, 0), "bytes are missing at its end"),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"t", 1, 8, 0, 0) + bytes(99), "stand behind its last"),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b" ", 1, 8, 0, 0), "has the name ' '"),
        (b"GGUF" + struct.pack("<IQQQ3s", 3, 0, 1, 3, b"a\xffb"), "has the name 'a\ufffdb'"),
    ],
)  # fmt: skip
def test_lies_are_refused_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    """Each impossible claim of a header gives one line that names the file and the fault."""
    path = tmp_path / "notes.gguf"
    path.write_bytes(content)
    with pytest.raises(GGUFError, match=words) as caught:
        read_gguf(path)
    assert "\n" not in str(caught.value) and caught.value.hint


def test_control_characters_are_not_repeated(tmp_path: Path) -> None:
    """What a message quotes of a file holds no control characters."""
    path = tmp_path / "evil.gguf"
    path.write_bytes(b"\x1b]0;")
    with pytest.raises(GGUFError) as caught:
        read_gguf(path)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("alignment", [0, 3, 2**21])
def test_impossible_alignments_are_refused(tmp_path: Path, alignment: int) -> None:
    """An alignment of 0, of no power of two, or above 1 MiB is refused."""
    path = write_gguf(tmp_path / "x.gguf", tiny_metadata(general__alignment=alignment), tiny_tensors())
    with pytest.raises(GGUFError, match="alignment"):
        read_gguf(path)


def test_every_cut_is_refused(model: Path) -> None:
    """A model cut off anywhere is refused, as damaged or as not whole."""
    data = model.read_bytes()
    chance = random.Random(1)
    for length in [chance.randrange(len(data) - 32) for _ in range(100)]:
        model.write_bytes(data[:length])
        with pytest.raises(GGUFError):
            read_gguf(model)


def test_missing_and_unreadable_files_are_refused(tmp_path: Path) -> None:
    """A missing file and a folder are refused in words."""
    for path in (tmp_path / "absent.gguf", tmp_path):
        with pytest.raises(GGUFError, match="no file"):
            read_gguf(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"general__type": "adapter"}, "of type 'adapter'"),
        ({"general__architecture": None}, "architecture"),
        ({"llama__context_length": 0}, "no context length"),
        ({"llama__context_length": None}, "no context length"),
        ({"llama__context_length": "many"}, "no context length"),
    ],
)
def test_files_no_chat_can_run_on_are_refused(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    """An adapter, or a model without architecture or context length, is no chat model."""
    facts = read_gguf(tiny_model(tmp_path / "x.gguf", **changes))
    with pytest.raises(GGUFError, match=words):
        check_model(facts)


def test_a_vocabulary_alone_is_refused(tmp_path: Path) -> None:
    """A file without weights is no chat model."""
    with pytest.raises(GGUFError, match="holds no weights"):
        check_model(read_gguf(write_gguf(tmp_path / "x.gguf", tiny_metadata(), {})))


def test_numbers_of_64_bits_are_read(tmp_path: Path) -> None:
    """A context length written with 64 bits is the same number."""
    assert read_gguf(tiny_model(tmp_path / "x.gguf", llama__context_length=U64(4096))).context == 4096


def test_mutated_files_are_read_or_refused(model: Path) -> None:
    """1,000 damaged files are each read or refused with a GGUFError, 10 s at most together."""
    data, chance, refused = model.read_bytes(), random.Random(7), 0
    started = time.process_time()
    for _ in range(1000):
        model.write_bytes(mutated(data, chance))
        try:
            assert isinstance(read_gguf(model), GGUFFacts)
        except GGUFError:
            refused += 1
    assert refused > 500
    assert time.process_time() - started < 10


def _seconds(path: Path) -> float:
    started = time.process_time()
    read_gguf(path)
    return time.process_time() - started
