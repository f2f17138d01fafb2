"""The local judge: points and preferences in a form that parses, both orders, agreement and bias; perplexity."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters.files.gguf import read_gguf
from adapters.proof.intervals import share_by_group, wilson
from assistant.backends.base import ChatMessage, Piece
from assistant.backends.form import read
from assistant.backends.llamacpp import LlamaCppBackend
from assistant.bootstrap import Core, opened
from assistant.config import load_config
from assistant.models.location import starter_path
from assistant.scoring.agreement import JUDGE, agreement
from assistant.scoring.automatic import PERPLEXITY, lines, measure
from assistant.scoring.judge import (
    ASK_PAIR,
    ASK_POINTS,
    PAIR_FORM,
    POINTS_FORM,
    SAMPLING,
    SYSTEM,
    PairVerdict,
    judging,
    quoted,
)
from assistant.scoring.judge_agreement import judge_report
from assistant.scoring.preferences import pairs
from tests.made_scores import Run, another, answered, shell


def says(home: Path, text: str) -> None:
    """The model of a home says this and nothing else."""
    model = json.dumps("scripted:" + json.dumps({"text": text}))
    (home / "config.toml").write_text(f'[model]\nname = {model}\n[documents]\nembedder = "hashed"\n')


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return shell(home, capsys, monkeypatch)


async def preferred(core: Core, count: int) -> None:
    """So many questions, each with a good and a bad answer."""
    for number in range(count):
        bad = await answered(core, f"Question {number}?", f"Bad {number}.")
        good = await another(core, bad, f"Good {number}.")
        await core.scores.change(bad, helpful=1 + number % 3)
        await core.scores.change(good, helpful=4 + number % 2)


@pytest.mark.parametrize(
    ("first", "last", "won", "places"),
    [
        ("A", "B", 1.0, [1.0, 0.0]),
        ("B", "A", 0.0, [0.0, 1.0]),
        ("tie", "tie", 0.5, []),
        ("A", "A", None, [1.0, 1.0]),
        ("tie", "A", None, [1.0]),
    ],
)
def test_only_orders_that_agree_are_scored(first: str, last: str, won: float | None, places: list[float]) -> None:
    """The chosen answer is shown as A, then as B; what contradicts itself is no verdict but shows the bias."""
    assert PairVerdict(first, last).won == won and PairVerdict(first, last).places == places


def test_wilson_by_hand() -> None:
    """8 of 10: 0.490 to 0.943 (worked by hand); it has a width where all are won; groups count once."""
    assert wilson(0.8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(1.0, 5)[0] == pytest.approx(0.5655, abs=1e-4) and wilson(0.0, 0) == (0.0, 1.0)
    assert share_by_group([1.0, 1.0, 1.0, 0.0], ["a", "a", "a", "b"]) == (0.5, *wilson(0.5, 2))


async def test_a_judge_that_always_says_a_is_unscored(home: Path) -> None:
    """Its bias of place is told, and so is why it cannot be relied on."""
    says(home, "A")
    async with opened(load_config(home)) as core:
        await preferred(core, 12)
        report = await judge_report(core)
        assert (report.unscored, report.won.count, report.first.share, report.useful) == (12, 0, 1.0, False)
        assert "100 % of 24 picks" in report.bias and "Not to be relied on" in report.says and not report.missing


async def test_what_was_judged_is_not_asked_again_and_leaves_with_its_chat(home: Path) -> None:
    """The report is there without the model; a deleted chat takes its judgements along."""
    says(home, "helpful 4, truthful 2, harmless 5")
    async with opened(load_config(home)) as core:
        await preferred(core, 2)
        assert (await judge_report(core, ask=False)).missing == 6
        assert (await judge_report(core)).missing == 0
        async with judging(core) as judge:
            for pair in await pairs(core):
                assert await judge.prefers(pair, ask=False) is not None
            assert await judge.points(3, ask=False) == {"helpful": 4, "truthful": 2, "harmless": 5}
        for chat in await core.conversations.recent():
            await core.conversations.delete_for_good(chat.id)
        rows = await core.database.read(lambda db: db.execute("SELECT COUNT(*) FROM judgements").fetchone())
        assert rows == (0,)


async def test_the_agreement_of_its_points_is_ranked_against_the_users(core: Core) -> None:
    """Judge and user agree where the stored points rise with the user's; it is one more figure among the others."""
    await preferred(core, 6)
    async with judging(core) as judge:
        for each in await core.scores.all():
            given = {"helpful": each.score.helpful, "truthful": 3, "harmless": 3}
            said = [part for name, points in given.items() for part in (name, str(points))]
            judge._said = lambda asked, form, said=said: _soon(said)  # type: ignore[method-assign,misc,assignment]  # what a better model would say
            assert await judge.points(each.score.message) == given
    report = await judge_report(core, ask=False)
    helpful = {each.metric: each for each in report.points}["helpful"]
    assert helpful.rho == pytest.approx(1.0) and helpful.count == 12 and helpful.says == "agrees with you"
    assert {each.metric: each for each in await agreement(core)}[JUDGE].rho == pytest.approx(1.0)


