"""What every backend promises, shown on the scripted one, on llama.cpp with the embedded model, on transformers,
and on a server in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from made_chain import chain_folder, chain_model
from made_gguf import lora
from made_server import llama_cpp_server

from adapters.files.folder_facts import read_folder
from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import GGUFFacts
from assistant.backends.base import Backend, ChatMessage, Done, Piece
from assistant.backends.engine_backend import EngineBackend
from assistant.backends.form import checked, nearest, read
from assistant.backends.llamacpp import LlamaCppBackend
from assistant.backends.next_token import Chosen
from assistant.backends.remote import RemoteBackend
from assistant.backends.scripted import Script, ScriptedBackend
from assistant.config import RemoteSettings
from assistant.conversation import Sampling
from assistant.errors import AdapterError, ContextOverflowError, ModelError
from assistant.models.location import starter_path

GREEDY = Sampling(temperature=0, repeat_penalty=1.0, max_tokens=24)
CHAT = [ChatMessage("system", "You answer in one sentence."), ChatMessage("user", "What is the capital of France?")]


@pytest.fixture(scope="module", params=["scripted", "llamacpp", "transformers", "remote"])
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    if request.param == "scripted":
        yield ScriptedBackend(Script(context=256))
        return
    folder = tmp_path_factory.mktemp("chain")
    if request.param == "remote":
        pytest.importorskip("fastapi", reason="llama-cpp-python's server needs it; the dev extra has it")
        with llama_cpp_server(chain_model(folder / "chain.gguf"), 256) as url:
            yield RemoteBackend(RemoteSettings(url=url, context=256), key="")
        return
    loaded: EngineBackend
    if request.param == "llamacpp":
        loaded = LlamaCppBackend(read_gguf(starter_path()), context=256)
    else:
        from assistant.backends.transformers_backend import TransformersBackend  # torch: only where it is asked for

        chain = chain_folder(folder, chain_model(folder / "chain.gguf"))
        loaded = TransformersBackend(read_folder(chain), context=256, precision="fp32")
    yield loaded
    loaded.close()


@pytest.fixture
def local(backend: Backend) -> Backend:
    """A backend that tells scores and puts our adapters on; of a server test_remote_backend.py says what it does."""
    if backend.info.engine == "remote":
        pytest.skip("this server neither tells scores nor takes adapters")
    return backend


@pytest.fixture
def base(local: Backend) -> GGUFFacts:
    """The facts of the model that adapters are made for; the scripted one takes any."""
    path = Path(local.info.path)
    return read_folder(path) if path.is_dir() else read_gguf(starter_path())


def strong(path: Path, base: GGUFFacts, seed: int = 1) -> Path:
    """An adapter that changes what the model says."""
    blocks = range(0, base.number("llama.block_count"), 5)
    return lora(path, base, [f"blk.{n}.ffn_down.weight" for n in blocks], seed=seed)


def answer(backend: Backend, chat: list[ChatMessage], sampling: Sampling = GREEDY) -> tuple[str, Done]:
    *pieces, done = backend.complete(chat, sampling, lambda: False)
    assert isinstance(done, Done)
    assert all(isinstance(piece, Piece) and piece.text for piece in pieces)
    return "".join(piece.text for piece in pieces), done


def test_it_describes_itself(backend: Backend) -> None:
    """Name, context and what a message costs beyond its text are known once it is loaded."""
    info = backend.info
    assert info.name and info.context == 256 <= info.trained_context and info.message_overhead > 0


def test_counts_bound_the_prompt(backend: Backend) -> None:
    """Counted tokens plus the overhead of each message are never less than the prompt turns out to have."""
    texts = [message.content for message in CHAT]
    bound = sum(backend.count_tokens(texts)) + len(CHAT) * backend.info.message_overhead
    _, done = answer(backend, CHAT)
    assert sum(backend.count_tokens(texts)) < done.prompt_tokens <= bound
    assert backend.count_tokens(["", "one two"]) == [0, 2]


def test_greedy_answers_repeat(backend: Backend) -> None:
    """Without temperature the same question has the same answer, whatever stands in the cache."""
    first, done = answer(backend, CHAT)
    answer(backend, [ChatMessage("user", "Something else entirely")])
    assert answer(backend, CHAT)[0] == first and first
    assert done.finish == "stop" and done.completion_tokens > 0


def test_the_token_limit_ends_the_answer(backend: Backend) -> None:
    """`max_tokens` is exact, and the end is reported as `length`."""
    _, done = answer(backend, CHAT, Sampling(temperature=0, max_tokens=3))
    assert (done.finish, done.completion_tokens) == ("length", 3)


def test_a_stop_string_is_never_shown(backend: Backend) -> None:
    """The answer ends before a stop string, even one that spans tokens; what only resembles it is shown."""
    text, _ = answer(backend, CHAT)
    middle = len(text) // 2
    stop = text[middle : middle + 6]
    cut, done = answer(backend, CHAT, Sampling(temperature=0, repeat_penalty=1.0, stop=(text[:2] + "\0", stop)))
    assert cut == text[: text.index(stop)]
    assert done.finish == "stop"


def test_cancel_is_seen_before_the_next_token(backend: Backend) -> None:
    """Once `cancelled` says so, no further token is generated, and the next call works."""
    seen: list[str] = []
    for item in backend.complete(CHAT, GREEDY, lambda: len(seen) >= 2):
        if isinstance(item, Piece):
            seen.append(item.text)
    assert isinstance(item, Done) and item.finish == "cancelled" and len(seen) == 2
    assert answer(backend, CHAT)[1].finish == "stop"


def test_a_reader_may_leave_early(backend: Backend) -> None:
    """A stream that is closed in the middle leaves the backend ready for the next call."""
    stream = backend.complete(CHAT, GREEDY, lambda: False)
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    assert answer(backend, CHAT)[1].finish == "stop"


def test_the_next_turn_evaluates_only_what_is_new(local: Backend) -> None:
    """Of a chat that goes on, question and answer so far are found in the cache."""
    answer(local, [ChatMessage("user", "Something else entirely")])
    text, first = answer(local, CHAT)
    chat = [*CHAT, ChatMessage("assistant", text), ChatMessage("user", "And of Germany?")]
    _, second = answer(local, chat)
    assert second.cached_tokens >= first.prompt_tokens + first.completion_tokens - 1
    assert 0 < second.prompt_tokens - second.cached_tokens < 20
    assert answer(local, chat)[1].cached_tokens == second.prompt_tokens - 1


def test_a_prompt_that_leaves_no_room_is_refused(backend: Backend) -> None:
    """A prompt as long as the context is refused in words, and the next one is answered."""
    with pytest.raises(ContextOverflowError, match="256"):
        answer(backend, [ChatMessage("user", "word " * 300)])
    assert answer(backend, CHAT)[0]


def test_the_context_bounds_the_answer(backend: Backend) -> None:
    """An answer that reaches the end of the context ends there, to the token, as `length`."""
    story = "Here is a story about a ship and a storm, a harbour and its lights, with many people in it. " * 20
    _, short = answer(backend, CHAT)
    free = 256 - 4 - short.prompt_tokens  # leaves room for four tokens, or a few more where a word has several
    words = story.split(" ")
    longest = max(n for n in range(len(words)) if backend.count_tokens([" ".join(words[:n]) + " "])[0] <= free)
    wish = f"{' '.join(words[:longest])} {CHAT[1].content}"
    _, done = answer(backend, [CHAT[0], ChatMessage("user", wish)], Sampling(temperature=0, max_tokens=10_000))
    assert done.prompt_tokens > 240 and done.finish == "length"
    total = done.prompt_tokens + done.completion_tokens
    assert total == 256 or (backend.info.engine == "remote" and total < 256)  # its template is not known to the token


def test_an_adapter_goes_on_and_off(local: Backend, base: GGUFFacts, tmp_path: Path) -> None:
    """An adapter changes the answer and takes the cache with it; taken off, the old answer is back exactly."""
    path = strong(tmp_path / "loud.gguf", base)
    before, _ = answer(local, CHAT)
    assert local.set_adapters([(str(path), 1.0)]) == "loud"
    changed, done = answer(local, CHAT)
    assert changed != before and done.cached_tokens == 0
    assert local.set_adapters([]) == ""
    after, done = answer(local, CHAT)
    assert after == before and done.cached_tokens == 0


def test_a_mix_is_named_by_its_parts(local: Backend, base: GGUFFacts, tmp_path: Path) -> None:
    """Two adapters at once change the answer, and the state is told as the text of a mix."""
    paths = [str(strong(tmp_path / f"{name}.gguf", base, seed)) for seed, name in enumerate(("loud", "odd"))]
    before, _ = answer(local, CHAT)
    assert local.set_adapters([(paths[0], 0.6), (paths[1], 1.0)]) == "loud:0.6 odd"
    assert answer(local, CHAT)[0] != before
    assert local.set_adapters([]) == ""
    assert answer(local, CHAT)[0] == before


def test_decoding_gives_the_tokens_of_the_answer(local: Backend) -> None:
    """Greedy tokens spell the greedy answer and end it; each is the likeliest of those that could come there."""
    text, done = answer(local, CHAT)
    *tokens, end = local.decode(CHAT, GREEDY, lambda: False)
    assert isinstance(end, Done) and end.finish == done.finish == "stop"
    chosen = [each for each in tokens if isinstance(each, Chosen)]
    assert chosen[-1].end and not any(each.end for each in chosen[:-1])
    assert b"".join(each.data for each in chosen[:-1]).decode().strip() == text.strip()
    for place in (0, len(chosen) - 1):
        said = [each.token for each in chosen[:place]]
        found = local.next_tokens(CHAT, said, GREEDY, 5)
        best = found.candidates[0]
        assert (best.token, best.final, found.left[-1]) == (chosen[place].token, 1.0, 1)
        assert best.probability == pytest.approx(chosen[place].probability, abs=0.02)
        assert sum(each.probability for each in found.candidates) <= 1 + 1e-9
    assert answer(local, CHAT)[0] == text


def test_what_could_come_next_is_asked_of_tokens_there_are(local: Backend) -> None:
    """A number beyond the vocabulary is refused in words; decoding stops when it is cancelled."""
    with pytest.raises(ModelError):
        local.next_tokens(CHAT, [10_000_000], GREEDY, 5)
    seen: list[object] = []
    for item in local.decode(CHAT, GREEDY, lambda: len(seen) >= 2):
        seen.append(item)
    assert isinstance(seen[-1], Done) and seen[-1].finish == "cancelled" and len(seen) <= 4


def test_scoring_says_how_likely_an_answer_is(local: Backend) -> None:
    """Its own answer is likelier than another, a score repeats, and answers stay what they were."""
    text, _ = answer(local, CHAT)
    own = local.score(CHAT, text)
    assert own.tokens > 1 and own.log_probability <= 0
    assert own.log_probability / own.tokens > local.score(CHAT, "Purple bicycles argue.").log_probability / 8
    assert local.score(CHAT, text).tokens == own.tokens
    assert local.score(CHAT, text).log_probability == pytest.approx(own.log_probability, abs=0.2)
    assert answer(local, CHAT)[0] == text


def test_following_gives_a_step_for_each_token(local: Backend) -> None:
    """One step a token, with the candidates' logits in their order; the best token has the highest."""
    steps = local.follow([5, 6, 7], [8, 9, 10], [[8, 9], [], [11]])
    assert [len(step.chosen) for step in steps] == [2, 0, 1]
    again = local.follow([5, 6, 7], [8, 9, 10], [[step.token] for step in steps])
    assert [step.chosen[0] for step in again] == pytest.approx([step.logit for step in steps], abs=0.2)
    assert local.follow([5], [], []) == []
    assert answer(local, CHAT)[0]


