"""What should be known before a prompt is used: what it costs in tokens, and whether its adapter is on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from assistant.prompts.prompt import VARIABLE, Prompt, example_block

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tokens.inspector import TokenInspector


@dataclass(frozen=True, slots=True)
class Costs:
    """Tokens of the parts; the text without its variables. `context` is what the model reads at once."""

    text: int
    persona: int
    examples: tuple[int, ...]
    context: int

    @property
    def line(self) -> str:
        """`52 tokens without its variables: text 12, examples 9 + 10 + 9 + 12 · 0.6% of the context of 8,192`."""
        total = self.text + self.persona + sum(self.examples)
        parts = [f"text {self.text}"] + ([f"persona {self.persona}"] if self.persona else [])
        parts += [f"examples {' + '.join(map(str, self.examples))}"] if self.examples else []
        share = f" · {total / self.context:.1%} of the context of {self.context:,}" if self.context else ""
        return f"{total:,} tokens without its variables: {', '.join(parts)}{share}"

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


async def costs(inspector: TokenInspector, prompt: Prompt) -> Costs:
    """Count the parts of a prompt by a tokenizer.

    Raises:
        ModelError: the model's file has no tokenizer, or is not there.
    """
    bare = VARIABLE.sub("", prompt.text)
    texts = [bare, prompt.persona, *(example_block(example) for example in prompt.examples)]
    text, persona, *examples = [len((await inspector.split(each)).tokens) if each else 0 for each in texts]
    return Costs(text, persona, tuple(examples), (await inspector.facts()).context)


async def missing_adapter(core: Core, prompt: Prompt) -> str:
    """What to say where the adapter is not on that a prompt is written for, "" where it is."""
    on = {share.name.partition("@")[0] for share in await core.adapters.mix()}
    if not prompt.adapter or prompt.adapter in on:
        return ""
    return f"{prompt.name} is written for the adapter {prompt.adapter}, which is not on."
