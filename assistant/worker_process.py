"""The assistant's side of a worker process: start, call, stream, cancel, restart.

One `WorkerProcess` is one child (see worker_host). It starts on first use. When the child dies or
hangs, calls under way fail with a WorkerError that says what died and why; the next call starts a
new child, at most three times a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant import offline
from assistant.errors import AssistantError, WorkerError, error_from_name
from assistant.wire import HEADER, WireError, decode, encode, lengths

HANG_SECONDS = 15  # no frame and no heartbeat for this long: the child hangs
CANCEL_SECONDS = 2.0  # a cancelled call that has not ended by then costs the child its life
RESTARTS, RESTART_WINDOW = 3, 60.0
LOG_LIMIT = 1_000_000  # bytes; then the log starts anew, the old one is kept beside it


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call gave back: JSON data and raw bytes. `last` marks the end of a stream."""

    data: Any = None
    blob: bytes = b""
    last: bool = False


class WorkerProcess:
    """A client of one child process."""

    def __init__(self, name: str, settings: dict[str, Any], log_folder: Path, service: str = "") -> None:
        """`service` is a key of worker_host.SERVICES ("": `name`), `settings` the arguments of that service."""
        self.name = name
        self._service = service or name
        self.settings = settings
        self.log_path = log_folder / f"{name}.log"
        self.subject = ""  # the file the child was last asked to open, named when it dies
        self._process: asyncio.subprocess.Process | None = None
        self._pending: dict[int, asyncio.Queue[Reply | AssistantError]] = {}
        self._numbers = 0
        self._deaths: deque[float] = deque(maxlen=RESTARTS + 1)
        self._silent_seconds = 0
        self.patience = 0  # seconds of silence that are granted beyond HANG_SECONDS, while libraries are being loaded
        self.connections = 0  # to the internet, that its child has asked for
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._starting = asyncio.Lock()
        self._wanted = True
        self._closed = False

    @property
    def running(self) -> bool:
        """Whether a child is alive now."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """The child's process id, None when there is none."""
        return self._process.pid if self.running and self._process else None

    async def start(self) -> None:
        """Start the child unless it runs.

        Raises:
            WorkerError: it died too often, could not start, or was closed.
        """
        async with self._starting:
            if self._closed:
                raise WorkerError(f"The {self.name} process has been closed.")
            if self.running and not self._tasks[0].done():
                return
            recent = [death for death in self._deaths if time.monotonic() - death < RESTART_WINDOW]
            if len(recent) > RESTARTS:
                raise WorkerError(
                    f"The {self.name} process died {len(recent)} times within a minute and was not restarted.",
                    f"Look at {self.log_path}, or try again in a minute.",
                )
            await self._spawn()

    async def call(self, method: str, /, *, blob: bytes = b"", **arguments: Any) -> Reply:
        """Run one method of the service and wait for its result.

        Raises:
            AssistantError: as the service raised it, or a WorkerError when the child died.
        """
        async with contextlib.aclosing(self.stream(method, blob=blob, **arguments)) as replies:
            async for reply in replies:
                if reply.last:
                    return reply
        raise WorkerError(f"The {self.name} process gave no result.")

    async def stream(self, method: str, /, *, blob: bytes = b"", **arguments: Any) -> AsyncGenerator[Reply, None]:
        """Run a method and yield its items as they come; the last reply has `last` set.

        Leaving the loop early, or cancelling the task, cancels the call in the child.
        """
        await self.start()
        self._numbers += 1
        number = self._numbers
        replies: asyncio.Queue[Reply | AssistantError] = asyncio.Queue()
        self._pending[number] = replies
        ended = False
        try:
            await self._send({"id": number, "call": method, "args": arguments}, blob)
            while not ended:
                reply = await replies.get()
                ended = isinstance(reply, AssistantError) or reply.last
                if isinstance(reply, AssistantError):
                    raise reply
                yield reply
        finally:
            if not ended:
                await asyncio.shield(self._cancel(number, replies))
            self._pending.pop(number, None)

    async def stop(self) -> None:
        """End the child and free what it holds."""
        self._wanted = False
        await self._end_process()
        self._wanted = True

    async def close(self) -> None:
        """End the child for good: calls fail from now on, and start no other."""
        self._closed = True
        await self.stop()

    async def _end_process(self) -> None:
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        listening, watching = self._tasks
        watching.cancel()
        await asyncio.wait({listening, watching})

    async def _spawn(self) -> None:
        process = self._process = await self._launched()
        self._silent_seconds = 0
        await self._send(self.settings)
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        listening = asyncio.create_task(self._listen(process, ready))
        self._tasks = (listening, asyncio.create_task(self._watch(process)))
        await ready

    async def _launched(self) -> asyncio.subprocess.Process:
        offline.enforce()
        log = self._opened_log()
        try:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "assistant.worker_host", self._service,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise WorkerError(
                f"The {self.name} process could not be started: {error.strerror}.", "Check free memory and `doctor`."
            ) from error
        finally:
            os.close(log)

    def _opened_log(self) -> int:
        """A descriptor of the log; of nothing where the disk is full or read-only, which must not stop the child."""
        with contextlib.suppress(OSError):
            self.log_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._rotate_log()
            return os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        return os.open(os.devnull, os.O_WRONLY)

    async def _send(self, message: dict[str, Any], blob: bytes = b"") -> None:
        if self._process is None or self._process.stdin is None:
            raise WorkerError(f"The {self.name} process is not running.")
        with contextlib.suppress(ConnectionError):  # a dead child is reported by _listen
            self._process.stdin.write(encode(message, blob))
            await self._process.stdin.drain()

    async def _listen(self, process: asyncio.subprocess.Process, ready: asyncio.Future[None]) -> None:
        broken = ""
        try:
            while True:
                message, blob = await self._receive(process)
                self._silent_seconds = 0
                if "id" in message:
                    self._deliver(message, blob)
                elif "beat" in message:
                    self.connections = message["connections"]
                elif not ready.done() and "ready" in message:  # it is done where whoever waited has been cancelled
                    ready.set_result(None)
                elif not ready.done() and "failed" in message:
                    ready.set_exception(_error(message["failed"]))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except asyncio.CancelledError:  # the event loop ends, where others may still call on their way out
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            self._report_death(process, "nobody listened to it any more", ready)
            raise
        except (WireError, KeyError, TypeError, ValueError) as error:
            broken = f"it broke the protocol ({error})"
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()
        self._report_death(process, broken, ready)

    async def _receive(self, process: asyncio.subprocess.Process) -> tuple[dict[str, Any], bytes]:
        assert process.stdout is not None
        json_length, blob_length = lengths(await process.stdout.readexactly(HEADER.size))
        message = decode(await process.stdout.readexactly(json_length))
        return message, await process.stdout.readexactly(blob_length)

    def _deliver(self, message: dict[str, Any], blob: bytes) -> None:
        replies = self._pending.get(message["id"])
        if replies is None:
            return  # the call was cancelled: its late replies are dropped
        if "error" in message:
            replies.put_nowait(_error(message["error"]))
        else:
            last = "result" in message
            replies.put_nowait(Reply(message["result" if last else "item"], blob, last))

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Kill a child that has been silent too long: a hang, a SIGSTOP, a native dead end.

        Seconds are counted here, not read off a clock: while our own loop is blocked, or the machine
        sleeps, a healthy child's heartbeats are merely unread.
        """
        while process.returncode is None:
            await asyncio.sleep(1.0)
            self._silent_seconds += 1
            if self._silent_seconds > HANG_SECONDS + self.patience:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()

    async def _cancel(self, number: int, replies: asyncio.Queue[Reply | AssistantError]) -> None:
        await self._send({"cancel": number})
        deadline = time.monotonic() + CANCEL_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            try:
                reply = await asyncio.wait_for(replies.get(), left)
            except TimeoutError:
                break
            if isinstance(reply, AssistantError) or reply.last:
                return
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    def _report_death(self, process: asyncio.subprocess.Process, broken: str, ready: asyncio.Future[None]) -> None:
        if self._wanted:
            self._deaths.append(time.monotonic())
        error = WorkerError(self._obituary(process.returncode or 0, broken), f"Its log is {self.log_path}.")
        if not ready.done():
            ready.set_exception(error)
        for replies in self._pending.values():
            replies.put_nowait(error)

    def _obituary(self, code: int, broken: str) -> str:
        if not broken:
            broken = f"it exited with code {code}" if code >= 0 else f"it was ended by {_signal_name(-code)}"
        where = f" while it worked on {self.subject}" if self.subject else ""
        lines = self.last_log_lines()
        tail = f" Last lines of its log: {' | '.join(lines)}" if lines else ""
        return f"The {self.name} process died{where}: {broken}. It is started again when needed.{tail}"

    def last_log_lines(self, count: int = 5) -> list[str]:
        """The newest lines of the child's log."""
        with contextlib.suppress(OSError), self.log_path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
            return [line for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()][-count:]
        return []

    def _rotate_log(self) -> None:
        with contextlib.suppress(OSError):
            if self.log_path.stat().st_size > LOG_LIMIT:
                self.log_path.replace(self.log_path.with_suffix(".log.1"))


def _error(described: dict[str, str]) -> AssistantError:
    return error_from_name(described["type"], described["message"], described.get("hint", ""))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
