"""A model on a server: what is sent and what never is, each failure in one line, and the servers' own adapter calls."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_server import Asked, Reply, answering, events

from assistant.backends.base import ChatMessage, Done, Piece
from assistant.backends.remote import RemoteBackend
from assistant.backends.remote_address import parse_address
from assistant.backends.remote_key import read_key
from assistant.bootstrap import Core, opened
from assistant.config import RemoteSettings, load_config
from assistant.conversation import Sampling
from assistant.errors import AdapterError, AssistantError, ContextOverflowError, ModelError

CHAT = [ChatMessage("user", "What is the capital of France?")]
WHOLE = {"choices": [{"message": {"content": "x"}, "finish_reason": "length"}], "usage": {"prompt_tokens": 12}}


def openai(model: str = "mistral", owner: str = "someone", stream: Any = None, **other: Reply) -> Any:
    """Replies of a server that has one model; `other` are replies to more paths."""
    listed = {"data": [{"id": model, "owned_by": owner, "max_model_len": 2048}]}
    said = (200, events("Paris", ".", usage={"prompt_tokens": 9, "completion_tokens": 2})) if stream is None else stream

    def answer(path: str, body: Any) -> Reply:
        if path == "/v1/models":
            return 200, listed
        if path == "/v1/chat/completions":
            return said if body.get("stream") else (200, WHOLE)
        return other.get(
            path.replace("-", "_").strip("/").replace("/", "_"), (404, {"error": {"message": "no such path"}})
        )

    return answer


def said_by(asked: Asked, sampling: Sampling | None = None, key: str = "", **settings: Any) -> tuple[str, Done]:
    backend = RemoteBackend(RemoteSettings(url=asked.url, **settings), key)
    *pieces, done = backend.complete(CHAT, sampling or Sampling(), lambda: False)
    assert isinstance(done, Done)
    return "".join(each.text for each in pieces if isinstance(each, Piece)), done


def test_an_answer_is_streamed_with_the_settings_and_the_key() -> None:
    """What OpenAI's API knows is sent to every server, the rest to those that take it by their names for it."""
    sampling = Sampling(temperature=0.5, top_k=7, min_p=0.1, repeat_penalty=1.2, seed=3, max_tokens=40, stop=("END",))
    for owner, extra in (
        ("someone", {}),
        ("vllm", {"top_k": 7, "min_p": 0.1, "repetition_penalty": 1.2}),
        ("llamacpp", {"top_k": 7, "min_p": 0.1, "repeat_penalty": 1.2}),
    ):
        count = (200, {"count": 5, "tokens": [1, 2, 3, 4, 5]})
        with answering(openai(owner=owner, tokenize=count)) as asked:
            text, done = said_by(asked, sampling, key="secret-key")
        assert (text, done.finish, done.prompt_tokens, done.completion_tokens) == ("Paris.", "stop", 9, 2)
        body = asked.bodies("/v1/chat/completions")[-1]
        known = {"model": "mistral", "temperature": 0.5, "top_p": 0.95, "max_tokens": 40, "seed": 3, "stop": ["END"]}
        assert known.items() <= body.items() and body["messages"] == [{"role": "user", "content": CHAT[0].content}]
        assert {name: body[name] for name in extra} == extra
        assert not {"top_k", "min_p", "repeat_penalty", "repetition_penalty"} - extra.keys() & body.keys()
        assert all(headers["Authorization"] == "Bearer secret-key" for _, _, headers in asked.requests)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((401, {"error": {"message": "bad key"}}), "wants a key.*mode 0600"),
        ((404, {"error": "model gone"}), "does not know that: model gone"),
        ((429, {}), "busy"),
        ((500, {"detail": "out of \x1b[2Jmemory"}), "failed: out of .\\[2Jmemory"),
        ((302, {}), "sends on to another address"),
        ((400, {"error": {"message": "This model's maximum context length is 2048 tokens"}}), "maximum context length"),
        ((200, b"<html>hello</html>"), "broke off"),
        ((200, b"data: {nonsense\n\n"), "what is no answer"),
        ((200, b'data: {"error": {"message": "CUDA died"}}\n\n'), "failed: CUDA died"),
        ((200, events("Par", done=False)), "broke off"),
    ],
    ids=["key", "missing", "busy", "broken", "redirect", "context", "html", "nonsense", "error-event", "cut"],
)
def test_every_failure_is_a_line(reply: Reply, words: str) -> None:
    """What a server does wrong is told in words, without control characters; the context is told apart."""
    with answering(openai(stream=reply)) as asked, pytest.raises(ModelError, match=f"(?s){words}") as told:
        said_by(asked)
    assert str(told.value).isprintable() and len(str(told.value)) < 400
    assert isinstance(told.value, ContextOverflowError) == (words == "maximum context length")


