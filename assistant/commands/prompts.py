"""`assistant prompts`: the prompt library - list, show, write, use."""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.errors import StorageError, UsageError
from assistant.output import emit, say, warn
from assistant.prompts.files import NEW, as_toml, parse_prompt
from assistant.prompts.prompt import KINDS, Prompt, all_variables, picked, rendered
from assistant.prompts.using import costs, missing_adapter
from assistant.safe_text import safe_line


def add_parsers(commands: Any) -> None:
    """Add `prompts`."""
    parser = commands.add_parser(
        "prompts",
        help="the prompt library: prompts with variables and examples, to be used again",
        description="Kinds: " + "; ".join(f"{kind} {what}" for kind, what in KINDS.items()) + ".",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run_list)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="all prompts, by name").set_defaults(run=run_list)
    show = actions.add_parser("show", help="a prompt as it is written, and what it costs in tokens")
    show.add_argument("name", metavar="NAME")
    show.set_defaults(run=run_show)
    actions.add_parser("new", help="print a prompt to begin with").set_defaults(run=run_new)
    add = actions.add_parser("add", help="keep a prompt written in a file")
    add.add_argument("file", metavar="FILE", help="TOML as `show` and `new` print it; - reads stdin")
    add.set_defaults(run=run_add)
    edit = actions.add_parser("edit", help="change a prompt in $EDITOR, or put the one in FILE in its place")
    edit.add_argument("name", metavar="NAME")
    edit.add_argument("file", nargs="?", metavar="FILE", help="the new definition; - reads stdin")
    edit.set_defaults(run=run_edit)
    remove = actions.add_parser("remove", help="forget one of your own")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(run=run_remove)
    use = actions.add_parser("use", help="fill in a prompt and print it: `… | assistant ask -` sends it")
    use.add_argument("name", metavar="NAME")
    use.add_argument("values", nargs="*", metavar="KEY=VALUE", help="the variables; KEY=- reads one from stdin")
    use.add_argument("--examples", metavar="N", help="all, none, 2 (the first two), or 1,3 (default: all)")
    use.set_defaults(run=run_use)
    for each in actions.choices.values():
        each.add_argument("--json", action="store_true", help="print JSON", default=argparse.SUPPRESS)


async def run_list(arguments: argparse.Namespace, config: Config) -> int:
    """A line a prompt."""
    async with opened_core(config, shared=True) as core:
        prompts = await core.prompts.all()
    if arguments.json:
        emit([each.as_json() for each in prompts])
        return 0
    for each in prompts:
        own = "" if each.shipped else "  (your own)"
        say(safe_line(f"{each.name:<16} {each.kind:<14} {each.about}{own}"))
    return 0


async def run_show(arguments: argparse.Namespace, config: Config) -> int:
    """The definition, then tokens of its parts."""
    async with opened_core(config, shared=True) as core:
        prompt = await core.prompts.get(arguments.name)
        counts = await costs(core.tokenizer(), prompt)
    if arguments.json:
        emit({**prompt.as_json(), "tokens": counts.as_json()})
        return 0
    say(as_toml(prompt))
    say(f"# {counts.line}")
    return 0


async def run_new(arguments: argparse.Namespace, config: Config) -> int:
    """A prompt to begin with."""
    if arguments.json:
        emit({"toml": NEW})
    else:
        say(NEW, end="")
    return 0


async def run_add(arguments: argparse.Namespace, config: Config) -> int:
    """Keep a new one."""
    prompt = parse_prompt(_read(arguments.file))
    async with opened_core(config) as core:
        await core.prompts.save(prompt, new=True)
    _told(arguments, prompt, "is kept")
    return 0


async def run_edit(arguments: argparse.Namespace, config: Config) -> int:
    """Change one; of a shipped one, your own copy."""
    async with opened_core(config) as core:
        old = await core.prompts.get(arguments.name)
        text = _read(arguments.file) if arguments.file else await asyncio.to_thread(_edited, as_toml(old))
        prompt = parse_prompt(text)
        if prompt != old:
            await core.prompts.save(prompt, instead_of=old.name)
    _told(arguments, prompt, "is kept" if prompt != old else "is as it was")
    return 0


async def run_remove(arguments: argparse.Namespace, config: Config) -> int:
    """Forget one."""
    async with opened_core(config) as core:
        await core.prompts.remove(arguments.name)
    if arguments.json:
        emit({"name": arguments.name, "removed": True})
    else:
        say(f"{safe_line(arguments.name)} is removed.")
    return 0


async def run_use(arguments: argparse.Namespace, config: Config) -> int:
    """Fill in and print."""
    values = _values(arguments.values)
    async with opened_core(config, shared=True) as core:
        prompt = await core.prompts.get(arguments.name)
        text = rendered(prompt, values, picked(prompt, arguments.examples))
        if told := await missing_adapter(core, prompt):
            warn(told)
        if arguments.json:
            split = await core.tokenizer().split(text)
            emit({"name": prompt.name, "text": text, "tokens": len(split.tokens)})
        else:
            say(text)
    return 0


def _values(words: list[str]) -> dict[str, str]:
    values = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"{word[:40]!r} fills in nothing.", "Write KEY=VALUE; `prompts show NAME` has the keys.")
        values[key] = _read("-") if value == "-" else value
    return values


def _told(arguments: argparse.Namespace, prompt: Prompt, what: str) -> None:
    if arguments.json:
        emit(prompt.as_json())
    else:
        named = ", ".join(each.name for each in all_variables(prompt)) or "none"
        say(safe_line(f"{prompt.name} {what}. Variables: {named}; {len(prompt.examples)} examples."))


def _read(file: str) -> str:
    try:
        data = (
            sys.stdin.buffer.read() if file == "-" and sys.stdin is not None else Path(file).expanduser().read_bytes()
        )
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.", "Check the path.") from error
    return data.decode("utf-8", "replace")


def _edited(text: str) -> str:
    """A text after $VISUAL or $EDITOR."""
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "")
    if not editor or not sys.stdin.isatty():
        raise UsageError("There is no editor.", "Set $EDITOR, or give the new definition as FILE.")
    with tempfile.NamedTemporaryFile("w+b", suffix=".toml") as file:
        file.write(text.encode("utf-8", "replace"))
        file.flush()
        try:
            ended = subprocess.run([*editor, file.name])
        except OSError as error:
            raise StorageError(f"{editor[0]} cannot be started: {error.strerror}.", "Set $EDITOR.") from error
        if ended.returncode:
            raise UsageError(f"{editor[0]} ended with code {ended.returncode}.", "Nothing was changed.")
        return Path(file.name).read_text("utf-8", "replace")
