"""Are the code blocks of an answer found as CommonMark reads them?"""

from __future__ import annotations

import pytest

from assistant.code_blocks import CodeBlock, code_blocks


@pytest.mark.parametrize(
    ("markdown", "blocks"),
    [
        ("no code", []),
        ("```python\nprint(1)\n\nprint(2)\n```\nend", [CodeBlock("python", "print(1)\n\nprint(2)")]),
        ("~~~\na ``` b\n~~~", [CodeBlock("", "a ``` b")]),
        ("````md\n```\nx\n```\n````", [CodeBlock("md", "```\nx\n```")]),
        ("- step\n  ```sh\n  ls\n    -l\n  ```", [CodeBlock("sh", "ls\n  -l")]),
        ("> ```\n> quoted\n> ```", [CodeBlock("", "quoted")]),
        ("```js title=x\nnot closed", [CodeBlock("js", "not closed")]),
        ("```a\n1\n```\n```b\n2\n```", [CodeBlock("a", "1"), CodeBlock("b", "2")]),
        ("inline ```code``` here", []),
        ("```\n```", [CodeBlock("", "")]),
    ],
)
def test_fences_open_and_close_as_in_commonmark(markdown: str, blocks: list[CodeBlock]) -> None:
    """Longer fences hold shorter ones, lists and quotes lose their indentation, an open block ends with the text."""
    assert code_blocks(markdown) == blocks
