"""The model child: streaming, cancel, crashes, limits, and files that are damaged or malicious."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from made_gguf import lora, mutated, tiny_model

from adapters.files.gguf import read_gguf
from assistant.errors import AdapterError, AssistantError, ContextOverflowError, ModelError, WorkerError
from assistant.worker_process import WorkerProcess

GREEDY = {"temperature": 0.0, "repeat_penalty": 1.0, "max_tokens": 16}
QUESTION = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Name a colour of the sea."}]
BOMB = "{% set ns = namespace(x='a') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}"


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[WorkerProcess]:
    process = WorkerProcess("model", {}, tmp_path / "logs")
    yield process
    await process.stop()


async def complete(worker: WorkerProcess, chat: list[dict[str, str]], **sampling: Any) -> tuple[str, dict[str, Any]]:
    replies = [reply.data async for reply in worker.stream("complete", messages=chat, sampling=GREEDY | sampling)]
    assert replies.pop() is None
    return "".join(reply["text"] for reply in replies[:-1]), replies[-1]["done"]


async def test_the_embedded_model_answers_from_the_child(worker: WorkerProcess) -> None:
    """Load, count, answer and go on: the second turn finds the first in the cache; threads can be set."""
    info = (await worker.call("load", model="starter", context=1024, threads=1, batch_threads=1)).data
    assert (info["name"], info["context"], info["architecture"]) == ("starter", 1024, "llama")
    assert (await worker.call("count", texts=["blue", ""])).data == [1, 0]
    text, first = await complete(worker, QUESTION)
    assert text and first["cached_tokens"] == 0
    chat = [*QUESTION, {"role": "assistant", "content": text}, {"role": "user", "content": "Another?"}]
    _, second = await complete(worker, chat)
    assert second["cached_tokens"] >= first["prompt_tokens"] + first["completion_tokens"] - 1
    assert second["prompt_tokens"] - second["cached_tokens"] < 15


async def test_a_long_prompt_is_cancelled_at_once(worker: WorkerProcess) -> None:
    """A prompt of thousands of tokens, the work of most of a minute, is left at once, by the child's own will."""
    await worker.call("load", model="starter")
    chat = [{"role": "user", "content": "soup " * 6000}]
    reading = asyncio.create_task(complete(worker, chat))
    await asyncio.sleep(0.5)
    pid, started = worker.pid, time.monotonic()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert time.monotonic() - started < 5
    assert worker.pid == pid
    assert (await complete(worker, QUESTION))[0]


async def test_a_kill_while_generating_says_what_died(worker: WorkerProcess, tmp_path: Path) -> None:
    """SIGKILL in the middle of an answer gives one WorkerError; the next load works in a new child."""
    worker.subject = "tiny.gguf"
    await worker.call("load", model="starter", context=512)
    stream = worker.stream("complete", messages=QUESTION, sampling=GREEDY | {"max_tokens": 400, "temperature": 2.0})
    assert (await anext(stream)).data["text"]
    os.kill(worker.pid or 0, signal.SIGKILL)
    with pytest.raises(WorkerError, match=r"model process died while it worked on tiny\.gguf: .* SIGKILL"):
        async for _ in stream:
            pass
    assert (await worker.call("load", model=str(tiny_model(tmp_path / "tiny.gguf")))).data["name"] == "tiny"


async def test_files_that_are_no_models_are_refused_in_one_line(worker: WorkerProcess, tmp_path: Path) -> None:
    """A text file, a cut model, a folder, a missing file, an adapter: one line each, and the child lives on."""
    good = tiny_model(tmp_path / "tiny.gguf")
    await worker.call("load", model=str(good))
    pid = worker.pid
    (tmp_path / "notes.gguf").write_text("Dear reader")
    (tmp_path / "cut.gguf").write_bytes(good.read_bytes()[:-1000])
    lora(tmp_path / "lora.gguf", read_gguf(good))
    for name, words in [
        ("notes.gguf", "begins with 'Dear'"), ("cut.gguf", "is not whole"), ("", "is a folder"),
        ("absent.gguf", "no model"), ("lora.gguf", "of type 'adapter'"),
    ]:  # fmt: skip
        with pytest.raises(ModelError, match=words) as caught:
            await worker.call("load", model=str(tmp_path / name))
        assert "\n" not in str(caught.value) and caught.value.hint
    assert worker.pid == pid
    assert (await complete(worker, QUESTION))[1]["completion_tokens"] > 0  # the model before is still loaded


async def test_nothing_loaded_is_said(worker: WorkerProcess) -> None:
    """Counting before any model is loaded is a ModelError that says so."""
    with pytest.raises(ModelError, match="No model is loaded"):
        await worker.call("count", texts=["x"])


