"""`assistant ingest`, `search` and `documents`: put files into the library, look through it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assistant.commands import collections
from assistant.commands.ask import passage_json
from assistant.commands.ingest_report import report, show_progress
from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.errors import LibraryError, NotFoundError, UsageError
from assistant.output import emit, say, warn
from assistant.safe_text import safe_line
from assistant.search_text import told
from ingest.document import place_label
from ingest.library import COLLECTION_NAME, DEFAULT_COLLECTION, DocumentSummary
from ingest.pipeline import absolute
from ingest.planning import ALL
from ingest.progress import Summary
from ingest.scope import split_filters

SEARCH_FLOOR = 0.5  # of the relevance floor: a person who searches may judge weaker passages than an answer may use


def add_parsers(commands: Any) -> None:
    """Add the three commands, and the one of the collections they work on."""
    collections.add_parsers(commands)
    ingest = commands.add_parser("ingest", help="add files and folders to the library, or bring them up to date")
    ingest.add_argument("paths", nargs="+", metavar="PATH")
    ingest.add_argument(
        "--collection", metavar="C", default=DEFAULT_COLLECTION, help="put them here (default: %(default)s)"
    )
    ingest.add_argument("--yes", action="store_true", help="remove what vanished, even if it is most of a folder")
    ingest.add_argument("--json", action="store_true", help="print the counts as JSON")
    ingest.set_defaults(run=run_ingest)
    search = commands.add_parser("search", help="find passages, without asking the model")
    search.add_argument(
        "text", nargs="+", metavar="TEXT", help="words; type:pdf, path:letters, since:2025-03, until:2025 narrow it"
    )
    search.add_argument("-k", type=int, default=5, metavar="N", help="how many passages (default: %(default)s)")
    search.add_argument("--collection", action="append", metavar="C", help="only in this collection (repeatable)")
    search.add_argument("--why", action="store_true", help="tell how the search came to what it found")
    search.add_argument("--json", action="store_true", help="print a JSON list; with --why {passages, trace}")
    search.set_defaults(run=run_search)
    documents = commands.add_parser("documents", help="list the library, or remove documents from it")
    documents.add_argument(
        "action", nargs="?", choices=("list", "text", "remove"), default="list", metavar="list|text|remove"
    )
    documents.add_argument("documents", nargs="*", metavar="ID|PATH")
    documents.add_argument("--collection", metavar="C", help="only of this collection")
    documents.add_argument("--json", action="store_true", help="print JSON")
    documents.set_defaults(run=run_documents)


async def run_ingest(arguments: argparse.Namespace, config: Config) -> int:
    """Read, split, embed and store; exit code 5 when nothing at all could be read."""
    if not COLLECTION_NAME.fullmatch(arguments.collection):
        raise UsageError(
            f"{arguments.collection!r} cannot name a collection.", "Use letters, digits, dots, dashes and underscores."
        )
    async with opened_core(config) as core:
        summary: Summary | None = None
        paths = [Path(path) for path in arguments.paths]
        removable = dict.fromkeys(absolute(path.expanduser() for path in paths), ALL) if arguments.yes else {}
        async for event in core.pipeline.ingest(paths, arguments.collection, removable=removable):
            if isinstance(event, Summary):
                summary = event
            elif not arguments.json:
                show_progress(event)
    assert summary is not None
    report(summary, arguments.json, "--yes")
    useful = summary.added + summary.changed + summary.unchanged + summary.removed + summary.moved
    return LibraryError.exit_code if summary.withheld or (summary.failed and not useful) else 0


async def run_search(arguments: argparse.Namespace, config: Config) -> int:
    """Print the best passages with their three scores."""
    if arguments.k < 1:
        raise UsageError("-k must be at least 1.")
    async with opened_core(config, shared=True) as core:
        text, filters = split_filters(" ".join(arguments.text))
        scope = (*(arguments.collection or ()), *filters) or None
        floor = config.documents.relevance_floor
        result = await core.retriever.search(text, arguments.k, scope, floor * SEARCH_FLOOR)
    trace = result.trace if arguments.why else None
    if arguments.json:
        passages = [passage_json(passage) for passage in result.passages]
        emit({"passages": passages, "trace": trace.as_json()} if trace else passages)
        return 0
    for note in result.notes:
        warn(note)
    if trace is not None:
        for line in told(trace):
            say(safe_line(line))
        return 0
    for number, passage in enumerate(result.passages, 1):
        label = place_label(passage.page, passage.place)
        place = f", {label}" if label else ""
        scores = f"score {passage.score:.3f} · similarity {_shown(passage.similarity)} · bm25 {_shown(passage.bm25)}"
        weak = "" if passage.score >= floor else ", too weak for an answer"
        say(f"{number}. {passage.document}{place}  ({scores}{weak})")
        say(f"   {' '.join(passage.text.split())}\n")
    if not result.passages:
        say(f"Nothing found in {result.searched_chunks:,} passages.")
    return 0


async def run_documents(arguments: argparse.Namespace, config: Config) -> int:
    """List documents, print one's text, or remove some."""
    if arguments.action != "list" and not arguments.documents:
        raise UsageError(f"`documents {arguments.action}` needs the id or path of a document.")
    async with opened_core(config, shared=arguments.action != "remove") as core:
        known = await core.library.documents(arguments.collection)
        if arguments.action == "list":
            _list(known, arguments.json)
            return 0
        chosen = [_chosen(known, wanted) for wanted in arguments.documents]
        if arguments.action == "remove":
            await core.pipeline.remove([entry.id for entry in chosen])
            for entry in chosen:
                if (folder := await core.folders.holding(entry.path, entry.collection)) is not None:
                    warn(
                        f"{entry.path} lies in the linked folder {folder.path}: its next sync brings it back, unless a "
                        ".assistantignore file there names it."
                    )
            emit({"removed": len(chosen)}) if arguments.json else say(f"Removed {len(chosen)}. The files stay.")
            return 0
        for entry in chosen:
            text = await core.library.document_text(entry.id)
            if text is None:
                raise NotFoundError(f"{entry.path} has no text: {entry.reason}.")
            emit(asdict(text)) if arguments.json else say(text.text)
    return 0


def _list(documents: list[DocumentSummary], as_json: bool) -> None:
    if as_json:
        emit([asdict(entry) for entry in documents])
        return
    for entry in documents:
        pages = f"{entry.pages} pages, " if entry.pages else ""
        state = f"{pages}{entry.passages} passages" if entry.state == "ready" else f"{entry.state}: {entry.reason}"
        say(f"{entry.id:>5}  {entry.collection}  {safe_line(entry.title)}  ({state})  {safe_line(entry.path)}")
        for note in entry.notes:
            say(f"       {note}")
    if not documents:
        say("The library is empty. `assistant ingest PATH` adds files and folders.")


def _chosen(known: list[DocumentSummary], wanted: str) -> DocumentSummary:
    path = str(Path(wanted).absolute())
    for entry in known:
        if str(entry.id) == wanted or entry.path == path:
            return entry
    raise NotFoundError(f"There is no document {wanted}.", "`assistant documents` lists them.")


def _shown(score: float | None) -> str:
    return "–" if score is None else f"{score:.3f}"
