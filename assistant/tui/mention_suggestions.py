"""What a word that begins with @ or # may become: a document of the library, or a collection."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from textual.fuzzy import FuzzySearch

from assistant.mentions import OPEN, WHOLE
from assistant.tui.commands import Suggestion

if TYPE_CHECKING:
    from assistant.bootstrap import Core

MOST = 30


async def suggest_mentions(text: str, core: Core) -> list[Suggestion]:
    """Completions of the last word, the nearest first; letters may be left out."""
    match = OPEN.search(text)
    if match is None:
        return []
    start, typed = text[: match.start()], match["typed"].strip('"')
    if match["mark"] == "#":
        named = [(each.name, each.name, f"{each.documents} documents") for each in await core.library.collections()]
    else:
        ready = [each for each in await core.library.documents() if each.state == "ready"]
        names = [PurePath(each.path).name for each in ready]
        named = [
            (each.path if names.count(name) > 1 else name, each.path, _how(each.passages))
            for each, name in zip(ready, names, strict=True)
        ]
    fuzzy = FuzzySearch()
    scored = [(fuzzy.match(typed, found)[0] if typed else 1.0, *each) for each in named for found in [each[1]]]
    best = sorted((each for each in scored if each[0] > 0), key=lambda each: -each[0])[:MOST]
    return [
        Suggestion(f"{start}{match['mark']}{_quoted(name)} ", f"{match['mark']}{name}", told)
        for _, name, _, told in best
    ]


def _how(passages: int) -> str:
    return f"read whole ({passages} passages)" if passages <= WHOLE else f"its best of {passages} passages"


def _quoted(name: str) -> str:
    return f'"{name}"' if any(letter in " @#,;:!?()" for letter in name) else name
