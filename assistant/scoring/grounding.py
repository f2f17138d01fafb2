"""Does an answer stand in its passages? Shares of its sentences and of its marks that the passages support.

Citation precision and recall follow ALCE (Gao et al. 2023, arXiv 2305.14627), with support found by words
and numbers, or by meaning, in place of an entailment model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assistant.attribution import FEW_WORDS, SUPPORTING_SHARE, SUPPORTING_SIMILARITY, word_share
from assistant.citations import MARK, NUMBER, Span, content_words, sentences, with_place
from assistant.conversation import Citation
from ingest.document import Passage

Supports = Callable[[Span, int], bool]  # a sentence of the answer, the number of a passage from 0


@dataclass(frozen=True, slots=True)
class Grounding:
    """Shares from 0 to 1; None where there is nothing to take a share of.

    `by_words`: sentences whose words and numbers stand in a passage they cite. `by_meaning`: sentences close
    to one of a cited passage, None where no embedder was asked. `precision`: marks of the model whose passage
    supports their sentence. `recall`: sentences with such a mark. Sentences that state nothing do not count.
    """

    statements: int
    by_words: float | None = None
    by_meaning: float | None = None
    precision: float | None = None
    recall: float | None = None


def statements(text: str) -> list[Span]:
    """The sentences that state something: no question, no introduction, no bare greeting."""
    found = []
    for span in sentences(text):
        sentence = text[span.start : span.end]
        words = content_words(MARK.sub("", sentence))
        numbers = any(NUMBER.search(word) and len(word) > 1 for word in words)
        if sentence[-1] not in "?:," and (len(words) >= FEW_WORDS or numbers):
            found.append(span)
    return found


def grounding(
    text: str, passages: Sequence[Passage], citations: Sequence[Citation], close: Supports | None = None
) -> Grounding:
    """Hold an answer against the passages it was given, in the order of its marks.

    `close` says whether a sentence is close in meaning to a passage (see `closeness`).
    """
    spans = statements(text)
    if not spans:
        return Grounding(0)
    words = [content_words(with_place(passage)) for passage in passages]

    def stands(span: Span, passage: int) -> bool:
        said = content_words(MARK.sub("", text[span.start : span.end]))
        return 0 <= passage < len(words) and word_share(said, words[passage]) >= SUPPORTING_SHARE

    cited = {citation.mark - 1 for citation in citations if citation.mark <= len(passages)}
    own = [citation for citation in citations if not citation.attributed]
    right = [
        citation for citation in own if stands(Span(citation.answer_start, citation.answer_end), citation.mark - 1)
    ]
    marked = {citation.answer_start for citation in right}
    return Grounding(
        len(spans),
        _share([any(stands(span, passage) for passage in cited) for span in spans]),
        _share([any(close(span, passage) for passage in cited) for span in spans]) if close else None,
        len(right) / len(own) if own else None,
        _share([span.start in marked for span in spans]) if passages else None,
    )


def closeness(spans: Sequence[Span], sentences_of: Sequence[int], similarity: Sequence[Sequence[float]]) -> Supports:
    """What `grounding` asks for meaning: `similarity` holds the cosine between each span and each sentence of the
    passages, `sentences_of` the passage of each of these sentences."""
    best: dict[tuple[Span, int], float] = {}
    for span, row in zip(spans, similarity, strict=True):
        for passage, cosine in zip(sentences_of, row, strict=True):
            best[span, passage] = max(cosine, best.get((span, passage), -1.0))
    return lambda span, passage: best.get((span, passage), -1.0) >= SUPPORTING_SIMILARITY


def _share(held: Sequence[bool]) -> float:
    return sum(held) / len(held)
