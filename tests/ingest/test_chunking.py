"""Chunks: exact offsets, one page and heading path each, whole sentences, never over the embedder's limit."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_files import tokenizer_path
from tokenizers import Tokenizer

from ingest.chunking import chunk_document, embedding_text
from ingest.document import Chunk, Document, Section
from ingest.readers import read_document
from ingest.readers.limits import Limits
from ingest.token_counter import TokenCounter

WORDS = TokenCounter()
MINILM = TokenCounter(tokenizer_path())


def document(text: str, suffix: str = ".md") -> Document:
    return read_document(text.encode(), "", suffix, Limits())


def texts(chunks: list[Chunk]) -> list[str]:
    return [chunk.text for chunk in chunks]


def sentences(count: int, words: int = 10, start: int = 0) -> list[str]:
    return [f"Sentence number {n} " + "word " * (words - 4) + "end." for n in range(start, start + count)]


def test_a_short_document_is_one_chunk() -> None:
    """A text within the size is one chunk with exact offsets."""
    assert chunk_document(Document("", "One. Two.", (Section(0, 9),)), WORDS) == [Chunk("One. Two.", 0, 9, tokens=2)]


def test_whole_sentences_and_overlap() -> None:
    """Chunks hold whole sentences; each begins with the last sentences of the one before."""
    parts = sentences(20)
    chunks = chunk_document(document(" ".join(parts)), WORDS, size=60, overlap=20)
    assert texts(chunks)[:3] == [" ".join(parts[0:6]), " ".join(parts[4:10]), " ".join(parts[8:14])]
    assert texts(chunks)[-1].endswith(parts[-1])


def test_paragraphs_are_kept_whole_where_they_fit() -> None:
    """A chunk ends with a paragraph rather than inside the next one."""
    first, second = " ".join(sentences(3)), " ".join(sentences(4, start=3))
    assert texts(chunk_document(document(f"{first}\n\n{second}"), WORDS, size=50, overlap=0)) == [first, second]


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith met Mr. Jones at 5 p.m. Tuesday in the U.S. capital.",
        "See Fig. 3 and Sec. 2.1, e.g. Table 4, by J. R. Miller et al. 2019.",
        "It costs 3.50 euros, i.e. less than before.",
        "Das kostet ca. 30 Euro, d.h. z.B. Strom.",
    ],
)
def test_abbreviations_end_no_sentence(text: str) -> None:
    """The point of an abbreviation, an initial or a number is not the end of a sentence."""
    chunks = chunk_document(document(f"{text} Next one."), WORDS, size=len(text.split()), overlap=0)
    assert texts(chunks) == [text, "Next one."]


def test_sentence_ends_of_other_scripts() -> None:
    """Chinese sentences end without a space after them."""
    text = "我爱北京。" * 30
    chunks = chunk_document(document(text), MINILM, size=60, overlap=0)
    assert len(chunks) > 2
    assert all(chunk.text.endswith("。") for chunk in chunks)


def test_a_sentence_over_the_size_is_cut_between_words() -> None:
    """Only a sentence that alone is over the size is cut, between words, and nothing is lost."""
    chunks = chunk_document(document("word " * 200 + "end"), WORDS, size=50, overlap=0)
    assert [chunk.tokens for chunk in chunks] == [50, 50, 50, 50, 1]


def test_a_word_over_the_size_is_cut() -> None:
    """A word of thousands of characters, which a tokenizer calls one unknown token, is cut too."""
    text = "x" * 10_000
    chunks = chunk_document(document(text), MINILM, size=100, overlap=0)
    assert "".join(texts(chunks)) == text
    assert max(len(chunk.text) for chunk in chunks) < 2000


def test_headings_and_pages_bound_chunks() -> None:
    """No chunk crosses a heading or a page, whatever room is left."""
    body = " ".join(sentences(4))
    chunks = chunk_document(document(f"# A\n\n{body}\n\n# B\n\n{body}"), WORDS, size=80, overlap=20)
    assert [chunk.headings for chunk in chunks] == [("A",), ("B",)]
    text = f"{body}\n\n{body}"
    pages = (Section(0, len(body), (), 1), Section(len(body) + 2, len(text), (), 2))
    assert [c.page for c in chunk_document(Document("", text, pages, 2), WORDS, size=200)] == [1, 2]


def test_tiny_sections_share_a_chunk() -> None:
    """Two-line sections under one parent become one chunk under the parent's heading; a page still divides."""
    source = "# Costs\n\n## Rent\n\n640 euros.\n\n## Heating\n\n80 euros.\n\n## Water\n\n20 euros.\n"
    (chunk,) = chunk_document(document(source), WORDS, size=100)
    assert chunk.text == source.strip()
    assert chunk.headings == ("Costs",)
    text = "One.\n\nTwo."
    split = Document("", text, (Section(0, 4, ("A",), 1), Section(6, 10, ("A",), 2)), 2)
    assert texts(chunk_document(split, WORDS)) == ["One.", "Two."]


def test_a_bare_heading_goes_with_what_follows() -> None:
    """A heading with nothing below it but a subsection is part of that subsection's chunk."""
    (chunk,) = chunk_document(document("# Costs\n\n## Rent\n\n640 euros.\n"), WORDS, size=100)
    assert chunk.headings == ("Costs", "Rent")
    long = chunk_document(document("# Costs\n\n## Rent\n\n" + " ".join(sentences(30))), WORDS, size=100)
    assert long[0].text.startswith("# Costs\n\n## Rent\n\nSentence number 0")
    assert {chunk.headings for chunk in long} == {("Costs", "Rent")}


