"""Is a set made, asked, reported, exported and learned from without leaving the terminal?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from textual.widgets import ContentSwitcher, Input

from assistant.evaluation.running import RunRequest
from assistant.storage.datasets import load_dataset
from assistant.storage.evaluation_sets import load_set
from assistant.tui.screens.dialogs import AskLine, ConfirmDialog
from assistant.tui.screens.evaluation import EvaluationScreen
from assistant.tui.screens.help import HelpScreen
from assistant.tui.screens.review_drafts import ReviewDrafts
from assistant.tui.widgets.eval_runs import RunsPane
from assistant.tui.widgets.eval_sets import request_of, source_of
from tests.made_evaluation import LETTER, QUESTIONS

from .conftest import Running, running, until


async def fill(run: Running, text: str) -> None:
    """Answer the dialog that is open."""
    await until(lambda: isinstance(run.app.screen, AskLine))
    run.app.screen.query_one(Input).value = text
    await run.pilot.press("enter")
    await run.pilot.pause()


def questions(path: Path, count: int) -> Path:
    """A file of questions about the letter, and one that nothing answers."""
    rows: list[dict[str, Any]] = [
        {
            **QUESTIONS[0].as_json(),
            "id": f"q{number}",
            "question": f"The rent is how many pounds a month, asked as {number * 7919}?",
        }
        for number in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, QUESTIONS[1].as_json()]))
    return path


async def test_a_set_is_made_asked_and_learned_from_in_eighty_columns(home: Path, tmp_path: Path) -> None:
    """From the file to the dataset with keys alone; the page of the report is written; the help names the keys."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "letter.txt").write_text(LETTER)
    async with running(home, size=(80, 24), text="The rent is 400 pounds a month [1].") as run:
        await run.ingest(tmp_path / "docs")
        await run.pilot.press("f12")
        await until(lambda: isinstance(run.app.screen, EvaluationScreen) and "No evaluation sets" in run.screen_text())
        await run.pilot.press("n")
        await fill(run, "mine")
        await fill(run, str(questions(tmp_path / "set.jsonl", 12)))
        await until(lambda: "mine  13 questions" in run.screen_text())
        await run.pilot.press("m")
        await until(lambda: "recall@10" in run.screen_text())
        await run.pilot.press("f1")
        await until(lambda: isinstance(run.app.screen, HelpScreen) and "Search alone" in run.screen_text())
        await run.pilot.press("escape", "enter")
        await fill(run, "base")
        await until(lambda: run.app.evaluation is not None and "run 1" in run.screen_text())
        await until(lambda: "all (13)" in run.screen_text() and "Right" in run.screen_text())
        await run.pilot.press("e")
        await fill(run, str(tmp_path / "report.html"))
        await until((tmp_path / "report.html").is_file)
        await run.pilot.press("enter")
        await until(lambda: "base: used but wrong" in run.screen_text() and "Right: 950 pounds" in run.screen_text())
        await run.pilot.press("2", "l")
        await fill(run, "fixes")
        await until(lambda: "learned" in load_set(home, "mine").questions.questions[0].tags)
        assert load_dataset(home, "fixes").rows


async def test_a_run_goes_on_when_the_screen_is_left_and_is_stopped_with_a_key(home: Path, tmp_path: Path) -> None:
    """The status line shows it; x stops it; what was answered stays; a second one is refused while it runs."""
    slow = {"text": "one two three four five six seven eight", "tokens_per_second": 30.0}
    async with running(home, size=(100, 30), **slow) as run:
        (home / "evaluation" / "sets").mkdir(parents=True)
        questions(home / "evaluation" / "sets" / "mine.jsonl", 40)
        await run.send("/eval mine")
        await until(lambda: isinstance(run.app.screen, EvaluationScreen) and "mine  41 questions" in run.screen_text())
        await run.pilot.press("enter")
        await fill(run, "now nodocs")
        job = run.app.evaluation
        assert job is not None
        await until(lambda: job.progress is not None and job.progress.done >= 2)
        await run.pilot.press("escape")
        await until(lambda: "evaluating mine" in run.screen_text())
        await run.pilot.press("f12")
        await until(lambda: isinstance(run.app.screen, EvaluationScreen) and "/41 answers" in run.screen_text())
        await run.pilot.press("enter")
        await fill(run, "base")
        await until(lambda: any("is being asked" in note.message for note in run.app._notifications))
        await run.pilot.press("x")
        await until(lambda: not job.running)
        [listed] = await run.app.core.evaluations.all()
        assert listed.state == "unfinished" and 2 <= listed.done < 41
        await run.pilot.press("2")
        await until(lambda: f"{listed.done:,} of 41" in run.screen_text())
        await run.pilot.press("d")
        await until(lambda: isinstance(run.app.screen, ConfirmDialog))
        await run.pilot.press("y")
        await until(lambda: "Nothing was evaluated yet" in run.screen_text())
        assert run.app.screen.query_one(RunsPane).report is None


def test_what_is_typed_names_who_answers_and_what_a_set_is_made_of() -> None:
    """The base, mixes, what is on now, with and without documents; files, scores and drafts."""
    assert request_of("s", "now") == RunRequest("s")
    assert request_of("s", "base, style:0.7 nodocs") == RunRequest("s", ("style:0.7",), base=True, documents=False)
    assert source_of("s", "scores").scores and source_of("s", "drafts house").drafts == ("house",)
    assert source_of("s", "/docs/q.jsonl").files == (Path("/docs/q.jsonl"),)


async def test_the_model_drafts_a_set_from_documents_and_the_user_decides(home: Path, tmp_path: Path) -> None:
    """One pair is edited and kept, one dropped; the set quotes the passage; leaving early keeps what was decided."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "letter.txt").write_text(LETTER)
    said = "Q: How much is the rent?\nA: 950 pounds a month.\nQ: Who is the landlord?\nA: Mr Osei.\n"
    async with running(home, size=(80, 24), text=said) as run:
        await run.ingest(tmp_path / "docs")
        await run.pilot.press("f12")
        await until(lambda: isinstance(run.app.screen, EvaluationScreen) and "No evaluation sets" in run.screen_text())
        await run.pilot.press("f")
        await fill(run, "drafted")
        await fill(run, "*")
        await until(lambda: isinstance(run.app.screen, ReviewDrafts) and "How much is the rent?" in run.screen_text())
        await run.pilot.press("e")
        await fill(run, "How much is the rent a month?")
        await fill(run, "950 pounds")
        await until(lambda: "Who is the landlord?" in run.screen_text() and "Only" in run.screen_text())
        await run.pilot.press("n")
        await until(lambda: "drafted  1 question," in run.screen_text())
        [question] = load_set(home, "drafted").questions.questions
        assert question.answers == ("950 pounds",) and question.gold[0].quote == "The rent is 950 pounds a month."


async def test_a_run_that_ended_between_two_looks_is_shown(home: Path) -> None:
    """The page of runs comes to the front, though the screen never saw it running."""
    async with running(home, size=(80, 24)) as run:
        await run.pilot.press("f12")
        await until(lambda: isinstance(run.app.screen, EvaluationScreen))
        pages = run.app.screen.query_one(ContentSwitcher)
        await until(lambda: pages.current == "eval-sets")
        assert run.app.evaluation is not None
        run.app.evaluation.begun += 1
        await until(lambda: pages.current == "eval-runs", 20.0)
