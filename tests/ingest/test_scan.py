"""Which files a walk finds, what it passes over, and what it says about the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.scan import MAX_DEPTH, Found, scan


def found(*paths: Path, exclude: tuple[Path, ...] = ()) -> list[Found]:
    return list(scan([str(path) for path in paths], [str(path) for path in exclude]))


def names(folder: Path, results: list[Found]) -> list[str]:
    return [os.path.relpath(result["path"], folder) for result in results if "reason" not in result]


def write(path: Path, content: bytes = b"words") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_sorted_with_size_and_time(tmp_path: Path) -> None:
    """Files come sorted, those of a folder before its subfolders, with size and time of change."""
    for name in ("b.txt", "a.md", "sub/c.pdf", "Z.docx"):
        write(tmp_path / name)
    results = found(tmp_path)
    assert names(tmp_path, results) == ["Z.docx", "a.md", "b.txt", "sub/c.pdf"]
    status = (tmp_path / "a.md").stat()
    assert results[1] == {"path": str(tmp_path / "a.md"), "size": 5, "mtime_ns": status.st_mtime_ns}


def test_passed_over_in_folders(tmp_path: Path) -> None:
    """Hidden names, folders of tools, pictures and unknown binary files inside a folder are no news."""
    for name in (".git/config.txt", "node_modules/a.js", "__pycache__/a.txt", ".hidden.txt", "photo.jpg", "keep.txt"):
        write(tmp_path / name)
    write(tmp_path / "program", b"\x7fELF\x02\x01\x80\xff" * 100)
    write(tmp_path / "LICENSE", b"You may copy this.")
    assert found(tmp_path) == found(tmp_path / "LICENSE", tmp_path / "keep.txt")


def test_office_files_without_a_reader_are_listed(tmp_path: Path) -> None:
    """A document of a kind that cannot be read is listed, so that its reason reaches the user."""
    write(tmp_path / "slides.pptx", b"PK\x03\x04" + bytes(range(256)))
    assert names(tmp_path, found(tmp_path)) == ["slides.pptx"]


def test_named_files_always_get_an_answer(tmp_path: Path) -> None:
    """A file that the user names is listed whatever it is, hidden or binary."""
    picture, hidden = write(tmp_path / "photo.jpg", b"\xff\xd8\xff\xe0\x00"), write(tmp_path / ".notes.txt")
    assert names(tmp_path, found(picture, hidden)) == ["photo.jpg", ".notes.txt"]


def test_links_are_named_not_followed(tmp_path: Path) -> None:
    """A link is never followed, not even to itself; the answer says so."""
    outside = write(tmp_path / "outside" / "secret.txt")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.txt").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    results = found(folder)
    assert [(Path(r["path"]).name, "symbolic link" in r["reason"]) for r in results] == [
        ("link.txt", True),
        ("loop", True),
    ]
    assert "symbolic link" in found(folder / "link.txt")[0]["reason"]


def test_pipes_are_not_opened(tmp_path: Path) -> None:
    """A pipe is named and not opened, which would wait for ever."""
    os.mkfifo(tmp_path / "pipe.txt")
    assert found(tmp_path)[0]["reason"] == "is a pipe, not a file"


def test_missing_path(tmp_path: Path) -> None:
    """A path that is not there, and one that cannot be, have a reason."""
    assert found(tmp_path / "gone.txt")[0]["reason"] == "does not exist"
    assert next(scan(["/tmp/a\0b"], []))["reason"] == "is no possible path"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_folder(tmp_path: Path) -> None:
    """A folder that may not be read is named, and the walk goes on."""
    locked = tmp_path / "locked"
    locked.mkdir(mode=0)
    write(tmp_path / "z.txt")
    assert [r.get("reason", "") for r in found(tmp_path)] == ["", "may not be read: permission denied"]


def test_own_data_is_excluded(tmp_path: Path) -> None:
    """Folders that the caller excludes are not visited, and named when asked for."""
    write(tmp_path / "home" / "chat.txt")
    write(tmp_path / "a.txt")
    home = tmp_path / "home"
    assert names(tmp_path, found(tmp_path, exclude=(home,))) == ["a.txt"]
    assert found(home, exclude=(home,))[0]["reason"] == "holds the assistant's own data"


def test_depth(tmp_path: Path) -> None:
    """A tree deeper than allowed is cut off with a reason."""
    here = os.getcwd()
    try:
        os.chdir(tmp_path)
        for _ in range(MAX_DEPTH + 2):
            os.mkdir("d")
            os.chdir("d")
        Path("deep.txt").write_text("x")
    finally:
        os.chdir(here)
    results = found(tmp_path)
    assert len(results) == 1
    assert "128 folders deep" in results[0]["reason"]


def test_strange_names(tmp_path: Path) -> None:
    """Names with control characters, markup, line ends and bytes that are no UTF-8 come back as they are."""
    strange = [b"[/].txt", b"a\nb.txt", b"\x1b[31m.txt", b"caf\xe9.txt", "\u202etxt.exe.txt".encode()]
    (tmp_path / "[").mkdir()
    for name in strange:
        with open(os.fsencode(tmp_path) + b"/" + name, "wb") as file:
            file.write(b"x")
    start = len(os.fsencode(tmp_path)) + 1
    assert sorted(os.fsencode(r["path"])[start:] for r in found(tmp_path)) == sorted(strange)


def test_a_file_is_listed_once(tmp_path: Path) -> None:
    """A file named beside its folder is listed once."""
    file = write(tmp_path / "a.txt")
    assert len(found(file, tmp_path, tmp_path)) == 1


def test_cancel(tmp_path: Path) -> None:
    """A walk that is cancelled ends."""
    for number in range(20):
        write(tmp_path / f"{number:02}" / "a.txt")
    answers = iter([False, False, False, True])
    results = list(scan([str(tmp_path)], [], lambda: next(answers, True)))
    assert 0 < len(results) < 20
