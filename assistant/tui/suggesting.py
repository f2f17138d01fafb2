"""What the typed line may become: commands, paths, settings, collections, adapters, datasets, themes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from assistant.tui.commands import Suggestion, setting_keys, suggestions
from assistant.tui.path_completion import completions

if TYPE_CHECKING:
    from assistant.bootstrap import Core

MOST = 50
ENDINGS: dict[str, str | tuple[str, ...]] = {
    "/link": "/",
    "/model": ("/", ".gguf"),
    "/adapter": ("/", ".gguf"),
    "/import": ("/", ".json", ".jsonl"),
}


async def suggest(text: str, core: Core, themes: Iterable[str]) -> list[Suggestion]:
    """Completions of a command line, at most 50; none for anything else."""
    if not text.startswith("/") or "\n" in text:
        return []
    command, space, rest = text.partition(" ")
    if not space:
        return suggestions(text)
    found: list[Suggestion] = []
    if command in ("/add", "/link", "/model", "/adapter", "/import") and " " not in rest:
        found = await _paths(command, rest)
    if command == "/adapter":
        found = [*await _adapters(rest, core), *found]
    elif command == "/prompt" and " " not in rest:
        found = [
            Suggestion(f"/prompt {prompt.name} ", prompt.name, prompt.about)
            for prompt in await core.prompts.all()
            if prompt.name.startswith(rest)
        ]
    elif command == "/train":
        found = await _datasets(rest, core)
    elif command == "/set" and " " not in rest:
        found = _settings(rest, core)
    elif command == "/scope":
        found = await _collections(rest, core)
    elif command == "/theme":
        found = [Suggestion(f"/theme {name}", name) for name in sorted(themes) if name.startswith(rest)]
    return [entry for entry in found if entry.line != text][:MOST]


async def _paths(command: str, typed: str) -> list[Suggestion]:
    named = {"/model": ["starter", "transformers:starter", "remote"], "/adapter": ["off"]}.get(command, [])
    paths = [
        path for path in await completions(typed)
        if command == "/add" or path.endswith(ENDINGS[command])
    ]  # fmt: skip
    return [Suggestion(f"{command} {name}", name) for name in [*named, *paths] if name.startswith(typed)]


def _settings(typed: str, core: Core) -> list[Suggestion]:
    return [
        Suggestion(f"/set {key} ", key, f"is {value!r}")
        for key, (_, value) in setting_keys(core.config).items()
        if key.startswith(typed)
    ]


async def _adapters(typed: str, core: Core) -> list[Suggestion]:
    before, _, last = typed.rpartition(" ")
    start = f"/adapter {before} " if before else "/adapter "
    words: list[tuple[str, str]] = [(each.label, each.state) for each in await core.registry.all()]
    words += [("--chat", "in this chat alone"), ("--force", "also if it is not proven")] if before else []
    return [Suggestion(start + word, word, told) for word, told in words if word.startswith(last)]


async def _datasets(typed: str, core: Core) -> list[Suggestion]:
    from assistant.storage.datasets import list_datasets

    cards = await asyncio.to_thread(list_datasets, core.config.home)
    named = [(card.name, f"{sum(card.rows.values()):,} rows") for card in cards]
    return [Suggestion(f"/train {name}", name, told) for name, told in named if name.startswith(typed)]


async def _collections(typed: str, core: Core) -> list[Suggestion]:
    before, _, last = typed.rpartition(" ")
    start = f"/scope {before} " if before else "/scope "
    named = [(each.name, f"{each.documents} documents") for each in await core.library.collections()]
    choices = [*named, ("all", "every document"), ("none", "answer without documents")]
    return [Suggestion(start + name, name, told) for name, told in choices if name.startswith(last)]
