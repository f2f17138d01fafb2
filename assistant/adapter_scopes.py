"""Which of the adapters that are on is for this question? Scopes are made after training and asked before an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.data.routing import advise
from adapters.durable import publish, unfinished
from adapters.mix import Share
from adapters.rows import Row, row_from_json
from adapters.scope import FILE, TAUGHT, Scope, general_questions, read_scope, threshold_of
from adapters.versions.registered import KINDS, Adapter
from adapters.versions.registry import Registry
from assistant.conversation import Conversation, Message
from assistant.errors import AssistantError
from assistant.worker_process import WorkerProcess


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of a mix is for a question, the taught wording that is nearest to it ("" where there is none), and how clear
    it must be that passages do not answer it (see backends.base.NullAnswer).
    """

    shares: tuple[Share, ...] = ()
    wording: str = ""
    null_threshold: float = 0.0


BeforeAnswer = Callable[[Conversation, Sequence[str], bool], Awaitable[Chosen]]  # what puts a chat's adapters on


class AdapterScopes:
    """The scopes of one home's adapters. An adapter without one is for every question."""

    def __init__(self, registry: Registry, index: WorkerProcess, *, on: bool) -> None:
        """`index` embeds; with `on` False every adapter is for every question."""
        self._registry = registry
        self._index = index
        self._on = on
        self._known: dict[int, tuple[Scope, dict[int, str]] | None] = {}  # by the id of an adapter, with its wordings

    async def make(self, run: Path) -> None:
        """Give a finished run that has learned facts a scope, as files of its result.

        Raises:
            AssistantError: the questions cannot be embedded; OSError: the disk is full.
        """
        taught = await asyncio.to_thread(_taught, run)
        if not taught or (run / "result" / FILE).exists():
            return
        reply = await self._index.call("embed", texts=taught, half=True)
        general = await self._nearest(general_questions(), reply.blob)
        threshold = threshold_of(general["nearest"])
        scope = Scope(reply.data["embedder"], threshold, reply.data["dimension"], reply.blob)
        for name, data in ((TAUGHT, json.dumps(taught).encode()), (FILE, scope.as_bytes())):
            temporary = unfinished(run / "result" / name)
            await asyncio.to_thread(temporary.write_bytes, data)
            publish(temporary, run / "result" / name)

    async def near(self, adapter: Adapter, questions: Sequence[str]) -> list[str | None]:
        """For each question the nearest wording that the adapter was taught, "" where it has no scope or its
        wordings are not here, None where it is not for the question.

        Raises:
            AdapterFitError: its scope is damaged.
        """
        known = await self._scope(adapter)
        if known is None or not questions:
            return [""] * len(questions)
        scope, taught = known
        try:
            reply = await self._nearest(questions, scope.taught)
        except AssistantError:  # then it answers, as it would without a scope
            return [""] * len(questions)
        if reply["embedder"] != scope.embedder:
            return [""] * len(questions)
        found = zip(reply["nearest"], reply["places"], strict=True)
        return [taught.get(place, "") if cosine >= scope.threshold else None for cosine, place in found]

    async def chosen(self, shares: Sequence[Share], asked: Sequence[str], documents: bool = True) -> Chosen:
        """Those of a mix that are for one of these wordings of a question, for which `documents` were searched or not;
        all, where nothing is asked.

        Raises:
            AdapterFitError: as above, or an adapter is not there.
        """
        kept, wording, threshold = [], "", 0.0
        for share in shares:
            adapter = await self._registry.get(share.name)
            near = [each for each in await self.near(adapter, asked) if each is not None]
            rests = self._on and adapter.facts is not None and adapter.facts.for_documents and not documents
            if not asked or (near and not rests):
                kept.append(share)
                wording = wording or next(iter(near), "")
                if adapter.facts:
                    threshold = max(threshold, adapter.facts.null_threshold * share.scale)
        return Chosen(tuple(kept), wording, threshold)

    async def _scope(self, adapter: Adapter) -> tuple[Scope, dict[int, str]] | None:
        if not self._on or not adapter.id:
            return None
        if adapter.id not in self._known:
            self._known[adapter.id] = await asyncio.to_thread(_read, adapter.folder)
        return self._known[adapter.id]

    async def _nearest(self, questions: Sequence[str], taught: bytes) -> dict[str, Any]:
        """See IndexWorker.nearest."""
        reply: dict[str, Any] = (await self._index.call("nearest", blob=taught, texts=list(questions))).data
        return reply


def _read(folder: Path) -> tuple[Scope, dict[int, str]] | None:
    """A scope and the taught questions by their place; none, where they stayed with whoever made the adapter."""
    scope = read_scope(folder)
    if scope is None:
        return None
    try:
        return scope, dict(enumerate(json.loads((folder / TAUGHT).read_text("utf-8"))))
    except (OSError, ValueError, TypeError):
        return scope, {}


def _taught(run: Path) -> list[str]:
    """The questions that a run has learned to answer, if it is an adapter that learned facts."""
    recipe = json.loads((run / "result" / "recipe.json").read_text("utf-8"))
    lines = (run / "rows.jsonl").read_text("utf-8").splitlines()
    rows: list[Row] = [row_from_json(json.loads(line)) for line in lines if line.strip()]
    rows = [row for row in rows if row.split == "train" and row.turns]
    if KINDS.get(recipe.get("method", "lora")) != "lora" or not rows or advise(rows).kind != "facts":
        return []
    return list(dict.fromkeys(row.question for row in rows))


def wordings(history: Sequence[Message], question: str) -> list[str]:
    """The question alone, and behind the one before it where an adapter answered that: “And the cat?”."""
    follows = bool(history and history[-1].adapter)
    return [question, *([f"{history[-2].text} {question}"] if follows else [])]