def test_lines_of_unwrapped_text_are_paragraphs() -> None:
    """Where a paragraph is one long line, chunks end at line ends; short wrapped lines do not end anything."""
    long = [" ".join(sentences(3, 12, start=n)) for n in range(0, 30, 3)]
    assert texts(chunk_document(document("\n".join(long), ".txt"), WORDS, size=50, overlap=0)) == long
    wrapped = ["A sentence that\nis wrapped ends here.", "Another one is\nwrapped, ends there."]
    assert texts(chunk_document(document(" ".join(wrapped)), WORDS, size=8, overlap=0)) == wrapped


def test_sentences_without_capital_letters() -> None:
    """A text without any capital letter is still cut at its points."""
    text = "the rent is due. it is paid to the bank."
    assert texts(chunk_document(document(text), WORDS, size=6, overlap=0)) == [
        "the rent is due.",
        "it is paid to the bank.",
    ]


def test_tables_and_code_are_cut_at_lines() -> None:
    """A table is cut between rows and code between lines, with indentation kept."""
    rows = [f"| row {n} | value {n}. Not a sentence |" for n in range(40)]
    chunks = chunk_document(document("\n".join(rows)), WORDS, size=60, overlap=0)
    assert [line for chunk in chunks for line in chunk.text.splitlines()] == rows
    code = "def f():\n" + "".join(f"    x{n} = {n} + 1\n" for n in range(60))
    pieces = chunk_document(document(code, ".py"), WORDS, size=50, overlap=0)
    assert "\n".join(texts(pieces)) + "\n" == code


def test_list_items_are_kept_whole() -> None:
    """Items of a list are not cut, though they end without a point."""
    items = [f"- item {n} has some words" for n in range(30)]
    chunks = chunk_document(document("\n".join(items), ".txt"), WORDS, size=40, overlap=0)
    assert all(line in items for chunk in chunks for line in chunk.text.splitlines())


def test_embedding_text_says_where_a_chunk_stands() -> None:
    """Title and headings stand before the text, repeated names once, outer headings left out when long."""
    assert embedding_text("Lease", Chunk("640.", 0, 4, ("Costs", "Rent"))) == "Lease > Costs > Rent\n640."
    assert embedding_text("Costs", Chunk("640.", 0, 4, ("Costs",))) == "Costs\n640."
    assert embedding_text("", Chunk("640.", 0, 4)) == "640."
    long = embedding_text("Lease", Chunk("640.", 0, 4, ("very long " * 20, "Rent")))
    assert long == "Lease > Rent\n640."


@pytest.mark.parametrize("size", [160, 200, 254])
def test_nothing_is_cut_silently_by_the_embedder(size: int) -> None:
    """What is embedded never has more tokens than the size, counted by the embedder's own tokenizer."""
    tokenizer = Tokenizer.from_file(tokenizer_path())
    tokenizer.no_truncation()
    source = f"# {'unpronounceable heading ' * 12}\n\n" + " ".join(sentences(100, 17)) + " 日本語の文章です。" * 200
    made = document(source)
    chunks = chunk_document(made, MINILM, size=size, overlap=40)
    lengths = [len(tokenizer.encode(embedding_text(made.title, c), add_special_tokens=False).ids) for c in chunks]
    assert max(lengths) <= size
    assert sum(lengths) / len(lengths) > size * 0.7


def test_counts_are_those_of_the_tokenizer() -> None:
    """Counting word by word gives exactly the number of tokens that the tokenizer makes of the text."""
    tokenizer = Tokenizer.from_file(tokenizer_path())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    lines = ["Größe: 3.50 €, naïve café!", "def f(x): return x**2  # co-op", "我爱北京 12,000 km²", "", "  \n\t "]
    assert MINILM(lines) == [len(tokenizer.encode(line, add_special_tokens=False).ids) for line in lines]


def test_a_megabyte_takes_seconds() -> None:
    """One megabyte of prose is chunked within a few seconds."""
    text = " ".join(sentences(16_000))
    started = time.process_time()
    chunks = chunk_document(document(text, ".txt"), TokenCounter(tokenizer_path()))
    assert time.process_time() - started < 5
    assert len(chunks) > 1000


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["# A\n", "## B\n", "a b. ", "C d! ", "- x\n", "| a |\n", "\n\n", "```\n", "我。", "x" * 60, " "]
        )
    ).map("".join),
    st.integers(1, 40),
    st.integers(0, 40),
)
def test_any_structure(source: str, size: int, overlap: int) -> None:
    """Every character that is not space is in a chunk, chunks go forward, and each is exactly its range."""
    made = Document("", "", ())
    if source.strip():
        made = document(source)
    chunks = chunk_document(made, WORDS, size=size, overlap=overlap)
    covered = set[int]()
    for chunk in chunks:
        assert chunk.text == made.text[chunk.start : chunk.end] != ""
        covered.update(range(chunk.start, chunk.end))
    assert all(position in covered for position, character in enumerate(made.text) if not character.isspace())
    starts, ends = [c.start for c in chunks], [c.end for c in chunks]
    assert starts == sorted(set(starts))
    assert ends == sorted(set(ends))
