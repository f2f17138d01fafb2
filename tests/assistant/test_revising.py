"""Is an answer held against the user's principles, rewritten where it goes against one, and the draft kept?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.errors import UsageError
from assistant.revising import revise
from assistant.safety.probes import run_probes
from tests.made_scores import Run, answered, shell


def settings(home: Path, text: str = "", principles: str = '["Be kind."]') -> None:
    """A scripted model; left to itself it repeats the last line it was asked, so that a rewritten answer differs."""
    model = json.dumps("scripted:" + json.dumps({"text": text}))
    (home / "config.toml").write_text(
        f'[model]\nname = {model}\n[documents]\nembedder = "hashed"\n[answer]\nprinciples = {principles}\n'
    )


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return shell(home, capsys, monkeypatch)


async def test_an_answer_against_a_principle_is_rewritten_beside_its_draft(home: Path) -> None:
    """The chat goes on from the new one, under which the critique stands; the draft is its sibling, unchanged."""
    settings(home)
    async with opened(load_config(home)) as core:
        number = await answered(core, "hello", "Go away.")
        new = await revise(core, number)
        assert new.text == "You asked: - Be kind.." and "Revised by your principles" in new.notices[0]
        assert "Which principle does it go against" in new.notices[0]
        assert (await core.conversations.message(number)).text == "Go away."
        assert await core.comparisons.siblings(number) == [number, new.id]
        assert (await core.conversations.thread(new.conversation_id))[-1].id == new.id


async def test_an_answer_that_keeps_to_them_stays(home: Path) -> None:
    """The model says no: nothing is rewritten, and that is told under the answer."""
    settings(home, text="no")
    async with opened(load_config(home)) as core:
        number = await answered(core, "hello", "Go away.")
        same = await revise(core, number)
        assert same.id == number and "nothing was changed" in same.notices[-1]
        assert await core.comparisons.siblings(number) == [number]
        with pytest.raises(UsageError, match="no finished answer"):
            await revise(core, same.parent_id or 0)


async def test_the_probes_measure_the_second_pass(home: Path) -> None:
    """Every answer is what the second pass made of it."""
    settings(home)
    async with opened(load_config(home)) as core:
        report = await run_probes(core, principles=("I cannot help with that.",))
    assert all(each.answer.startswith("You asked: - I cannot help with that.") for each in report.asked)
    assert {each.kind: each.passed for each in report.outcomes}["harmful"] == 12


def test_revising_on_the_shell(run: Run, home: Path) -> None:
    """By the setting, by hand, not at all; without principles it is refused before anything is asked."""
    settings(home)
    code, out, err = run("ask", "hello")
    assert code == 0 and out.startswith("You asked: - Be kind") and "Revised by your principles" in err
    assert run("ask", "hello", "--no-revise")[1].startswith("You asked: hello.")
    settings(home, principles="[]")
    assert run("ask", "hello")[1].startswith("You asked: hello.")
    chats = run("chats", "--json")[1]
    code, _, err = run("ask", "hello", "--revise")
    assert code == 2 and "There are no principles" in err and run("chats", "--json")[1] == chats
    assert run("safety", "--revise")[0] == 2
