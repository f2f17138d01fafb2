"""Evaluation runs: asked through the chat's own engine, committed one by one, known answers not asked again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assistant.bootstrap import Core, opened
from assistant.config import load_config
from assistant.errors import AdapterError, ModelError, NotFoundError, UsageError
from assistant.evaluation.question import Question
from assistant.evaluation.running import RunRequest, begin, evaluate, limited
from assistant.storage.evaluation_sets import save_set
from tests.made_evaluation import QUESTIONS, asked, library
from tests.made_run import finished_run
from tests.made_scores import Run, shell


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return shell(home, capsys, monkeypatch)


async def test_every_arm_answers_from_the_documents_and_the_chats_are_left_alone(core: Core, tmp_path: Path) -> None:
    """Base and adapter are asked with passages; nothing of it is among the chats, what was on stays on."""
    await library(core, tmp_path / "docs")
    await core.registry.add(finished_run(tmp_path / "run", "style", base_sha256=""))
    found, heard = await asked(core, RunRequest("mine", ("style",), base=True), QUESTIONS)
    assert [arm.label for arm in found.arms] == ["base", "style@v1"] and found.state == "done"
    base, styled = (answers["rent"].answer for answers in found.answers)
    assert base.passages[0].document == "letter.txt" and "How much is the rent" in base.text
    assert styled.text.startswith("style") and styled.adapter and not base.adapter
    assert heard[-1].done == heard[-1].total == 4 and {each.arm for each in heard} == {"", "base", "style@v1"}
    assert await core.conversations.recent() == [] and core.model.info is None


async def test_an_answer_that_is_known_is_not_asked_for_again(core: Core, tmp_path: Path) -> None:
    """The same question, model, adapter, sampling and passages give the stored answer; other passages do not."""
    await library(core, tmp_path / "docs")
    first, _ = await asked(core, RunRequest("mine", base=True), QUESTIONS)
    again, heard = await asked(core, RunRequest("mine", base=True))
    assert again.id != first.id and heard[-1].cached == 2
    assert again.answers[0]["rent"].answer.text == first.answers[0]["rent"].answer.text
    _, alone = await asked(core, RunRequest("mine", base=True, documents=False))
    assert alone[-1].cached == 0
    (tmp_path / "docs" / "letter.txt").write_text("The rent is 990 pounds a month.\n")
    async for _ in core.pipeline.ingest([tmp_path / "docs"], "documents"):
        pass
    changed, _ = await asked(core, RunRequest("mine", base=True))
    assert again.answers[0]["rent"].answer.cached and not changed.answers[0]["rent"].answer.cached


async def test_a_run_that_was_left_goes_on_where_it_was(core: Core) -> None:
    """What was answered before the loop was left is there, and is the same run's."""
    save_set(core.config.home, "mine", QUESTIONS)
    run = await begin(core, RunRequest("mine", base=True))
    working = evaluate(core, run)
    async for progress in working:
        if progress.done == 1:
            break
    await working.aclose()
    [listed] = await core.evaluations.all("mine")
    assert (listed.state, listed.done, listed.total) == ("unfinished", 1, 2)
    found, heard = await asked(core, RunRequest("mine", base=True))
    assert found.id == run.id and found.state == "done" and heard[0].done == 1 and heard[-1].cached == 0