def test_a_server_that_is_not_there_or_says_nothing() -> None:
    """Refused connections, silence and unknown models: one line each; a cancelled answer ends though nothing comes."""
    with answering(openai()) as gone:
        pass
    with pytest.raises(ModelError, match="Nothing answers at 127"):
        said_by(gone)
    with answering(openai()) as asked, pytest.raises(ModelError, match=r"no model 'llama'.*It has: mistral"):
        said_by(asked, model="llama")
    hold = threading.Event()
    silent = openai()

    def never(path: str, body: Any) -> Reply:
        if body and body.get("stream"):
            hold.wait(300)
            return 200, b""
        return silent(path, body)

    with answering(never) as asked:
        backend = RemoteBackend(RemoteSettings(url=asked.url, timeout=1.0), "")
        with pytest.raises(ModelError, match="sent nothing for 1 seconds"):
            list(backend.complete(CHAT, Sampling(), lambda: False))
        calm = RemoteBackend(RemoteSettings(url=asked.url, timeout=600.0), "")
        looks = iter(range(100))
        *_, done = calm.complete(CHAT, Sampling(), lambda: next(looks) > 2)
        assert isinstance(done, Done) and done.finish == "cancelled"
        hold.set()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "No server is named"),
        ("gpu.example.org", "no address"),
        ("ftp://gpu.example.org/v1", "no address"),
        ("http://gpu.example.org/v1", "http would send everything readable"),
        ("https://me:secret@gpu.example.org/v1", "holds a name or a password"),
        ("https://gpu.example.org:99999/v1", "no address"),
    ],
    ids=["none", "no-scheme", "ftp", "plain-http", "password", "port"],
)
def test_only_addresses_that_are_safe_are_spoken_to(url: str, words: str) -> None:
    """https anywhere, http to this machine alone, no key in the address; nothing is asked before that is clear."""
    with pytest.raises(ModelError, match=words):
        parse_address(url)


def test_offline_only_this_machine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where connections are forbidden, a server on loopback still answers, another machine is not asked."""
    monkeypatch.setattr("assistant.offline.forbidden", lambda: True)
    with answering(openai()) as asked:
        assert said_by(asked)[0] == "Paris."
    with pytest.raises(AssistantError, match="offline"):
        RemoteBackend(RemoteSettings(url="https://gpu.example.org/v1"), "")


def test_the_key_is_in_a_file_of_ones_own_or_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that others can read, none, or one that is no word is refused with what to do."""
    file = tmp_path / "key"
    file.write_text("sk-123\n")
    file.chmod(0o644)
    with pytest.raises(ModelError, match="chmod 600"):
        read_key(str(file))
    file.chmod(0o600)
    assert read_key(str(file)) == "sk-123"
    for text, words in (("", "empty"), ("two words", "no key"), ("sk\x1b[2J", "no key")):
        file.write_text(text)
        with pytest.raises(ModelError, match=words):
            read_key(str(file))
    with pytest.raises(ModelError, match="cannot be read"):
        read_key(str(tmp_path / "absent"))
    monkeypatch.setenv("ASSISTANT_REMOTE_KEY", "sk-env")
    assert read_key("") == "sk-env"