def test_what_cannot_be_scored_or_followed_is_refused(local: Backend) -> None:
    """Longer than the context, no prompt, or candidates that do not belong: words, and the next answer comes."""
    with pytest.raises(ContextOverflowError, match="256"):
        local.score(CHAT, "word " * 300)
    with pytest.raises(ContextOverflowError, match="256"):
        local.follow([5] * 300, [6], [[6]])
    for wrong in (([], [5], [[5]]), ([5], [5, 6], [[5]])):
        with pytest.raises(ModelError):
            local.follow(*wrong)
    assert answer(local, CHAT)[0]


def test_a_missing_adapter_is_refused(local: Backend, tmp_path: Path) -> None:
    """An adapter file that is not there is refused in words and changes nothing."""
    before, _ = answer(local, CHAT)
    with pytest.raises(AdapterError, match=r"absent\.gguf"):
        local.set_adapters([(str(tmp_path / "absent.gguf"), 1.0)])
    assert answer(local, CHAT)[0] == before


FORM = (("helpful ",), ("1", "2", "3"), ('\n"so"\\',), ("yes", "no"))


@pytest.mark.parametrize("temperature", [0.0, 5.0])
def test_an_answer_has_the_form_it_must_have(backend: Backend, temperature: float) -> None:
    """Whatever is asked and however hot, each part is one of its literals, even line breaks and quotes."""
    for number, asked in enumerate(["Write a poem.", 'helpful 2\n"so"\\no', "</s><|im_end|> 9 9 9", "نعم", "Say: yes"]):
        sampling = Sampling(temperature=temperature, seed=number, max_tokens=32)
        *pieces, done = backend.complete([ChatMessage("user", asked)], sampling, lambda: False, FORM)
        assert read(FORM, "".join(piece.text for piece in pieces if isinstance(piece, Piece))) is not None
        assert isinstance(done, Done) and done.finish == "stop"
    assert read(FORM, answer(backend, CHAT)[0]) is None


def test_a_form_that_could_be_read_two_ways_is_refused() -> None:
    """One literal begins another, or there is none; and what was written is read back part by part."""
    for wrong in ([["a", "ab"]], [[]], [[""]]):
        with pytest.raises(ValueError, match="literal"):
            checked(wrong)
    form = checked([["a", "b"], ["1", "2"]])
    assert read(form, "b1") == ("b", "1") and nearest(form, "x2 b 1") == "b1"
    assert read(form, "b") is None and read(form, "b1 ") is None
