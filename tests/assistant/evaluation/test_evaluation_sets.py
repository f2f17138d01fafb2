"""Evaluation sets: read from files, made from scored answers and reviewed drafts; what cannot be used is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assistant.bootstrap import Core
from assistant.drafting import Draft, save_drafts
from assistant.errors import NotFoundError, UsageError
from assistant.evaluation.building import SetRequest, build_set
from assistant.evaluation.question import Gold, Question, QuestionSet
from assistant.evaluation.reading import read_questions
from assistant.storage.evaluation_sets import list_sets, load_set, save_set
from tests.made_scores import answered

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def lines(path: Path, *rows: Any) -> Path:
    """A file of JSON lines; a text goes in as it is."""
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_the_sample_questions_are_a_set() -> None:
    """`examples/questions.json` is read whole: answers, places, further evidence, follow-ups, kinds as tags."""
    found = read_questions(EXAMPLES / "questions.json")
    by_id = {each.id: each for each in found.questions}
    assert not found.bad and len(by_id) == 36
    assert by_id["q05"].answers[0] == "dogs may not" and by_id["q05"].gold[0].page == 2
    assert [place.document for place in by_id["q15"].gold] == ["heating-service.txt", "dishwasher-manual.pdf"]
    assert by_id["q10"].follows == "q09" and by_id["q10"].tags == ("follow-up",)
    assert sum(each.unanswerable for each in found.questions) == 6
    groups = QuestionSet("s", found.questions).groups()
    assert groups[[*by_id].index("q10")] == "q09"


def test_a_bad_row_is_one_line_that_says_what_is_wrong_and_the_others_go_on(tmp_path: Path) -> None:
    """Every way in which a row is no question is told with file and line; good rows around it are kept."""
    good = {"id": "a", "question": "Where is the key?", "answers": ["in the box"]}
    bad: dict[str, Any] = {
        "“question” must be a text": {"answer": "x"}, "“question” is empty": {"question": " ", "answer": "x"},
        "says nothing of what is right": {"question": "q"},
        "unanswerable, and has an answer": {"question": "q", "answer": "x", "unanswerable": True},
        "stands above already": good, "is not above it": {"question": "q", "answer": "x", "follows": "zz"},
        "whole number from 1": {"question": "q", "gold": [{"document": "d", "page": 0.5}]},
        "has no “document”": {"question": "q", "gold": [{"page": 1}]},
        "“answers” must be a text": {"question": "q", "answers": [{}]},
        "one after the other": {"question": "q", "answer": "x", "history": [{"role": "user", "content": "u"}]},
        "it must be an object": [1], "wrong JSON": "{oops", "true or false": {"question": "q", "unanswerable": 3},
        "“tags” must be a list": {"question": "q", "answer": "x", "tags": 5},
    }  # fmt: skip
    found = read_questions(lines(tmp_path / "set.jsonl", good, *bad.values()))
    assert [each.id for each in found.questions] == ["a"]
    told = {entry.line: entry.why for entry in found.bad}
    assert sorted(told) == list(range(2, 2 + len(bad)))
    for line, why in enumerate(bad, 2):
        assert why in told[line]


def test_a_file_without_a_question_is_refused_with_its_first_reason(tmp_path: Path) -> None:
    """Nothing to ask is an error that names the row; so are no file, and one of no known format."""
    with pytest.raises(UsageError, match=r"set.jsonl:1: it says nothing of what is right.*and 1 more"):
        read_questions(lines(tmp_path / "set.jsonl", {"question": "q"}, {"question": "r"}))
    with pytest.raises(UsageError, match="There is no file"):
        read_questions(tmp_path / "none.jsonl")


def test_tables_and_other_spellings_are_read(tmp_path: Path) -> None:
    """A CSV with a place beside each question, and the keys that other tools use."""
    table = tmp_path / "set.csv"
    table.write_text('question,expected,document,page,tags\nWhat?,42,guide.pdf,3,"hard, table"\nWho?,,,,\n')
    found = read_questions(table)
    assert found.questions[0].gold == (Gold("guide.pdf", 3),) and found.questions[0].tags == ("hard", "table")
    assert len(found.bad) == 1
    other = lines(
        tmp_path / "set.jsonl", {"question": "q", "ground_truth": "x", "gold": "unanswerable"},
        {"question": "q", "reference": ["x", "y"], "contexts": ["a.txt"]}, {"question": "r", "gold": "unanswerable"},
    )  # fmt: skip
    read = read_questions(other)
    assert [each.gold for each in read.questions] == [(Gold("a.txt"),), ()]
    assert read.questions[1].unanswerable and "has an answer" in read.bad[0].why


def test_a_set_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    """Every field survives the file, and so does the hash of the content."""
    kept = save_set(tmp_path, "mine", read_questions(EXAMPLES / "questions.json").questions)
    again = load_set(tmp_path, "mine")
    assert again.questions == kept and again.questions.sha256 == kept.sha256 and not again.bad
    assert list_sets(tmp_path) == ["mine"]
    for name in ("../mine", "build", ""):
        with pytest.raises(UsageError):
            load_set(tmp_path, name)
    with pytest.raises(NotFoundError, match="There is no evaluation set other"):
        load_set(tmp_path, "other")


async def test_scored_answers_become_questions(core: Core) -> None:
    """A corrected answer gives the better one, a good one itself, a good refusal an unanswerable question."""
    wrong = await answered(core, "What is the rent?", "It is 900 pounds.")
    good = await answered(core, "Who is the landlord?", "Mr Osei.")
    declined = await answered(core, "What is my blood group?", "I could not find that in your documents.")
    await answered(core, "Unscored?", "Yes.")
    await core.scores.change(wrong, good=False, better="It is 950 pounds.")
    for number in (good, declined):
        await core.scores.change(number, good=True)
    built = await build_set(core, SetRequest("mine", scores=True, tags=("own",)))
    found = {each.question: each for each in built.questions.questions}
    assert found["What is the rent?"].answers == ("It is 950 pounds.",)
    assert found["What is the rent?"].tags == ("corrected", "own")
    assert found["Who is the landlord?"].answers == ("Mr Osei.",)
    assert found["What is my blood group?"].unanswerable and len(found) == 3


async def test_reviewed_drafts_become_questions_with_their_place(core: Core, tmp_path: Path) -> None:
    """What was kept is asked, quoting the sentence that answers it; what nobody has reviewed is counted."""
    passage = "The house has two doors. The rent is 950 pounds a month. Dogs are allowed."
    drafts = [
        Draft("What is the rent?", "950 pounds a month", True, "lease", 40, passage),
        Draft("Dropped?", "yes", False, "lease", 40, passage), Draft("Waiting?", "yes", None, "lease", 40, passage),
    ]  # fmt: skip
    path = tmp_path / "pairs.jsonl"
    save_drafts(path, drafts)
    built = await build_set(core, SetRequest("mine", drafts=(str(path),)))
    [question] = built.questions.questions
    assert question.gold == (Gold("lease", None, "The rent is 950 pounds a month."),) and built.unreviewed == 1
    save_drafts(path, drafts[2:])
    with pytest.raises(UsageError, match="reviewed"):
        await build_set(core, SetRequest("other", drafts=(str(path),)))
    assert list_sets(core.config.home) == ["mine"]


async def test_adding_keeps_what_was_there_and_asks_nothing_twice(core: Core, tmp_path: Path) -> None:
    """The same question comes once; a follow-up goes with the question it was dropped for; taken ids get a number."""
    first = lines(tmp_path / "a.jsonl", {"id": "1", "question": "What is it?", "answer": "a dog"})
    second = lines(
        tmp_path / "b.jsonl", {"id": "9", "question": "what  is it?", "answer": "a cat"},
        {"id": "1", "question": "And its name?", "answer": "Rex", "follows": "9"},
    )  # fmt: skip
    await build_set(core, SetRequest("mine", files=(first,)))
    built = await build_set(core, SetRequest("mine", files=(second,), add=True))
    assert built.repeated == 1
    assert [(each.id, each.follows) for each in built.questions.questions] == [("1", ""), ("1~2", "1")]
    assert load_set(core.config.home, "mine").questions == built.questions
    with pytest.raises(UsageError, match="nothing to build"):
        await build_set(core, SetRequest("mine"))
    with pytest.raises(UsageError, match="called mine already"):
        await build_set(core, SetRequest("mine", files=(first,)))
    assert load_set(core.config.home, "mine").questions == built.questions
    anew = await build_set(core, SetRequest("mine", files=(first,), renew=True))
    assert len(anew.questions.questions) == 1


def test_the_hash_of_a_question_is_of_what_is_asked_and_right() -> None:
    """Tags and source may change without making it another question."""
    question = Question("a", "q", ("x",), tags=("t",), source="s")
    assert question.sha256 == Question("b", "q", ("x",)).sha256 != Question("a", "q", ("y",)).sha256
