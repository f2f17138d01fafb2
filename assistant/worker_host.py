"""The child's side of a worker process: limits first, then one service answering calls over a pipe.

Run as `python -m assistant.worker_host NAME`. A service is a plain class that knows nothing of
processes: it is constructed with the settings of the first frame, its public methods are the calls.
A method returns JSON data or a `Reply` (data and raw bytes); a generator method streams. A method
that takes `cancelled` gets a function to look at between steps; one that takes `blob` gets the raw
bytes of the call.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import importlib
import inspect
import os
import queue
import resource
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

from adapters.offline_guard import forbid_connections, obey_environment
from assistant import offline
from assistant.activity import connections_asked_for, count_connections
from assistant.errors import AssistantError
from assistant.wire import encode, read_frame

SERVICES = {
    "model": "assistant.model_worker:ModelWorker",
    "reader": "ingest.reader_worker:ReaderWorker",
    "index": "ingest.index_worker:IndexWorker",
    "index-on-loopback": "ingest.index_worker:IndexWorker",
    "watcher": "ingest.watch_worker:WatchWorker",
    "importing": "assistant.chat_files.worker:ChatFileWorker",
    "measuring": "adapters.proof.measuring_worker:MeasuringWorker",
    "tokenizer": "assistant.tokens.worker:TokenizerWorker",
    "finder": "assistant.models.finder:Finder",
    "making": "assistant.models.making_worker:MakingWorker",
    "download": "assistant.models.download_worker:DownloadWorker",
    "encoding": "adapters.data.encoding_worker:EncodingWorker",
}
ADDRESS_SPACE = {
    "reader": 1 * 2**30,
    "index": 4 * 2**30,
    "index-on-loopback": 4 * 2**30,
    "watcher": 2**30,
    "importing": 4 * 2**30,
    "finder": 2 * 2**30,
    "download": 2 * 2**30,
}  # bytes; the model worker sets its own
REACHING_OUT = ("download", "model")  # the others never have a reason to; model: where one on a server answers
ON_LOOPBACK = ("index-on-loopback",)  # a PostgreSQL on this machine, see assistant.vector_store
ONE_THREAD = ("measuring",)  # many small matrices, on which the threads of an array library only wait for each other
NICE, NICER = 10, {"index": 15, "index-on-loopback": 15}  # embedding uses all cores, and lets an answer go first
HEARTBEAT_SECONDS = 2.0
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38


class Host:
    """Reads calls, runs them one at a time on the main thread, writes replies and heartbeats."""

    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        self._requests = requests
        self._replies = replies
        self._write_lock = threading.Lock()
        self._calls: queue.SimpleQueue[tuple[dict[str, Any], bytes]] = queue.SimpleQueue()
        self._cancelled: set[int] = set()

    def serve(self, service_type: type[Any]) -> None:
        """Construct the service from the first frame and answer until the pipe closes."""
        first = read_frame(self._requests)
        if first is None:
            return
        try:
            service = service_type(**first[0])
        except Exception as error:
            self._send({"failed": _described(error)})
            return
        self._send({"ready": os.getpid()})
        threading.Thread(target=self._read_calls, daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()
        while True:
            call, blob = self._calls.get()
            self._answer(service, call, blob)

    def _read_calls(self) -> None:
        with contextlib.suppress(Exception):
            while (frame := read_frame(self._requests)) is not None:
                if "cancel" in frame[0]:
                    self._cancelled.add(frame[0]["cancel"])
                else:
                    self._calls.put(frame)
        os._exit(0)  # the assistant is gone: nothing here is worth finishing

    def _beat(self) -> None:
        stop = threading.Event()
        while not stop.wait(HEARTBEAT_SECONDS):
            self._send({"beat": True, "connections": connections_asked_for()})

    def _answer(self, service: Any, call: dict[str, Any], blob: bytes) -> None:
        number = call["id"]
        try:
            result = self._run(service, call, blob)
            if inspect.isgenerator(result):
                for item in result:
                    self._send({"id": number, "item": _data(item)}, _blob(item))
                result = None
            self._send({"id": number, "result": _data(result)}, _blob(result))
        except Exception as error:
            self._send({"id": number, "error": _described(error)})
        finally:
            self._cancelled.discard(number)

    def _run(self, service: Any, call: dict[str, Any], blob: bytes) -> Any:
        name, arguments = call["call"], dict(call.get("args") or {})
        method: Callable[..., Any] = getattr(service, name) if not name.startswith("_") else None  # type: ignore[assignment]  # a private name is refused by the call below
        wanted = inspect.signature(method).parameters
        if "blob" in wanted:
            arguments["blob"] = blob
        if "cancelled" in wanted:
            arguments["cancelled"] = lambda: call["id"] in self._cancelled
        return method(**arguments)

    def _send(self, message: dict[str, Any], blob: bytes = b"") -> None:
        frame = encode(message, blob)
        with self._write_lock:
            self._replies.write(frame)
            self._replies.flush()


def _data(value: Any) -> Any:
    return value.data if hasattr(value, "blob") else value


def _blob(value: Any) -> bytes:
    return value.blob if hasattr(value, "blob") else b""


def _described(error: Exception) -> dict[str, str]:
    """An error as the assistant will raise it; foreign errors keep their name and go to the log."""
    if isinstance(error, AssistantError):
        return {"type": type(error).__name__, "message": error.message, "hint": error.hint}
    hint = getattr(error, "hint", "")
    if isinstance(error, MemoryError):
        return {"type": "WorkerError", "message": "There was not enough memory.", "hint": str(hint)}
    kind = getattr(error, "error_name", "")  # how ingest and adapters name the class of our tree
    if kind:
        return {"type": kind, "message": str(error), "hint": str(hint)}
    _log_frames(error)
    return {"type": "WorkerError", "message": f"{type(error).__name__}: {error}", "hint": ""}


def _log_frames(error: BaseException) -> None:
    """Frames without locals: what a document says must not reach a log."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        print(f"  {code.co_filename}:{trace.tb_lineno} {code.co_name}", file=sys.stderr)
        trace = trace.tb_next
    print(type(error).__name__, file=sys.stderr, flush=True)


def limit_process(address_space: int | None, nice: int = NICE) -> None:
    """Give up what a child never needs: core dumps, priority, new privileges, memory without end."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if address_space is not None:
        resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    os.nice(nice)
    for name, value in (
        ("oom_score_adj", "900"),
        ("autogroup", str(nice)),
    ):  # nice counts within a session only, see sched(7)
        with contextlib.suppress(OSError), open(f"/proc/self/{name}", "w") as setting:
            setting.write(value)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def main() -> None:
    """Entry point of every child process."""
    name = sys.argv[1]
    os.umask(0o077)
    limit_process(ADDRESS_SPACE.get(name), NICER.get(name, NICE))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever native code prints goes to the log, never into the protocol
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    faulthandler.enable()
    offline.enforce()
    count_connections()
    obey_environment()
    if name not in REACHING_OUT:
        forbid_connections(loopback=name in ON_LOOPBACK)
    if name in ONE_THREAD:
        os.environ |= {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    module, _, class_name = SERVICES[name].partition(":")
    Host(requests, replies).serve(getattr(importlib.import_module(module), class_name))


if __name__ == "__main__":
    main()
