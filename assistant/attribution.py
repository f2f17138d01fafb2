"""Which passage sentences back an answer: sharper quotes for its marks, and marks where it left none.

A sentence without a mark is attributed where a passage holds most of its words, all of its numbers,
and a sentence close to it in meaning. Everything else is left bare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assistant.citations import MARK, NUMBER, Span, citation, content_words, sentences, with_place
from assistant.conversation import Citation
from ingest.document import Passage

SUPPORTING_SHARE = 0.6  # of a sentence's content words must stand in the passage
SUPPORTING_SIMILARITY = 0.45  # cosine between the question with the sentence and the passage's best sentence
FEW_WORDS = 3  # a sentence with fewer content words says something only if it holds a number


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence of a passage: the passage's index, the span in its text, and the words there."""

    passage: int
    span: Span
    text: str


def passage_sentences(passages: Sequence[Passage]) -> list[Place]:
    """Every sentence of every passage."""
    return [
        Place(index, span, passage.text[span.start : span.end])
        for index, passage in enumerate(passages)
        for span in sentences(passage.text)
    ]


@dataclass(frozen=True, slots=True)
class Evidence:
    """An answer beside what was retrieved for it.

    `similarity` holds, for each sentence of the answer, the cosine between it (asked together with the
    question) and each of `places`.
    """

    text: str
    passages: Sequence[Passage]
    places: Sequence[Place]
    similarity: Mapping[Span, Sequence[float]]

    def citations(self, marked: Sequence[Citation]) -> list[Citation]:
        """The citations of the model's own marks, then those found for unmarked sentences, in the answer's order."""
        sharper = [self._sharpened(each) for each in marked]
        taken = {each.answer_start for each in marked}
        said: set[str] = set()
        found = []
        for span in self.similarity:
            sentence = self.text[span.start : span.end]
            if span.start not in taken and sentence not in said and self._says_something(sentence):
                found += self._attributed(span)
            said.add(sentence)
        return sorted([*sharper, *found], key=lambda each: (each.answer_start, each.mark))

    def _sharpened(self, marked: Citation) -> Citation:
        span = Span(marked.answer_start, marked.answer_end)
        quote, _ = self._best_place(marked.mark - 1, span)
        return citation(marked.mark, self.passages[marked.mark - 1], quote, span)

    def _attributed(self, span: Span) -> list[Citation]:
        words = self._words(span)
        backing = []
        for number, passage in enumerate(self.passages):
            share = word_share(words, content_words(with_place(passage)))
            quote, meaning = self._best_place(number, span)
            if share >= SUPPORTING_SHARE and meaning >= SUPPORTING_SIMILARITY:
                backing.append((share + meaning, number, quote))
        if not backing:
            return []
        _, number, quote = max(backing, key=lambda each: each[0])
        return [citation(number + 1, self.passages[number], quote, span, attributed=True)]

    def _best_place(self, passage: int, answer: Span) -> tuple[Span, float]:
        """The sentence of a passage that backs the answer's sentence best by words and meaning, and the
        highest cosine of any of its sentences."""
        words = self._words(answer)
        own = [
            (word_share(words, content_words(place.text)) + cosine, cosine, place.span)
            for place, cosine in zip(self.places, self.similarity[answer], strict=True)
            if place.passage == passage
        ]
        _, _, span = max(own, key=lambda each: each[0])
        return span, max(cosine for _, cosine, _ in own)

    def _words(self, span: Span) -> list[str]:
        return content_words(MARK.sub("", self.text[span.start : span.end]))

    def _says_something(self, sentence: str) -> bool:
        """Not a list number, a greeting, a question, an introduction, or the echo of a title."""
        words = content_words(sentence)
        if sentence[-1] in "?:," or not words:
            return False
        if len(words) < FEW_WORDS and not any(NUMBER.search(word) and len(word) > 1 for word in words):
            return False
        return not any(set(words) <= set(content_words(_place_names(passage))) for passage in self.passages)


def word_share(words: Sequence[str], there: Sequence[str]) -> float:
    """Share of the words that stand there; 0 if one of the numbers does not."""
    known = set(there)
    if not words or any(NUMBER.search(word) and word not in known for word in words):
        return 0.0
    return sum(word in known for word in words) / len(words)


def _place_names(passage: Passage) -> str:
    return f"{passage.document} {' '.join(passage.headings)}"
