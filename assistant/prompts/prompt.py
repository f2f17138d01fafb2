"""A prompt of the library: its kind, its text with typed variables, a persona, and examples that can be picked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from assistant.errors import UsageError

Kind = Literal["instruction", "completion", "scenario", "demonstration", "format"]
KINDS: dict[str, str] = {
    "instruction": "says what is to be done",
    "completion": "begins a text that is to go on",
    "scenario": "sets a scene with roles, and asks within it",
    "demonstration": "shows examples, and asks for one more",
    "format": "is written as an adapter was taught",
}
VariableType = Literal["text", "long", "number", "choice"]  # one line, several lines, a number, one of a few
VARIABLE = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*\}\}")
EXAMPLES = "examples"  # the place of the examples in a text
NO_EXAMPLES = re.compile(r"\{\{\s*examples\s*\}\}\n*")  # their place with the lines it takes
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
LONGEST, MOST_EXAMPLES = 20_000, 50  # characters of a text


@dataclass(frozen=True, slots=True)
class Variable:
    """What is filled in when a prompt is used. `default` None: it must be given."""

    name: str
    type: VariableType = "text"
    about: str = ""
    default: str | None = None
    choices: tuple[str, ...] = ()

    def checked(self, value: str) -> str:
        """The value as it stands in the prompt.

        Raises:
            UsageError: it is missing, no number, or none of the choices.
        """
        value = value.strip() if self.type != "long" else value.strip("\n")
        if not value:
            if self.default is None:
                raise UsageError(f"{self.name} is missing.", self.hint)
            return self.default
        if self.type == "number" and not re.fullmatch(r"[+-]?\d+(\.\d+)?", value):
            raise UsageError(f"{self.name} is {value[:40]!r}, which is no number.", self.hint)
        if self.type == "choice" and value not in self.choices:
            raise UsageError(f"{self.name} is {value[:40]!r}.", self.hint)
        return value

    @property
    def hint(self) -> str:
        """What can be given, on one line."""
        kinds = {"text": "a line", "long": "a text", "number": "a number", "choice": " | ".join(self.choices)}
        return " · ".join(filter(None, (self.about, kinds[self.type], f"else {self.default}" if self.default else "")))


@dataclass(frozen=True, slots=True)
class Example:
    """One shot: what is put in, and what is to come out."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt. `shipped` ones come along; `adapter` is the one that a `format` was taught to."""

    name: str
    kind: Kind
    text: str
    about: str = ""
    persona: str = ""
    adapter: str = ""
    variables: tuple[Variable, ...] = ()
    examples: tuple[Example, ...] = ()
    shipped: bool = field(default=False, compare=False)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def all_variables(prompt: Prompt) -> list[Variable]:
    """Those in the text, in its order; one that is not described is a line of text."""
    known = {each.name: each for each in prompt.variables}
    names = dict.fromkeys(name for name in VARIABLE.findall(prompt.text) if name != EXAMPLES)
    return [known.get(name, Variable(name)) for name in names]


def example_block(example: Example) -> str:
    """One example as it stands in a prompt."""
    return f"Input: {example.input}\nOutput: {example.output}"


def picked(prompt: Prompt, text: str | None) -> tuple[Example, ...]:
    """The examples that `all`, `none`, `3` (the first three) or `1,4` name; None is all.

    Raises:
        UsageError: there is no such example.
    """
    count = len(prompt.examples)
    if text is None or text == "all":
        return prompt.examples
    if text == "none":
        return ()
    numbers = [int(word) for word in text.split(",") if word.isascii() and word.isdecimal() and len(word) < 5]
    several = "," in text
    if len(numbers) != len(text.split(",")) or any(each > count or (several and each < 1) for each in numbers):
        raise UsageError(f"There are no examples {text[:40]!r}.", f"{prompt.name} has {count}: all, none, 2, or 1,3.")
    return tuple(prompt.examples[each - 1] for each in numbers) if several else prompt.examples[: numbers[0]]


def rendered(prompt: Prompt, values: Mapping[str, str], examples: Sequence[Example]) -> str:
    """The prompt as it is sent: the persona, then the text with its variables, the examples where it wants them.

    A variable in a value is not replaced again.

    Raises:
        UsageError: a value is missing or cannot be, or has no place in the text.
    """
    variables = {each.name: each for each in all_variables(prompt)}
    if unknown := [name for name in values if name not in variables]:
        known = ", ".join(variables) or "none"
        raise UsageError(f"{prompt.name} has no variable {unknown[0]!r}.", f"It has: {known}.")
    filled = {name: each.checked(values.get(name, "")) for name, each in variables.items()}
    shown = "\n\n".join(example_block(each) for each in examples)
    wants = EXAMPLES in VARIABLE.findall(prompt.text)
    text = prompt.text if shown else NO_EXAMPLES.sub("", prompt.text)
    text = VARIABLE.sub(lambda match: shown if match[1] == EXAMPLES else filled[match[1]], text).strip()
    return "\n\n".join(part for part in (prompt.persona.strip(), "" if wants else shown, text) if part)


def check(prompt: Prompt) -> None:
    """Refuse what cannot be used.

    Raises:
        UsageError: with what is wrong.
    """
    if not NAME.fullmatch(prompt.name):
        raise UsageError(f"{prompt.name[:40]!r} is no name for a prompt.", "Use a to z, digits and -, at most 40.")
    if prompt.kind not in KINDS:
        raise UsageError(f"There is no kind {prompt.kind!r}.", f"The kinds are: {', '.join(KINDS)}.")
    if not prompt.text.strip():
        raise UsageError("The prompt has no text.", 'Write text = """…""".')
    if max(len(prompt.text), len(prompt.persona)) > LONGEST or len(prompt.examples) > MOST_EXAMPLES:
        raise UsageError("The prompt is too long.", f"At most {LONGEST:,} characters and {MOST_EXAMPLES} examples.")
    names = set(VARIABLE.findall(prompt.text))
    for each in prompt.variables:
        if each.name not in names:
            raise UsageError(f"The variable {each.name!r} is not in the text.", f"Write {{{{{each.name}}}}} in it.")
        if each.type not in get_args(VariableType):
            raise UsageError(f"There is no type {each.type!r}.", f"Types: {', '.join(get_args(VariableType))}.")
        if each.type == "choice" and not each.choices:
            raise UsageError(f"The variable {each.name!r} has no choices.", 'Write choices = ["…", "…"].')
        if each.default:
            each.checked(each.default)
