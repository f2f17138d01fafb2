"""Does every row of the page beside other terminal chats name tests that exist?"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "terminal.md"
NAMED = re.compile(r"`(test_\w+\.py)::(test_\w+)`")


def rows() -> list[list[str]]:
    """The cells of each row of the page's tables, without their heads."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|")]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if not re.match(r"\|(-|\s*\|)", line)
    ]


@pytest.fixture(scope="module")
def defined() -> set[tuple[str, str]]:
    """File and name of every test there is."""
    return {
        (path.name, node.name)
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_row_names_tests_that_exist(defined: set[tuple[str, str]]) -> None:
    """Twelve rows on chats, ten on what people like, and our own."""
    assert len(rows()) >= 25
    for cells in rows():
        named = NAMED.findall(cells[-1])
        assert named, cells[0]
        assert [each for each in named if each not in defined] == [], cells[0]
    assert ("test_chat.py", "test_that_was_never_written") not in defined
