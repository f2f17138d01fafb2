"""How many tokens an embedder reads in a text, counted word by word so that megabytes take a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

WORD_CHARACTERS = 8  # a word counts as a token for each so many characters at least
BATCH = 2_000  # texts whose words are in memory at a time
MAX_CACHED_WORDS = 400_000


class TokenCounter:
    """Counts tokens, without the special ones around a text.

    Tokenizers that split at white space first (BERT's among them) read a text as the sum of its
    words, so each distinct word is tokenized once. A word of thousands of characters is a single
    unknown token to such a tokenizer; it is counted by its length, or it would never be split.
    """

    def __init__(self, tokenizer: str = "") -> None:
        """`tokenizer` is the path of a tokenizer.json; "" counts a token a word."""
        self._encode_words = _word_lengths(tokenizer) if tokenizer else _ones
        self._known: dict[str, int] = {}

    def __call__(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens in each text."""
        counts: list[int] = []
        for start in range(0, len(texts), BATCH):
            split = [text.split() for text in texts[start : start + BATCH]]
            self._learn(set(chain.from_iterable(split)))
            counts.extend(sum(map(self._known.__getitem__, words)) for words in split)
        return counts

    def _learn(self, words: set[str]) -> None:
        new = [word for word in words if word not in self._known]
        if len(self._known) + len(new) > MAX_CACHED_WORDS:
            self._known.clear()
            new = list(words)
        for word, tokens in zip(new, self._encode_words(new), strict=True):
            self._known[word] = max(tokens, -(-len(word) // WORD_CHARACTERS) if len(word) > 40 else 1)


def _ones(words: list[str]) -> list[int]:
    return [1] * len(words)


def _word_lengths(path: str) -> Callable[[list[str]], list[int]]:
    from tokenizers import Tokenizer  # imported here: counting by words needs no library

    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def lengths(words: list[str]) -> list[int]:
        return [len(encoding.ids) for encoding in tokenizer.encode_batch_fast(words, add_special_tokens=False)]

    return lengths
