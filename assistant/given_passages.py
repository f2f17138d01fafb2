"""What a model is given of the documents for a question: which passages, and how much of what stands around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assistant.config import AnswerSettings
from assistant.errors import AssistantError
from assistant.mentions import Searching, search
from assistant.model import Model
from assistant.models.location import is_starter
from assistant.prompting import passages_for
from ingest.document import Passage, SearchResult
from ingest.library import Library

AROUND = 200  # tokens around a passage, for all models but the embedded one; benchmarks/chunking says what they hold
PASSAGES_SHARE = 2  # passages with what is around them take at most half of the context
TOKEN_CHARACTERS = 3  # a token of text has at least about so many


def around_for(model: str, setting: int) -> int:
    """How many tokens around a passage a model is given: `setting`, or where that is -1 what suits the model."""
    if setting >= 0:
        return setting
    return 0 if is_starter(model) else AROUND


async def given_passages(
    model: Model,
    retriever: Searching,
    library: Library | None,
    settings: AnswerSettings,
    question: str,
    before: str,
    scope: Sequence[str] | None,
) -> tuple[SearchResult | None, list[str]]:
    """What the documents hold for a question, as the model is given it, and what is to be told of that.

    See mentions.search; the passages are read wide where the model's context has room for that.
    """
    count = passages_for(model.name, settings.passages)
    found, notices = await search(retriever, library, question, before, scope, count)
    tokens = around_for(model.name, settings.read_around)
    if found is None or not found.passages or not tokens:
        return found, notices
    try:
        room = _room((await model.ready()).context, found.passages)
        wide = await retriever.read_wide(found.passages, min(tokens, room))
    except AssistantError:  # what stops a model from answering is told where it is asked
        return found, notices
    return replace(found, passages=wide), notices


def _room(context: int, passages: Sequence[Passage]) -> int:
    """Tokens for each passage's surroundings; 0 or less where there is no room."""
    used = sum(len(passage.text) for passage in passages) // TOKEN_CHARACTERS
    return (context // PASSAGES_SHARE - used) // len(passages)
