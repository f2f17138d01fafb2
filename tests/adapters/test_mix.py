"""The text of a mix of adapters: what users write, and that it comes back the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.adapter_files import adapter_label, find_adapter
from adapters.errors import AdapterFitError
from adapters.mix import MAX_PARTS, Share, checked, mix_text, parse_mix

NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("", []),
        (" off ", []),
        ("style", [("style", 1.0)]),
        ("style 0.7", [("style", 0.7)]),
        ("style:0.7", [("style", 0.7)]),
        ("style:0.7 work:0.3", [("style", 0.7), ("work", 0.3)]),
        ("style@v2:0.7   work", [("style@v2", 0.7), ("work", 1.0)]),
        ("style work", [("style", 1.0), ("work", 1.0)]),
        ("/tmp/my style.gguf", [("/tmp/my style.gguf", 1.0)]),
        ("/tmp/my style.gguf 0.5", [("/tmp/my style.gguf", 0.5)]),
        ("'/tmp/my style.gguf':0.5 work:2", [("/tmp/my style.gguf", 0.5), ("work", 2.0)]),
        ("/tmp/it's.gguf 0.5", [("/tmp/it's.gguf", 0.5)]),
        ("~/a:b.gguf", [("~/a:b.gguf", 1.0)]),
    ],
)
def test_what_users_write(text: str, shares: list[tuple[str, float]]) -> None:
    """Names and paths, with a strength behind a colon or, for one alone, behind a space."""
    assert parse_mix(text) == tuple(Share(*share) for share in shares)


def test_the_given_strength_is_for_those_without_one() -> None:
    """A default strength leaves written ones alone."""
    assert parse_mix("a b:1", 0.5) == (Share("a", 0.5), Share("b", 1.0))


@given(st.lists(st.tuples(NAMES, st.floats(0, 10)), max_size=MAX_PARTS, unique_by=lambda pair: pair[0]))
def test_a_mix_comes_back_from_its_text(pairs: list[tuple[str, float]]) -> None:
    """Whatever the names: what is written is read as the same mix."""
    shares = tuple(Share(*pair) for pair in pairs)
    assert parse_mix(mix_text(shares)) == shares


@pytest.mark.parametrize("text", ["a:-1", "a:11", "a:nan", "a inf", "a:1 a:2", " ".join("abcdefghi")])
def test_what_cannot_be_is_refused(text: str) -> None:
    """An impossible strength, a name twice, more than eight: a sentence and a hint."""
    with pytest.raises(AdapterFitError) as caught:
        parse_mix(text)
    assert "\n" not in str(caught.value) and caught.value.hint


def test_shares_are_checked_without_text() -> None:
    """The same rules hold for a mix that was never text."""
    with pytest.raises(AdapterFitError, match="strength"):
        checked([Share("a", -0.5)])


def test_names_find_their_files(tmp_path: Path) -> None:
    """A path, an exact version, the newest version, or a loose file; versions are compared as numbers."""
    for place in ("style/v2/adapter.gguf", "style/v10/adapter.gguf", "style/vx/adapter.gguf", "style.gguf", "b.gguf"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    home = tmp_path.resolve()
    assert find_adapter("style", tmp_path) == home / "style/v10/adapter.gguf"
    assert find_adapter("style@v2", tmp_path) == home / "style/v2/adapter.gguf"
    assert find_adapter("b", tmp_path) == find_adapter(str(tmp_path / "b.gguf"), Path("/")) == home / "b.gguf"
    assert adapter_label(home / "style/v10/adapter.gguf") == "style@v10"
    assert adapter_label(home / "b.gguf") == "b"


@pytest.mark.parametrize("name", ["absent", "style@v3", "", "x" * 5000, "a\0b", "~nobody-here/x"])
def test_a_name_without_a_file_is_refused(tmp_path: Path, name: str) -> None:
    """No such file, or a name that no file can have: one sentence."""
    with pytest.raises(AdapterFitError, match="There is no adapter"):
        find_adapter(name, tmp_path)
