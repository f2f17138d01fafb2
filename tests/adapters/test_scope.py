"""Scopes: how wide they are, and what becomes of damaged files."""

import struct

import pytest

from adapters.errors import AdapterFitError
from adapters.scope import FILE, GENERAL_SHARE, Scope, general_questions, read_scope, threshold_of

TAUGHT = struct.pack("<6e", 1, 0, 0, 0.6, 0.8, 0)
SCOPE = Scope("hashed", 0.5625, 3, TAUGHT)


def test_a_scope_is_as_wide_as_few_general_questions_fall_into_it():
    """Of general questions the share that is allowed is inside, however they lie."""
    general = [number**2 / 1e6 for number in range(1000)]
    threshold = threshold_of(general)
    assert sum(cosine >= threshold for cosine in general) == pytest.approx(1000 * GENERAL_SHARE, abs=1)
    assert threshold_of([0.3]) == 0.3


def test_a_scope_survives_its_file(tmp_path):
    """Without a file there is no scope; the layout is one that safetensors reads."""
    from safetensors.numpy import load_file

    assert read_scope(tmp_path) is None
    (tmp_path / FILE).write_bytes(SCOPE.as_bytes())
    assert read_scope(tmp_path) == SCOPE
    assert load_file(tmp_path / FILE)["taught"].tobytes() == TAUGHT


DAMAGES = {
    "cut": lambda data: data[:-5], "no header": lambda data: data[:20], "empty": lambda data: b"",
    "text": lambda data: b"scope", "other shape": lambda data: data.replace(b"[2, 3]", b"[3, 3]"),
    "no rows": lambda data: data.replace(b"[2, 3]", b"[0, 3]"),
    "words": lambda data: data.replace(b"0.5625", b"narrow"),
    "huge header": lambda data: b"\xff" * 8 + data[8:], "other type": lambda data: data.replace(b"F16", b"F64"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_refused_in_words(tmp_path, damage):
    """Cut short, empty, or something else."""
    (tmp_path / FILE).write_bytes(damage(SCOPE.as_bytes()))
    with pytest.raises(AdapterFitError, match="cannot be read"):
        read_scope(tmp_path)


def test_general_questions_are_about_anything():
    """There are enough of them to measure a share with."""
    assert len(set(general_questions())) > 500
