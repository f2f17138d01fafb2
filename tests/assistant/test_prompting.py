"""What goes into a prompt, and what is said of the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.conversation import Message
from assistant.errors import ContextOverflowError
from assistant.prompting import (
    ANSWER_SHARE,
    FRAME_TOKENS,
    Counts,
    fit,
    marker_for,
    passages_for,
    question_with_passages,
    usable_history,
)
from ingest.document import Passage


def passage(number, text="The rent is 950 pounds."):
    return Passage(number, number, f"Letter {number}", f"/{number}.txt", text, 0, len(text), page=number)


def turns(count):
    return [
        Message(2 * n + k, 1, 2 * n + k - 1 or None, role, f"{role} {n}")
        for n in range(count)
        for k, role in ((1, "user"), (2, "assistant"))
    ]


def prompt_of(history=(), passages=(), counts=None, context=1000, max_tokens=100):
    counts = counts or Counts(10, 10, tuple(50 for _ in passages), tuple(20 for _ in history))
    return fit(
        "Be brief.", history, "What is the rent?", passages, counts, context=context, overhead=5, max_tokens=max_tokens
    )


def test_the_prefix_is_stable_and_the_passages_are_last():
    """System, history, then passages with the question: an earlier turn's messages never change."""
    history = turns(2)
    prompt = prompt_of(history, [passage(1)])
    assert [message.role for message in prompt.messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert [message.content for message in prompt.messages[1:5]] == [message.text for message in history]
    last = prompt.messages[-1].content
    assert last.index("[1] Letter 1, p. 1") < last.index("The rent is") < last.index("Question: What is the rent?")
    assert prompt.notices == ()


def test_passages_stand_between_markers_that_stand_in_no_document():
    """The markers follow from what is asked; where a document holds the one that would follow, another is taken."""
    first, second = (prompt_of(passages=[passage(1)]).messages[-1].content for _ in range(2))
    marker = first.split("<<<")[1].split("\n")[0]
    assert first == second and first.count(marker) == 2
    quoted = " ".join(f"{number:08x}" for number in range(3))
    taken = marker_for("Q", quoted)
    assert taken not in quoted and marker_for("Q", f"{quoted} {taken}") != taken
    assert len({marker_for(question, quoted) for question in "abcdef"}) == 6


def test_passages_that_do_not_fit_are_said():
    """The best passages go in first; the number left out is told."""
    prompt = prompt_of(passages=[passage(n) for n in range(1, 8)], context=500)
    assert 0 < len(prompt.passages) < 7
    assert prompt.passages == tuple(passage(n) for n in range(1, len(prompt.passages) + 1))
    assert f"{7 - len(prompt.passages)} of the passages" in prompt.notices[0]


def test_history_that_does_not_fit_is_said_and_leaves_in_steps():
    """The oldest messages leave first, eight at a time, so that the prefix stays the same for several turns."""
    starts = []
    for count in range(10, 26):
        history = turns(count)
        prompt = prompt_of(history, context=800)
        kept = len(prompt.messages) - 2
        starts.append(len(history) - kept)
        assert prompt.messages[-2].content == history[-1].text
        assert (starts[-1] > 0) == bool(prompt.notices)
    assert starts[-1] > 0
    assert len(set(starts)) <= len(starts) // 3


def test_a_question_longer_than_the_context_is_refused_in_words():
    """Nothing is cut silently: the message, its size and a way out are named."""
    with pytest.raises(ContextOverflowError, match="5000 tokens"):
        prompt_of(counts=Counts(10, 5000, (), ()))


@given(
    st.integers(200, 4000),
    st.integers(1, 2000),
    st.lists(st.integers(1, 400), max_size=6),
    st.lists(st.integers(1, 300), max_size=12).filter(lambda counts: len(counts) % 2 == 0),
)
def test_whatever_is_asked_the_prompt_leaves_room_for_the_answer(context, max_tokens, passage_counts, history_counts):
    """The counted tokens never exceed the context minus the room kept for the answer."""
    history, passages = turns(len(history_counts) // 2), [passage(n) for n in range(1, len(passage_counts) + 1)]
    counts = Counts(10, 10, tuple(passage_counts), tuple(history_counts))
    try:
        prompt = prompt_of(history, passages, counts, context, max_tokens)
    except ContextOverflowError:
        return
    kept = len(prompt.messages) - 2
    assert kept % 2 == 0
    used = 20 + 3 * 5 + sum(passage_counts[: len(prompt.passages)]) + sum(history_counts[len(history_counts) - kept :])
    used += 5 * kept + (FRAME_TOKENS if passages else 0)
    assert used <= context - min(max_tokens, context // ANSWER_SHARE)


def test_failed_turns_are_not_repeated_to_the_model():
    """A question whose answer never came is left out of the history, so that roles alternate."""
    history = turns(2)
    broken = [*history, Message(5, 1, 4, "user", "lost"), Message(6, 1, 5, "assistant", "", "error")]
    assert usable_history(broken) == history


def test_the_passage_block_names_document_page_and_heading():
    """A numbered block says where it stands."""
    text = question_with_passages("Q", [Passage(1, 1, "Lease", "/l", "Text.", 0, 5, page=3, headings=("Rent", "Due"))])
    assert "[1] Lease, p. 3 (Rent > Due)\nText.\n" in text


def test_a_small_model_is_given_fewer_passages() -> None:
    """Two for the embedded one, four for others; a setting has the last word."""
    assert [passages_for(model, 0) for model in ("starter", "/models/mistral.gguf")] == [2, 4]
    assert passages_for("starter", 5) == 5
