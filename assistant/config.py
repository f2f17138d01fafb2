"""Typed, frozen settings: the shipped config.toml, then the user's own, key by key.

A key that is unknown or has a wrong value falls back to its default and leaves a notice with the line
and the nearest key; the user's file is never rewritten.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from assistant.conversation import Sampling
from assistant.wanted_keys import KEYS, flat, keys_of, wanted_keys

SHIPPED = next(
    path for path in (Path(__file__).parent / "config.toml", Path(__file__).parents[1] / "config.toml") if path.exists()
)


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Section [model]."""

    name: str
    engine: str
    precision: str
    context: int
    threads: int
    prompt_threads: int
    adapter: str
    adapter_scale: float
    adapter_scopes: bool
    folders: tuple[str, ...]
    memory_check: bool


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """Section [sampling]."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    repeat_penalty: float
    max_tokens: int
    seed: int
    stop: tuple[str, ...]

    def sampling(self) -> Sampling:
        """As the chat engine takes it."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return Sampling(**{**values, "seed": None if self.seed < 0 else self.seed})


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """Section [answer]."""

    system_prompt: str
    passages: int
    read_around: int
    without_documents: bool
    attribute: bool
    principles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DocumentSettings:
    """Section [documents]."""

    embedder: str
    chunk_tokens: int
    chunk_overlap: int
    word_weight: float
    relevance_floor: float
    reranker: str
    vector_store: str
    max_file_mb: int
    max_text_mb: int
    ocr: str
    threads: int
    watch: bool
    rest_on_battery: bool
    rest_above: float


@dataclass(frozen=True, slots=True)
class ScoringSettings:
    """Section [scoring]."""

    rules: tuple[str, ...]
    sets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Section [network]."""

    offline: bool


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """Section [remote]; see backends.remote. `timeout` in seconds."""

    url: str = ""
    model: str = ""
    key_file: str = ""
    context: int = 0
    timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class InterfaceSettings:
    """Section [interface]."""

    theme: str
    notify: str
    resume: bool
    titles: str


@dataclass(frozen=True, slots=True)
class Config:
    """All settings and where state lives. `notices` says what in the user's file was not used."""

    home: Path
    model: ModelSettings
    sampling: SamplingSettings
    answer: AnswerSettings
    documents: DocumentSettings
    scoring: ScoringSettings
    remote: RemoteSettings
    network: NetworkSettings
    interface: InterfaceSettings
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by action, as wanted: see keymap.py
    notices: tuple[str, ...] = field(default=())

    @property
    def user_file(self) -> Path:
        """The user's own settings."""
        return self.home / "config.toml"

    def with_value(self, section: str, key: str, value: Any) -> Config:
        """A copy with one setting changed, checked as if it stood in the file.

        Raises:
            ValueError: no such setting, or a value it cannot take; the message is for the user.
        """
        if section == KEYS:
            return replace(self, keys={**self.keys, key: keys_of(key, value)})
        defaults = tomllib.loads(SHIPPED.read_text("utf-8"))
        if key not in defaults.get(section, {}):
            raise ValueError(f"There is no setting {section}.{key}.")
        checked = _checked(defaults[section][key], value, (section, key))
        return replace(self, **{section: replace(getattr(self, section), **{key: checked})})


SECTIONS: dict[str, type[Any]] = {
    "model": ModelSettings,
    "sampling": SamplingSettings,
    "answer": AnswerSettings,
    "documents": DocumentSettings,
    "scoring": ScoringSettings,
    "remote": RemoteSettings,
    "network": NetworkSettings,
    "interface": InterfaceSettings,
}

