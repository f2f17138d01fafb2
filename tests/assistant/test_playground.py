"""Does each knob do to the next token what llama.cpp does, and are settings answered side by side?"""

from __future__ import annotations

import ctypes
import json
import math
from collections.abc import Callable
from pathlib import Path

import llama_cpp as native
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.backends.knobs import next_tokens
from assistant.backends.llama_sampler import _links
from assistant.backends.next_token import KNOBS
from assistant.config import load_config
from assistant.conversation import Sampling
from assistant.errors import UsageError
from assistant.playground import OFF, Playground, parse_setting, parse_settings

SIZE = 300


def by_llama(scores: np.ndarray, sampling: Sampling, said: list[int]) -> dict[int, float]:
    """The probabilities with which llama.cpp's own chain would draw each token."""
    *links, draw = _links(sampling, 1, SIZE)
    native.llama_sampler_free(draw)
    chain = native.llama_sampler_chain_init(native.llama_sampler_chain_default_params())
    for link in links:
        native.llama_sampler_chain_add(chain, link)
    for token in said:
        native.llama_sampler_accept(chain, token)
    entries = (native.llama_token_data * SIZE)(*((token, float(scores[token]), 0.0) for token in range(SIZE)))
    held = native.llama_token_data_array(data=entries, size=SIZE, selected=-1, sorted=False)
    native.llama_sampler_apply(chain, ctypes.byref(held))
    left = [(held.data[place].id, held.data[place].logit) for place in range(held.size)]
    native.llama_sampler_free(chain)
    exact = np.exp(np.array([logit for _, logit in left]) - max(logit for _, logit in left))
    return dict(zip((token for token, _ in left), exact / exact.sum(), strict=True))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000), st.floats(0.1, 3), st.integers(0, 60), st.floats(0.05, 1), st.floats(0, 0.5),
    st.floats(1, 1.5), st.lists(st.integers(0, SIZE - 1), max_size=80),
)  # fmt: skip
def test_the_knobs_are_those_of_llama(
    seed: int, temperature: float, top_k: int, top_p: float, min_p: float, penalty: float, said: list[int]
) -> None:
    """For any settings, what is left and with which probability is what llama.cpp's own chain leaves."""
    scores = np.random.default_rng(seed).normal(0, 4, SIZE).astype(np.float32)
    sampling = Sampling(temperature, top_k, top_p, min_p, penalty)
    ours = {
        each.token: each.final
        for each in next_tokens(scores.tolist(), sampling, said, SIZE, lambda token: b"").candidates
        if each.final > 0
    }
    theirs = {token: p for token, p in by_llama(scores, sampling, said).items() if p > 0}
    border = set(ours) ^ set(theirs)  # a token whose sum is the limit to the last bit of a 32-bit float
    assert len(border) <= 1 and all(({**ours, **theirs})[token] < 0.06 for token in border)
    for token in set(ours) & set(theirs):
        assert ours[token] == pytest.approx(theirs[token], rel=0.07 if border else 1e-3, abs=1e-6)