def test_a_killed_evaluation_keeps_every_answer_and_goes_on(home: Path, run: Run) -> None:
    """kill -9 in the middle: what was committed stays, the same command asks for the rest alone."""
    script = json.dumps({"text": "one two three four five six seven eight", "tokens_per_second": 40.0})
    (home / "config.toml").write_text(
        f'[model]\nname = {json.dumps(f"scripted:{script}")}\n[documents]\nembedder = "hashed"\n'
    )
    questions = [Question(f"q{number}", f"Question {number}?", (f"answer {number}",)) for number in range(30)]
    save_set(home, "mine", questions)
    command = [sys.executable, "-m", "assistant", "--home", str(home), "eval", "mine", "--base", "--progress"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert child.stdout is not None
    told = 0
    while told < 4:
        told = json.loads(child.stdout.readline())["progress"]["done"]
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    [before] = json.loads(run("eval", "runs", "--json")[1])
    assert before["state"] == "unfinished" and before["done"] >= told
    (home / "config.toml").write_text((home / "config.toml").read_text().replace("40.0", "4000.0"))
    begun = time.monotonic()
    code, out, _ = run("eval", "mine", "--base", "--json")
    report = json.loads(out)
    assert code == 0 and report["done"] == 30 and time.monotonic() - begun < 60


async def test_a_follow_up_is_asked_behind_the_answer_that_was_given(core: Core) -> None:
    """Its arm's own answer stands before it; turns of a history stand as they are."""
    from adapters.rows import Turn

    history = (Turn("user", "My cat is Mo."), Turn("assistant", "Noted."))
    questions = [
        Question("one", "Is there a cat?", ("Mo",), history=history),
        Question("two", "And a dog?", ("no",), follows="one"),
    ]
    found, _ = await asked(core, RunRequest("mine", base=True), questions)
    other, heard = await asked(
        core, RunRequest("other", base=True), [questions[0], Question("x", "And a dog?", ("no",))]
    )
    assert heard[-1].cached == 1  # without what stands before it, it is another prompt
    assert other.answers[0]["one"].answer.text == found.answers[0]["one"].answer.text


async def test_what_cannot_be_asked_is_told_before_anything_is(core: Core) -> None:
    """No such set, adapter or model; too many arms."""
    save_set(core.config.home, "mine", QUESTIONS)
    for request, error in (
        (RunRequest("none"), NotFoundError), (RunRequest("mine", ("nosuch",)), AdapterError),
        (RunRequest("mine", models=("/no/such.gguf",)), ModelError),
        (RunRequest("mine", models=tuple(f"scripted:{{\"text\": \"{n}\"}}" for n in range(9))), UsageError),
    ):  # fmt: skip
        with pytest.raises(error):
            await begin(core, request)
    assert await core.evaluations.all() == []


async def test_an_arm_that_cannot_answer_ends_the_run_and_the_base_never_stands_in(core: Core, tmp_path: Path) -> None:
    """An adapter whose file is gone is an error, and no answer is counted as its own."""
    await core.registry.add(finished_run(tmp_path / "run", "style", base_sha256=""))
    save_set(core.config.home, "mine", QUESTIONS)
    run = await begin(core, RunRequest("mine", ("style",)))
    [adapter] = [each for each in await core.registry.all() if each.name == "style"]
    adapter.path.unlink()
    with pytest.raises(AdapterError):
        async for _ in evaluate(core, run):
            pass
    assert (await core.evaluations.get(run.id)).done == 0


async def test_a_model_that_fails_leaves_what_was_answered(home: Path) -> None:
    """The error is told; the answers before it are kept, and another model is another arm."""
    async with opened(load_config(home).with_value("model", "name", 'scripted:{"fail_at_token": 2}')) as core:
        save_set(home, "mine", QUESTIONS)
        run = await begin(core, RunRequest("mine", base=True))
        with pytest.raises(ModelError, match="scripted model failed"):
            async for _ in evaluate(core, run):
                pass
        assert (await core.evaluations.get(run.id)).state == "unfinished"


def test_a_limit_spreads_over_the_set_and_keeps_what_is_followed() -> None:
    """Of ten questions four, and the one that the last of them follows."""
    questions = [Question(str(number), "q", ("a",), follows="6" if number == 7 else "") for number in range(10)]
    assert [each.id for each in limited(questions, 4)] == ["0", "2", "5", "6", "7"]
    assert limited(questions, 0) == limited(questions, 99) == tuple(questions)


def test_the_shell_asks_reports_lists_and_removes(run: Run, home: Path, tmp_path: Path) -> None:
    """One set from the file to the report; `run` may be left out; files are refused before anything is asked."""
    path = tmp_path / "set.jsonl"
    path.write_text("".join(json.dumps(each.as_json()) + "\n" for each in QUESTIONS) + "{oops\n")
    code, out, err = run("eval", "build", "mine", path)
    assert code == 0 and "2 questions" in out and "set.jsonl:3: wrong JSON" in err
    assert "How much is the rent" in run("eval", "show", "mine")[1]
    taken = tmp_path / "report.html"
    taken.write_text("mine")
    assert run("eval", "mine", "--save", taken)[0] == 2 and taken.read_text() == "mine"
    assert run("eval", "mine", "--save", tmp_path / "report.xyz")[0] == 2
    code, out, _ = run("eval", "mine", "--save", tmp_path / "new.html", "--save", tmp_path / "new.md")
    assert code == 0 and "should have declined" in out and (tmp_path / "new.md").stat().st_size
    assert "new.html" in out and "Content-Security-Policy" in (tmp_path / "new.html").read_text()
    [listed] = json.loads(run("eval", "runs", "--json")[1])
    assert listed["done"] == 2 and "mine: base" in run("eval", "runs", "mine")[1]
    assert json.loads(run("eval", "report", "last", "--json")[1])["run"] == listed["run"]
    for wrong, expected in ((["eval", "nosuch"], 3), (["eval", "report", "x"], 2), (["eval", "report", "99"], 3),
                            (["eval", "mine", "--limit", "-1"], 2), (["eval", "remove", "nosuch"], 3)):  # fmt: skip
        code, out, err = run(*wrong)
        assert code == expected and err.count("\n") <= 2 and not out
    code, _, err = run("eval", "show")
    assert code == 2 and "`assistant eval show --help`" in err
    assert run("eval", "runs", "--remove", listed["run"])[0] == 0 and "Nothing was evaluated" in run("eval", "runs")[1]
    assert run("eval", "remove", "mine")[0] == 0 and json.loads(run("eval", "--json")[1]) == []


def test_what_became_worse_is_an_exit_code_for_scripts(home: Path, run: Run) -> None:
    """Right before and wrong now, twelve times: `--strict` ends with 1, without it with 0; so says the report."""
    save_set(home, "mine", [Question(f"q{number}", f"Question {number}?", ("blue",)) for number in range(12)])
    for text in ("It is blue.", "It is red."):
        model = json.dumps(f"scripted:{json.dumps({'text': text})}")
        (home / "config.toml").write_text(f'[model]\nname = {model}\n[documents]\nembedder = "hashed"\n')
        code, out, _ = run("eval", "mine", "--strict", "--json")
        assert code == (text == "It is red.")
    [regression] = json.loads(out)["regressions"]
    assert regression["says"] == "worse" and len(regression["broken"]) == 12
    assert run("eval", "report", "last")[0] == 0 and run("eval", "report", "last", "--strict")[0] == 1
