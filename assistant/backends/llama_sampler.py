"""How is the next token chosen? llama.cpp's sampler chain for one answer."""

from __future__ import annotations

from typing import Any

import llama_cpp as native

from assistant.backends.knobs import PENALTY_WINDOW
from assistant.conversation import Sampling
from assistant.errors import ModelError


class Sampler:
    """llama.cpp's sampler chain for one answer; the repeat penalty sees the answer only, not what it quotes."""

    def __init__(self, context: Any, vocabulary: Any, sampling: Sampling, seed: int, grammar: str = "") -> None:
        """`grammar` is GBNF with a rule `root`, "" for any text.

        Raises:
            ModelError: llama.cpp does not understand the grammar.
        """
        self._context = context
        first = [_grammar(vocabulary, grammar)] if grammar else []
        self._chain = native.llama_sampler_chain_init(native.llama_sampler_chain_default_params())
        for link in (*first, *_links(sampling, seed, int(native.llama_vocab_n_tokens(vocabulary)))):
            native.llama_sampler_chain_add(self._chain, link)

    def next(self) -> int:
        """The token chosen after the last evaluated one."""
        return int(native.llama_sampler_sample(self._chain, self._context, -1))

    def close(self) -> None:
        """Free the native chain and its links."""
        native.llama_sampler_free(self._chain)


def _grammar(vocabulary: Any, grammar: str) -> Any:
    """The link that leaves only tokens with which the answer stays in the grammar; before all others."""
    link = native.llama_sampler_init_grammar(vocabulary, grammar.encode(), b"root")
    if not link:
        raise ModelError("The grammar of the answer cannot be read.", "This is a defect of the assistant.")
    return link


def _links(sampling: Sampling, seed: int, vocabulary_size: int) -> list[Any]:
    """The chain in llama.cpp's own order: penalty, top-k, top-p, min-p, temperature, draw."""
    links = []
    if sampling.repeat_penalty != 1.0:
        links.append(
            native.llama_sampler_init_penalties(vocabulary_size, PENALTY_WINDOW, sampling.repeat_penalty, 0.0, 0.0)
        )
    if sampling.temperature <= 0:
        return [*links, native.llama_sampler_init_greedy()]
    if sampling.top_k > 0:
        links.append(native.llama_sampler_init_top_k(sampling.top_k))
    if sampling.top_p < 1:
        links.append(native.llama_sampler_init_top_p(sampling.top_p, 1))
    if sampling.min_p > 0:
        links.append(native.llama_sampler_init_min_p(sampling.min_p, 1))
    return [*links, native.llama_sampler_init_temp(sampling.temperature), native.llama_sampler_init_dist(seed)]
