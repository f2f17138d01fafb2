"""Which rows are in a document? Its text in pieces, for continued training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.data.text_pieces import PIECE, pieces
from adapters.rows import Origin, Row
from assistant.errors import LibraryError, NotFoundError
from ingest.library import DocumentSummary, DocumentText

if TYPE_CHECKING:
    from assistant.bootstrap import Core


async def chosen_documents(
    core: Core, documents: Sequence[str], collections: Sequence[str] = ()
) -> list[DocumentSummary]:
    """The documents of the library with these numbers, paths or titles, and all of these collections; each once.

    Raises:
        NotFoundError: one of them is not there; LibraryError: it could not be read.
    """
    chosen: dict[int, DocumentSummary] = {}
    known = {entry.name for entry in await core.library.collections()} if collections else set()
    for name in collections:
        if name not in known:
            raise NotFoundError(f"There is no collection {name}.", f"There are: {', '.join(sorted(known)) or 'none'}.")
        found = [entry for entry in await core.library.documents(name) if entry.state == "ready"]
        chosen |= {entry.id: entry for entry in found}
    for wanted in documents:
        matches = await core.library.find(wanted)
        if not matches:
            raise NotFoundError(f"There is no document {wanted}.", "`assistant documents` lists them.")
        if matches[0].state != "ready":
            raise LibraryError(f"{matches[0].title} could not be read: {matches[0].reason}.")
        chosen[matches[0].id] = matches[0]
    return list(chosen.values())


async def document_rows(core: Core, document: DocumentSummary, size: int = PIECE) -> list[Row]:
    """The text of a document as rows of at most `size` characters; their id is where they begin."""
    text = await core.library.document_text(document.id)
    if text is None:
        raise LibraryError(f"{document.title} has no text.")
    return [_row(document, text, start, end) for start, end in pieces(text.text, size)]


def _row(document: DocumentSummary, text: DocumentText, start: int, end: int) -> Row:
    return Row(
        text=text.text[start:end], origin=Origin("document", document.title, str(start), f"document:{document.id}")
    )