async def _soon(value: list[str]) -> list[str]:
    return value


async def test_perplexity_is_a_figure_and_ranked(core: Core) -> None:
    """What the model would say itself is likelier than another answer to the same question."""
    own = await answered(core, "hello", "You asked: hello.")
    other = await another(core, own, "Something else entirely.")
    values = [(await measure(core, number)).values[PERPLEXITY] for number in (own, other)]
    assert values[0] == pytest.approx(1.0) and values[1] > 2
    await core.scores.change(own, good=True)
    assert {each.metric: each.count for each in await agreement(core, ask=True)}[PERPLEXITY] == 1


async def test_an_answer_longer_than_the_model_reads_has_no_perplexity_and_no_points(core: Core) -> None:
    """The other figures are there, with the reason for the one that is not."""
    long = await answered(core, "hello", "word " * 5000)
    measured = await measure(core, long)
    assert PERPLEXITY not in measured.values and "longer than the model reads" in "\n".join(lines(measured))
    async with judging(core) as judge:
        assert await judge.points(long) is None


def test_without_its_model_the_other_figures_are_there(run: Run, home: Path) -> None:
    """The file is gone: measuring and agreement go on, with the reason; judging is refused."""
    run("ask", "hello")
    run("score", "last", "--good")
    gone = ("--model", "/nonexistent.gguf")
    code, out, _ = run(*gone, "scores", "measure", "last")
    assert code == 0 and "words" in out and "no perplexity: There is no model" in out
    assert run(*gone, "scores", "agreement")[0] == 0
    code, _, err = run(*gone, "scores", "judge")
    assert code == 4 and "There is no model" in err


def test_judging_on_the_shell(run: Run, home: Path) -> None:
    """Nothing yet, one answer, all of them, as text and as JSON; what is no answer is refused."""
    assert "No pair has been judged yet" in run("scores", "judge")[1]
    says(home, "helpful 2")
    run("ask", "hello")
    code, out, _ = run("scores", "judge", "last")
    assert code == 0 and "helpful 2 · truthful 1 · harmless 1" in out
    assert json.loads(run("scores", "judge", "last", "--json")[1])["helpful"] == 2
    run("score", "last", "--helpful", 3)
    found = json.loads(run("scores", "judge", "--json")[1])
    assert (found["total"], found["missing"], found["useful"]) == (1, 0, False)
    assert run("scores", "judge", "77")[0] == 3


HOSTILE = [
    "",
    "A",
    "tie",
    "{}",
    '"',
    "helpful 9",
    "\\",
    "]]>",
    "</s>",
    "<|im_end|>",
    "\n\n\n",
    "𝔘",
    "\u202e",
    "ok " * 40,
]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_five_hundred_judgements_of_the_embedded_model_all_parse() -> None:
    """Points and preferences, over texts that try to break the form, greedy and at temperature 2."""
    backend = LlamaCppBackend(read_gguf(starter_path()), context=1024, threads=1, batch_threads=1)
    failed = 0
    for number in range(500):
        one, other = (HOSTILE[(number * step + 3) % len(HOSTILE)] for step in (1, 5))
        answers = (("Answer A", one), ("Answer B", f"{other} {number}"))
        form, ask = ((PAIR_FORM, ASK_PAIR), (POINTS_FORM, ASK_POINTS))[number % 2]
        asked = quoted(f"Question {number}: {other}", answers[: 2 - number % 2], ask)
        chat = [ChatMessage("system", SYSTEM), ChatMessage("user", asked)]
        sampling = SAMPLING if number % 3 else type(SAMPLING)(temperature=2.0, seed=number, max_tokens=64)
        pieces = [
            piece.text for piece in backend.complete(chat, sampling, lambda: False, form) if isinstance(piece, Piece)
        ]
        failed += read(form, "".join(pieces)) is None
    backend.close()
    assert failed == 0
