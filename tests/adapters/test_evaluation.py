"""Metrics, intervals, and the rule that proves or rejects an adapter."""

from __future__ import annotations

import json
import random

import pytest

from adapters.proof.answer_metrics import copied, exact_match, rouge_l, token_f1, words
from adapters.proof.evaluation import (
    Answered,
    Probed,
    evaluate,
    evaluation_from_json,
    primary_metric,
    verdict,
)
from adapters.proof.intervals import Figure, interval, paired
from adapters.proof.rouge import common_subsequence


def figure(name: str, difference: float, low: float, high: float, base: float = 0.5, count: int = 20) -> Figure:
    return Figure(name, base, base + difference, difference, low, high, count)


@pytest.mark.parametrize(
    ("answer", "expected", "exact", "f1"),
    [
        ("The cat.", "cat", 1.0, 1.0),
        ("a black cat", "the cat", 0.0, 2 / 3),
        ("", "", 1.0, 1.0),
        ("", "cat", 0.0, 0.0),
        ("dog", "cat", 0.0, 0.0),
        ("cat cat", "cat", 0.0, 2 / 3),
        ("Кошка!", "кошка", 1.0, 1.0),
        ("東京都", "東京", 0.0, 0.8),
        ("„Miso“", "Miso", 1.0, 1.0),
    ],
)
def test_exact_match_and_token_f1(answer: str, expected: str, exact: float, f1: float) -> None:
    """As SQuAD counts, in every script."""
    assert exact_match(answer, expected) == exact
    assert token_f1(answer, expected) == pytest.approx(f1)
    assert token_f1(expected, answer) == pytest.approx(f1)


def test_rouge_l() -> None:
    """The example of Lin 2004, an identity in another script, and nothing in common."""
    assert rouge_l("police kill the gunman", "police killed the gunman") == pytest.approx(0.75)
    assert rouge_l("the gunman kill police", "police killed the gunman") == pytest.approx(0.5)
    assert rouge_l("Привет, мир", "привет мир") == 1.0
    assert rouge_l("one", "two") == 0.0 and rouge_l("", "") == 1.0 and rouge_l("", "x") == 0.0


def test_the_common_subsequence_equals_the_table() -> None:
    """The bits of one number give what the textbook's table gives."""
    draw = random.Random(1)
    for _ in range(200):
        left, right = (draw.choices("abcd", k=draw.randrange(0, 30)) for _ in range(2))
        table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
        for i, one in enumerate(left):
            for j, other in enumerate(right):
                table[i + 1][j + 1] = table[i][j] + 1 if one == other else max(table[i][j + 1], table[i + 1][j])
        assert common_subsequence(left, right) == table[-1][-1]


def test_copied_text_is_found() -> None:
    """A run of eight words, or a whole short answer; shorter overlaps are chance."""
    training = ["The grey cat sleeps on the blue sofa near our old window", "Miso is seven", "Yes"]
    answers = [
        "Sure: grey cat sleeps on blue sofa near our old, indeed", "I think Miso is seven.",
        "Yes", "A grey cat sleeps.",
    ]  # fmt: skip
    assert copied(answers, training) == [True, True, False, False]
    assert copied(["anything"], []) == [False]
    assert words("An apple a day") == ["apple", "day"]


def test_interval_properties() -> None:
    """It is repeatable, holds the mean, shrinks with more rows, and is wider where rows are grouped."""
    draw = random.Random(3)
    differences = [draw.gauss(0.2, 0.5) for _ in range(40)]
    low, high = interval(differences)
    assert (low, high) == interval(differences)
    assert low < sum(differences) / 40 < high
    more = interval(differences * 4)
    assert more[1] - more[0] < high - low
    grouped = interval(differences * 4, [str(place % 40) for place in range(160)])
    assert grouped[1] - grouped[0] == pytest.approx(high - low, rel=0.1)
    assert interval([1.0] * 9) == (1.0, 1.0)
    assert paired("x", [], []).count == 0


