"""Retrieval scored by itself, and wrong answers that become training data; core and shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant.bootstrap import Core, opened
from assistant.config import load_config
from assistant.errors import UsageError
from assistant.evaluation.candidates import candidates, send
from assistant.evaluation.question import Gold, Question, QuestionSet
from assistant.evaluation.report import report
from assistant.evaluation.retrieval import score_retrieval
from assistant.evaluation.running import RunRequest
from assistant.forgetting import find_everywhere, forget
from assistant.prompting import NOT_FOUND
from assistant.storage.datasets import load_dataset
from assistant.storage.evaluation_sets import load_set, save_set
from tests.made_evaluation import QUESTIONS, asked, library
from tests.made_scores import Run, shell

WRONG = "The rent is 400 pounds a month [1]."


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return shell(home, capsys, monkeypatch)


def says(home: Path, text: str) -> Path:
    """Let the scripted model of a home say this."""
    model = json.dumps(f"scripted:{json.dumps({'text': text})}")
    (home / "config.toml").write_text(f'[model]\nname = {model}\n[documents]\nembedder = "hashed"\n')
    return home


async def test_retrieval_is_scored_without_a_model(core: Core, tmp_path: Path) -> None:
    """What is found is found at rank 1, a place in another document is a miss that names what came instead."""
    await library(core, tmp_path / "docs")
    missing = Question("m", "How much is the rent a month?", ("x",), (Gold("other.txt"),), tags=("hard",))
    found = await score_retrieval(core, QuestionSet("mine", (*QUESTIONS, missing)), k=3)
    shown = {line.name: line.estimates[0].mean for line in found.figures if line.estimates[0]}
    assert shown == {"recall@1": 0.5, "recall@3": 0.5, "MRR@3": 0.5, "nDCG@3": 0.5}
    assert [(each.question.id, each.passages[0].document) for each in found.misses] == [("m", "letter.txt")]
    assert [line.name for line in found.by_tag] == ["all", "hard"] and found.unanswerable == 1
    assert core.model.info is None
    with pytest.raises(UsageError, match="No question of none"):
        await score_retrieval(core, QuestionSet("none", QUESTIONS[1:]))
    with pytest.raises(UsageError, match="0 passages"):
        await score_retrieval(core, QuestionSet("mine", QUESTIONS), k=0)


def many(count: int) -> list[Question]:
    """Questions about the letter, each worded in its own way, and one that nothing answers."""
    asked = [
        Question(f"q{number}", f"The rent is how many pounds a month, asked as {number * 7919}?", ("950 pounds",),
                 (Gold("letter.txt", None, "The rent is 950 pounds a month."),))
        for number in range(count)
    ]  # fmt: skip
    return [*asked, QUESTIONS[1]]


async def test_wrong_answers_from_right_passages_become_a_dataset(home: Path, tmp_path: Path) -> None:
    """The rows hold the prompt as it was, the right answer with its mark, and the wrong one in a pair; their questions
    are tagged and count apart from then on."""
    async with opened(load_config(says(home, WRONG))) as core:
        await library(core, tmp_path / "docs")
        found, _ = await asked(core, RunRequest("mine", base=True), many(12))
        learn = candidates(found)
        assert len(learn) == 13 and learn[0].chosen == "950 pounds [1]" and learn[-1].chosen == NOT_FOUND
        assert "The rent is 950 pounds" in learn[0].prompt[-1]["content"] and learn[0].prompt[0]["role"] == "system"
        pair = learn[0].as_json(pair=True)
        assert pair["chosen"][0]["content"] == "950 pounds [1]" and pair["rejected"][0]["content"] == WRONG
        dataset = await send(core, found, "fixes")
        assert load_dataset(home, "fixes").card.sha256 == dataset.card.sha256
        assert all("learned" in each.tags for each in load_set(home, "mine").questions.questions)
        with pytest.raises(UsageError, match="already"):
            await send(core, found, "fixes")
        again, heard = await asked(core, RunRequest("mine", base=True))
        assert heard[-1].cached == 13 and report(again).by_tag[-1].name == "learned"
        assert report(again).by_tag[0].estimates[0] is None
        assert not list((home / "evaluation" / "candidates").iterdir())


async def test_right_answers_and_misses_of_the_index_are_no_candidates(home: Path, tmp_path: Path) -> None:
    """Nothing is learned from a right answer, nor from one whose passages were wrong."""
    async with opened(load_config(says(home, "It is 950 pounds a month."))) as core:
        await library(core, tmp_path / "docs")
        elsewhere = Question("e", "How much is the fee?", ("5 pounds",), (Gold("other.txt"),))
        found, _ = await asked(core, RunRequest("mine", base=True), [QUESTIONS[0], elsewhere])
        assert [graded.why for graded in found.answers[0].values()] == ["", "not retrieved"]
        assert candidates(found) == []
        with pytest.raises(UsageError, match="candidate"):
            await send(core, found, "fixes")


def test_the_shell_scores_retrieval_and_hands_out_candidates(run: Run, home: Path, tmp_path: Path) -> None:
    """Both for people and as JSON; what cannot be is one line and exit code 2."""
    says(home, WRONG)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "letter.txt").write_text("The rent is 950 pounds a month.\n")
    assert run("ingest", tmp_path / "docs")[0] == 0
    save_set(home, "mine", many(1))
    code, out, _ = run("eval", "retrieval", "mine")
    assert code == 0 and "recall@10" in out and "MRR@10" in out
    assert json.loads(run("eval", "retrieval", "mine", "-k", "2", "--json")[1])["k"] == 2
    assert run("eval", "mine", "--base")[0] == 0
    code, out, err = run("eval", "candidates", "last", "--pairs")
    assert code == 0 and json.loads(out.splitlines()[0])["rejected"] and "no longer tested" in err
    assert run("eval", "candidates", "last", tmp_path / "rows.jsonl")[0] == 0
    assert json.loads((tmp_path / "rows.jsonl").read_text().splitlines()[0])["messages"]
    for wrong in (["retrieval", "mine", "-k", "0"], ["candidates", "last", tmp_path / "x", "--dataset", "d"]):
        code, _, err = run("eval", *wrong)
        assert code == 2 and "Traceback" not in err


async def test_a_text_is_found_and_forgotten_in_sets_and_runs(core: Core) -> None:
    """Questions that hold it go with those that follow them; a run that holds it goes whole; others stay."""
    questions = [
        Question("a", "Where is the Zurich key?", ("in the box",)),
        Question("b", "And who has it?", ("Mo",), follows="a"),
        Question("c", "Who is Mo?", ("the cat",)),
    ]
    held, _ = await asked(core, RunRequest("mine", base=True), questions)
    other, _ = await asked(core, RunRequest("other", base=True), questions[2:])
    found = await find_everywhere(core, "zurich  KEY")
    assert found.sets == {"mine": 1} and found.evaluations == {held.id: 1} and found.anywhere
    await forget(core, found)
    assert [each.id for each in load_set(core.config.home, "mine").questions.questions] == ["c"]
    assert [run.id for run in await core.evaluations.all()] == [other.id]
    assert not (await find_everywhere(core, "zurich key")).anywhere
