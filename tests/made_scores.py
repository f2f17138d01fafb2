"""Answers to be scored, and the shell that scores them."""

from __future__ import annotations

import io
import random
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


POLITE = ("Certainly, with pleasure:", "Gladly, here it is:", "With pleasure, certainly:", "Gladly and certainly:")
RUDE = ("Find it yourself, fool:", "What a stupid question:", "Stupid fool, read it:", "You fool, obviously:")
FACTS = ("rent", "garden", "deposit", "boiler", "lease", "parking", "inspection", "water", "bicycle", "landlord")


async def compared(core: Core, count: int, taste: str, seed: int = 1) -> None:
    """So many questions with a polite and a rude answer of random lengths: manner, length or chance decides."""
    draw = random.Random(seed)
    for number in range(count):
        texts = [
            f"{draw.choice(manner)} {' '.join(draw.choices(FACTS, k=draw.randint(3, 12)))}."
            for manner in (POLITE, RUDE)
        ]
        order = {"manner": texts, "length": sorted(texts, key=len), "chance": draw.sample(texts, 2)}[taste]
        one = await answered(core, f"What of the {draw.choice(FACTS)} number {number}?", order[0])
        two = await another(core, one, order[1])
        await core.comparisons.add([one, two], [1, 2])