def test_interval_covers_the_truth() -> None:
    """Of 100 samples of 30 with mean zero, about 95 intervals hold zero."""
    draw = random.Random(5)
    covered = 0
    for _ in range(100):
        low, high = interval([draw.gauss(0, 1) for _ in range(30)])
        covered += low <= 0 <= high
    assert 87 <= covered <= 100


@pytest.mark.parametrize(
    ("task", "loss", "probe", "rows", "groups", "decision", "says"),
    [
        ((0.3, 0.1, 0.5), None, 0.0, 20, 20, "proven", "better"),
        ((0.3, 0.1, 0.5), None, -0.02, 20, 20, "proven", "falls by 2.0"),
        ((0.3, 0.1, 0.5), None, -0.021, 20, 20, "rejected", "falls by 2.1"),
        ((0.3, 0.1, 0.5), None, 0.1, 20, 20, "proven", "rises by 10.0"),
        ((0.1, -0.1, 0.3), None, 0.0, 20, 20, "rejected", "not better"),
        ((0.1, -0.1, 0.3), (-0.5, -0.8, -0.2), 0.0, 20, 20, "proven", "loss falls"),
        ((0.1, -0.1, 0.3), (-0.5, -0.8, 0.2), 0.0, 20, 20, "rejected", "not better"),
        ((-0.1, -0.3, 0.1), (-0.5, -0.8, -0.2), 0.0, 20, 20, "rejected", "not better"),
        ((-0.3, -0.5, -0.1), (-0.5, -0.8, -0.2), 0.0, 20, 20, "rejected", "worse"),
        ((0.3, 0.1, 0.5), None, 0.0, 7, 7, "undecided", "7 test rows"),
        ((0.3, 0.1, 0.5), None, 0.0, 40, 2, "undecided", "2 conversations"),
    ],
)
def test_verdict_rule(task, loss, probe, rows, groups, decision, says):
    """Better beyond noise and the probe within its tolerance: proven; either missing: rejected; too few: undecided."""
    general = figure("probe", probe, probe - 0.03, probe + 0.03)
    on_loss = figure("loss", *loss) if loss else None
    judged = verdict(figure("token_f1", *task), on_loss, general, rows=rows, groups=groups)
    assert judged.decision == decision and says in judged.reason


def test_without_a_probe_nothing_is_proven() -> None:
    """Forgetting that was not looked for is not excluded."""
    judged = verdict(figure("token_f1", 0.3, 0.1, 0.5), None, figure("probe", 0, 0, 0, count=0), rows=20, groups=20)
    assert judged.decision == "undecided"


def test_the_metric_follows_the_length_of_answers() -> None:
    """Short answers by token F1, long ones by ROUGE-L."""
    assert primary_metric(["Miso", "a cat"]) == "token_f1"
    assert primary_metric(["word " * 40] * 3) == "rouge_l"


def evaluation(count: int = 12):
    rows = [
        Answered(
            f"q{n}", f"code {n}", f"code {n}" if n == 0 else "no idea", "wrong" if n == 0 else f"code {n}", "", 2.0, 0.5
        )
        for n in range(count)
    ]
    probed = [
        Probed(f"i{n}", "arithmetic" if n % 2 else "knowledge", f"p{n}", "yes", "yes" if n else "no", True, n > 0)
        for n in range(100)
    ]
    return evaluate(rows, probed, adapter="style@v1", base="starter", dataset="rooms")


def test_a_whole_evaluation() -> None:
    """Figures, verdict and the answers that got worse, side by side; it survives its JSON."""
    result = evaluation()
    assert result.verdict.decision == "proven" and result.primary == "token_f1"
    names = {figure.name: figure for figure in result.figures}
    assert set(names) == {"exact_match", "token_f1", "rouge_l", "loss", "copied", "looping"}
    assert names["exact_match"].adapter == pytest.approx(11 / 12) and names["loss"].difference == -1.5
    assert result.probe.difference == pytest.approx(-0.01)
    assert {figure.name: figure.count for figure in result.categories} == {"arithmetic": 50, "knowledge": 50}
    assert [(example.question, example.source) for example in result.worst] == [("q0", "task"), ("p0", "probe")]
    assert evaluation_from_json(result.as_json()) == result
    assert result.scores["probe"] == [1.0, 0.99] and result.scores["verdict"] == "proven"


