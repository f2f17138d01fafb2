"""Words that stand together in a question, and passages that hold them near each other."""

from __future__ import annotations

import pytest
import sqlite_utils
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.fulltext import TOKENIZER, query_words
from ingest.proximity import WINDOW, near_shares, word_pairs
from ingest.schema import migrations


def pairs(question: str, **counts: int) -> dict[tuple[str, str], float]:
    """The pairs of a question in a library of 100 passages, in which a word stands once unless told."""
    return word_pairs(question, {word: counts.get(word, 1) for word in query_words(question)}, 100)


def test_neighbouring_content_words_are_pairs() -> None:
    """Stop words between two words do not part them, four words do; the rarer the words, the more a pair tells."""
    assert set(pairs("What is the period of notice?")) == {("notice", "period")}
    assert set(pairs("notice what is the it of period")) == set()
    told = pairs("boiler service month", month=90)
    assert told["boiler", "service"] > told["month", "service"]


def test_a_passage_has_the_share_of_the_pairs_it_holds_together() -> None:
    """The same words far apart, or only one of them, give nothing; inflected forms and either order count."""
    far = "notice " + "filler " * WINDOW + "period"
    texts = ["a notice period of two months", "the period of notices", far, "a notice", "", "périod: NOTICE!"]
    assert near_shares(pairs("period of notice"), texts) == [1.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    (half,) = near_shares(pairs("period of notice flat"), ["the flat notice"])
    assert half == pytest.approx(0.5)


def test_two_forms_of_one_word_are_no_pair() -> None:
    """`rent rents` is one word twice: a passage with it once has no pair."""
    assert near_shares(pairs("rent rents"), ["the rent"]) == [0.0]
    assert near_shares({}, ["the rent"]) == [0.0]
    assert near_shares(pairs("rent due"), []) == []


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.lists(st.text(max_size=80), max_size=3))
def test_whatever_is_asked_the_share_is_a_share(question: str, texts: list[str]) -> None:
    """No text breaks it, and no share is outside 0 to 1."""
    assert all(0.0 <= share <= 1.0 for share in near_shares(pairs(question), texts))
    assert len(near_shares(pairs(question), texts)) == len(texts)


def test_words_are_split_as_in_the_index() -> None:
    """The tokenizer is that of the full-text index."""
    db = sqlite_utils.Database(memory=True)
    migrations.apply(db)
    (sql,) = db.conn.execute("SELECT sql FROM sqlite_master WHERE name = 'chunks_fts'").fetchone()
    assert f"tokenize='{TOKENIZER}'" in sql
