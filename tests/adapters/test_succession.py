"""Is what would be on held against what is on by the rule: not lower at the task, and the general probe kept?"""

import pytest

from adapters.proof.evaluation import Answered, Probed
from adapters.proof.succession import succeed


def rows(new_wins, count=20):
    """Pairs of which what would be on wins that many; the base has no leaning."""
    return [
        Answered(f"q{n}", "chosen", "old", "new", f"g{n}", None, None, 0.0, 1.0 if n < new_wins else -1.0)
        for n in range(count)
    ]


def items(lost=0, count=100):
    return [Probed(f"p{n}", "reading", f"i{n}", "yes", "yes", True, n >= lost) for n in range(count)]


@pytest.mark.parametrize(
    ("new_wins", "old_wins", "lost", "decision"),
    [(18, 12, 0, "proven"), (15, 15, 2, "proven"), (14, 15, 0, "rejected"), (20, 10, 3, "rejected")],
)
def test_it_has_to_be_as_good_and_to_forget_no_more_than_is_tolerated(new_wins, old_wins, lost, decision):
    """Equal is enough; one pair fewer is not; three points of the general probe are too many."""
    kept = [1.0 if n < old_wins else -1.0 for n in range(20)]
    found = succeed(rows(new_wins), kept, items(lost), adapter="new@v2", base="old@v1", dataset="d")
    assert found.verdict.decision == decision, found.verdict.reason
    assert found.primary == "followed"
    assert (found.figures[0].base, found.figures[0].adapter) == (old_wins / 20, new_wins / 20)


def test_answers_are_held_against_what_is_expected():
    """Where nothing was judged, the words decide."""
    told = [Answered(f"q{n}", "the blue door", "no idea", "the blue door", f"g{n}") for n in range(10)]
    found = succeed(told, [None] * 10, items(), adapter="a", base="b", dataset="d")
    assert (found.primary, found.verdict.decision) == ("token_f1", "proven")
    found = succeed([Answered(r.question, r.expected, r.adapter, r.base, r.group) for r in told], [None] * 10, items(),
                    adapter="a", base="b", dataset="d")  # fmt: skip
    assert found.verdict.decision == "rejected"


def test_too_few_rows_that_are_new_to_both_decide_nothing():
    """What is on stays on."""
    found = succeed(rows(5, 5), [-1.0] * 5, items(), adapter="a", base="b", dataset="d")
    assert found.verdict.decision == "undecided" and "5 held-out rows" in found.verdict.reason
