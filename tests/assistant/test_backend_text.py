"""The parts of a backend that only handle text: stop strings, control strings, prefix reuse, scripts."""

from __future__ import annotations

import os
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.special_tokens import SpecialTokens
from assistant.backends.answer_text import AnswerText
from assistant.backends.base import ChatMessage, Done, Piece
from assistant.backends.prefix_reuse import tokens_with_reuse
from assistant.backends.scripted import Script, ScriptedBackend, parse_script
from assistant.conversation import Sampling
from assistant.errors import ModelError

STRINGS = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "ab", "ba"]
PARTS = st.lists(
    st.sampled_from(["<", "s", ">", "/", "|", "im_", "start", "end", "a", "b", " ", "é", "<s>", "<|im_end|>"])
)


class Letters:
    """A vocabulary whose tokens are letters, pairs of letters (300 on) and one control token `|` (124)."""

    def piece(self, token: int) -> bytes:
        return bytes([token]) if token < 300 else bytes([token - 300, token - 300])

    def is_special(self, token: int) -> bool:
        return token == ord("|")

    def at(self, text: bytes, start: int) -> bool:
        return text.startswith(b"|", start)

    def tokenize(self, text: bytes) -> list[int]:
        """Pairs where two equal letters stand together."""
        return [
            match.group()[0] + (300 if len(match.group()) == 2 else 0) for match in re.finditer(rb"([a-z])\1|.", text)
        ]


def reuse(prompt: str, cached: list[int]) -> tuple[list[int], int]:
    letters = Letters()
    return tokens_with_reuse(prompt.encode(), cached, letters, letters, letters.tokenize)


@given(PARTS.map("".join))
def test_no_control_string_survives(text: str) -> None:
    """Whatever the text, none of the control strings stands in it afterwards, and only spaces were added."""
    broken = SpecialTokens(STRINGS).break_up(text)
    assert not any(string in broken for string in STRINGS)
    assert broken.replace(" ", "") == text.replace(" ", "")


def test_a_tokenizer_without_control_strings() -> None:
    """Without control strings nothing is broken up and none is found."""
    special = SpecialTokens([])
    assert special.break_up("<s>") == "<s>" and not special.at(b"<s>", 0)


@given(
    st.text(st.sampled_from("abcé🙂")), st.lists(st.text(st.sampled_from("abcé🙂"), min_size=1, max_size=3), max_size=3)
)
def test_text_ends_before_the_first_stop_string(text: str, stops: list[str]) -> None:
    """Fed byte by byte, exactly the text before the first stop string comes out, whole characters at a time."""
    answer, shown = AnswerText(tuple(stops)), []
    for byte in text.encode():
        shown.append(answer.add(bytes([byte])))
        if answer.stopped:
            break
    shown.append(answer.finish())
    ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
    first = min(ends, default=None)
    before = text if first is None else text[: min(text.find(stop) for stop in stops if stop in text[:first])]
    assert "".join(shown) == before
    assert answer.stopped == (first is not None)
    assert "\ufffd" not in "".join(shown)


def test_broken_bytes_are_shown_as_replacement_characters() -> None:
    """A character the model never finished is shown as U+FFFD at the end, not lost."""
    answer = AnswerText(())
    assert answer.add("é".encode()[:1]) == ""
    assert answer.finish() == "\ufffd"


def test_generated_tokens_are_kept_up_to_the_next_control_token() -> None:
    """Letters generated one by one are kept although the tokenizer would pair them."""
    cached = [*b"|q|", *b"aabb"]
    tokens, reused = reuse("|q|aabb|r|", cached)
    assert tokens == [*b"|q|aabb|r|"] and reused == len(cached)


def test_a_cut_inside_plain_text_tokenizes_from_the_control_token() -> None:
    """Where prompts part inside text, the text is tokenized afresh from its beginning, and equal tokens are kept."""
    assert reuse("|q|xaa", [*b"|q|xab"]) == ([*b"|q|x", 300 + ord("a")], 4)


@pytest.mark.parametrize("cached", [[], [*b"zzz"], [*b"|"], [*b"|q|aa|"]])
def test_at_least_one_token_is_evaluated(cached: list[int]) -> None:
    """A prompt wholly in the cache still has its last token evaluated; the tokens spell the prompt."""
    tokens, reused = reuse("|q|", cached)
    assert b"".join(map(Letters().piece, tokens)) == b"|q|"
    assert reused < len(tokens)


@given(st.text(st.sampled_from("ab|"), min_size=1), st.lists(st.sampled_from([97, 98, 124, 397, 398])))
def test_any_cache_leaves_the_prompts_text_whole(prompt: str, cached: list[int]) -> None:
    """Whatever stands in the cache, the tokens spell the prompt and the reused ones are the cache's first."""
    tokens, reused = reuse(prompt, cached)
    assert b"".join(map(Letters().piece, tokens)) == prompt.encode()
    assert tokens[:reused] == cached[:reused] and reused < len(tokens)


def test_a_script_is_read_from_the_models_name() -> None:
    """`scripted:{…}` sets the fields of Script; anything else in it is refused with their names."""
    assert parse_script('scripted:{"text": "hello", "tokens_per_second": 5}') == Script("hello", tokens_per_second=5)
    for wrong in ("scripted:{", 'scripted:{"speed": 1}', "scripted:[1]", "scripted:7"):
        with pytest.raises(ModelError, match="cannot be read"):
            parse_script(wrong)


def test_the_scripted_answer_cites_the_marks_it_sees() -> None:
    """Left to itself it repeats the question's last line and cites the first passage marks of the prompt."""
    chat = [ChatMessage("user", "[1] rent is 700\n[2] deposit\n\nWhat is the rent?")]
    pieces = ScriptedBackend().complete(chat, Sampling(), lambda: False)
    text = "".join(piece.text for piece in pieces if isinstance(piece, Piece))
    assert text.startswith("You asked: What is the rent?.") and "[1]" in text and "[2]" in text


def test_a_script_keeps_its_rate() -> None:
    """Ten words at 100 a second take a tenth of a second at least."""
    started = time.monotonic()
    backend = ScriptedBackend(Script(text="word " * 10, tokens_per_second=100))
    *_, done = backend.complete([ChatMessage("user", "x")], Sampling(), lambda: False)
    assert time.monotonic() - started > 0.09
    assert isinstance(done, Done) and done.completion_tokens == 10


def test_a_script_can_ignore_cancel_and_fail() -> None:
    """The faults a script names happen: cancel is not looked at, the error comes before its token."""
    deaf = ScriptedBackend(Script(text="a b c", ignore_cancel=True))
    *_, done = deaf.complete([ChatMessage("user", "x")], Sampling(), lambda: True)
    assert isinstance(done, Done) and done.finish == "stop"
    stream = ScriptedBackend(Script(text="a b c", fail_at_token=1)).complete(
        [ChatMessage("user", "x")], Sampling(), lambda: False
    )
    assert next(stream) == Piece("a ")
    with pytest.raises(ModelError, match="as its script says"):
        next(stream)


def test_a_script_can_kill_its_process() -> None:
    """`crash_at_token` ends the process by SIGKILL at that token."""
    child = os.fork()
    if child == 0:
        list(ScriptedBackend(Script(text="a b", crash_at_token=1)).complete([], Sampling(), lambda: False))
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == 9
