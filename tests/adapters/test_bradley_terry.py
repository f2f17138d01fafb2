"""Do votes give the right strengths, and an order only where there is one?"""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from adapters.proof.bradley_terry import AVERAGE, PER_DECADE, leaderboard
from adapters.proof.votes import FEWEST, Vote, choices_of


def duels(wins: int, losses: int, ties: int = 0) -> list[Vote]:
    """Votes between a and b, each on its own question."""
    ranks = [(1, 2)] * wins + [(2, 1)] * losses + [(1, 1)] * ties
    return [Vote(str(place), ("a", "b"), each) for place, each in enumerate(ranks)]


def test_two_contenders_have_the_closed_form() -> None:
    """Three wins of four are odds of 3 to 1, so 400·log10(3) points, but for the half wins against the average."""
    first, second = leaderboard(duels(3_000, 1_000))
    assert (first.name, second.name) == ("a", "b")
    assert first.points - second.points == pytest.approx(PER_DECADE * math.log10(3), abs=0.5)
    assert first.points + second.points == pytest.approx(2 * AVERAGE)
    assert first.low < first.points < first.high and first.wins == pytest.approx(0.75) and first.votes == 4_000
    assert first.better_than == ("b",) and (first.place, second.place) == (1, 2)


def test_strengths_of_known_contenders_are_found_again() -> None:
    """Four contenders of strengths 1, 2, 4 and 8, picked from sets of two to four by Luce's rule."""
    draw, strength = random.Random(1), {"a": 1.0, "b": 2.0, "c": 4.0, "d": 8.0}
    votes = []
    for place in range(6_000):
        shown = draw.sample(sorted(strength), draw.randrange(2, 5))
        best = draw.choices(shown, [strength[name] for name in shown])[0]
        votes.append(Vote(str(place), tuple(shown), tuple(1 if name == best else 2 for name in shown)))
    found = {each.name: each for each in leaderboard(votes, resamples=200)}
    for name, expected in strength.items():
        wanted = AVERAGE + PER_DECADE * (math.log10(expected) - 1.5 * math.log10(2))
        assert found[name].low < wanted < found[name].high
        assert found[name].points == pytest.approx(wanted, abs=25)
    assert [each.name for each in leaderboard(votes, resamples=200)] == ["d", "c", "b", "a"]
    assert found["d"].better_than == ("a", "b", "c") and found["a"].place == 4


def test_a_ranking_is_a_row_of_choices() -> None:
    """The best of all, then the best of the rest; a tie at the top is shared, one at the bottom says nothing."""
    everyone = {"a": 1, "b": 1, "c": 1}
    assert choices_of(Vote("", ("a", "b", "c"), (1, 2, 3))) == [({"a": 1.0}, everyone), ({"b": 1.0}, {"b": 1, "c": 1})]
    assert choices_of(Vote("", ("a", "b", "c"), (1, 2, 2))) == [({"a": 1.0}, everyone)]
    assert choices_of(Vote("", ("a", "b", "c"), (1, 1, 2))) == [({"a": 0.5, "b": 0.5}, everyone)]
    assert choices_of(Vote("", ("a", "b"), (1, 1))) == [({"a": 0.5, "b": 0.5}, {"a": 1, "b": 1})]


def test_few_votes_give_no_order() -> None:
    """Not even when one has won them all."""
    assert not leaderboard(duels(FEWEST - 1, 0))[0].better_than
    first, second = leaderboard(duels(12, 8))
    assert not first.better_than and first.place == second.place == 1
    assert leaderboard([]) == () and leaderboard([Vote("1", ("a", "a"), (1, 2))]) == ()


def test_who_never_lost_has_finite_points() -> None:
    """The half wins against the average hold them."""
    first, second = leaderboard(duels(30, 0))
    assert first.better_than == ("b",) and math.isfinite(first.high) and math.isfinite(second.low)


def test_those_who_never_met_are_not_compared() -> None:
    """Neither directly nor over others; over others they are."""
    apart = [*duels(60, 0), *(Vote(f"c{place}", ("c", "d"), (1, 1)) for place in range(60))]
    assert {each.name: each.better_than for each in leaderboard(apart)} == {"a": ("b",), "b": (), "c": (), "d": ()}
    bridged = [*apart, *(Vote(f"e{place}", ("b", "c"), (1, 1)) for place in range(60))]
    assert {each.name: each.better_than for each in leaderboard(bridged)}["a"] == ("b", "c", "d")


def test_votes_on_one_question_are_one_piece_of_evidence() -> None:
    """A hundred votes on two questions prove less than a hundred on a hundred questions."""
    alone = leaderboard(duels(65, 35))[0]
    together = leaderboard([replace(vote, question=str(int(vote.question) % 2)) for vote in duels(65, 35)])[0]
    assert together.points == pytest.approx(alone.points)
    assert alone.better_than == ("b",) and together.better_than == ()
    assert together.high - together.low > 2 * (alone.high - alone.low)


def called_different(contenders: int, sets: int, comparisons: int, seed: int) -> float:
    """The share of simulated sets of comparisons between equals, a tenth of them ties, in which any beats another."""
    draw, names = random.Random(seed), [f"adapter {number}" for number in range(contenders)]
    wrong = 0
    for number in range(sets):
        votes = [
            Vote(str(place), tuple(draw.sample(names, 2)), draw.choices([(1, 1), (1, 2), (2, 1)], [10, 45, 45])[0])
            for place in range(comparisons)
        ]
        wrong += any(each.better_than for each in leaderboard(votes, resamples=400, seed=number))
    return wrong / sets


@pytest.mark.parametrize("contenders", [2, 4])
def test_equal_adapters_are_hardly_ever_called_different(contenders: int) -> None:
    """Of 300 simulated sets of 500 comparisons at most 6 %, whether there are two contenders or four."""
    assert called_different(contenders, 300, 500, seed=contenders) <= 0.06


@pytest.mark.slow
@pytest.mark.parametrize("contenders", [2, 4])
def test_equal_adapters_are_called_different_one_time_in_twenty(contenders: int) -> None:
    """Of 2,000 sets at most 6 %, and not so few that the test would never say anything."""
    assert 0.03 <= called_different(contenders, 2_000, 500, seed=10 + contenders) <= 0.06


def test_a_better_adapter_is_seen() -> None:
    """Winning 60 % of 500 comparisons is called better in nearly every set."""
    draw = random.Random(5)
    seen = 0
    for number in range(40):
        wins = sum(draw.random() < 0.6 for _ in range(500))
        seen += leaderboard(duels(wins, 500 - wins), resamples=400, seed=number)[0].better_than == ("b",)
    assert seen >= 38
