"""Grounding, citations, refusals, rules of form, and which figure agrees with the user; core and shell."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from assistant import citations
from assistant.bootstrap import Core
from assistant.citations import Span
from assistant.errors import UsageError
from assistant.scoring.agreement import ENOUGH, Agreement, agreement, compared, references
from assistant.scoring.automatic import lines, measure
from assistant.scoring.format_rules import broken, parse_rule
from assistant.scoring.grounding import closeness, grounding, statements
from assistant.scoring.refusal import declines, refusal_right
from ingest.document import Passage
from tests.made_scores import Run, another, answered, shell

RENT = Passage(1, 1, "Lease", "/l", "The rent is 950 pounds a month from May 2026.", 0, 45)
DOG = Passage(2, 2, "Pets", "/p", "Dogs are allowed in the garden after six.", 0, 41)


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return shell(home, capsys, monkeypatch)


def test_statements_are_told_from_questions_headings_and_greetings() -> None:
    """Only sentences that say something are held against passages."""
    text = "Sure! Here it is:\n\nThe rent is 950 pounds a month. Shall I go on with the other terms?"
    assert [text[span.start : span.end] for span in statements(text)] == ["The rent is 950 pounds a month."]


def test_grounding_and_citations_by_hand() -> None:
    """Two marks of which one is right, three sentences of which one is supported by what is cited."""
    text = "The rent is 950 pounds a month [1]. The garden closes at nine every evening [2]. Cats sleep on warm sofas."
    found = grounding(text, [RENT, DOG], citations.bind(text, [RENT, DOG]))
    assert found.statements == 3 and found.by_words == pytest.approx(1 / 3)
    assert found.precision == pytest.approx(1 / 2) and found.recall == pytest.approx(1 / 3)
    assert found.by_meaning is None


def test_a_wrong_number_is_not_grounded() -> None:
    """All other words may fit."""
    text = "The rent is 960 pounds a month from May 2026 [1]."
    found = grounding(text, [RENT], citations.bind(text, [RENT]))
    assert (found.by_words, found.precision, found.recall) == (0.0, 0.0, 0.0)


def test_uncited_passages_ground_nothing() -> None:
    """What stands in a passage that is not cited is not supported by the citations."""
    text = "The rent is 950 pounds a month."
    found = grounding(text, [RENT], [])
    assert (found.by_words, found.precision, found.recall) == (0.0, None, 0.0)
    assert grounding("Hello!", [RENT], []).by_words is None


def test_meaning_is_held_against_the_best_sentence_of_a_cited_passage() -> None:
    """Above the threshold in the cited passage: close. Above it in another one: not."""
    text = "It costs 950 pounds [1]. The animals may play outside [1]."
    spans = statements(text)
    close = closeness(spans, [0, 0, 1], [[0.2, 0.7, 0.1], [0.3, 0.1, 0.9]])
    assert close(spans[0], 0) and not close(spans[1], 0) and close(spans[1], 1) and not close(Span(0, 1), 0)
    assert grounding(text, [RENT, DOG], citations.bind(text, [RENT, DOG]), close).by_meaning == pytest.approx(1 / 2)


@pytest.mark.parametrize(
    "answer",
    [
        "I found nothing in your documents that answers this.",
        "I don't know.",
        "I do not know who wrote it.",
        "I’m sorry, but I cannot help with that.",
        "The documents do not mention a dog.",
        "Your lease doesn't say anything about pets.",
        "That is not stated in the passages.",
        "There is no information about the boiler.",
        "I cannot find it in your documents.",
    ],
)
def test_answers_that_decline(answer: str) -> None:
    """In the words of models and of this assistant."""
    assert declines(answer)
    assert refusal_right(answer, answerable=False) and not refusal_right(answer, answerable=True)


@pytest.mark.parametrize(
    "answer",
    [
        "The rent is 950 pounds.",
        "No, dogs are not allowed in the house.",
        "You do not pay for water.",
        "I know: it is under the blue pot.",
        "It was found in 1912.",
        "",
    ],
)
def test_answers_that_answer(answer: str) -> None:
    """A no is an answer, too."""
    assert not declines(answer) and refusal_right(answer, answerable=True)


@pytest.mark.parametrize(
    ("rule", "kept", "not_kept"),
    [
        ("words<=3", "one two three [1]", "one two three four"),
        ("words >= 2", "one two", "one"),
        ("sentences=2", "One. Two.", "One."),
        ("lines<=1", "one\n\n", "one\ntwo"),
        ("characters<=3", "abc", "abcd"),
        ("json", '{"a": 1}', "a: 1"),
        ("list", "- one\n2. two", "- one\ntwo"),
        ("prose", "One. Two.", "# One\n- two"),
        ("cites", "So it is [1].", "So it is."),
        ("starts=Dear", "dear Ann,", "Ann, dear"),
        ("ends=Yours", "Bye. Yours ", "Yours, bye"),
        ("holds=pounds", "950 Pounds", "950"),
        ("lacks=sorry", "Fine.", "Sorry!"),
    ],
)
def test_rules_of_form(rule: str, kept: str, not_kept: str) -> None:
    """Each with an answer that keeps it and one that does not."""
    parsed = [parse_rule(rule)]
    assert broken(kept, parsed) == () and broken(not_kept, parsed) == (rule,)


@pytest.mark.parametrize("rule", ["", "words", "words<40", "pages<=3", "holds=", "nope", "json=1", "words<=99999999"])
def test_what_is_no_rule_is_told(rule: str) -> None:
    """With the rules that there are."""
    with pytest.raises(UsageError, match="There is no rule"):
        parse_rule(rule)


async def with_passages(core: Core, question: str, answer: str) -> int:
    """An answer that was given the two passages and cites as the chat would."""
    number = await answered(core, question, answer)
    passages = [RENT, DOG]
    await core.conversations.note_prompt(number, "Be brief.", passages, "2 passages")
    found = citations.bind(answer, passages)
    await core.conversations.finish_answer(number, "done", answer, model="m", adapter="", citations=found)
    return number


async def test_an_answer_is_measured_with_its_passages_rules_and_better_answer(core: Core) -> None:
    """Grounding from what was stored, ROUGE and the like against the better answer of its score."""
    number = await with_passages(core, "What is the rent?", "The rent is 950 pounds a month [1].")
    bare = await measure(core, number, rules=["words<=3"], answerable=True)
    assert bare.values["grounding by words"] == bare.values["citation precision"] == 1.0
    assert 0 <= bare.values["grounding by meaning"] <= 1 and "ROUGE-1" not in bare.values
    assert bare.broken == ("words<=3",) and bare.values["refusal right"] == 1.0 and bare.values["rules kept"] == 0.0
    await core.scores.change(number, better="The rent is 950 pounds a month from May on.")
    found = await measure(core, number)
    assert 0.5 < found.values["ROUGE-1"] < 1 and found.details["ROUGE-1"]["precision"] < 1
    shown = "\n".join(lines(found))
    assert "ROUGE-1" in shown and "tok:13a" in shown and "precision" in shown
    with pytest.raises(UsageError, match="no answer"):
        await measure(core, number - 1)


def test_figures_are_compared_with_points() -> None:
    """One that follows the points, one against them, a constant one, a rare one, and noise."""
    draw = random.Random(1)
    points = [draw.uniform(1, 5) for _ in range(40)]
    figures = [
        {"good": each * 2 + draw.random() / 9, "bad": -each, "same": 1.0, "noise": draw.random()} for each in points
    ]
    figures[0]["rare"] = 1.0
    found = {each.metric: each for each in compared(points, figures)}
    assert found["good"].says == "agrees with you" and found["bad"].says == "goes against you"
    assert found["same"] == Agreement("same", 40) and found["same"].says == "always the same"
    assert found["rare"].says == f"not enough answers: 1 of {ENOUGH}" and found["noise"].says == "not beyond chance"
    assert next(each.metric for each in compared(points, figures)) == "good"
    assert compared([], []) == []


async def test_which_figure_agrees_with_the_user(core: Core) -> None:
    """A user who likes grounded short answers: grounding agrees, length does not; answers without points count not."""
    for place in range(ENOUGH):
        good = await with_passages(core, f"q{place}", "The rent is 950 pounds a month [1].")
        long = " ".join(["The weather may stay pleasant during all of the coming weeks."] * (place + 2))
        bad = await with_passages(core, f"p{place}", long)
        await core.scores.change(good, good=True)
        await core.scores.change(bad, helpful=2, truthful=1)
    await core.scores.change(await answered(core, "noted", "only"), note="nothing else")
    told: list[tuple[int, int]] = []
    found = {each.metric: each for each in await agreement(core, lambda done, total: told.append((done, total)))}
    assert told[-1] == (2 * ENOUGH - 1, 2 * ENOUGH)
    assert found["grounding by words"].says == "agrees with you" and found["grounding by words"].rho == pytest.approx(1)
    assert found["words"].says == "goes against you"


async def test_references_are_better_answers_else_siblings_scored_well(core: Core) -> None:
    """An answer is never held against itself."""
    first = await answered(core, "q", "one")
    second = await another(core, first, "two")
    await core.scores.change(first, good=False)
    await core.scores.change(second, good=True)
    assert references(await core.scores.all()) == [[], ["two"]]
    await core.scores.change(first, better="three")
    assert references(await core.scores.all()) == [["three"], ["three"]]


def test_measuring_on_the_shell(run: Run, home: Path) -> None:
    """Figures for people and programs; rules of the settings; agreement before there is enough."""
    assert run("scores", "agreement")[:2] == (
        0,
        "No answer has points, or good or bad: assistant score MESSAGE --good\n",
    )
    run("ask", "hello")
    code, out, _ = run("scores", "measure", "last", "--reference", "You asked: hello.", "--rule", "words<=2")
    assert code == 0 and "100.0  ROUGE-L" in out and "not kept: words<=2" in out and "tok:13a" in out
    with (home / "config.toml").open("a") as settings:
        settings.write('[scoring]\nrules = ["holds=hello"]\n')
    found = json.loads(run("scores", "measure", "last", "--json", "--unanswerable")[1])
    values = {"words": 3.0, "declines": 0.0, "rules kept": 1.0, "refusal right": 0.0, "perplexity": 1.0}
    assert found["values"] == values
    run("score", "last", "--good")
    assert {each["says"] for each in json.loads(run("scores", "agreement", "--json")[1])} == {
        "not enough answers: 1 of 10"
    }
    code, _, err = run("scores", "measure", "last", "--rule", "nope")
    assert code == 2 and "There is no rule 'nope'" in err and "words<=40" in err