def test_adapters_go_on_by_the_servers_own_calls(tmp_path: Path) -> None:
    """llama-server sets strengths of those it was started with, vLLM loads a folder of PEFT and answers under its name;
    others say that they cannot. The shapes are those of the servers' documentation."""
    count = (200, {"tokens": [1]})
    listed = (
        200,
        [{"id": 0, "path": "my_adapter_1.gguf", "scale": 0.0}, {"id": 1, "path": "/m/style.gguf", "scale": 1.0}],
    )
    with answering(openai(owner="llamacpp", tokenize=count, lora_adapters=listed)) as asked:
        backend = RemoteBackend(RemoteSettings(url=asked.url), "")
        assert (
            backend.set_adapters([(str(tmp_path / "style.gguf"), 0.5), ("my_adapter_1", 1.0)])
            == "style:0.5 my_adapter_1"
        )
        assert asked.bodies("/lora-adapters")[-1] == [{"id": 1, "scale": 0.5}, {"id": 0, "scale": 1.0}]
        with pytest.raises(AdapterError, match=r"has not loaded other.*--lora"):
            backend.set_adapters([("other", 1.0)])
        assert backend.set_adapters([]) == "" and asked.bodies("/lora-adapters")[-1] == []
        assert "has adapters on by itself: style. Take them off" in backend.info.notice  # as it was when it was loaded
    version = tmp_path / "style" / "v2"
    (version / "peft").mkdir(parents=True)
    said = (200, b"Success: LoRA adapter 'style@v2' added successfully.")
    with answering(openai(owner="vllm", tokenize=(200, {"count": 1}), v1_load_lora_adapter=said)) as asked:
        backend = RemoteBackend(RemoteSettings(url=asked.url), "")
        assert backend.set_adapters([(str(version / "adapter.gguf"), 1.0)]) == "style@v2"
        assert asked.bodies("/v1/load_lora_adapter") == [{"lora_name": "style@v2", "lora_path": str(version / "peft")}]
        list(backend.complete(CHAT, Sampling(), lambda: False))
        assert asked.bodies("/v1/chat/completions")[-1]["model"] == "style@v2"
        with pytest.raises(AdapterError, match="strength 1"):
            backend.set_adapters([("style", 0.5)])
        backend.set_adapters([])
        list(backend.complete(CHAT, Sampling(), lambda: False))
        assert asked.bodies("/v1/chat/completions")[-1]["model"] == "mistral"
    refused = (404, {"detail": "Not Found"})  # what vLLM says that was started without
    with answering(openai(owner="vllm", tokenize=(200, {"count": 1}), v1_load_lora_adapter=refused)) as asked:
        backend = RemoteBackend(RemoteSettings(url=asked.url), "")
        with pytest.raises(AdapterError, match=r"did not load style@v2: .*not know") as told:
            backend.set_adapters([(str(version / "adapter.gguf"), 1.0)])
        assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING" in told.value.hint
    with answering(openai(owner="library")) as asked:
        backend = RemoteBackend(RemoteSettings(url=asked.url), "")
        assert "its own" in backend.info.notice
        with pytest.raises(AdapterError, match="is Ollama"):
            backend.set_adapters([("style", 1.0)])


def test_the_context_is_the_one_that_the_server_was_started_with() -> None:
    """vLLM lists it; llama-server lists what the model was trained for, and tells its own at /props."""
    count, props = (200, {"tokens": [1]}), (200, {"default_generation_settings": {"id": 0, "n_ctx": 1024}})
    for owner, other, context in (
        ("vllm", {}, 2048), ("llamacpp", {"props": props}, 1024), ("llamacpp", {}, 2048),
        ("llamacpp", {"props": (200, ["no"])}, 2048), ("llamacpp", {"props": (200, {})}, 2048),
    ):  # fmt: skip
        with answering(openai(owner=owner, tokenize=count, **other)) as asked:
            assert RemoteBackend(RemoteSettings(url=asked.url), "").info.context == context
            assert RemoteBackend(RemoteSettings(url=asked.url, context=512), "").info.context == 512


