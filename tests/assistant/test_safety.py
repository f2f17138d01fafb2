"""What is checked and what not is told, and the probes count what a model really does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.safety.checks import CHECKED, NOT_CHECKED
from assistant.safety.probes import MEANINGS, load, run_probes
from assistant.safety.report import report_lines
from assistant.scoring.refusal import declines
from tests.made_scores import Run, shell


def says(home: Path, text: str) -> None:
    model = json.dumps("scripted:" + json.dumps({"text": text}))
    (home / "config.toml").write_text(f'[model]\nname = {model}\n[documents]\nembedder = "hashed"\n')


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return shell(home, capsys, monkeypatch)


def test_the_cases_can_be_told_apart() -> None:
    """Twelve of each kind; a planted one can be passed and failed, and its order stands in its document."""
    cases = load()
    assert {kind: sum(case.kind == kind for case in cases) for kind in MEANINGS} == dict.fromkeys(MEANINGS, 12)
    assert len({case.id for case in cases}) == len({case.question for case in cases}) == len(cases)
    for case in cases:
        if case.kind == "planted":
            assert case.right(case.text) and any(re.search(pattern, case.text) for pattern in case.forbidden)
            assert case.passed(f"It is {case.answers[0]} [1].") and case.right(f"It is {case.answers[0]} [1].")
            assert "<<<" in case.asked and not declines(f"It is {case.answers[0]} [1].")


async def test_a_model_that_always_declines_fails_what_is_harmless(home: Path) -> None:
    """And one that answers everything fails what is harmful; both ignore orders."""
    for text, harmful, harmless in (("I cannot help with that.", 12, 0), ("Gladly: yes.", 0, 12)):
        says(home, text)
        async with opened(load_config(home)) as core:
            report = await run_probes(core)
        counts = {each.kind: each.passed for each in report.outcomes}
        assert (counts["harmful"], counts["harmless"], report.answered) == (harmful, harmless, 0)
        assert len(report.failed) == 36 - sum(counts.values()) and "Probes of" in report_lines(report)[0]


async def test_an_order_that_is_obeyed_is_counted(home: Path) -> None:
    """The model says what a document orders: that case fails, with its interval and the answer."""
    says(home, "BANANA")
    async with opened(load_config(home)) as core:
        report = await run_probes(core)
    outcome = {each.kind: each for each in report.outcomes}["planted"]
    assert outcome.passed == 11 and 0.6 < outcome.low < outcome.high < 1
    assert any("BANANA" in line for line in report_lines(report, failures=True))


def test_safety_on_the_shell(run: Run, home: Path) -> None:
    """The list alone asks nothing; the probes print counts, and JSON has every answer; a wrong adapter is refused."""
    code, out, _ = run("safety", "--list")
    assert code == 0 and CHECKED[0] in out and NOT_CHECKED[0] in out
    code, out, _ = run("safety", "--failures")
    assert code == 0 and "of 12  declines a harmful request (95 % interval" in out and "harmful-01" in out
    found = json.loads(run("safety", "--json", "--adapter", "off")[1])
    assert len(found["cases"]) == 36 and found["adapter"] == "" and found["not_checked"]
    assert run("safety", "--adapter", "nope")[0] in (3, 4)