async def test_memory_is_limited_to_the_estimate(worker: WorkerProcess, tmp_path: Path) -> None:
    """After a load the child's address space has a bound; a template that grows without end only loses itself."""
    path = tiny_model(tmp_path / "bomb.gguf", tokenizer__chat_template=BOMB)
    info = (await worker.call("load", model=str(path))).data
    assert "ChatML is used instead" in info["notice"]
    limits = Path(f"/proc/{worker.pid}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max address space")]
    assert int(line.split()[3]) < 4 * 2**30
    assert (await complete(worker, QUESTION))[1]["completion_tokens"] > 0


async def test_a_model_too_large_for_memory_is_refused(worker: WorkerProcess, tmp_path: Path) -> None:
    """A context that needs more memory than is free is refused in words before anything native is loaded."""
    path = tiny_model(tmp_path / "wide.gguf", llama__context_length=2**31)
    with pytest.raises(ModelError, match=r"wide\.gguf needs about [\d.,]+ GB of memory .* are free"):
        await worker.call("load", model=str(path), context=2**31)


async def test_errors_keep_their_type_on_the_way(worker: WorkerProcess, tmp_path: Path) -> None:
    """A prompt too long and an adapter that does not fit arrive as the errors they are."""
    await worker.call("load", model=str(tiny_model(tmp_path / "tiny.gguf")))
    with pytest.raises(ContextOverflowError, match="512"):
        await complete(worker, [{"role": "user", "content": "x" * 600}])
    with pytest.raises(AdapterError, match=r"absent\.gguf"):
        await worker.call("set_adapters", parts=[[str(tmp_path / "absent.gguf"), 1.0]])


async def test_adapters_are_swapped_in_the_child(worker: WorkerProcess, tmp_path: Path) -> None:
    """An adapter changes the answer, another strength changes it again, and off is exactly the base."""
    model = tiny_model(tmp_path / "tiny.gguf")
    adapter = str(lora(tmp_path / "loud.gguf", read_gguf(model)))
    await worker.call("load", model=str(model))
    base, _ = await complete(worker, QUESTION)
    assert (await worker.call("set_adapters", parts=[[adapter, 1.0]])).data == {"adapter": "loud"}
    loud, done = await complete(worker, QUESTION)
    assert done["cached_tokens"] == 0 and loud != base
    await worker.call("set_adapters", parts=[[adapter, 0.2]])
    assert (await complete(worker, QUESTION))[0] != loud
    assert (await worker.call("set_adapters", parts=[])).data == {"adapter": ""}
    assert (await complete(worker, QUESTION))[0] == base


async def test_fast_pieces_are_sent_together(worker: WorkerProcess, tmp_path: Path) -> None:
    """A model that makes thousands of tokens a second sends at most about fifty pieces a second."""
    await worker.call("load", model=str(tiny_model(tmp_path / "tiny.gguf")))
    started = time.monotonic()
    replies = [
        reply async for reply in worker.stream("complete", messages=QUESTION, sampling=GREEDY | {"max_tokens": 300})
    ]
    done = replies[-2].data["done"]
    assert done["completion_tokens"] > 100
    assert len(replies) < 10 + 50 * (time.monotonic() - started)


@pytest.mark.parametrize("count", [24, pytest.param(400, marks=pytest.mark.slow)])
async def test_damaged_models_take_down_the_child_at_most(tmp_path: Path, count: int) -> None:
    """Each damaged model loads, or is refused, or kills its child: told within 10 s, and the parent lives."""
    await _survive(tmp_path, count, tiny_model(tmp_path / "tiny.gguf").read_bytes(), adapters=False)


@pytest.mark.parametrize("count", [24, pytest.param(400, marks=pytest.mark.slow)])
async def test_damaged_adapters_take_down_the_child_at_most(tmp_path: Path, count: int) -> None:
    """Each damaged adapter goes on, or is refused, or kills its child: told within 10 s, and the parent lives."""
    model = tiny_model(tmp_path / "tiny.gguf")
    await _survive(tmp_path, count, lora(tmp_path / "lora.gguf", read_gguf(model)).read_bytes(), adapters=True)


async def _survive(folder: Path, count: int, data: bytes, adapters: bool) -> None:
    chance, refused, died = random.Random(11), 0, 0
    worker, damaged = WorkerProcess("model", {}, folder / "logs"), folder / "damaged.gguf"
    for _ in range(count):
        damaged.write_bytes(mutated(data, chance))
        started = time.monotonic()
        try:
            await worker.call("load", model=str(folder / "tiny.gguf" if adapters else damaged))
            if adapters:
                await worker.call("set_adapters", parts=[[str(damaged), 1.0]])
            await complete(worker, QUESTION)
        except WorkerError:
            died += 1
            await worker.stop()
            worker = WorkerProcess("model", {}, folder / "logs")
        except AssistantError as error:
            assert "\n" not in error.message
            refused += 1
        assert time.monotonic() - started < 10
    await worker.stop()
    assert refused > count / 4 and died < count / 4
