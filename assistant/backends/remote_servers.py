"""What the servers can do beyond OpenAI's API, and how each of them calls it.

vLLM: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html (extra parameters, /tokenize) and
https://docs.vllm.ai/en/latest/features/lora.html (/v1/load_lora_adapter). llama-server: tools/server/README.md of
llama.cpp (/tokenize, /props, /lora-adapters, `grammar`). llama-cpp-python: its llama_cpp/server. Ollama and LM Studio:
the pages on their OpenAI compatibility.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from adapters.adapter_files import PEFT_CONFIG, WEIGHTS, adapter_label
from assistant.backends.form import Shape, gbnf
from assistant.backends.remote_address import Address
from assistant.conversation import Sampling
from assistant.errors import AdapterError, ModelError


class Calls(Protocol):
    """What is needed of RemoteHTTP."""

    address: Address

    def get(self, path: str) -> Any:
        """A JSON reply."""

    def post(self, path: str, body: Any) -> Any:
        """A JSON reply."""


@dataclass(frozen=True, slots=True)
class Server:
    """A kind of server. `penalty` is its name for the repeat penalty, "" where it takes no more than OpenAI's settings;
    `tokens` is where it counts tokens; `grammar` says whether an answer can be held to one."""

    name: str
    penalty: str = ""
    min_p: bool = True
    tokens: str = ""
    grammar: bool = False

    def settings(self, sampling: Sampling) -> dict[str, Any]:
        """The settings that OpenAI's API does not have."""
        if not self.penalty:
            return {}
        found: dict[str, Any] = {"top_k": sampling.top_k, self.penalty: sampling.repeat_penalty}
        if self.penalty == "repetition_penalty" and sampling.top_k <= 0:
            found["top_k"] = -1  # how vLLM says: off
        return found | ({"min_p": sampling.min_p} if self.min_p else {})

    def held(self, form: Shape) -> dict[str, Any]:
        """What holds an answer to a form or grammar."""
        if not form or not self.grammar:
            return {}
        return {"structured_outputs": {"grammar": gbnf(form)}} if self.name == "vLLM" else {"grammar": gbnf(form)}

    def count(self, calls: Calls, model: str, text: str) -> int:
        """Tokens of a text as content."""
        bodies = {
            "/tokenize": {"model": model, "prompt": text, "content": text, "add_special_tokens": False},
            "/extras/tokenize/count": {"model": model, "input": text},
        }
        reply = calls.post(f"{calls.address.root}{self.tokens}", bodies[self.tokens])
        found = reply if isinstance(reply, dict) else {}
        count = found.get("count", len(found["tokens"]) if isinstance(found.get("tokens"), list) else None)
        return count if type(count) is int and count >= 0 else len(text.encode())


VLLM = Server("vLLM", "repetition_penalty", tokens="/tokenize", grammar=True)
LLAMA_SERVER = Server("llama-server", "repeat_penalty", tokens="/tokenize", grammar=True)
LLAMA_CPP_PYTHON = Server("llama-cpp-python", "repeat_penalty", tokens="/extras/tokenize/count", grammar=True)
LM_STUDIO = Server("LM Studio", "repeat_penalty", min_p=False)
OLLAMA = Server("Ollama")
OTHER = Server("an OpenAI-compatible server")
OWNERS = {  # what `owned_by` says in the list of models
    "vllm": VLLM, "llamacpp": LLAMA_SERVER, "me": LLAMA_CPP_PYTHON, "library": OLLAMA, "organization_owner": LM_STUDIO,
}  # fmt: skip


def server_of(listed: Sequence[dict[str, Any]]) -> Server:
    """The kind of server that lists these models."""
    return next((OWNERS[owner] for each in listed if (owner := str(each.get("owned_by"))) in OWNERS), OTHER)