def test_each_knob_is_told_by_itself() -> None:
    """Greedy leaves one; top-k cuts by rank, top-p by sum, min-p by share; temperature cuts nothing."""
    scores = [math.log(share) for share in (0.5, 0.25, 0.15, 0.07, 0.03)]

    def left(**knobs: float) -> tuple[tuple[int, ...], list[str]]:
        sampling = Sampling(**{"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0, "repeat_penalty": 1, **knobs})  # type: ignore[arg-type]  # numbers
        found = next_tokens(scores, sampling, [0], 5, lambda token: bytes([65 + token]))
        return found.left, [each.cut_by for each in found.candidates]

    assert left() == ((5,) * 5, [""] * 5)
    assert left(top_k=2)[1] == ["", "", "top_k", "top_k", "top_k"]
    assert left(top_p=0.8) == ((5, 5, 3, 3, 3), ["", "", "", "top_p", "top_p"])
    assert left(min_p=0.2)[0] == (5, 5, 5, 3, 3)
    assert left(temperature=0)[1] == ["", *["greedy"] * 4]
    hot = next_tokens(scores, Sampling(2.0, 0, 1.0, 0.0, 1.0), [], 5, lambda token: b"").candidates
    assert hot[0].final < hot[0].probability and hot[4].final > hot[4].probability


def test_settings_are_read_as_they_are_written(home: Path) -> None:
    """What is not named is off; `chat` begins with the chat's own; `greedy` is temperature 0."""
    config = load_config(home)
    assert parse_setting("", config).sampling == OFF
    assert parse_setting("temperature=0.7, top_p=0.9 seed=5", config).sampling == Sampling(
        0.7, 0, 0.9, 0.0, 1.0, 5, OFF.max_tokens
    )
    assert parse_setting("chat top_k=3", config).sampling.top_p == config.sampling.top_p
    assert parse_setting("greedy adapter=base", config).mix == ""
    assert parse_setting("adapter=style:0.7+work", config).mix == "style:0.7 work"


@pytest.mark.parametrize(
    "text", ["warm", "temperature=hot", "temperature=-1", "top_p=2", "top_k=x", "colour=red", "seed="]
)
def test_a_setting_that_cannot_be_is_told(home: Path, text: str) -> None:
    """With what can be written."""
    with pytest.raises(UsageError) as caught:
        parse_setting(text, load_config(home))
    assert caught.value.hint
    with pytest.raises(UsageError, match="5 settings"):
        parse_settings(["greedy"] * 5, load_config(home))


async def test_an_answer_is_given_token_by_token(core) -> None:  # type: ignore[no-untyped-def]
    """Tokens come one by one, the last one ends the answer, and what could have come is told at each place."""
    playground = Playground(core)
    setting = parse_setting("temperature=1 max_tokens=50", core.config)
    steps = []
    async for each in playground.answer("Say this", setting):
        steps.append(len(each.tokens))
        decoded = each
    assert decoded.text == "You asked: Say this." and decoded.tokens[-1].end and decoded.done.finish == "stop"
    assert steps == [1, 2, 3, 4, 5, 5]
    found = await playground.next_tokens("Say this", decoded, 2, 3)
    assert found.candidates[0].data == b"Say "
    assert found.candidates[0].probability == pytest.approx(decoded.tokens[2].probability)
    with pytest.raises(UsageError, match="no token 9"):
        await playground.next_tokens("Say this", decoded, 8)
    with pytest.raises(UsageError, match="no prompt"):
        [each async for each in playground.answer(" ", setting)]
    await playground.close()


Run = Callable[..., tuple[int, str, str]]  # see conftest


def test_the_command_with_the_real_model(run: Run) -> None:
    """Greedy takes the likeliest token at each place; the distribution is a probability before and after."""
    arguments = ("--setting", "greedy max_tokens=4", "--setting", "temperature=1.5 top_k=5 max_tokens=4", "--top", "8")
    code, out, _ = run("--model", "starter", "decode", "--json", "--place", "2", *arguments, "Name a colour.")
    greedy, hot = json.loads(out)["answers"]
    assert code == 0 and len(greedy["tokens"]) == 4
    first = greedy["distribution"]["candidates"][0]
    assert first["id"] == greedy["tokens"][1]["id"] and first["final"] == 1.0
    assert first["probability"] == pytest.approx(greedy["tokens"][1]["probability"], rel=0.02)
    assert hot["distribution"]["left"]["top_k"] == 5
    assert sum(each["final"] for each in hot["distribution"]["candidates"]) == pytest.approx(1.0)
    assert [each["cut_by"] for each in hot["distribution"]["candidates"]] == [""] * 5 + ["top_k"] * 3
    assert list(first["after"]) == list(KNOBS)


def test_the_command_for_people_and_what_it_refuses(run: Run) -> None:
    """The answer, the list with the chosen token marked; wrong settings and places with exit code 2."""
    code, out, _ = run("decode", "--setting", "top_k=2", "--top", "3", "-", stdin=b"Say this")
    assert code == 0 and "You asked: Say this." in out and "→ You␣" in out and "cut by top_k" in out
    for arguments in (("x", "--top", "0"), ("x", "--setting", "hot"), (), ("x", "--top", "2", "--place", "99")):
        code, _, said = run("decode", *arguments)
        assert code == 2 and len(said.splitlines()) == 2
