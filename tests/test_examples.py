"""Does the sample library hold what its questions say, as the product's own readers see it?"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ingest.document import Document
from ingest.readers import read_document
from ingest.readers.limits import Limits

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
LIBRARY = EXAMPLES / "library"
QUESTIONS: list[dict[str, Any]] = json.loads((EXAMPLES / "questions.json").read_text(encoding="utf-8"))
ANSWERABLE = [question for question in QUESTIONS if question["document"]]
EVIDENCE = [
    pytest.param(evidence, id=f"{question['id']}-{evidence['document']}")
    for question in ANSWERABLE
    for evidence in (question, *question.get("also", ()))
]


@cache
def _document(name: str) -> Document:
    path = LIBRARY / name
    return read_document(path.read_bytes(), path.stem, path.suffix, Limits())


def _words(text: str) -> str:
    return " ".join(text.replace("|", " ").split())  # tables are read as Markdown rows


def _page_text(document: Document, page: int | None) -> str:
    texts = (document.text[s.start : s.end] for s in document.sections if page is None or s.page == page)
    return _words("\n".join(texts))


def _accepted(question: dict[str, Any]) -> list[str]:
    answer = question["answer"]
    return [answer] if isinstance(answer, str) else answer


def test_the_library_has_ten_to_fifteen_files_in_six_formats() -> None:
    """The sample library is small and holds every format that ingest reads."""
    files = [path for path in LIBRARY.rglob("*") if path.is_file()]
    assert 10 <= len(files) <= 15
    assert {path.suffix for path in files} == {".txt", ".md", ".html", ".pdf", ".docx", ".py"}


def test_there_are_thirty_questions_with_an_answer_and_six_without() -> None:
    """Thirty questions can be answered from the library, six cannot, and each has an id of its own."""
    assert len(ANSWERABLE) == 30
    assert len(QUESTIONS) == 36
    assert len({question["id"] for question in QUESTIONS}) == len(QUESTIONS)


def test_the_questions_ask_about_every_document_but_two_letters_at_most() -> None:
    """Nearly every file of the library is the evidence for some question."""
    asked = {evidence["document"] for q in ANSWERABLE for evidence in (q, *q.get("also", ()))}
    present = {path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*") if path.is_file()}
    assert asked <= present
    assert len(present - asked) <= 2


@pytest.mark.parametrize("evidence", EVIDENCE)
def test_each_quote_stands_on_its_page(evidence: dict[str, Any]) -> None:
    """The quoted words are in the text that the reader extracts, on the page that the question names."""
    document = _document(evidence["document"])
    assert (evidence["page"] is None) == (document.pages is None)
    assert _words(evidence["quote"]) in _page_text(document, evidence["page"])


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: str(question["id"]))
def test_an_accepted_answer_stands_in_the_quoted_documents(question: dict[str, Any]) -> None:
    """At least one of the accepted answers is written in the evidence itself."""
    texts = [_document(e["document"]).text.lower() for e in (question, *question.get("also", ()))]
    assert any(answer.lower() in _words(text) for answer in _accepted(question) for text in texts)


def test_follow_up_questions_name_an_earlier_question() -> None:
    """A question that only makes sense after another one says which."""
    seen: set[str] = set()
    follow_ups = 0
    for question in QUESTIONS:
        if "follows" in question:
            assert question["follows"] in seen
            follow_ups += 1
        seen.add(question["id"])
    assert follow_ups >= 1


def test_the_lease_and_the_manual_have_their_pages() -> None:
    """The two PDF files are real documents of five and eight pages."""
    assert _document("lease.pdf").pages == 5
    assert _document("dishwasher-manual.pdf").pages == 8