RANGES: dict[tuple[str, str], tuple[float, float]] = {
    ("model", "context"): (0, 1_000_000),
    ("model", "threads"): (0, 256),
    ("model", "prompt_threads"): (0, 256),
    ("model", "adapter_scale"): (0, 2),
    ("remote", "context"): (0, 1_000_000),
    ("remote", "timeout"): (1, 3600),
    ("sampling", "temperature"): (0, 5),
    ("sampling", "top_k"): (0, 1_000_000),
    ("sampling", "top_p"): (0, 1),
    ("sampling", "min_p"): (0, 1),
    ("sampling", "repeat_penalty"): (0.5, 2),
    ("sampling", "max_tokens"): (1, 1_000_000),
    ("sampling", "seed"): (-1, 2**31 - 1),
    ("answer", "passages"): (0, 50),
    ("answer", "read_around"): (-1, 4000),
    ("documents", "chunk_tokens"): (32, 2000),
    ("documents", "chunk_overlap"): (0, 1000),
    ("documents", "word_weight"): (0, 1),
    ("documents", "relevance_floor"): (0, 1),
    ("documents", "max_file_mb"): (1, 100_000),
    ("documents", "max_text_mb"): (1, 1_000),
    ("documents", "threads"): (0, 256),
    ("documents", "rest_above"): (0.1, 1),
}


CHOICES: dict[tuple[str, str], tuple[str, ...]] = {
    ("interface", "notify"): ("desktop", "bell", "off"),
    ("interface", "titles"): ("question", "model"),
}


def load_config(home: Path) -> Config:
    """The shipped defaults overlaid with HOME/config.toml."""
    values = tomllib.loads(SHIPPED.read_text("utf-8"))
    notices: list[str] = []
    user_file = home / "config.toml"
    text = _read(user_file, notices)
    wanted = _parse(text, user_file, notices)
    keys = wanted_keys(wanted.pop(KEYS, {}), lambda key: f"{user_file}:{_line(text, key)}", notices)
    for section, entries in wanted.items():
        if section not in values or not isinstance(entries, dict):
            notices.append(_unknown(user_file, text, section, list(values)))
            continue
        for key, value in entries.items():
            if key not in values[section]:
                notices.append(_unknown(user_file, text, key, list(values[section])))
                continue
            try:
                values[section][key] = _checked(values[section][key], value, (section, key))
            except ValueError as error:
                notices.append(f"{user_file}:{_line(text, key)}: {error} The default is used.")
    parts = {name: cls(**_tuples(values[name])) for name, cls in SECTIONS.items()}
    return Config(home=home, **parts, keys=keys, notices=tuple(notices))


def _read(path: Path, notices: list[str]) -> str:
    try:
        return path.read_text("utf-8-sig", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        notices.append(f"{path}: could not be read ({error.strerror}). Defaults are used.")
        return ""


def _parse(text: str, path: Path, notices: list[str]) -> dict[str, Any]:
    """The file as TOML; where it is broken, each section's good lines are kept."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        notices.append(f"{path}: {error}. Lines that can be read are used, the others have their default.")
    found: dict[str, Any] = {}
    section = ""
    for line in text.splitlines():
        try:
            entry = tomllib.loads(line)
        except tomllib.TOMLDecodeError:
            continue
        if line.strip().startswith("["):
            section = next(iter(entry), "")
        elif section:
            found.setdefault(section, {}).update(dict(flat(entry)))
    return found


def _checked(default: Any, value: Any, name: tuple[str, str]) -> Any:
    """`value` in the default's type and range, else ValueError with a line for the user."""
    label = ".".join(name)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(default, (list, tuple)) and isinstance(value, (list, tuple)):
        if not all(isinstance(entry, str) for entry in value):
            raise ValueError(f"{label} must be a list of texts.")
        return list(value)
    if type(value) is not type(default):
        raise ValueError(f"{label} must be {_kind(default)}, not {value!r}.")
    if name in CHOICES and value not in CHOICES[name]:
        raise ValueError(f"{label} must be one of {', '.join(CHOICES[name])}, not {value!r}.")
    low, high = RANGES.get(name, (None, None))
    if low is not None and high is not None and not low <= value <= high:
        raise ValueError(f"{label} must be from {low:g} to {high:g}, not {value!r}.")
    return value


def _kind(default: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", list: "a list of texts"}
    return names[type(default)]


def _tuples(entries: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entries.items()}


def _unknown(path: Path, text: str, key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, 1)
    hint = f" Did you mean {near[0]}?" if near else f" Known here: {', '.join(known)}."
    return f"{path}:{_line(text, key)}: there is no setting {key}.{hint}"


def _line(text: str, key: str) -> int:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().strip("[]").split("=")[0].strip().strip("\"'") == key:
            return number
    return 0
