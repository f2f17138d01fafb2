"""`@file` and `#collection` in a question: what is asked is searched in them alone, a small file is read whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Protocol

from assistant.errors import AssistantError
from ingest.document import Passage, SearchResult
from ingest.library import DocumentSummary, Library

WHOLE = 12  # passages of a file that is given to the model whole; what does not fit into its context is left out
MENTION = re.compile(r"""(?<![\w@#&/])(?P<mark>[@#])(?:"(?P<quoted>[^"\n]+)"|(?P<plain>[^\s"@#,;:!?()]+))""")
OPEN = re.compile(r"""(?<![\w@#&/])(?P<mark>[@#])(?P<typed>"[^"\n]*|[^\s"@#,;:!?()]*)\Z""")


class Searching(Protocol):
    """What searches the library, as Retriever does: once, or in the steps of an agent."""

    async def search(
        self,
        query: str,
        k: int = 4,
        scope: tuple[str, ...] | None = None,
        floor: float | None = None,
        *,
        before: str = "",
    ) -> SearchResult:
        """See Retriever.search."""

    async def read_wide(self, passages: Sequence[Passage], tokens: int) -> tuple[Passage, ...]:
        """See Retriever.read_wide."""


@dataclass(frozen=True, slots=True)
class Mentions:
    """The files and collections that a question names. Nothing named is nothing restricted."""

    documents: tuple[DocumentSummary, ...] = ()
    collections: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def scope(self) -> tuple[str, ...]:
        """As terms of a scope; see ingest.scope."""
        return (*self.collections, *(f"path:{document.path}" for document in self.documents))


async def mentioned(library: Library, text: str) -> Mentions:
    """What a question names. A word behind @ or # that names nothing is a word like others; a file that is not in the
    library is told of."""
    files: list[str] = []
    names: list[str] = []
    for match in MENTION.finditer(text):
        word = match["quoted"] or match["plain"].rstrip(".")
        (files if match["mark"] == "@" else names).append(word)
    known = {each.name for each in await library.collections()} if names else set()
    documents: dict[str, DocumentSummary] = {}
    notices = []
    for word in dict.fromkeys(files):
        found = [each for each in await _find(library, word) if each.state == "ready"]
        documents |= {each.path: each for each in found}
        if not found and PurePath(word).suffix:
            notices.append(f"@{word} is not in your documents; /add it first.")
    return Mentions(
        tuple(documents.values()), tuple(dict.fromkeys(name for name in names if name in known)), tuple(notices)
    )


async def _find(library: Library, word: str) -> list[DocumentSummary]:
    if found := [each for each in await library.find(word) if not word.isdecimal()]:
        return found
    return [each for each in await library.documents() if PurePath(each.path).name == word]


async def search(
    retriever: Searching, library: Library | None, question: str, before: str, scope: Sequence[str] | None, k: int
) -> tuple[SearchResult | None, list[str]]:
    """The k best passages for a question from what it names, else from `scope`, and what is to be told of that; None
    where the documents cannot be searched. `before` is the question asked before this one."""
    try:
        named = await mentioned(library, question) if library is not None else Mentions()
        if named.scope:
            return await _search_named(retriever, named, question, k)
        everywhere = tuple(scope) if scope is not None else None
        return await retriever.search(question, k, everywhere, before=before), list(named.notices)
    except AssistantError as error:
        return None, [f"The documents could not be searched: {error.message}"]


async def _search_named(retriever: Searching, named: Mentions, question: str, k: int) -> tuple[SearchResult, list[str]]:
    whole = bool(named.documents) and sum(each.passages for each in named.documents) <= WHOLE
    asked = MENTION.sub(lambda match: match["quoted"] or match["plain"], question)
    result = await retriever.search(asked, WHOLE if whole else k, named.scope, 0.0 if named.documents else None)
    if whole:
        result = replace(result, passages=tuple(sorted(result.passages, key=lambda each: (each.path, each.start))))
    return result, [*named.notices, _told(named, whole, len(result.passages))]


def _told(named: Mentions, whole: bool, found: int) -> str:
    names = ", ".join(
        [*(PurePath(each.path).name for each in named.documents), *(f"#{name}" for name in named.collections)]
    )
    return f"Read whole: {names}." if whole else f"Searched in {names} alone: its {found} best passages were read."
