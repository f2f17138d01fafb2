"""Which files a user means by the files and folders named: a walk that follows no links and opens no devices."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypedDict

from ingest.ignore import IgnoreRules
from ingest.readers import READERS, UNREAD_DOCUMENTS, reader_of
from ingest.readers.encoding import looks_binary

MAX_DEPTH = 128
SNIFFED_BYTES = 4096
SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "site-packages"})
_BINARY_NAMES = (  # not opened at all; a name that is not here is judged by its first bytes
    ".png .jpg .jpeg .gif .bmp .tif .tiff .webp .heic .ico .psd .raw .mp3 .wav .flac .ogg .m4a .aac .mp4 .mkv .avi "
    ".mov .webm .zip .gz .xz .bz2 .zst .7z .rar .tar .tgz .jar .whl .iso .deb .rpm .exe .dll .so .o .a .pyc .class "
    ".bin .dat .db .sqlite .gguf .safetensors .pt .onnx .npy .npz .parquet .faiss .ttf .otf .woff .woff2 .swp "
    ".svg .ps .eps"
)
BINARY_SUFFIXES = frozenset(_BINARY_NAMES.split())
PICTURES = frozenset(suffix for suffix, reader in READERS.items() if reader == "image")


class Found(TypedDict, total=False):
    """A file to read (path, size, mtime_ns), or a path that is not read and why (path, reason)."""

    path: str
    size: int
    mtime_ns: int
    reason: str


def scan(
    paths: list[str], exclude: list[str], cancelled: Callable[[], bool] = lambda: False, pictures: bool = False
) -> Iterator[Found]:
    """Everything worth a line under `paths`, in the order given and sorted by name below.

    A path named in `paths` always gets an answer. Inside folders, hidden names, folders of tools and
    files that are plainly no documents are passed over silently, and so is what the folder's own rules leave out
    (see ingest.ignore). Inside folders, `pictures` are documents only if asked for. Nothing below a path in
    `exclude` is visited. Links are named, never followed.
    """
    excluded = {_real(path) for path in exclude}
    seen: set[str] = set()
    for path in map(_absolute, paths):
        for found in _named(path, excluded, cancelled, pictures):
            if found["path"] not in seen:
                seen.add(found["path"])
                yield found
        if cancelled():
            return


def _named(path: str, excluded: set[str], cancelled: Callable[[], bool], pictures: bool) -> Iterator[Found]:
    try:
        status = os.lstat(path)
    except OSError as error:
        yield {"path": path, "reason": _words(error)}
        return
    except ValueError:
        yield {"path": path, "reason": "is no possible path"}
        return
    if not stat.S_ISDIR(status.st_mode):
        yield _file(path, status)
    elif _real(path) in excluded:
        yield {"path": path, "reason": "holds the assistant's own data"}
    else:
        yield from _walk(path, excluded, cancelled, pictures)


def _walk(root: str, excluded: set[str], cancelled: Callable[[], bool], pictures: bool) -> Iterator[Found]:
    """Depth first with a stack of our own: the depth of a hostile tree costs no Python stack."""
    stack = [(root, 0, IgnoreRules())]
    while stack and not cancelled():
        folder, depth, above = stack.pop()
        if depth > MAX_DEPTH:
            yield {"path": folder, "reason": f"lies more than {MAX_DEPTH} folders deep"}
            continue
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            yield {"path": folder, "reason": _words(error)}
            continue
        rules, problems = above.inside(folder)
        for path, reason in problems:
            yield {"path": path, "reason": reason}
        folders = []
        for entry in listed:
            is_folder = entry.is_dir(follow_symlinks=False)
            if _hidden(entry.name, is_folder) or rules.leave_out(entry.path, is_folder):
                continue
            if not is_folder:
                yield from _listed(entry, excluded, pictures)
            elif _real(entry.path) not in excluded:
                folders.append((entry.path, depth + 1, rules))
        stack.extend(reversed(folders))


def _hidden(name: str, is_folder: bool) -> bool:
    return name.startswith(".") or (is_folder and name in SKIPPED_FOLDERS)


def _listed(entry: os.DirEntry[str], excluded: set[str], pictures: bool) -> Iterator[Found]:
    """A file inside a folder, unless it is plainly no document."""
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return  # it went while the folder was listed
    except OSError as error:
        yield {"path": entry.path, "reason": _words(error)}
        return
    suffix = Path(entry.name).suffix.lower()
    read = pictures if suffix in PICTURES else bool(reader_of(suffix))
    known = read or suffix in UNREAD_DOCUMENTS  # of the latter a user expects to hear
    if entry.path in excluded or (stat.S_ISREG(status.st_mode) and not known and not _is_text(entry.path, suffix)):
        return
    yield _file(entry.path, status)


def _file(path: str, status: os.stat_result) -> Found:
    if stat.S_ISREG(status.st_mode):
        return {"path": path, "size": status.st_size, "mtime_ns": status.st_mtime_ns}
    return {"path": path, "reason": _kind(status.st_mode)}


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "is a symbolic link, which is not followed: name the file or folder it points to"
    names = ((stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
    what = next((name for test, name in names if test(mode)), "a device")
    return f"is {what}, not a file"


def _is_text(path: str, suffix: str) -> bool:
    """Whether the first bytes of a file with an unknown suffix are text."""
    if suffix in BINARY_SUFFIXES:
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return True  # reading it will say why it cannot be opened
    try:
        sample = os.read(descriptor, SNIFFED_BYTES)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return not looks_binary(sample)


def _absolute(path: str) -> str:
    """Absolute and without "..", links in it not resolved."""
    return os.path.abspath(path)  # noqa: PTH100  # pathlib keeps ".."


def _real(path: str) -> str:
    return os.path.realpath(path)  # pathlib's resolve raises on a loop of links


def _words(error: OSError) -> str:
    known = {
        FileNotFoundError: "does not exist",
        PermissionError: "may not be read: permission denied",
        NotADirectoryError: "does not exist: a part of its path is a file",
    }
    return known.get(type(error), f"cannot be read: {(error.strerror or 'unknown error').lower()}")
