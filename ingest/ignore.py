"""Which files a folder's own rules leave out: `.gitignore` and `.assistantignore`, as git reads them.

A rule counts in the folder of its file and below; the file nearest to a path decides, and in one folder
`.assistantignore` decides over `.gitignore`. Syntax: https://git-scm.com/docs/gitignore.
"""

from __future__ import annotations

import os
import re
import stat

from pathspec import GitIgnoreSpec

RULE_FILES = (".gitignore", ".assistantignore")  # the later decides
MAX_BYTES = 100_000  # of one rule file
MAX_STARS = 3  # in one name of a rule: each more multiplies the time a hostile rule costs by the length of a name
_TOO_MANY_STARS = re.compile(rf"(?:\*+[^*/]*){{{MAX_STARS + 1}}}")


class IgnoreRules:
    """The rules in force inside one folder: its own, then those of the folders above it. Never changed."""

    def __init__(self, specs: tuple[tuple[str, GitIgnoreSpec], ...] = ()) -> None:
        """`specs` are the folders whose rules count, innermost first, each with its rules."""
        self._specs = specs

    def inside(self, folder: str) -> tuple[IgnoreRules, list[tuple[str, str]]]:
        """The rules inside this folder, and what of its own rules cannot be used: (path, reason)."""
        lines: list[str] = []
        problems: list[tuple[str, str]] = []
        for name in RULE_FILES:
            path = os.path.join(folder, name)  # noqa: PTH118  # as the walk spells its paths
            found, problem = _lines(path)
            lines += found
            problems += [(path, problem)] if problem else []
        if not lines:
            return self, problems
        return IgnoreRules(((folder, GitIgnoreSpec.from_lines(lines)), *self._specs)), problems

    def leave_out(self, path: str, is_folder: bool) -> bool:
        """Whether a path in this folder is left out. What lies in a folder that is left out is not asked for."""
        for folder, spec in self._specs:
            name = path[len(folder.rstrip(os.sep)) + 1 :] + ("/" if is_folder else "")
            decided: bool | None = spec.check_file(name).include
            if decided is not None:
                return decided
        return False


def _lines(path: str) -> tuple[list[str], str]:
    """The rules of a file that can be used, and what is wrong with the others; "" where nothing is."""
    try:
        text = _text(path)
    except FileNotFoundError:
        return [], ""
    except OSError as error:
        return [], f"holds rules that cannot be read: {(error.strerror or 'unknown error').lower()}"
    if text is None:
        return [], f"holds rules that are not used: it is no plain file of up to {MAX_BYTES // 1000} kB"
    lines = text.splitlines()
    wrong = [str(number) for number, line in enumerate(lines, 1) if not _usable(line)]
    told = f"holds no rule that can be used in line {', '.join(wrong)}; the other lines count" if wrong else ""
    return [line for line in lines if _usable(line)], told


def _text(path: str) -> str | None:
    """The text of a small regular file; None for anything else."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            return None
        return os.read(descriptor, MAX_BYTES).decode("utf-8-sig", "surrogateescape")
    finally:
        os.close(descriptor)


def _usable(line: str) -> bool:
    if _TOO_MANY_STARS.search(line) and not line.startswith("#"):
        return False
    try:
        GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error, RecursionError):
        return False
    return True
