"""Other programs ask the assistant: through the official client, and as somebody who should be kept out."""

import asyncio
import json
import signal
import socket
import stat
import subprocess
import sys
from contextlib import asynccontextmanager

import httpx
import openai
import pytest

from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.serving import answers as answers_module
from assistant.serving.server import kept_token, opened_server
from tests.made_run import finished_run

LEASE = "The rent is 950 pounds a month. It is due on the first day of the month."


def scripted(home, **script):
    """The home's model says this."""
    model = json.dumps("scripted:" + json.dumps(script))
    (home / "config.toml").write_text(f'[model]\nname = {model}\n[documents]\nembedder = "hashed"\n')


def asked(text, **message):
    return [{"role": "user", "content": text, **message}]


class Asking:
    """A server, its core, and the official client."""

    def __init__(self, core, server):
        self.core, self.server = core, server
        self.client = openai.AsyncOpenAI(base_url=server.url, api_key=server.token, max_retries=0)

    async def ask(self, model, text, **options):
        return await self.client.chat.completions.create(model=model, messages=asked(text), **options)

    async def stream(self, model, text, **options):
        options = {"stream_options": {"include_usage": True}} | options
        return [chunk async for chunk in await self.ask(model, text, stream=True, **options)]


@asynccontextmanager
async def asking(home):
    async with opened(load_config(home)) as core, opened_server(core, 0) as server:
        yield Asking(core, server)


@pytest.fixture
async def serving(home):
    async with asking(home) as found:
        yield found


async def ingest(core, path, collection="documents"):
    return [event async for event in core.pipeline.ingest([path], collection)]


async def test_documents_are_asked_and_cited_by_name(home, tmp_path):
    """In the text, in a field of its own, whole and streamed; scopes and what is listed; nothing is kept."""
    scripted(home, text="The rent is 950 pounds a month [1].")
    async with asking(home) as serving:
        (tmp_path / "lease.txt").write_text(LEASE)
        (tmp_path / "cake.txt").write_text("Whisk the eggs with the sugar.")
        await ingest(serving.core, tmp_path / "lease.txt", "home")
        await ingest(serving.core, tmp_path / "cake.txt", "food")
        names = [each.id async for each in await serving.client.models.list()]
        assert names == ["scripted", "scripted@library", "scripted@food", "scripted@home"]
        assert (await serving.client.models.retrieve("scripted@home")).id == "scripted@home"

        whole = await serving.ask("scripted@library", "What is the rent a month?")
        assert "[1]" in whole.choices[0].message.content
        assert "\n\nSources:\n[1] lease.txt: “The rent is 950 pounds a month." in whole.choices[0].message.content
        [cited] = [each for each in whole.citations if each["mark"] == 1][:1]
        assert LEASE[cited["start"] : cited["end"]] == cited["quote"] and cited["path"] == str(tmp_path / "lease.txt")
        assert "best" in whole.trace and whole.choices[0].finish_reason == "stop"
        assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens > 0

        chunks = await serving.stream("scripted@home@type:txt", "What is the rent a month?")
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert "Sources:\n[1] lease.txt" in text and chunks[-1].usage.completion_tokens > 0
        assert chunks[-2].citations[0]["document"] == "lease.txt" and chunks[-2].choices[0].finish_reason == "stop"

        other = await serving.ask("scripted@food", "What is the rent a month?")
        assert "lease" not in other.choices[0].message.content and not other.citations
        assert (await serving.ask("scripted", "What is the rent?")).trace == "documents not used"
        assert await serving.core.conversations.recent() == []


async def test_a_chat_goes_on_and_is_kept_when_asked(serving, tmp_path):
    """History reaches the model without the list of sources; `store` keeps the whole chat."""
    (tmp_path / "lease.txt").write_text(LEASE)
    await ingest(serving.core, tmp_path / "lease.txt")
    history = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is the rent?"},
        {
            "role": "assistant",
            "content": "950 pounds [1].\n\nSources:\n[1] lease.txt: “The rent is 950 pounds a month.”",
        },
    ]
    for name in ("scripted@library", "scripted"):
        messages = [*history, *asked("When is the rent due?")]
        await serving.client.chat.completions.create(model=name, messages=messages, store=True)
    kept = await serving.core.conversations.recent()
    assert len(kept) == 2
    for chat in kept:
        texts = [each.text for each in await serving.core.conversations.thread(chat.id)]
        assert texts[:3] == ["What is the rent?", "950 pounds [1].", "When is the rent due?"] and texts[3]


