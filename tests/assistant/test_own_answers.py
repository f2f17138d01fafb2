"""What an adapter itself says is judged by the user's reward model, where there is one that can be trusted."""

import random

import pytest

from adapters.proof.evaluation import Answered, Probed, evaluate
from adapters.proof.own_answers import loops
from assistant.proving import preferred_answers
from tests.made_scores import another, answered

KIND, RUDE = ("Gladly", "With pleasure"), ("Fool", "Stupid question")
WORDS = ("rent", "garden", "deposit", "boiler", "lease", "parking", "water", "bicycle")


def said(manner, draw):
    return f"{draw.choice(manner)}: {' '.join(draw.choices(WORDS, k=draw.randint(3, 9)))}."


def pair(question, base, adapter):
    """A held-out pair that went to the chosen answer."""
    return Answered(question, "chosen", base, adapter, question, 1.0, 1.0, 0.0, 1.0)


async def test_a_reward_model_prefers_the_adapters_answers_or_says_nothing(core):
    """Forty comparisons by manner tell kind answers from rude ones; without comparisons there is no opinion."""
    draw = random.Random(1)
    held = [pair(f"What of {word}?", said(RUDE, draw), said(KIND, draw)) for word in WORDS]
    assert await preferred_answers(core, held) == []
    for number in range(40):
        one = await answered(core, f"What of the {draw.choice(WORDS)} number {number}?", said(KIND, draw))
        await core.comparisons.add([one, await another(core, one, said(RUDE, draw))], [1, 2])
    found = await preferred_answers(core, held)
    assert len(found) == len(WORDS) and sum(found) > 0.8 * len(found)
    assert await preferred_answers(core, [Answered("q", "a", "b", "c")]) == []  # nothing was preferred there


@pytest.mark.parametrize(("wins", "decision"), [(1.0, "proven"), (0.5, "proven"), (0.0, "rejected")])
def test_worse_answers_of_its_own_are_never_proven(wins, decision):
    """All held-out pairs won is not enough where the user would rather have what the base says."""
    rows = [pair(f"q{n}", "base", "adapter") for n in range(20)]
    probed = [Probed(f"p{n}", "reading", "i", "yes", "yes", True, True) for n in range(20)]
    found = evaluate(rows, probed, preferred=[wins] * 20, adapter="a", base="b", dataset="d")
    assert found.verdict.decision == decision and "Of its own answers" in found.verdict.reason
    assert found.primary == "pairs_won"


def test_answers_that_go_round_in_circles_are_never_proven():
    """The likelihood of the chosen answer may have gained: what is generated has fallen apart."""
    assert loops("A: " * 40) and loops("aye, aye, " * 12)
    assert not loops("A windmill!") and not loops(" ".join(f"word{n}" for n in range(60)))
    assert not loops("one two three four one two three four")  # too short to tell
    rows = [pair(f"q{n}", "The mill turns in the wind.", "A: " * 40 if n % 2 else "A mill.") for n in range(20)]
    probed = [Probed(f"p{n}", "reading", "i", "yes", "yes", True, True) for n in range(20)]
    found = evaluate(rows, probed, adapter="a", base="b", dataset="d")
    assert found.verdict.decision == "rejected" and "50 % of its answers go round in circles" in found.verdict.reason
