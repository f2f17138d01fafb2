"""Can a damaged model file answer wrongly without a word, or take more down than the child that loads it?"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from made_damage import KINDS, damaged
from made_gguf import tiny_model

from adapters.errors import GGUFError
from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import check_model
from assistant.errors import AssistantError, WorkerError
from assistant.worker_process import WorkerProcess

GREEDY = {"temperature": 0.0, "repeat_penalty": 1.0, "max_tokens": 24}
CHAT = [{"role": "user", "content": "What is the colour of the sea?"}]


async def answered(worker: WorkerProcess, path: Path) -> tuple[str, str]:
    """What a model says, token by token, and what is told of it when it is loaded."""
    notice = (await worker.call("load", model=str(path), context=256, threads=1, batch_threads=1)).data["notice"]
    replies = [reply.data async for reply in worker.stream("complete", messages=CHAT, sampling=GREEDY)]
    return "".join(reply["text"] for reply in replies if reply and "text" in reply), notice


@pytest.mark.parametrize("count", [50, pytest.param(300, marks=pytest.mark.slow)])
async def test_no_damaged_model_is_silently_wrong(tmp_path: Path, count: int) -> None:
    """Each is refused in one line, or ends its child and the next one starts, or answers as the whole one does, or is
    told to have another template."""
    whole = tiny_model(tmp_path / "whole.gguf")
    data, chance, seen = whole.read_bytes(), random.Random(5), Counter[str]()
    worker = WorkerProcess("model", {}, tmp_path / "logs")
    right, _ = await answered(worker, whole)
    assert right
    path = tmp_path / "damaged.gguf"
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        path.write_bytes(damaged(data, kind, chance))
        try:
            check_model(read_gguf(path))
        except GGUFError as error:
            assert "\n" not in str(error) and str(error).isprintable() and error.hint
            seen["refused in front"] += 1
            continue
        try:
            said, notice = await answered(worker, path)
        except WorkerError as error:
            assert "died" in error.message, (number, kind, error)
            seen["ended its child"] += 1
            await worker.stop()
        except AssistantError as error:
            assert "\n" not in error.message
            seen["refused by the child"] += 1
        else:
            assert notice or said == right, f"{number} ({kind}) is silently wrong"
            seen["told" if notice else "without effect"] += 1
    assert (await answered(worker, whole))[0] == right
    await worker.stop()
    assert seen["refused in front"] > count / 2 and seen["ended its child"] < count / 10, seen
