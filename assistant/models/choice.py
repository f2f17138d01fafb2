"""Which model did the user name, and which engine runs it, at which precision?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from assistant.errors import ModelError

EngineName = Literal["auto", "llama.cpp", "transformers", "remote"]
Precision = Literal["auto", "fp32", "bf16", "int8", "nf4"]
ENGINES: tuple[str, ...] = get_args(EngineName)
PRECISIONS: tuple[str, ...] = get_args(Precision)
PREFIX = re.compile(r"(auto|llama\.cpp|transformers)(?:\+([A-Za-z0-9]+))?:(.+)", re.DOTALL)
REMOTE = re.compile(r"remote(?::(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """`source` is `starter`, a path, or (of a remote engine) the name at the server, "" for its first.

    The engine "auto" is llama.cpp for a GGUF file and transformers for a folder; the precision "auto" is what is fast
    on this machine. llama.cpp has the precision of its file.
    """

    engine: EngineName
    precision: Precision
    source: str

    def __str__(self) -> str:
        """As `parse_choice` reads it."""
        if self.engine == "remote":
            return f"remote:{self.source}" if self.source else "remote"
        if self.engine == "auto" and self.precision == "auto":
            return self.source
        return f"{self.engine}{'' if self.precision == 'auto' else f'+{self.precision}'}:{self.source}"


def parse_choice(name: str) -> ModelChoice:
    """The choice in `starter`, `PATH`, `transformers:PATH`, `transformers+nf4:PATH`, `llama.cpp:PATH`, `remote:NAME`.

    Raises:
        ModelError: a precision that there is not, or that the engine cannot have.
    """
    if found := REMOTE.fullmatch(name):
        return ModelChoice("remote", "auto", found[1] or "")
    if found := PREFIX.fullmatch(name):
        return _checked(found[1], found[2] or "auto", found[3])
    return ModelChoice("auto", "auto", name)


def with_defaults(name: str, engine: str, precision: str) -> str:
    """A model's name with the engine and the precision of the settings where it names none itself.

    Raises:
        ModelError: as above, or no such engine.
    """
    choice = parse_choice(name)
    if choice.engine != "auto" or name.startswith("scripted"):
        return name
    if engine == "remote":
        raise ModelError('The setting model.engine cannot be "remote".', 'Choose it by name: model.name = "remote".')
    if engine not in ENGINES:
        raise ModelError(f"There is no engine {engine!r} (setting model.engine).", f"Known: {', '.join(ENGINES[:3])}.")
    wanted = choice.precision if choice.precision != "auto" else precision
    return str(_checked(engine, wanted, choice.source))


def is_remote(name: str) -> bool:
    """Whether a model's name means one on a server."""
    return REMOTE.fullmatch(name) is not None


def source_of(name: str) -> str:
    """The model that a name means, without engine and precision."""
    choice = parse_choice(name)
    return name if choice.engine == "remote" else choice.source


def _checked(engine: str, precision: str, source: str) -> ModelChoice:
    if precision not in PRECISIONS:
        raise ModelError(f"There is no precision {precision!r}.", f"Known: {', '.join(PRECISIONS)}.")
    if engine == "llama.cpp" and precision != "auto":
        raise ModelError(
            f"llama.cpp runs a file at the precision it has; {precision} is not made while loading.",
            f"transformers+{precision}:… does that, or choose a file of another quantisation.",
        )
    return ModelChoice(engine, precision, source)  # type: ignore[arg-type]  # both are checked