def context_of(server: Server, calls: Calls, entry: dict[str, Any]) -> int:
    """Tokens that one request may have; 0 where the server does not tell. `entry` is the model's in the list of models.

    llama-server lists what the model was trained for, and tells at /props what it was started with.
    """
    told = entry.get("max_model_len") or (entry.get("meta") or {}).get("n_ctx_train")
    if server is LLAMA_SERVER:
        with contextlib.suppress(ModelError, AttributeError):
            told = calls.get(f"{calls.address.root}/props").get("default_generation_settings", {}).get("n_ctx") or told
    return told if type(told) is int and told > 0 else 0


def own_adapters(server: Server, calls: Calls) -> tuple[str, ...]:
    """What llama-server has put on by itself: adapters that it was started with have strength 1 until somebody asks."""
    if server is not LLAMA_SERVER:
        return ()
    with contextlib.suppress(ModelError):
        return tuple(adapter_label(Path(str(each["path"]))) for each in _adapters(calls) if each.get("scale"))
    return ()


def put_on(server: Server, calls: Calls, model: str, parts: Sequence[tuple[str, float]]) -> str:
    """Put these adapters on at the server, in place of all others; the model to ask for from now on.

    A part is an adapter's file or its name at the server, with its strength.

    Raises:
        AdapterError: the server has no such call, or not this adapter; what was on stays on.
    """
    if server is LLAMA_SERVER:
        _set_scales(calls, parts)
        return model
    if server is VLLM:
        return _loaded(calls, model, parts)
    if not parts:
        return model
    raise AdapterError(
        f"{calls.address.name} is {server.name}, which puts no adapters on when asked.",
        "vLLM and llama-server do; or use a model on this machine.",
    )


def _set_scales(calls: Calls, parts: Sequence[tuple[str, float]]) -> None:
    """llama-server: those it was started with get their strength, all others 0."""
    known = {
        name: each["id"]
        for each in (_adapters(calls) if parts else [])
        for name in (str(each["path"]), adapter_label(Path(str(each["path"]))))
    }  # fmt: skip
    scales: dict[int, float] = {}
    for part, scale in parts:
        number = known.get(part, known.get(adapter_label(Path(part))))
        if number is None:
            raise AdapterError(
                f"{calls.address.name} has not loaded {adapter_label(Path(part))}.",
                "Start it with --lora FILE for each adapter it shall have.",
            )
        scales[number] = scale
    calls.post(
        f"{calls.address.root}/lora-adapters", [{"id": number, "scale": each} for number, each in scales.items()]
    )


def _adapters(calls: Calls) -> list[dict[str, Any]]:
    """Those that llama-server was started with: `id`, `path` and `scale`."""
    listed = calls.get(f"{calls.address.root}/lora-adapters")
    entries = listed if isinstance(listed, list) else []
    return [each for each in entries if isinstance(each, dict) and "path" in each and "id" in each]


def _loaded(calls: Calls, model: str, parts: Sequence[tuple[str, float]]) -> str:
    """vLLM: an adapter is a model of its own name, loaded from a folder of PEFT that the server can read."""
    if not parts:
        return model
    if len(parts) > 1 or parts[0][1] != 1:
        raise AdapterError("vLLM puts on one adapter, at strength 1.", "Name one, without a number.")
    path = Path(parts[0][0])
    name = adapter_label(path)
    listed = calls.get(f"{calls.address.base}/models")
    entries = listed.get("data", []) if isinstance(listed, dict) else []
    if name in [each.get("id") for each in entries if isinstance(each, dict)]:
        return name
    folder = path.parent / "peft" if path.name == WEIGHTS else path.parent if path.name == PEFT_CONFIG else None
    if folder is None or not folder.is_dir():
        raise AdapterError(
            f"{calls.address.name} has no adapter {name}.", "vLLM reads folders of PEFT: name a trained version."
        )
    try:
        calls.post(f"{calls.address.base}/load_lora_adapter", {"lora_name": name, "lora_path": str(folder)})
    except ModelError as error:
        raise AdapterError(
            f"{calls.address.name} did not load {name}: {error}",
            "vLLM does where it was started with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True.",
        ) from error
    return name
