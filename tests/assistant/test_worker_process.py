"""Child processes: what happens when they die, hang, or are told to stop."""

import asyncio
import json
import os
import signal
import time

import pytest

from assistant import worker_process
from assistant.errors import ModelError, WorkerError
from assistant.worker_process import WorkerProcess

SCRIPT = "scripted:" + json.dumps({"text": "word " * 400, "tokens_per_second": 50})
QUESTION = {"messages": [{"role": "user", "content": "hi"}], "sampling": {"max_tokens": 400}}


@pytest.fixture
async def worker(tmp_path):
    process = WorkerProcess("model", {}, tmp_path / "logs")
    yield process
    await process.stop()


async def test_a_killed_child_says_what_died_and_the_next_call_works(worker):
    """SIGKILL during a call gives one WorkerError naming the signal and the file; the next call restarts the child."""
    worker.subject = "tiny.gguf"
    await worker.call("load", model=SCRIPT)
    stream = worker.stream("complete", **QUESTION)
    await anext(stream)
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(WorkerError, match=r"model process died while it worked on tiny\.gguf: .*SIGKILL"):
        async for _ in stream:
            pass
    assert (await worker.call("load", model="scripted")).data["name"]


async def test_leaving_a_stream_early_cancels_the_call(worker):
    """After the loop is left, the child is free for the next call at once and sends nothing late."""
    await worker.call("load", model=SCRIPT)
    pid = worker.pid
    stream = worker.stream("complete", **QUESTION)
    await anext(stream)
    begun = time.monotonic()
    await stream.aclose()
    assert (await worker.call("count", texts=["a b c"])).data == [3]
    assert time.monotonic() - begun < 1.5
    assert worker.pid == pid
    assert not worker._pending


async def test_whoever_starts_the_child_may_be_cancelled_meanwhile(worker):
    """A search that is typed on, for one: the child goes on starting and answers the next call."""
    starting = asyncio.create_task(worker.start())
    while worker.pid is None:
        await asyncio.sleep(0.01)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert (await asyncio.wait_for(worker.call("load", model="scripted"), 60)).data["name"]


def test_a_call_made_while_the_event_loop_ends_does_not_wait_for_ever(tmp_path):
    """What still asks on its way out, after every task was cancelled, is answered or refused."""
    outcomes = []

    async def asks_last(worker):
        try:
            await asyncio.Event().wait()
        finally:
            outcomes.append((await worker.call("count", texts=["a b c"])).data)

    async def main():
        worker = WorkerProcess("model", {}, tmp_path / "logs")
        await worker.call("load", model="scripted")
        tasks.append(asyncio.create_task(asks_last(worker)))
        await asyncio.sleep(0)

    tasks = []
    asyncio.run(asyncio.wait_for(main(), 30))
    assert outcomes == [[3]] or isinstance(tasks[0].exception(), WorkerError | ModelError)


async def test_a_closed_child_is_not_started_again(worker):
    """A call under way fails, and so does each later one: nothing runs on behind an assistant that has ended."""
    await worker.call("load", model=SCRIPT)
    under_way = asyncio.create_task(worker.call("complete", **QUESTION))
    await asyncio.sleep(0.1)
    await worker.close()
    with pytest.raises(WorkerError, match="died"):
        await under_way
    with pytest.raises(WorkerError, match="has been closed"):
        await worker.call("count", texts=["a"])
    assert worker.pid is None


async def test_a_child_that_ignores_cancel_is_killed(worker, monkeypatch):
    """A call that does not end within the limit costs the child its life, not the assistant its patience."""
    monkeypatch.setattr(worker_process, "CANCEL_SECONDS", 0.3)
    await worker.call("load", model=SCRIPT.replace('"text"', '"ignore_cancel": true, "text"'))
    stream = worker.stream("complete", **QUESTION)
    await anext(stream)
    await stream.aclose()
    await asyncio.sleep(0.2)
    assert not worker.running
    assert (await worker.call("load", model="scripted")).data["name"]


async def test_a_hanging_child_is_found_and_killed(worker, monkeypatch):
    """A stopped child (SIGSTOP) sends no heartbeat and is killed; the call fails with words."""
    monkeypatch.setattr(worker_process, "HANG_SECONDS", 3)
    await worker.call("load", model=SCRIPT)
    stream = worker.stream("complete", **QUESTION)
    await anext(stream)
    os.kill(worker.pid, signal.SIGSTOP)
    with pytest.raises(WorkerError, match="SIGKILL"):
        async for _ in stream:
            pass


async def test_a_busy_assistant_does_not_kill_a_healthy_child(worker, monkeypatch):
    """While our own event loop is blocked for longer than the limit, heartbeats wait unread; the child lives."""
    monkeypatch.setattr(worker_process, "HANG_SECONDS", 2)
    await worker.call("load", model="scripted")
    pid = worker.pid
    time.sleep(4)  # blocks on purpose
    await asyncio.sleep(1.5)
    assert worker.pid == pid


async def test_a_child_that_keeps_dying_is_not_restarted_for_ever(worker):
    """After four deaths within a minute the worker refuses, and says so."""
    for _ in range(worker_process.RESTARTS + 1):
        await worker.start()
        process = worker._process
        process.kill()
        await asyncio.gather(*worker._tasks)
    with pytest.raises(WorkerError, match="died 4 times within a minute"):
        await worker.call("load", model="scripted")


async def test_errors_of_the_service_arrive_as_ours(worker):
    """A missing model is a ModelError with a hint here, as it was in the child; the child lives on."""
    with pytest.raises(ModelError) as caught:
        await worker.call("load", model="/nowhere/model.gguf")
    assert "/nowhere/model.gguf" in caught.value.message
    assert worker.running


async def test_private_and_unknown_methods_are_refused(worker):
    """Only a service's public methods can be called."""
    for name in ("_loaded", "no_such_method", "__init__"):
        with pytest.raises(WorkerError):
            await worker.call(name)
    assert worker.running


async def test_the_child_dies_with_the_assistant(worker):
    """When the pipe closes, the child ends by itself: nothing is left running."""
    await worker.start()
    process = worker._process
    process.stdin.close()
    await asyncio.wait_for(process.wait(), 5)


async def test_limits_are_set_before_the_service_runs(worker):
    """A child has no core dumps, runs niced and is the first to go when memory runs out."""
    await worker.start()
    limits = open(f"/proc/{worker.pid}/limits").read()
    assert next(line.split()[4] for line in limits.splitlines() if "core file" in line) == "0"
    assert open(f"/proc/{worker.pid}/oom_score_adj").read().strip() == "900"
    assert "NoNewPrivs:\t1" in open(f"/proc/{worker.pid}/status").read()
    assert os.getpriority(os.PRIO_PROCESS, worker.pid) >= 10


async def test_logs_are_private(worker):
    """The child's log is readable by its owner only."""
    await worker.start()
    assert worker.log_path.stat().st_mode & 0o777 == 0o600


async def test_a_child_that_cannot_be_started_says_why(tmp_path, monkeypatch):
    """When there is nothing to run, the error says so in words."""
    monkeypatch.setattr(worker_process.sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(WorkerError, match="model process could not be started: No such file"):
        await WorkerProcess("model", {}, tmp_path / "logs").start()


async def test_a_child_runs_without_a_log_where_none_can_be_written(tmp_path):
    """A full or read-only disk costs the log, not the answer."""
    (tmp_path / "logs").write_text("a file where a folder should be")
    process = WorkerProcess("model", {}, tmp_path / "logs")
    assert (await process.call("load", model="scripted")).data["name"]
    await process.stop()