async def test_adapters_are_put_on_by_name(serving, tmp_path):
    """Proven ones only, with a strength; + none is what is on in the assistant, +off the base."""
    core = serving.core
    for name, state in (("style", "proven"), ("raw", "trained")):
        adapter = await core.registry.add(finished_run(tmp_path / name, name, base_sha256=""))
        if state == "proven":
            await core.registry.set_state(adapter, state, "it was so")
    assert "scripted+style@library" in [each.id async for each in await serving.client.models.list()]
    answer = await serving.ask("scripted+style:0.5", "Name a colour.")
    assert answer.adapter == "style@v1:0.5" and answer.choices[0].message.content.startswith("style@v1:0.5: ")
    await core.adapters.activate("style")
    assert (await serving.ask("scripted", "Name a colour.")).adapter == "style@v1"
    assert (await serving.ask("scripted+off", "Name a colour.")).adapter == ""
    assert (await serving.ask("scripted+style@v1", "Name a colour.")).adapter == "style@v1"
    for name in ("scripted+raw", "scripted+nothing", f"scripted+{tmp_path}/x.gguf", "scripted+", "gpt-4", "scripted@x"):
        with pytest.raises(openai.NotFoundError) as refused:
            await serving.ask(name, "Name a colour.")
        assert refused.value.body["code"] == "model_not_found", name


