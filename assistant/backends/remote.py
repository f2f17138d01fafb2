"""The backend for a model on a server that speaks OpenAI's API: vLLM, llama-server, Ollama, LM Studio and others.

Off until the user names a server. What a server does not tell (scores of tokens) is refused in words.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from adapters.adapter_files import adapter_label
from adapters.files.gguf_facts import shown
from adapters.mix import Share, mix_text
from adapters.offline_guard import is_loopback
from assistant.backends.answer_text import AnswerRun, AnswerText
from assistant.backends.base import ChatMessage, Done, ModelInfo, NullAnswer, Piece, Score, Step
from assistant.backends.form import Shape, nearest
from assistant.backends.next_token import Chosen, Distribution
from assistant.backends.remote_address import parse_address
from assistant.backends.remote_http import RemoteHTTP
from assistant.backends.remote_servers import OTHER, Server, context_of, own_adapters, put_on, server_of
from assistant.config import RemoteSettings
from assistant.conversation import Sampling
from assistant.errors import ContextOverflowError, ModelError

DEFAULT_CONTEXT = 4096  # where neither the server nor the settings say
OVERHEAD = 8  # tokens that a chat template may add to a message
BYTES_PER_TOKEN = 3  # fewer than tokenizers reach on prose, so that an estimate is rather too high
MOST_STOPS = 4  # what OpenAI's API takes


class RemoteBackend:
    """A model on a server. See backends.base.Backend."""

    def __init__(self, settings: RemoteSettings, key: str, model: str = "") -> None:
        """`model` "" is the one of the settings, else the first that the server lists.

        Raises:
            ModelError: the server cannot be reached, refuses, or has no such model.
        """
        self._calls = RemoteHTTP(parse_address(settings.url), key, settings.timeout)
        self._url = settings.url
        listed = self._listed()
        self._server: Server = server_of(listed)
        self._model = self._chosen(model or settings.model, listed)
        entry = next((each for each in listed if each.get("id") == self._model), {})
        self._context = settings.context or context_of(self._server, self._calls, entry) or DEFAULT_CONTEXT
        self._own = own_adapters(self._server, self._calls)
        self._asked = self._model  # vLLM: an adapter's name while one is on
        self._adapter = ""
        self._exact = bool(self._server.tokens) and is_loopback(self._calls.address.host)
        self._overhead = self._measured_overhead()

    @property
    def info(self) -> ModelInfo:
        """Facts of the model, as far as the server tells them."""
        name, notice = self._calls.address.name, ""
        if not self._server.penalty:
            notice = f"{name} is {self._server.name}: top-k, min-p and the repeat penalty are its own."
        if self._own:
            notice = f"{name} has adapters on by itself: {shown(', '.join(self._own), 80)}. Take them off: /adapter off"
        return ModelInfo(
            f"remote:{shown(self._model, 60)}", self._url, "", 0, "", self._context, self._context, self._overhead,
            notice, "remote", self._calls.address.name,
        )  # fmt: skip

    def count_tokens(self, texts: list[str]) -> list[int]:
        """Tokens of each text: asked of a server on this machine, else estimated here: nothing leaves for it."""
        return [self._count(text) for text in texts]

    def complete(
        self,
        messages: list[ChatMessage],
        sampling: Sampling,
        cancelled: Callable[[], bool],
        form: Shape = (),
        null: NullAnswer | None = None,
    ) -> Iterator[Piece | Done]:
        """Stream the answer to `messages`; see Backend.complete. `null` needs scores: it is nothing here."""
        if form and not self._server.grammar:
            yield from self._nearest(messages, sampling, cancelled, form)
            return
        seed = sampling.seed % 2**31 if sampling.seed is not None else secrets.randbelow(2**31)
        run = AnswerRun(time.monotonic(), AnswerText(sampling.stop), seed)
        body = self._body(messages, sampling, seed) | self._server.held(form)
        usage: dict[str, Any] = {}
        for event in self._calls.stream(f"{self._calls.address.base}/chat/completions", body, cancelled):
            usage = event.get("usage") or usage
            text, finish = _delta(event)
            if text and (ready := run.add(text.encode("utf-8", "replace"))):
                yield Piece(ready)
            if finish:
                run.finish = "length" if finish == "length" else "stop"
            if run.text.stopped or cancelled():
                run.finish = "stop" if run.text.stopped else "cancelled"
                break
        else:
            run.finish = "stop" if run.finish == "cancelled" and not cancelled() else run.finish
        if rest := run.text.finish():
            yield Piece(rest)
        run.count = _whole(usage.get("completion_tokens")) or run.count
        prompt = _whole(usage.get("prompt_tokens")) or self._bound(messages)  # not every server tells
        details = usage.get("prompt_tokens_details")
        cached = _whole(details.get("cached_tokens")) if isinstance(details, dict) else 0
        yield run.done(prompt, cached)

    def score(self, messages: list[ChatMessage], answer: str) -> Score:
        """Refused: servers do not tell how likely a given text is."""
        raise self._untold()

    def follow(self, prompt: list[int], continuation: list[int], candidates: list[list[int]]) -> list[Step]:
        """Refused, as `score`."""
        raise self._untold()

    def decode(
        self, messages: list[ChatMessage], sampling: Sampling, cancelled: Callable[[], bool]
    ) -> Iterator[Chosen | Done]:
        """Refused, as `score`."""
        raise self._untold()

    def next_tokens(self, messages: list[ChatMessage], said: list[int], sampling: Sampling, count: int) -> Distribution:
        """Refused, as `score`."""
        raise self._untold()

    def set_adapters(self, parts: list[tuple[str, float]], tried: bool = False) -> str:
        """Put adapters on by the server's own calls; see remote_servers.put_on."""
        self._asked = put_on(self._server, self._calls, self._model, parts)
        self._adapter = mix_text([Share(adapter_label(Path(path)), scale) for path, scale in parts])
        return self._adapter

    def _listed(self) -> list[dict[str, Any]]:
        reply = self._calls.get(f"{self._calls.address.base}/models")
        data = reply.get("data") if isinstance(reply, dict) else None
        if not isinstance(data, list):
            raise ModelError(
                f"{self._calls.address.name} lists no models.", "remote.url ends with /v1 at most servers."
            )
        return [each for each in data if isinstance(each, dict) and isinstance(each.get("id"), str)]

    def _chosen(self, wanted: str, listed: list[dict[str, Any]]) -> str:
        names = [str(each["id"]) for each in listed]
        if wanted in names or (wanted and self._server is OTHER and not names):
            return wanted
        if not wanted and names:
            return names[0]
        told = ", ".join(shown(name, 60) for name in names[:8]) or "none"
        raise ModelError(
            f"{self._calls.address.name} has no model {shown(wanted, 60)!r}." if wanted else "The server has no model.",
            f"It has: {told}.",
        )

    def _measured_overhead(self) -> int:
        """What the template adds to a message, from an answer of one token; it also shows that the model answers."""
        body = {
            "model": self._model, "max_tokens": 1, "temperature": 0,
            "messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "x"}],
        }  # fmt: skip
        reply = self._calls.post(f"{self._calls.address.base}/chat/completions", body)
        if not isinstance(reply, dict) or not isinstance(reply.get("choices"), list):
            raise ModelError(f"{self._calls.address.name} does not answer as OpenAI's API does.", "Check remote.url.")
        used = _whole((reply.get("usage") or {}).get("prompt_tokens"))
        return max(math.ceil((used - 2) / 2), 1) + 1 if used else OVERHEAD

    def _count(self, text: str) -> int:
        if not text:
            return 0
        if self._exact:
            return self._server.count(self._calls, self._asked, text)
        return math.ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN)

    def _bound(self, messages: list[ChatMessage]) -> int:
        """Tokens that the prompt has at most."""
        return sum(self.count_tokens([each.content for each in messages])) + self._overhead * len(messages)

    def _body(self, messages: list[ChatMessage], sampling: Sampling, seed: int) -> dict[str, Any]:
        room = self._context - self._bound(messages)
        if self._exact and room + self._overhead * len(messages) < 1:
            raise ContextOverflowError(
                f"The prompt is longer than the {self._context:,} tokens that {self._calls.address.name} reads.",
                "Shorten the message, or start a new chat.",
            )
        body: dict[str, Any] = {
            "model": self._asked, "messages": [{"role": each.role, "content": each.content} for each in messages],
            "stream": True, "stream_options": {"include_usage": True}, "temperature": max(0.0, sampling.temperature),
            "top_p": sampling.top_p, "max_tokens": max(1, min(sampling.max_tokens, room)), "seed": seed,
            **self._server.settings(sampling),
        }  # fmt: skip
        return body | ({"stop": list(sampling.stop[:MOST_STOPS])} if sampling.stop else {})

    def _nearest(
        self, messages: list[ChatMessage], sampling: Sampling, cancelled: Callable[[], bool], form: Shape
    ) -> Iterator[Piece | Done]:
        """A server without grammars answers freely; the text of the form that is nearest to it counts."""
        if isinstance(form, str):
            raise ModelError(
                f"{self._calls.address.name} cannot keep an answer to a grammar.", "Use a model on this machine."
            )
        *pieces, done = self.complete(messages, sampling, cancelled)
        assert isinstance(done, Done)
        yield Piece(nearest(form, "".join(each.text for each in pieces if isinstance(each, Piece))))
        yield done

    def _untold(self) -> ModelError:
        return ModelError(
            f"{self._calls.address.name} does not tell the probabilities of tokens.", "Use a model on this machine."
        )


def _delta(event: dict[str, Any]) -> tuple[str, str]:
    """The text and the end that an event brings, "" each where there is none."""
    choices = event.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    delta = first.get("delta")
    text = delta.get("content") if isinstance(delta, dict) else ""
    finish = first.get("finish_reason")
    return text if isinstance(text, str) else "", finish if isinstance(finish, str) else ""


def _whole(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0
