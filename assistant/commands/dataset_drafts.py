"""`assistant dataset draft` and `review`: pairs the model drafts from documents, and the user's word on each."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import Any

from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.drafting import Draft, DraftProgress, draft_pairs, drafts_file, read_drafts, reviewed, save_drafts
from assistant.errors import UsageError
from assistant.output import emit, say

UNGROUNDED = 0.5  # below this share of its words in the passage, an answer is pointed out


def add_parsers(actions: Any) -> None:
    """Add the two actions."""
    draft = actions.add_parser("draft", help="let the model draft question-answer pairs from documents, for review")
    draft.add_argument("--document", action="append", metavar="D", help="a document (id, path or title; repeatable)")
    draft.add_argument("--collection", action="append", metavar="C", help="all documents of a collection (repeatable)")
    draft.add_argument("--each", type=int, default=2, metavar="N", help="pairs from a passage (default 2)")
    draft.add_argument("--limit", type=int, default=50, metavar="N", help="passages, spread over all (default 50)")
    draft.set_defaults(run=run_draft)
    review = actions.add_parser("review", help="keep, edit or drop drafted pairs, one by one")
    review.set_defaults(run=run_review)
    for parser in (draft, review):
        parser.add_argument("name", metavar="NAME")


async def run_draft(arguments: argparse.Namespace, config: Config) -> int:
    """Draft until the passages end or Ctrl-C; what was drafted is kept."""
    if not (1 <= arguments.each <= 10 and 1 <= arguments.limit <= 100_000):
        raise UsageError("--each can be 1 to 10, --limit at least 1.")
    path = drafts_file(config.home, arguments.name)
    progress = DraftProgress(0, 0, ())
    async with opened_core(config, shared=True) as core:
        documents, collections = arguments.document or (), arguments.collection or ()
        drafting = draft_pairs(core, path, documents, collections, each=arguments.each, limit=arguments.limit)
        async for progress in drafting:
            _show(progress)
    if arguments.json:
        emit({"file": str(path), "passages": progress.done, "pairs": len(progress.drafts)})
        return 0
    say(f"{len(progress.drafts):,} pairs from {progress.done:,} passages in {path}")
    say(f"Review them: assistant dataset review {arguments.name}. Only what you keep is used.")
    return 0


def _show(progress: DraftProgress) -> None:
    if sys.stderr.isatty():
        end = "\n" if progress.done == progress.total else ""
        text = f"\r\033[K{progress.done}/{progress.total} passages, {len(progress.drafts)} pairs"
        print(text, end=end, file=sys.stderr, flush=True)


async def run_review(arguments: argparse.Namespace, config: Config) -> int:
    """Ask about each pair that was not decided; the file is written after every answer."""
    path = drafts_file(config.home, arguments.name)
    drafts = read_drafts(path)
    for place, draft in enumerate(drafts):
        if draft.keep is not None:
            continue
        answer = "" if arguments.json else _ask(draft, place, len(drafts))
        if not answer:
            break
        keep = answer in ("y", "e")
        question = _line("question: ") if answer == "e" else ""
        drafts = reviewed(drafts, place, keep, question, _line("answer: ") if answer == "e" else "")
        save_drafts(path, drafts)
    _report(drafts, str(path), arguments.json)
    return 0


def _ask(draft: Draft, place: int, total: int) -> str:
    """y, n or e; "" to stop."""
    page = f", at {draft.start:,}" if draft.start else ""
    say(f"\n── {place + 1}/{total}  {draft.document}{page}\n{draft.passage}\n")
    say(f"Q: {draft.question}\nA: {draft.answer}")
    if draft.grounded < UNGROUNDED:
        say(f"! Only {draft.grounded:.0%} of the answer's words stand in the passage.")
    while (answer := _line("keep? y(es) n(o) e(dit) q(uit) ").lower()[:1]) not in ("y", "n", "e"):
        if answer == "q" or not answer:
            return ""
    return answer


def _line(prompt: str) -> str:
    """What the user types; "" at the end of input."""
    say(prompt, end="")
    return sys.stdin.readline().strip() if sys.stdin else ""


def _report(drafts: list[Draft], path: str, as_json: bool) -> None:
    kept, dropped = sum(draft.keep is True for draft in drafts), sum(draft.keep is False for draft in drafts)
    if as_json:
        emit({"file": path, "kept": kept, "dropped": dropped, "drafts": [asdict(draft) for draft in drafts]})
        return
    say(f"\n{kept:,} kept, {dropped:,} dropped, {len(drafts) - kept - dropped:,} to review in {path}")