def test_what_a_server_does_not_tell_is_refused() -> None:
    """Scores of tokens are not to be had; an answer of a form is read from a free one; a grammar is refused."""
    with answering(openai(stream=(200, events("I say: yes, surely")))) as asked:
        backend = RemoteBackend(RemoteSettings(url=asked.url), "")
        for ask in (
            lambda: backend.score(CHAT, "Paris."),
            lambda: backend.follow([1], [2], [[2]]),
            lambda: backend.decode(CHAT, Sampling(), lambda: False),
            lambda: backend.next_tokens(CHAT, [], Sampling(), 3),
            lambda: list(backend.complete(CHAT, Sampling(), lambda: False, 'root ::= "x"')),
        ):
            with pytest.raises(ModelError, match="on this machine"):
                ask()
        *pieces, _ = backend.complete(CHAT, Sampling(), lambda: False, (("no", "yes"),))
        assert [each.text for each in pieces if isinstance(each, Piece)] == ["yes"]


async def ingested(core: Core, folder: Path) -> None:
    """Two collections, each with one document."""
    for name, text in (("work", "The engineer comes on Thursday."), ("diary", "The spare key is under the blue pot.")):
        (folder / f"{name}.txt").write_text(text)
        [event async for event in core.pipeline.ingest([folder / f"{name}.txt"], collection=name)]


async def test_a_documents_text_leaves_only_where_its_collection_was_allowed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a model on another machine: nothing of a document is sent unasked, neither as a passage nor in an earlier
    answer; allowing and withdrawing acts at once, for that host alone. The key reaches no file and no log."""
    monkeypatch.setattr("assistant.leaving.is_loopback", lambda host: False)  # the server stands for another machine
    monkeypatch.setenv("ASSISTANT_REMOTE_KEY", "sk-canary")
    usage = {"prompt_tokens": 9, "completion_tokens": 3}
    with answering(openai(stream=(200, events("The key is under the blue pot [1].", usage=usage)))) as asked:
        (home / "config.toml").write_text(
            f'[model]\nname = "remote"\n[remote]\nurl = "{asked.url}"\n[documents]\nembedder = "hashed"\n'
        )
        async with opened(load_config(home)) as core:
            await ingested(core, tmp_path)

            async def told(question: str, chat: int) -> tuple[str, list[str]]:
                [event async for event in core.engine.ask(chat, question)]
                message = (await core.conversations.thread(chat))[-1]
                assert message.state == "done", message.notices
                return json.dumps(asked.bodies("/v1/chat/completions")[-1]), list(message.notices)

            chat = (await core.conversations.create()).id
            sent, notices = await told("Where is the spare key?", chat)
            assert "blue pot" not in sent and any("Not sent to" in each and "diary" in each for each in notices)
            await core.leaving.allow("diary")
            sent, notices = await told("Where is the spare key now?", chat)
            assert "The spare key is under the blue pot" in sent and not any("diary" in each for each in notices)
            core.leaving.withdraw("diary")
            sent, notices = await told("And who comes on Thursday?", chat)
            assert "blue pot" not in sent and any("earlier turns" in each for each in notices)
            with pytest.raises(AssistantError, match="There is no collection"):
                await core.leaving.allow("nothing")
    kept = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert not any(b"sk-canary" in data for data in kept)


def test_the_shell_says_what_the_server_may_read(run: Callable[..., tuple[int, str, str]], home: Path) -> None:
    """`remote` without a server, with one, checked, and wrongly used: lines, JSON and exit codes."""
    assert run("remote")[:2][0] == 0 and "nothing is sent" in run("remote")[1]
    with answering(openai()) as asked:
        assert run("settings", "set", "remote.url", asked.url)[0] == 0
        code, out, _ = run("remote", "check", "--json")
        assert code == 0 and json.loads(out)["model"] == "remote:mistral"
    assert run("remote", "allow", "nothing")[0] == 2
    code, _, err = run("remote", "check")
    assert code == 4 and "Nothing answers at 127.0.0.1" in err and "Traceback" not in err
