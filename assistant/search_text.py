"""A search told in lines: the question as it was used, the words, both rankings, the fusion, the floor, the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ingest.document import Passage
from ingest.search_trace import GIVEN, Considered, SearchTrace

PREVIEW = 36  # characters of a passage


def told(trace: SearchTrace, prompt: Sequence[Passage] | None = None) -> list[str]:
    """The lines of a search. `prompt` are the passages the model was given, where a model was asked.

    Nothing is neutralised: names and passages are as they are.
    """
    return [*_head(trace), "", *_table(trace), *_end(trace, prompt)]


def _head(trace: SearchTrace) -> Iterator[str]:
    for number, wording in enumerate(trace.wordings):
        label = "Searched for" if number == 0 else "and, since a question went before,"
        yield f"{label}: “{' '.join(wording.text.split())}”"
        words = ", ".join(f"{word} ({count:,})" for word, count in sorted(wording.words.items(), key=lambda e: e[1]))
        yield f"  words (passages that have them): {words or 'none that mean anything'}"
    where = "the whole library" if trace.scope is None else " ".join(trace.scope) or "nothing"
    found = f"{trace.found_by_words} found by words, {trace.found_by_meaning} by meaning"
    yield f"In {where}: {trace.searched:,} passages; {found}."
    verdict = "is reached" if trace.passed else "is not reached: nothing was found"
    yield f"Best score {trace.best:.3f}; the floor of {trace.floor:.3f} {verdict}."


def _table(trace: SearchTrace) -> Iterator[str]:
    if not trace.considered:
        return
    yield "Place, score; in brackets the place by words and by meaning; near: words that stand together as asked."
    for place, each in enumerate(trace.considered, 1):
        words = f"words {_number(each.bm25, '.2f')} ({_place(each.by_words)})"
        meaning = f"meaning {_number(each.similarity, '.3f')} ({_place(each.by_meaning)})"
        yield f"{place:>2}. {each.score:.3f} = {words} · {meaning} · near {each.near:.0%}{_reranked(each)}"
        yield f"    {each.outcome} · {name(each)}: {preview(each.text)}"


def _end(trace: SearchTrace, prompt: Sequence[Passage] | None) -> Iterator[str]:
    given = sum(each.outcome == GIVEN for each in trace.considered)
    yield ""
    if prompt is None:
        yield f"Given: {given}."
    elif not prompt:
        yield "Nothing was put into the prompt."
    else:
        yield f"Into the prompt went {len(prompt)}:"
        for number, passage in enumerate(prompt, 1):
            yield f"  [{number}] {passage.document}: {_given(trace, passage)}"


def name(each: Considered) -> str:
    """The document of a passage, and where in it."""
    return f"{each.document}{f', {each.label}' if each.label else ''}"


def preview(text: str) -> str:
    """The beginning of a passage on one line."""
    line = " ".join(text.split())
    return line if len(line) <= PREVIEW else f"{line[: PREVIEW - 1]}…"


def _reranked(each: Considered) -> str:
    return "" if each.reranked is None else f" · reranked {each.reranked:.3f}"


def _given(trace: SearchTrace, passage: Passage) -> str:
    """The beginning of a passage as it was found, and how much around it was read with it."""
    found = next((each for each in trace.considered if each.chunk_id == passage.chunk_id), None)
    more = len(passage.text) - len(found.text) if found else 0
    around = f" (with {more:,} characters around it)" if more > 0 else ""
    return f"{preview(found.text if found else passage.text)}{around}"


def _place(place: int | None) -> str:
    return "–" if place is None else f"{place}."


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
