"""Rules of a folder: what `.gitignore` and `.assistantignore` leave out of a walk, and which lines cannot be used."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ingest.ignore import MAX_BYTES
from ingest.scan import scan


def kept(folder: Path) -> list[str]:
    """The files a walk finds, below the folder."""
    return sorted(str(Path(f["path"]).relative_to(folder)) for f in scan([str(folder)], []) if "reason" not in f)


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


TREE = (
    "a.txt", "notes.md", "build/out.txt", "sub/build/in.txt", "sub/a.txt", "sub/draft 1.txt", "sub/deep/x.txt",
    "sub/deep/keep.txt", "logs/one.txt", "logs/important.txt", "#odd.txt", "ünicode.txt", "docs/build", "tail .txt",
)  # fmt: skip
RULES = {
    ".gitignore": "# a comment\n\n/build/\nlogs/*\n!logs/important.txt\n*.md\n\\#odd.txt\nü*\n**/deep/x.*\n",
    "sub/.gitignore": "a.txt\n!notes.md\ndraft\\ ?.txt\n",
}


def test_the_rules_are_git_s_own(tmp_path: Path) -> None:
    """What is kept is what git itself lists as neither ignored nor hidden."""
    write(tmp_path, **dict.fromkeys(TREE, "text"), **RULES)
    if subprocess.run(["git", "init", "-q", str(tmp_path)], capture_output=True, check=False).returncode:
        pytest.skip("git is not installed")
    listed = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files", "-z", "--others", "--exclude-standard"],
        capture_output=True, check=True,
    ).stdout.decode().split("\0")  # fmt: skip
    expected = sorted(name for name in listed if name and not Path(name).name.startswith("."))
    assert expected and kept(tmp_path) == expected


def test_the_assistant_s_own_rules_decide_over_git_s(tmp_path: Path) -> None:
    """`.assistantignore` may bring back what git leaves out, and leave out what git keeps."""
    write(
        tmp_path,
        **{"a.txt": "x", "b.txt": "x", "c.txt": "x", ".gitignore": "a.txt\n", ".assistantignore": "!a.txt\nb.txt\n"},
    )
    assert kept(tmp_path) == ["a.txt", "c.txt"]


def test_a_file_named_outright_is_taken_whatever_the_rules_say(tmp_path: Path) -> None:
    """Rules are about what a walk comes across."""
    write(tmp_path, **{"a.txt": "x", ".gitignore": "*\n"})
    assert kept(tmp_path) == []
    assert [Path(f["path"]).name for f in scan([str(tmp_path / "a.txt")], [])] == ["a.txt"]


def test_lines_that_are_no_rules_are_told_and_the_others_count(tmp_path: Path) -> None:
    """A broken line, and one made to cost time without end, are named with their number."""
    write(tmp_path, **{"a.txt": "x", "b.txt": "x", ".gitignore": "a.txt\n[z-a]\n*a*a*a*a*a*a*b\n"})
    assert kept(tmp_path) == ["b.txt"]
    [told] = [found["reason"] for found in scan([str(tmp_path)], []) if "reason" in found]
    assert "line 2, 3;" in told


@pytest.mark.parametrize("kind", ["folder", "link", "huge"])
def test_what_is_no_small_plain_file_holds_no_rules(tmp_path: Path, kind: str) -> None:
    """A folder, a link or a huge file called `.gitignore` is told of; the walk goes on without it."""
    write(tmp_path, **{"a.txt": "x"})
    rules = tmp_path / ".gitignore"
    if kind == "folder":
        rules.mkdir()
    elif kind == "link":
        (tmp_path / "rules").write_text("a.txt\n")
        rules.symlink_to(tmp_path / "rules")
    else:
        rules.write_text("a.txt\n" * MAX_BYTES)
    assert "a.txt" in kept(tmp_path)
    [told] = [found["reason"] for found in scan([str(tmp_path)], []) if "reason" in found]
    assert "rules that" in told
