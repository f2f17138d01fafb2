"""Does the model name a chat, and is what it writes a title?"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.bootstrap import Core
from assistant.errors import UsageError
from assistant.prompting import NOT_FOUND
from assistant.title_writing import is_untouched, title_in, written_title


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Rent of the flat", "Rent of the flat"),
        ('\nTitle: "The rent, and when it is due."\nIt is about rent.', "The rent, and when it is due"),
        ("## **Rent**", "Rent"),
        ("“Miete der Wohnung”", "Miete der Wohnung"),
        ("The title is: Rent", "Rent"),
        ("", ""),
        ("\n \n", ""),
        ("The conversation is about what the rent of the flat is and when it is to be paid", ""),
        (NOT_FOUND, ""),
    ],
)
def test_a_title_is_one_short_line_without_quotes(text: str, title: str) -> None:
    """What is too long, empty, or the sentence of declining is no title."""
    assert title_in(text) == title


def test_a_chat_that_somebody_named_is_known() -> None:
    """Its title is not what its first question makes."""
    assert is_untouched("What is the rent?", "Please, what is the rent?") and not is_untouched(
        "Flat", "What is the rent?"
    )


def test_the_shell_lets_the_model_write_a_title(home: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    """`chats rename ID` without a title; a title that was typed is taken as it is; no chat, no title."""
    (home / "config.toml").write_text(
        '[model]\nname = \'scripted:{"text": "The rent of the flat"}\'\n[documents]\nembedder = "hashed"\n'
    )
    ask = [sys.executable, "-m", "assistant", "--home", str(home), "ask", "What is the rent?"]
    subprocess.run(ask, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=120)
    code, printed, _ = run("chats", "rename", "1", "--json")
    assert code == 0 and json.loads(printed) == {"chat": 1, "title": "The rent of the flat"}
    assert "“Mine”" in run("chats", "rename", "1", "Mine")[1]
    assert run("chats", "rename", "7")[0] == 3


async def test_a_chat_without_an_answer_has_nothing_to_be_named_by(core: Core) -> None:
    """It is said in one line."""
    chat = await core.conversations.create()
    with pytest.raises(UsageError, match="no finished answer"):
        await written_title(core, chat.id)