async def test_tools_are_called_and_answered(home):
    """A required call parses; its result comes back as text from the next turn."""
    call = '{"name": "calculate", "arguments": {"expression": "2*3"}}'
    scripted(home, turns=[call], text="It is six.")
    tools = [{"type": "function", "function": {"name": "calculate", "description": "Sums.", "parameters": {
        "type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]}}}]  # fmt: skip
    async with asking(home) as found:
        first = await found.ask("scripted", "What is 2*3?", tools=tools, tool_choice="required")
        [made] = first.choices[0].message.tool_calls
        assert first.choices[0].finish_reason == "tool_calls" and first.choices[0].message.content is None
        assert (made.function.name, json.loads(made.function.arguments)) == ("calculate", {"expression": "2*3"})
        chunks = await found.stream("scripted", "What is 2*3?", tools=tools)
        assert chunks[1].choices[0].delta.tool_calls[0].function.name == "calculate"
        result = {"role": "tool", "tool_call_id": made.id, "content": "6"}
        messages = [*asked("What is 2*3?"), first.choices[0].message.model_dump(exclude_none=True), result]
        last = await found.client.chat.completions.create(model="scripted", messages=messages, tools=tools)
        assert last.choices[0].message.content == "It is six."
        with pytest.raises(openai.BadRequestError, match="cannot be combined"):
            await found.ask("scripted@library", "What is 2*3?", tools=tools)


async def test_embeddings_are_the_librarys_own(serving):
    """As numbers and, as the client asks by itself, in base64; a unit vector for each text."""
    packed = await serving.client.embeddings.create(model="any", input=["the rent", "plum cake"])
    plain = await serving.client.embeddings.create(model="any", input="the rent", encoding_format="float")
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding)
    assert sum(value * value for value in packed.data[1].embedding) == pytest.approx(1.0, abs=1e-5)
    for wrong in ([], [""], [1, 2], {"a": 1}):
        with pytest.raises(openai.BadRequestError):
            await serving.client.embeddings.create(model="any", input=wrong)


async def test_who_should_not_ask_is_refused(serving):
    """No key, another name for this machine, a web page; what is no request, too large, or not served."""
    key = {"Authorization": f"Bearer {serving.server.token}"}
    body = {"model": "scripted", "messages": asked("Hello")}
    url = f"{serving.server.url}/chat/completions"
    cases = [
        ("post", url, {}, {"json": body}, 401, "invalid_api_key"),
        ("post", url, {"Authorization": "Bearer wrong"}, {"json": body}, 401, "invalid_api_key"),
        ("post", url, {**key, "Host": "evil.example:80"}, {"json": body}, 403, "invalid_host"),
        ("post", url, {**key, "Origin": "http://localhost"}, {"json": body}, 403, "invalid_origin"),
        ("post", url, key, {"content": b"{"}, 400, None),
        ("post", url, key, {"content": b"[" * 100_000}, 400, None),
        ("post", url, key, {"content": b" " * (4 * 2**20 + 1)}, 413, None),
        ("get", url, key, {}, 405, None),
        ("get", f"{serving.server.url}/files", key, {}, 404, None),
    ]
    async with httpx.AsyncClient() as client:
        for method, where, headers, options, status, code in cases:
            reply = await client.request(method, where, headers=headers, **options)
            error = reply.json()["error"]
            assert (reply.status_code, error["code"]) == (status, code), reply.text
            assert error["message"] and error["type"] == "invalid_request_error"


WRONG = {
    "messages": [[], {}, [{"role": "god", "content": "x"}], [{"role": "assistant", "content": "x"}], ["x"],
                 [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
                 [{"role": "user", "content": " "}], [{"role": "assistant", "tool_calls": [{}]}, *asked("x")]],
    "temperature": [-1, "hot", True, 1e9], "max_tokens": [0, 1.5, "many"], "stop": [[""], 5, ["a"] * 99], "n": [2],
    "stream": ["yes"], "tools": [[{}], [{"function": {"name": "x", "parameters": {"properties": []}}}],
                                 [{"function": {"name": "x", "parameters": {"properties": {"a": {"type": "what"}}}}}]],
    "tool_choice": ["required", "x", 5], "model": ["", 5], "logprobs": [True], "seed": [-1],
    "response_format": [{"type": "json_object"}],
}  # fmt: skip


async def test_every_wrong_field_is_named(serving):
    """400 in OpenAI's form, and the server answers on."""
    headers = {"Authorization": f"Bearer {serving.server.token}"}
    async with httpx.AsyncClient(headers=headers, base_url=serving.server.url) as client:
        for field, values in WRONG.items():
            for value in values:
                body = {"model": "scripted@library", "messages": asked("Hello")} | {field: value}
                body = body | ({"model": "scripted"} if field in ("tools", "tool_choice") else {})
                reply = await client.post("/chat/completions", json=body)
                assert reply.status_code == 400, (field, value, reply.text)
                assert reply.json()["error"]["message"]
        body = {"model": "scripted", "messages": asked("\ud800 half a letter"), "presence_penalty": 1}
        reply = await client.post("/chat/completions", content=json.dumps(body))
        assert reply.status_code == 200 and "presence_penalty" in reply.json()["notices"][0]


async def test_one_answer_at_a_time_and_the_queue_is_bounded(home, monkeypatch):
    """The second waits for the first; who comes when the queue is full is told so, and can come again."""
    monkeypatch.setattr(answers_module, "MOST_WAITING", 1)
    scripted(home, text="word " * 40, tokens_per_second=40)
    async with asking(home) as found:
        first = asyncio.create_task(found.stream("scripted", "one"))
        second = asyncio.create_task(found.ask("scripted", "two"))
        async with asyncio.timeout(60):
            while found.server.answers.waiting < 2:
                await asyncio.sleep(0.01)
        with pytest.raises(openai.RateLimitError, match="wait already"):
            await found.ask("scripted", "three")
        assert (await first)[-1].usage.completion_tokens == 40
        assert (await second).usage.completion_tokens == 40
        await found.server.answers.idle()
        assert found.server.answers.answered == 2


@pytest.mark.parametrize("name", ["scripted", "scripted@library"])
async def test_what_nobody_waits_for_is_cancelled(home, tmp_path, name):
    """A client that leaves in the middle of a stream, or before an answer, frees the model for the next one."""
    scripted(home, text="word " * 100_000, tokens_per_second=50, context=200_000)
    (tmp_path / "lease.txt").write_text(LEASE)
    async with asking(home) as found:
        await ingest(found.core, tmp_path / "lease.txt")
        stream = await found.ask(name, "What is the rent?", stream=True, max_tokens=90_000)
        assert (await anext(aiter(stream))).choices[0].delta.role == "assistant"
        await stream.close()
        whole = asyncio.create_task(found.ask(name, "What is the rent?", max_tokens=90_000))
        async with asyncio.timeout(60):
            while found.server.answers.waiting < 1:
                await asyncio.sleep(0.01)
            whole.cancel()
            await found.server.answers.idle()
        assert found.server.answers.answered == 0
        cut = await found.ask(name, "What is the rent?", max_tokens=3)
        assert cut.choices[0].finish_reason == "length" and cut.usage.completion_tokens == 3


async def test_a_model_that_dies_is_told_in_the_stream(home):
    """What was written stays, the error follows in OpenAI's form, and the next request is answered by a new process."""
    scripted(home, text="one two three", crash_at_token=2)
    async with asking(home) as found:
        stream, pieces = await found.ask("scripted", "Count.", stream=True), []
        with pytest.raises(openai.APIError, match="process died"):
            async for chunk in stream:
                pieces.append(chunk.choices[0].delta.content)
        assert "".join(pieces).startswith("one")
        with pytest.raises(openai.InternalServerError, match="process died"):
            await found.ask("scripted", "Count.")


def test_the_shell_serves_until_it_is_stopped(home):
    """One line of JSON says where; the key lies in a file of its owner's, stays, and is renewed when asked."""
    command = [sys.executable, "-m", "assistant", "--home", str(home), "serve", "--json", "--port"]

    def served(*more):
        process = subprocess.Popen([*command, "0", *more], stdout=subprocess.PIPE, text=True)
        told = json.loads(process.stdout.readline())
        client = openai.OpenAI(base_url=told["url"], api_key=told["token"], max_retries=0)
        assert [each.id for each in client.models.list()] == told["models"] == ["scripted", "scripted@library"]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        process.stdout.close()
        return told["token"]

    token = served()
    assert (home / "serve.token").read_text().strip() == token
    assert stat.S_IMODE((home / "serve.token").stat().st_mode) == 0o600
    assert kept_token(home) == token != served("--new-token")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = subprocess.run([*command, port], capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2 and f"Port {port} cannot be used" in refused.stderr and "--port" in refused.stderr
    assert "Traceback" not in refused.stderr
