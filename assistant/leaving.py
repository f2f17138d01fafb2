"""What may leave this machine: which collections the model on a server may read, as the user allowed it for that host.

Chats go to a server as soon as the user chooses it; a document's text goes only where its collection was allowed to
that very host. A server on loopback is this machine. The permissions stand in HOME/remote.json.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapters.offline_guard import is_loopback
from assistant.backends.base import ModelInfo
from assistant.backends.remote_address import parse_address
from assistant.config import RemoteSettings
from assistant.conversation import Message
from assistant.errors import AssistantError, StorageError, UsageError
from ingest.atomic_file import replace_file
from ingest.document import Passage
from ingest.library import Library

FILE = "remote.json"


class Leaving:
    """The one place that says what a remote model is given. `settings` are those in force."""

    def __init__(self, home: Path, settings: RemoteSettings, library: Library) -> None:
        self.settings = settings
        self._path = home / FILE
        self._library = library

    @property
    def host(self) -> str:
        """The server of the settings, "" where none is named or its address cannot be."""
        try:
            return parse_address(self.settings.url).name if self.settings.url else ""
        except AssistantError:
            return ""

    @property
    def is_here(self) -> bool:
        """Whether the server of the settings is on this machine, so that nothing leaves."""
        return bool(self.host) and is_loopback(parse_address(self.settings.url).host)

    def allowed(self, host: str) -> tuple[str, ...]:
        """The collections whose text may go to a host, by name; a damaged file allows nothing."""
        found = self._stored().get(host)
        return tuple(sorted(each for each in found if isinstance(each, str))) if isinstance(found, list) else ()

    async def allow(self, name: str) -> None:
        """Let the text of a collection go to the server of the settings.

        Raises:
            UsageError: no server, or no such collection; StorageError: it cannot be kept.
        """
        known = [each.name for each in await self._library.collections()]
        if name not in known:
            raise UsageError(f"There is no collection {name}.", f"Known: {', '.join(known) or 'none yet'}.")
        self._keep({*self.allowed(self._named()), name})

    def withdraw(self, name: str) -> None:
        """Let it go there no longer; what was sent cannot be called back.

        Raises:
            UsageError: it was not allowed; StorageError: it cannot be kept.
        """
        allowed = set(self.allowed(self._named()))
        if name not in allowed:
            raise UsageError(f"{name} was not allowed to {self.host}.", "`assistant remote` lists what is.")
        self._keep(allowed - {name})

    def guards(self, info: ModelInfo | None) -> str:
        """The other machine that this model runs on, "" for a model here."""
        if info is None or info.engine != "remote":
            return ""
        address = parse_address(info.path)
        return "" if is_loopback(address.host) else address.name

    async def fit_to_leave(
        self, info: ModelInfo, history: Sequence[Message], passages: Sequence[Passage]
    ) -> tuple[list[Message], list[Passage], list[str]]:
        """Of a prompt's history and passages what this model may be given, and what is to be told of the rest.

        A passage of document 0 is of none: it was worked out.
        """
        host = self.guards(info)
        if not host:
            return list(history), list(passages), []
        names = {number: await self._collection(number) for number in _documents(history, passages)}
        allowed = set(self.allowed(host))
        kept = [each for each in passages if not each.document_id or names[each.document_id] in allowed]
        told = _told(host, sorted({names[each.document_id] for each in passages if each.document_id} - allowed))
        turns = [history[place : place + 2] for place in range(0, len(history), 2)]
        said = [turn for turn in turns if _may_leave(turn, names, allowed)]
        if len(said) < len(turns):
            told.append(f"{len(turns) - len(said)} earlier turns were made from documents that {host} may not read.")
        return [message for turn in said for message in turn], kept, told

    async def check_documents(self, info: ModelInfo | None, documents: Sequence[int]) -> None:
        """Nothing, if the text of all these documents may be given to the model.

        Raises:
            UsageError: one may not.
        """
        host = self.guards(info)
        names = {await self._collection(number) for number in documents if number} if host else set()
        if missing := sorted(names - set(self.allowed(host))):
            raise UsageError(
                f"The collection {missing[0]} may not be sent to {host}.",
                f"Allow it: assistant remote allow {missing[0]}; or use a model on this machine.",
            )

    async def _collection(self, document: int) -> str:
        """The collection of a document, "" for one that is gone."""
        return next((each.collection for each in await self._library.find(str(document))), "")

    def _named(self) -> str:
        if not self.host:
            parse_address(self.settings.url)  # says what is wrong with it
        return self.host

    def _stored(self) -> dict[str, Any]:
        try:
            value = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def _keep(self, names: set[str]) -> None:
        text = json.dumps({**self._stored(), self.host: sorted(names)}, indent=1)
        try:
            replace_file(self._path, text.encode())
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written: {error.strerror}.", "Check the disk.") from error


def _documents(history: Sequence[Message], passages: Sequence[Passage]) -> set[int]:
    cited = {citation.document_id for message in history for citation in message.citations}
    return cited | {passage.document_id for passage in passages}


def _may_leave(turn: Sequence[Message], names: dict[int, str], allowed: set[str]) -> bool:
    """A turn that was given passages may leave if it says which they were, and all of them may."""
    cited = {names[citation.document_id] for message in turn for citation in message.citations}
    from_documents = any(message.trace[:1].isdecimal() and message.trace[:2] != "0 " for message in turn)
    return bool(cited <= allowed and (cited or not from_documents))


def _told(host: str, missing: list[str]) -> list[str]:
    if not missing:
        return []
    names = ", ".join(name or "documents that are gone" for name in missing)
    return [f"Not sent to {host}: passages of {names}. /remote allows a collection."]