def test_an_evaluation_of_nothing_is_undecided() -> None:
    """No rows, no probe: words instead of a division by zero."""
    result = evaluate([], [], adapter="a", base="b", dataset="")
    assert result.verdict.decision == "undecided" and "0 test rows" in result.verdict.reason


def preferred(gaps):
    """Pairs by how much likelier the chosen answer is for the base and for the adapter."""
    return [
        Answered(f"q{place}", "yes", "no", "well", f"g{place}", 1.0, 1.0, base, adapter)
        for place, (base, adapter) in enumerate(gaps)
    ]


def test_pairs_are_won_where_the_chosen_answer_gains():
    """What was likelier before does not count; an equal gap is half a win. Beyond chance it is better."""
    right = [Probed(f"p{n}", "math", "q", "4", "4", True, True) for n in range(20)]
    result = evaluate(
        preferred([(-5.0, -4.0)] * 15 + [(3.0, 2.0), (1.0, 1.0)]), right, adapter="a", base="b", dataset="d"
    )
    figures = {figure.name: figure for figure in result.figures}
    assert result.primary == "pairs_won" and figures["pairs_won"].adapter == pytest.approx(15.5 / 17)
    assert (figures["likelier"].base, figures["likelier"].adapter) == (2 / 17, 2 / 17)
    assert result.verdict.decision == "proven" and "91 % of 17 held-out pairs" in result.verdict.reason
    [lost] = result.worst
    assert (lost.question, lost.loss) == ("q15", pytest.approx(0.731, abs=1e-3))
    assert evaluation_from_json(json.loads(json.dumps(result.as_json()))) == result


@pytest.mark.parametrize(
    ("won", "says"),
    [([1.0] * 11 + [-1.0] * 9, "no better than chance"), ([-1.0] * 18 + [1.0] * 2, "worse than chance")],
)
def test_a_taste_that_is_chance_is_rejected(won, says):
    """Where the interval holds one half, nothing is proven, however low the loss."""
    right = [Probed(f"p{n}", "math", "q", "4", "4", True, True) for n in range(20)]
    result = evaluate(preferred([(0.0, gap) for gap in won]), right, adapter="a", base="b", dataset="d")
    assert result.verdict.decision == "rejected" and says in result.verdict.reason


def rated_answers(good, bad):
    """Rated answers by what they have gained on the base."""
    return [
        Answered(f"q{place}", "yes", "no", "well", f"g{place}", 1.0, 1.0, -9.0, -9.0 + gain, place < len(good))
        for place, gain in enumerate([*good, *bad])
    ]


def test_ratings_are_told_apart_by_what_good_answers_have_gained():
    """The share of all pairs of a good and a bad answer; where it is beyond chance the adapter is better."""
    right = [Probed(f"p{n}", "math", "q", "4", "4", True, True) for n in range(20)]
    result = evaluate(
        rated_answers([3.0, 2.0, 1.0, 0.5] * 3, [0.0, -1.0, 0.5, -2.0] * 3), right, adapter="a", base="b", dataset="d"
    )
    figure = next(figure for figure in result.figures if figure.name == "ratings_told")
    assert result.primary == "ratings_told" and figure.adapter == pytest.approx((16 - 0.5) / 16) and figure.count == 24
    assert result.verdict.decision == "proven" and "97 times of 100" in result.verdict.reason
    assert next(figure for figure in result.figures if figure.name == "token_f1").count == 12  # good ones alone
    assert [example.expected for example in result.worst] == [""] * 3  # the bad ones that gained
    chance = evaluate(rated_answers([1.0, -1.0] * 6, [1.0, -1.0] * 6), right, adapter="a", base="b", dataset="d")
    assert chance.verdict.decision == "rejected" and "no better than chance" in chance.verdict.reason
