"""The model as the rest of the assistant sees it: loaded when needed, again after a crash."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import importlib.metadata
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from adapters.errors import GGUFError
from adapters.mix import Share, checked, mix_text, parse_mix
from assistant.adapter_trials import AdapterTrials
from assistant.backends.base import ChatMessage, Done, ModelInfo, NullAnswer, Score, Step
from assistant.backends.form import Shape
from assistant.backends.next_token import Chosen, Distribution, chosen_from_json, distribution_from_json
from assistant.config import ModelSettings
from assistant.conversation import Sampling
from assistant.errors import AdapterError, AssistantError, WorkerError
from assistant.models.choice import is_remote, with_defaults
from assistant.worker_process import WorkerProcess

if TYPE_CHECKING:
    from assistant.leaving import Leaving

ModelState = Literal["idle", "loading", "ready", "failed"]
LOADING_SECONDS = 120  # torch's libraries, once from a slow disk, hold the interpreter and with it the heartbeat
Resolver = Callable[[str], Awaitable[Path]]  # from an adapter's name to its file; AdapterFitError where there is none


class Model:
    """A client of the model process that remembers which model and adapters it should hold."""

    def __init__(
        self,
        worker: WorkerProcess,
        settings: ModelSettings,
        resolve: Resolver,
        trials: AdapterTrials | None = None,
        leaving: Leaving | None = None,
    ) -> None:
        """`trials` remembers which adapters were tried, over sessions if it has a database; `leaving` says which server
        there is and what may go to it: without one no model on a server can be loaded.
        """
        self.leaving = leaving
        self.info: ModelInfo | None = None
        self.adapter = ""  # the mix that is on, as text
        self.wanted: tuple[Share, ...] = ()  # the mix to put on whenever the model is loaded
        self.state: ModelState = "idle"
        self.notices: list[str] = []  # what the user should hear once; the reader empties it
        self._worker = worker
        self._settings = settings
        self._resolve = resolve
        self._trials = trials or AdapterTrials()
        self._name = settings.name
        self._loaded_with = (0, False)  # context and `anyway`, as `load` was told
        self._holder: int | None = None  # process id of the child that holds the model
        self._loading = asyncio.Lock()
        self._warned = False
        try:
            self.wanted = parse_mix(settings.adapter, settings.adapter_scale)
        except GGUFError as error:
            self.notices.append(f"The model answers without an adapter: {error} {error.hint}")

    @property
    def name(self) -> str:
        """The model to hold, as the user named it."""
        return self._name

    @property
    def is_remote(self) -> bool:
        """Whether the model to hold runs on a server."""
        return is_remote(self._name)

    async def ready(self) -> ModelInfo:
        """The loaded model's facts; loads it first if no living child holds it.

        Raises:
            ModelError, WorkerError: it cannot be loaded.
        """
        async with self._loading:
            if self.info is None or self._holder != self._worker.pid or self._holder is None:
                await self._load(self._name)
            assert self.info is not None
            return self.info

    async def load(self, name: str, context: int = 0, anyway: bool = False) -> ModelInfo:
        """Change to another model. When it cannot be loaded, the one before stays.

        For as long as it answers, `context` (0: the setting) is its size, and with `anyway` nobody asks whether memory
        is free.

        Raises:
            ModelError, WorkerError: as above.
        """
        async with self._loading:
            before, self._loaded_with = self._loaded_with, (context, anyway)
            try:
                await self._load(name)
            except BaseException:
                self._loaded_with = before
                raise
            self._name = name
            assert self.info is not None
            return self.info

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text as message content."""
        await self.ready()
        return list((await self._worker.call("count", texts=list(texts))).data)

    async def complete(
        self, messages: Sequence[ChatMessage], sampling: Sampling, form: Shape = (), null: NullAnswer | None = None
    ) -> AsyncGenerator[str | Done, None]:
        """Stream an answer: pieces of text, then Done. Leaving the loop cancels it; `form` and `null` as in Backend."""
        await self.ready()
        self._worker.subject = self._name
        asked = [asdict(message) for message in messages]
        stream = self._worker.stream(
            "complete",
            messages=asked,
            sampling=asdict(sampling),
            form=form,
            null=asdict(null) if null else None,
        )
        async with contextlib.aclosing(stream) as replies:
            async for reply in replies:
                if not reply.last:
                    yield Done(**reply.data["done"]) if "done" in reply.data else reply.data["text"]

    async def score(self, messages: Sequence[ChatMessage], answer: str) -> Score:
        """How likely `answer` is as the answer to `messages`; see Backend.score."""
        await self.ready()
        asked = [asdict(message) for message in messages]
        return Score(**(await self._worker.call("score", messages=asked, answer=answer)).data)

    async def follow(
        self, prompt: Sequence[int], continuation: Sequence[int], candidates: Sequence[Sequence[int]]
    ) -> list[Step]:
        """What the model would say in place of each token of `continuation`; see Backend.follow."""
        await self.ready()
        reply = await self._worker.call(
            "follow",
            prompt=list(prompt),
            continuation=list(continuation),
            candidates=[list(each) for each in candidates],
        )
        return [Step(**step) for step in reply.data]

    async def decode(self, messages: Sequence[ChatMessage], sampling: Sampling) -> AsyncGenerator[Chosen | Done, None]:
        """Answer token by token, then Done; leaving the loop cancels it. See Backend.decode."""
        await self.ready()
        asked = [asdict(message) for message in messages]
        stream = self._worker.stream("decode", messages=asked, sampling=asdict(sampling))
        async with contextlib.aclosing(stream) as replies:
            async for reply in replies:
                if not reply.last:
                    yield Done(**reply.data["done"]) if "done" in reply.data else chosen_from_json(reply.data)

    async def next_tokens(
        self, messages: Sequence[ChatMessage], said: Sequence[int], sampling: Sampling, count: int
    ) -> Distribution:
        """What could come after these tokens of an answer; see Backend.next_tokens."""
        await self.ready()
        asked = [asdict(message) for message in messages]
        reply = await self._worker.call(
            "next_tokens", messages=asked, said=list(said), sampling=asdict(sampling), count=count
        )
        return distribution_from_json(reply.data)

    async def use_adapter(self, text: str | None, scale: float = 1.0) -> str:
        """Put on the mix that a text names (`style`, `style 0.7`, `style:0.7 work:0.3`, a path; "", "off" or None
        for none); `scale` is the strength where it gives none. See `use_adapters`.
        """
        try:
            shares = parse_mix(text or "", scale)
        except GGUFError as error:
            raise AdapterError(str(error), error.hint) from error
        return await self.use_adapters(shares)

    async def use_adapters(self, shares: Sequence[Share]) -> str:
        """Put these adapters on the live model in place of all others, or none; returns the mix as text.

        Raises:
            AdapterError: one is not there or does not fit; the state before stays.
        """
        await self.ready()
        async with self._loading:
            return await self._put_on(tuple(shares))

    async def stop(self) -> None:
        """End the model's process and free its memory; it starts again when it is needed."""
        await self._worker.stop()

    async def _load(self, name: str) -> None:
        self.state = "loading"
        self._worker.subject = name
        settings, (context, anyway) = self._settings, self._loaded_with
        self._worker.patience = LOADING_SECONDS
        try:
            reply = await self._worker.call(
                "load", model=with_defaults(name, settings.engine, settings.precision), remote=self._remote(name),
                context=context or settings.context, threads=settings.threads,
                batch_threads=settings.prompt_threads, anyway=anyway or not settings.memory_check,
            )  # fmt: skip
        except AssistantError:
            self._holder, self.state = None, "failed"  # the next answer loads the model that worked last
            raise
        finally:
            self._worker.patience = 0
        self.info = ModelInfo(**reply.data)
        self._holder, self.state, self.adapter = self._worker.pid, "ready", ""
        if self.info.notice:
            self.notices.append(self.info.notice)
        await self._restore_adapters()

    async def _restore_adapters(self) -> None:
        """After a load, the adapters that were wanted; a model without them is better than none."""
        suspects, wanted = self._trials.suspects, [share.name for share in self.wanted]
        if suspects and not self._warned:
            self.notices.append(
                f"The adapter {', '.join(suspects)} was being put on when the assistant last ended, so it is not used."
            )
        if suspects and not self._warned and not set(suspects) & set(wanted):
            await self._trials.clear()
        self._warned = True
        if set(suspects) & set(wanted):
            self.wanted = ()
        try:
            if self.wanted:
                await self._put_on(self.wanted)
        except AdapterError as error:
            self.wanted = ()
            self.notices.append(f"The model answers without an adapter: {error}")

    async def _put_on(self, shares: tuple[Share, ...]) -> str:
        try:
            parts = [(await self._file(share.name), share.scale) for share in checked(shares)]
            identities = {self._identity(path): scale for path, scale in parts}
        except GGUFError as error:
            raise AdapterError(str(error), error.hint) from error
        tried = self._trials.passed(identities)
        if not tried:
            await self._trials.begin(shares)
        self._worker.subject = ", ".join(path for path, _ in parts) or self._name
        try:
            reply = await self._worker.call("set_adapters", parts=parts, tried=tried)
        except BaseException as error:
            await self._not_on(shares, identities, error)
            raise
        if not tried:
            await self._trials.end(shares, identities)
        self.adapter, self.wanted = reply.data["adapter"], shares
        return self.adapter

    async def _file(self, name: str) -> str:
        """An adapter's file; one that only the server has is its name there."""
        try:
            return str(await self._resolve(name))
        except GGUFError:
            if self.is_remote:
                return name
            raise

    def _remote(self, name: str) -> dict[str, Any] | None:
        return asdict(self.leaving.settings) if self.leaving is not None and is_remote(name) else None

    async def _not_on(self, shares: tuple[Share, ...], identities: dict[str, float], error: BaseException) -> None:
        if isinstance(error, WorkerError):
            self.wanted, self.adapter = (), ""
            await self._trials.ended_process(shares, identities)
            raise AdapterError(
                f"The adapter {mix_text(shares)} ended the model process, so it is off.",
                "Its file is probably damaged.",
            ) from error
        if not isinstance(error, AssistantError):  # cancelled: what is on now is not known, so load anew
            self._holder = None
        await self._trials.end(shares)

    def _identity(self, path: str) -> str:
        """Names this version of an adapter's file on this version of the model's."""
        assert self.info is not None
        files = [[each, *_version(Path(each))] for each in (path, self.info.path)]
        told = json.dumps([_engine(), self.info.engine, self.info.quantization, *files])
        return hashlib.sha256(told.encode()).hexdigest()[:32]


def _version(path: Path) -> tuple[int, ...]:
    """What changes when a file does; () where there is none."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return (status.st_ino, status.st_size, status.st_mtime_ns)


@functools.cache
def _engine() -> str:
    return importlib.metadata.version("llama-cpp-python")
