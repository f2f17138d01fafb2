"""What is told beside an answer: what was retrieved for it, and what came closest where nothing backs it."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.attribution import Place
from assistant.backends.base import Done
from assistant.conversation import Usage
from ingest.document import Passage, SearchResult, place_label

NOT_FROM_DOCUMENTS = "Nothing in your documents fits this question: the answer is the model's own."
ONE_BY_ONE = "read one at a time"
AS_TAUGHT, END = "asked as it was taught: “", "”"
WHOLE_SENTENCE = 5  # words; a shorter one is mostly a heading


def closest(passages: Sequence[Passage], places: Sequence[Place], similarity: Sequence[float]) -> str:
    """The sentence closest to the question, for an answer that no passage backs, or that none was found."""
    whole = [index for index, place in enumerate(places) if len(place.text.split()) >= WHOLE_SENTENCE]
    closest = places[max(whole or range(len(places)), key=lambda index: similarity[index])]
    passage = passages[closest.passage]
    label = place_label(passage.page, passage.place)
    where = f", {label}" if label else ""
    quote = " ".join(closest.text.split())
    return f"Closest to your question, in {passage.document}{where}: “{quote}”"


def trace_line(result: SearchResult | None, taught: str = "") -> str:
    """One line: what was retrieved, always shown, so that nobody has to guess whether documents were used.

    `taught` is the wording in which an adapter was asked in place of the user's.
    """
    return " · ".join(filter(None, (_retrieved(result), f"{AS_TAUGHT}{taught}{END}" if taught else "")))


def taught_wording(trace: str) -> str:
    """The wording in which an adapter was asked, from an answer's trace; "" where that was the user's own."""
    _, found, wording = trace.partition(AS_TAUGHT)
    return wording.removesuffix(END) if found else ""


def usage_of(done: Done, context: int, seconds_before: float) -> Usage:
    """What an answer took, of a context of so many tokens; the first token was waited for `seconds_before` as well."""
    return Usage(
        prompt_tokens=done.prompt_tokens, cached_tokens=done.cached_tokens,
        completion_tokens=done.completion_tokens, tokens_per_second=done.tokens_per_second,
        seconds_to_first_token=seconds_before + done.seconds_to_first_token, context_size=context,
    )  # fmt: skip


def _retrieved(result: SearchResult | None) -> str:
    if result is None:
        return "documents not used"
    if not result.searched_chunks:
        return "no documents yet"
    if not result.passages:
        return f"nothing found in {result.searched_chunks:,} passages"
    files = len({passage.document_id for passage in result.passages})
    best = max((passage.similarity for passage in result.passages if passage.similarity is not None), default=None)
    score = "" if best is None else f", best {best:.2f}"
    count = len(result.passages)
    return f"{count} passage{'s' * (count != 1)} from {files} file{'s' * (files != 1)}{score}"
