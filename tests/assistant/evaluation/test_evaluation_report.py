"""What an answer is worth, where it was lost, and the report of a run: figures, contrasts, Markdown and page."""

from __future__ import annotations

import dataclasses
import html.parser
import math
from pathlib import Path
from typing import Any

import pytest

from adapters.proof.sign_test import sign_test
from assistant.bootstrap import Core
from assistant.conversation import Citation
from assistant.errors import UsageError
from assistant.evaluation.files import save_report
from assistant.evaluation.grading import grade
from assistant.evaluation.question import Gold, Question, QuestionSet
from assistant.evaluation.report import Report, report
from assistant.evaluation.report_page import page
from assistant.evaluation.report_text import markdown
from assistant.evaluation.retrieval_metrics import holds, retrieval_score
from assistant.evaluation.run import Answer
from ingest.document import Passage
from tests.made_evaluation import HOSTILE, run_of


def passage(text: str, document: str = "lease.pdf", page: int | None = 2) -> Passage:
    return Passage(1, 1, document, f"/docs/home/{document}", text, 0, len(text), page)


def cited(mark: int) -> Citation:
    return Citation(mark, 1, "lease.pdf", "/docs/home/lease.pdf", 2, 0, 5, "quote", 0.5)


@pytest.mark.parametrize(
    ("place", "held"),
    [
        (Gold("lease.pdf"), True), (Gold("LEASE.pdf", 2), True), (Gold("home/lease.pdf"), True), (Gold("lease"), True),
        (Gold("lease.pdf", 3), False), (Gold("ease.pdf"), False), (Gold("other/lease.pdf"), False),
        (Gold("lease.pdf", 2, "The rent is £950, a MONTH."), True), (Gold("lease.pdf", 2, "the rent is 400"), False),
        (Gold("lease.pdf", None, "rent is £950 a month and it is due"), False),
    ],
)  # fmt: skip
def test_a_passage_holds_a_place(place: Gold, held: bool) -> None:
    """By file name, end of path or title; on the page; with the words, whatever their case and marks."""
    assert holds(passage("Clause 4. The rent | is £950 a\nmonth."), place) is held


def test_retrieval_is_scored_by_hand_checked_values() -> None:
    """Two places, one found at rank 2 of 4; then both in one passage; then none."""
    gold = [Gold("a.txt"), Gold("b.txt")]
    ranked = [passage("x", "c.txt"), passage("x", "a.txt"), passage("x", "a.txt"), passage("x", "d.txt")]
    score = retrieval_score(ranked, gold, 4)
    assert (score.recall, score.reciprocal_rank, score.found) == (0.5, 0.5, (2,))
    assert score.ndcg == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))
    both = retrieval_score([passage("one two", "a.txt")], [Gold("a.txt", None, "one"), Gold("a.txt", None, "two")], 4)
    assert (both.recall, both.reciprocal_rank, both.ndcg) == (1.0, 1.0, 1.0)
    assert retrieval_score(ranked[:1], gold, 4).ndcg == retrieval_score([], gold, 4).recall == 0.0
    assert retrieval_score(ranked, gold, 1).found == ()


def test_the_sign_test_has_the_values_of_the_binomial() -> None:
    """By hand: 2 · (1 + 10) / 1024 for 9 against 1; symmetric; never above 1; no overflow."""
    assert sign_test(9, 1) == sign_test(1, 9) == pytest.approx(22 / 1024)
    assert sign_test(5, 0) == 0.0625 and sign_test(3, 3) == sign_test(0, 0) == 1.0
    assert 0 < sign_test(1100, 900) < 1e-4


@pytest.mark.parametrize(
    ("question", "text", "why"),
    [
        ({"answers": ("£950",)}, "It is £950 a month [1].", ""),
        ({"answers": ("no dogs", "dogs are not allowed")}, "Dogs are not allowed.", ""),
        ({"answers": ("£950",)}, "It is £400 [1].", "used but wrong"),
        ({"answers": ("24 months",)}, "60 months [1].", "used but wrong"),
        ({"answers": ("Mr Osei",)}, "Mr Brown [1].", "used but wrong"),
        ({"answers": ("on the 3 of May 2026",)}, "On 3 May 2026, of course [1].", ""),
        ({"answers": ("£950",)}, "I like trains.", "not used"),
        ({"answers": ("£950",)}, "I could not find that in your documents.", "not used"),
        ({"answers": ("£950",), "gold": (Gold("letter.txt"),)}, "It is £400.", "not retrieved"),
        ({"answers": ("£950",), "gold": ()}, "It is £400.", "wrong"),
        ({"unanswerable": True, "gold": ()}, "It is £950.", "should have declined"),
        ({"unanswerable": True, "gold": ()}, "I could not find that in your documents.", ""),
        ({"answers": ("£950",)}, "", "not used"),
    ],
)
async def test_why_an_answer_failed(core: Core, question: dict[str, Any], text: str, why: str) -> None:
    """Index, prompt or model; a right answer in one piece is right, and so is declining where nothing answers."""
    asked = Question("q", "How much is the rent?", **{"gold": (Gold("lease.pdf", 2),), **question})
    answer = Answer(text, (passage("The rent is £950 a month."),), (cited(1),) if "[1]" in text else (), trace="found")
    graded = await grade(core.measuring, asked, answer, 4)
    assert graded.why == why and graded.values["right"] == (why == "")
    assert (graded.values.get("recall@4") == 1.0) == bool(asked.gold and asked.gold[0].document == "lease.pdf")


