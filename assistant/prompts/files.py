"""Prompts as they are written: TOML, the same for files, the screen and those that come along."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from importlib.resources import files
from typing import Any

from assistant.errors import UsageError
from assistant.prompts.prompt import KINDS, Example, Prompt, Variable, check

SHIPPED = "shipped.toml"
NEW = '''name = "my-prompt"
kind = "instruction"      # {kinds}
about = "What it is for, in a few words"
persona = ""              # who answers; stands before the text
text = """
Explain {{{{topic}}}} to {{{{reader}}}}.
"""

[variables.reader]
type = "choice"           # text, long, number, choice
choices = ["a child", "an expert"]
default = "a child"

# [[examples]]
# input = "…"
# output = "…"
'''.format(kinds=", ".join(KINDS))


def parse_prompt(text: str) -> Prompt:
    """The prompt that a TOML text describes.

    Raises:
        UsageError: it is no TOML, has an unknown key, or describes no prompt.
    """
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"The prompt is no TOML: {error}.", "`assistant prompts new` prints one to begin with."
        ) from error
    return prompt_from(value)


def prompt_from(value: Mapping[str, Any], *, shipped: bool = False) -> Prompt:
    """The prompt of a TOML or JSON table; see `parse_prompt`."""
    texts = {"name", "kind", "text", "about", "persona", "adapter"}
    if unknown := sorted(set(value) - texts - {"variables", "examples", "shipped"}):
        raise UsageError(
            f"A prompt has no {unknown[0]!r}.", f"It has: {', '.join(sorted(texts))}, variables, examples."
        )
    if wrong := [name for name in sorted(texts) if not isinstance(value.get(name, ""), str)]:
        raise UsageError(f"{wrong[0]} must be a text.", "Put it in quotes.")
    given = {name: value.get(name, "") for name in texts}
    prompt = Prompt(
        **{**given, "text": given["text"].strip("\n")},
        variables=_variables(value.get("variables", {})),
        examples=_examples(value.get("examples", [])),
        shipped=shipped,
    )
    check(prompt)
    return prompt


def _variables(value: Any) -> tuple[Variable, ...]:
    known = {each.name for each in fields(Variable)} - {"name"}
    if not isinstance(value, dict) or not all(isinstance(each, dict) for each in value.values()):
        raise UsageError("Variables are tables.", "Write [variables.NAME] and below it type, about, default, choices.")
    found = []
    for name, each in value.items():
        if unknown := sorted(set(each) - known):
            raise UsageError(f"A variable has no {unknown[0]!r}.", f"It has: {', '.join(sorted(known))}.")
        choices, default = each.get("choices", []), each.get("default")
        if not isinstance(choices, list) or not all(isinstance(word, str) for word in choices):
            raise UsageError(f"The choices of {name} are no texts.", 'Write choices = ["…", "…"].')
        default = None if default is None else str(default)
        found.append(
            Variable(name, str(each.get("type", "text")), str(each.get("about", "")), default, tuple(choices))  # type: ignore[arg-type]  # checked by `check`
        )
    return tuple(found)


def _examples(value: Any) -> tuple[Example, ...]:
    keys = {"input", "output"}
    whole = isinstance(value, list) and all(
        isinstance(each, dict) and set(each) == keys and all(isinstance(text, str) for text in each.values())
        for each in value
    )
    if not whole:
        raise UsageError("An example is an input and an output.", 'Write [[examples]], input = "…", output = "…".')
    return tuple(Example(each["input"], each["output"]) for each in value)


def as_table(prompt: Prompt) -> dict[str, Any]:
    """As `prompt_from` reads it."""
    value = prompt.as_json()
    del value["shipped"]
    value["variables"] = {
        each.name: {"type": each.type, "about": each.about, "choices": list(each.choices)}
        | ({} if each.default is None else {"default": each.default})
        for each in prompt.variables
    }
    return value


def as_toml(prompt: Prompt) -> str:
    """As `parse_prompt` reads it; what is empty is left out."""
    lines = [
        f"{name} = {_quoted(getattr(prompt, name))}"
        for name in ("name", "kind", "about", "persona", "adapter", "text")
        if getattr(prompt, name)
    ]
    for each in prompt.variables:
        lines += ["", f"[variables.{each.name}]", f"type = {_quoted(each.type)}"]
        lines += [f"about = {_quoted(each.about)}"] if each.about else []
        lines += [f"choices = [{', '.join(_quoted(word) for word in each.choices)}]"] if each.choices else []
        lines += [f"default = {_quoted(each.default)}"] if each.default is not None else []
    for example in prompt.examples:
        lines += ["", "[[examples]]", f"input = {_quoted(example.input)}", f"output = {_quoted(example.output)}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A TOML string; one of several lines in three quotes."""
    lines = [json.dumps(line, ensure_ascii=False)[1:-1].replace("\x7f", "\\u007f") for line in text.split("\n")]
    return f'"{lines[0]}"' if len(lines) == 1 else '"""\n' + "\n".join(lines) + '"""'


def shipped_prompts() -> list[Prompt]:
    """The prompts that come along."""
    text = files("assistant.prompts").joinpath(SHIPPED).read_text("utf-8")
    return [prompt_from(value, shipped=True) for value in tomllib.loads(text)["prompts"]]
