"""Answers to be scored, and the shell that scores them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant.bootstrap import Core
from assistant.cli import main
from assistant.conversation import Sampling

Run = Callable[..., tuple[int, str, str]]


async def answered(core: Core, question: str, answer: str, model: str = "m", adapter: str = "") -> int:
    """A chat of one turn; gives the number of its answer."""
    chat = await core.conversations.create()
    _, partial = await core.conversations.begin_turn(chat.id, None, question, Sampling(temperature=0.7, seed=3))
    await core.conversations.finish_answer(partial.id, "done", answer, model=model, adapter=adapter)
    return partial.id


async def another(core: Core, number: int, answer: str, model: str = "m", adapter: str = "") -> int:
    """Another answer to the question of an answer, as regenerating gives it."""
    first = await core.conversations.message(number)
    assert first.parent_id is not None
    partial = await core.conversations.begin_answer(first.conversation_id, first.parent_id, Sampling(seed=4))
    await core.conversations.finish_answer(partial.id, "done", answer, model=model, adapter=adapter)
    return partial.id


def shell(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command of the assistant on `home`: exit code, stdout, stderr."""

    def run(*arguments: Any, stdin: str | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin) if stdin is not None else None)
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(home), *map(str, arguments)])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run