def test_arms_are_compared_pair_by_pair() -> None:
    """Twenty questions that only the second arm has right: better, with the values of the sign test."""
    found = report(run_of([[0] * 20 + [1] * 10, [1] * 20 + [1] * 10]))
    [contrast] = found.contrasts
    assert (contrast.wins, contrast.losses, contrast.says) == (20, 0, "better")
    assert contrast.figure.difference == pytest.approx(2 / 3) and contrast.p == pytest.approx(2 / 2**20)
    assert found.by_tag[0].estimates[0].mean == pytest.approx(1 / 3)  # type: ignore[union-attr]  # it has some
    assert found.outcomes == ({"used but wrong": 20, "right": 10}, {"right": 30})
    assert report(run_of([[0, 1, 1, 0], [1, 0, 1, 0]])).contrasts[0].says == "not beyond chance"


def test_what_was_learned_counts_nowhere_else() -> None:
    """Questions that became training data stand in a line of their own."""
    found = report(run_of([[1, 1, 0, 0]], tags=[("learned",), ("learned", "hard"), ("hard",), ()]))
    shown = {line.name: (line.estimates[0].mean, line.estimates[0].count) for line in found.by_tag if line.estimates[0]}
    assert shown == {"all": (0.0, 2), "hard": (0.0, 1), "learned": (1.0, 2)}


def test_a_regression_names_what_became_wrong() -> None:
    """Against the run before, over the questions that are the same in both; a question that was changed is left out."""
    before = run_of([[1, 1, 0, 1]])
    after = run_of([[0, 1, 1, 0]], number=2)
    changed = dataclasses.replace(after.questions.questions[3], answers=("another",))
    questions = QuestionSet("mine", (*after.questions.questions[:3], changed))
    [found] = report(dataclasses.replace(after, questions=questions), before).regressions
    assert found.broken == ("q0",) and found.mended == ("q2",) and found.contrast.figure.count == 3


def test_the_worst_cases_begin_with_those_that_tell_the_arms_apart() -> None:
    """What one arm has right and another wrong comes first, then what all have wrong; right ones never."""
    found = report(run_of([[0, 1, 1, 0], [0, 0, 1, 0]]))
    assert [case.question.id for case in found.worst] == ["q1", "q0", "q3"]


class _Tags(html.parser.HTMLParser):
    """What a browser would see as tags and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.fixture
def hostile() -> Report:
    """A report with a second arm and a run before, all of whose texts are hostile."""
    return report(run_of([[0, 1, 1, 0], [1, 0, 1, 0]], 2, [(HOSTILE,), (), (), ()]), run_of([[1, 1, 0, 1]]))


def test_the_page_holds_no_script_and_nothing_from_elsewhere(hostile: Report) -> None:
    """Whatever questions, answers, documents and tags hold, it is text; plots are inline."""
    found = _Tags(page(hostile))
    assert {"svg", "table", "details"} <= set(found.tags)
    assert not {"script", "img", "link", "iframe", "a", "base"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on") or name in ("src", "href")]
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in found.attributes
    assert "\x1b" not in page(hostile)


def test_markdown_is_escaped_and_its_tables_are_whole(hostile: Report) -> None:
    """No image, link or tag of the answers survives; every row of a table has the columns of its first."""
    text = markdown(hostile)
    assert "![x](http" not in text and "\x1b" not in text and "<script>" not in text.replace("\\<", "")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert rows and all(line.endswith("|") for line in rows)
    assert "## Against run 1" in text and "## Worst cases" in text


def test_a_report_is_written_once_in_the_form_of_its_name(hostile: Report, tmp_path: Path) -> None:
    """HTML, Markdown or JSON; what is there is never overwritten."""
    for name in ("a.html", "b.md", "c.json"):
        save_report(tmp_path / name, hostile)
        with pytest.raises(UsageError, match="exists"):
            save_report(tmp_path / name, hostile)
    with pytest.raises(UsageError, match="known form"):
        save_report(tmp_path / "d.exe", hostile)
    with pytest.raises(UsageError, match="no folder"):
        save_report(tmp_path / "none" / "d.html", hostile)


def test_an_interval_where_all_are_right_is_no_certainty() -> None:
    """Of ten right answers the lower bound is Wilson's, 72.2 %; of one question it is 20.7 %."""
    [line] = report(run_of([[1] * 10])).by_tag
    assert line.estimates[0] is not None and line.estimates[0].low == pytest.approx(0.7225, abs=1e-4)
    [line] = report(run_of([[0]])).by_tag
    assert line.estimates[0] is not None and line.estimates[0].high == pytest.approx(1 - 0.2065, abs=1e-4)
