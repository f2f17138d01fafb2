"""Every setting with its meaning and value; changed for this session where that is possible, and in the user's file."""

from __future__ import annotations

import difflib
import functools
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.config import CHOICES, RANGES, SHIPPED, Config
from assistant.errors import UsageError
from assistant.settings_file import write_settings

if TYPE_CHECKING:
    from assistant.bootstrap import Core

LIVE = frozenset({"sampling", "answer", "scoring", "remote"})  # sections that are read anew for each answer
LIVE_KEYS = frozenset(
    {("documents", "relevance_floor"), ("interface", "theme"), ("interface", "notify"), ("interface", "titles")}
)
LINE = re.compile(r"(\w+) = .*?# (.+)")


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as it is now. `live` says whether a change acts at once, or only after the next start."""

    section: str
    key: str
    value: Any
    default: Any
    meaning: str
    live: bool

    @property
    def name(self) -> str:
        """As it is named everywhere: "sampling.temperature"."""
        return f"{self.section}.{self.key}"

    @property
    def range(self) -> str:
        """What values it takes, "" where that says nothing."""
        if choices := CHOICES.get((self.section, self.key)):
            return ", ".join(choices)
        low, high = RANGES.get((self.section, self.key), (None, None))
        if isinstance(self.default, bool):
            return "true or false"
        return f"{low:g} to {high:g}" if low is not None and high is not None else ""


def all_settings(config: Config) -> list[Setting]:
    """All of them, in the order of the shipped file."""
    defaults, meanings = _shipped()
    return [
        Setting(
            section, key, _plain(getattr(getattr(config, section), key)), default, meanings.get((section, key), ""),
            section in LIVE or (section, key) in LIVE_KEYS,
        )
        for section, entries in defaults.items()
        for key, default in entries.items()
    ]  # fmt: skip


def find(config: Config, name: str) -> Setting:
    """The setting of this name; its section may be left out where the key stands in one section only.

    Raises:
        UsageError: there is none, or several.
    """
    known = all_settings(config)
    found = [each for each in known if name in (each.name, each.key)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"Several settings are called {name}.", f"One of {', '.join(each.name for each in found)}.")
    near = difflib.get_close_matches(name, [each.name for each in known] + [each.key for each in known], 1, 0.5)
    raise UsageError(
        f"There is no setting {name}.", f"Did you mean {near[0]}?" if near else "See `assistant settings`."
    )


def parsed(setting: Setting, text: str) -> Any:
    """A typed value as in the settings file; for a setting that is a text, the text itself."""
    if isinstance(setting.default, str):
        stripped = text.strip()
        return stripped[1:-1] if len(stripped) > 1 and stripped[0] == stripped[-1] == '"' else stripped
    try:
        return tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def change(config: Config, setting: Setting, value: Any) -> Config:
    """Write a value into the user's file, whose other lines and comments stay; gives the settings with it.

    Raises:
        UsageError: the value is refused, or the file is broken; nothing was written.
        StorageError: the file cannot be written; it stays as it was.
    """
    try:
        changed = config.with_value(setting.section, setting.key, value)
    except ValueError as error:
        raise UsageError(str(error), f"It is {shown(setting.value)} now.") from error
    write_settings(
        config, {(setting.section, setting.key): _plain(getattr(getattr(changed, setting.section), setting.key))}
    )
    return changed


def apply(core: Core, config: Config) -> None:
    """Let an open core go on with these settings, as far as they act at once."""
    core.config = config
    core.engine.settings, core.engine.sampling = config.answer, config.sampling.sampling()
    core.leaving.settings = config.remote
    core.retriever.floor = config.documents.relevance_floor


def shown(value: Any) -> str:
    """A value as it stands in the file."""
    return str(value).lower() if isinstance(value, bool) else str(value) if not isinstance(value, str) else f'"{value}"'


@functools.cache
def _shipped() -> tuple[dict[str, dict[str, Any]], dict[tuple[str, str], str]]:
    """The defaults, and what the comment behind each of them says."""
    text, section, meanings = SHIPPED.read_text("utf-8"), "", {}
    for line in text.splitlines():
        if line.startswith("["):
            section = line[1:].partition("]")[0].strip()
        elif match := LINE.match(line):
            meanings[section, match[1]] = match[2]
    return tomllib.loads(text), meanings


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
