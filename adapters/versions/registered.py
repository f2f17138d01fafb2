"""What the registry knows of an adapter: its name and version, its state, and the facts that never change."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from adapters.errors import AdapterFitError
from adapters.files.gguf_facts import shown

State = Literal["trained", "proven", "rejected", "retired", "loose"]
Kind = Literal["lora", "model", "prompt"]
STORED_STATES: tuple[State, ...] = ("trained", "proven", "rejected", "retired")
KINDS: dict[str, Kind] = {"lora": "lora", "qlora": "lora", "full": "model", "partial": "model", "prompt": "prompt"}
MAIN_FILES: dict[Kind, str] = {"lora": "adapter.gguf", "model": "model.gguf", "prompt": "peft/adapter_config.json"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RESERVED = ("off", "base")  # words for: no adapter
VERSION = re.compile(r"(?P<name>[^@]+)@v?(?P<version>[0-9]{1,6})")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when a version is made; the same in its row and in its manifest.json.

    `kind` is lora (GGUF LoRA, swapped live), model (a whole GGUF, from full or partial training) or prompt
    (a soft prompt, for the transformers engine). `rank` is the largest, 0 where there is none.
    """

    kind: Kind
    method: str
    architecture: str
    rank: int
    base_name: str
    base_sha256: str
    dataset: str
    dataset_sha256: str
    origin: Literal["trained", "imported"]
    recipe: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)  # figures of the run: losses, steps, seconds
    run: str = ""
    llama_cpp: str = ""  # version of llama-cpp-python that wrote or checked it
    created: str = ""  # ISO 8601, UTC
    for_documents: bool = False  # it reads: on where documents are asked, at rest elsewhere
    null_threshold: float = 0.0  # of its answer that there is none, in logits; as in backends.base.NullAnswer

    def as_json(self) -> dict[str, Any]:
        """All facts as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Adapter:
    """A version in the registry, or a loose GGUF file in HOME/adapters (id 0, version 0, state "loose").

    `path` is the file that is used; `size` its bytes. `scores` were measured here, `claims` come from
    whoever made an imported adapter. `strength` is None unless the adapter is active.
    """

    id: int
    name: str
    version: int
    state: State
    path: Path
    size: int = 0
    reason: str = ""
    facts: Facts | None = None
    scores: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    created: str = ""
    strength: float | None = None

    @property
    def label(self) -> str:
        """How the adapter is named exactly: style@v2, or the file's name."""
        return f"{self.name}@v{self.version}" if self.version else self.name

    @property
    def active(self) -> bool:
        """Whether it is part of the active mix."""
        return self.strength is not None

    @property
    def folder(self) -> Path:
        """The version's folder; of a loose file the folder it lies in."""
        main = MAIN_FILES[self.facts.kind] if self.facts else self.path.name
        return self.path.parents[main.count("/")]

    def as_json(self) -> dict[str, Any]:
        """For `--json`: all of it, flat where a program looks first."""
        return {
            "name": self.name, "version": self.version, "label": self.label, "state": self.state,
            "active": self.active, "strength": self.strength, "reason": self.reason, "path": str(self.path),
            "size": self.size, "created": self.created, "scores": self.scores, "claims": self.claims,
            **(self.facts.as_json() if self.facts else {}),
        }  # fmt: skip


def check_name(name: str) -> str:
    """The name, if an adapter may be called so.

    Raises:
        AdapterFitError: it may not.
    """
    if not NAME.fullmatch(name) or ".." in name or name.endswith(".gguf") or name in RESERVED:
        raise AdapterFitError(
            f"An adapter cannot be called '{shown(name)}'.",
            "Use letters, digits, dots, dashes and underscores, at most 64, beginning with a letter or digit.",
        )
    return name


def facts_from_json(value: Any) -> Facts:
    """Facts of our own or of a stranger's manifest; every field is checked.

    Raises:
        AdapterFitError: a field is missing or cannot be.
    """
    if not isinstance(value, dict):
        raise AdapterFitError("The manifest is no JSON object.", "Export the adapter again.")
    given: dict[str, Any] = {entry.name: value.get(entry.name) for entry in fields(Facts) if entry.name in value}
    try:
        facts = Facts(**given)
    except TypeError as error:
        raise AdapterFitError("The manifest lacks some of its fields.", "Export the adapter again.") from error
    for name in ("method", "architecture", "base_name", "dataset", "run", "llama_cpp", "created"):
        text = getattr(facts, name)
        if not isinstance(text, str) or len(text) > 500 or not text.isprintable():
            raise _impossible(name)
    for name in ("base_sha256", "dataset_sha256"):
        digest = getattr(facts, name)
        if not isinstance(digest, str) or not (digest == "" or SHA256.fullmatch(digest)):
            raise _impossible(name)
    if str(facts.kind) not in MAIN_FILES or str(facts.origin) not in ("trained", "imported"):
        raise _impossible("kind")
    if not isinstance(facts.rank, int) or not 0 <= facts.rank <= 2**20:
        raise _impossible("rank")
    if not isinstance(facts.for_documents, bool):
        raise _impossible("for_documents")
    threshold = facts.null_threshold
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 100:
        raise _impossible("null_threshold")
    if not isinstance(facts.recipe, dict) or not isinstance(facts.training, dict):
        raise _impossible("recipe")
    return facts


def split_version(text: str) -> tuple[str, int]:
    """The name and version in `style@v2`; version 0 where none is given."""
    found = VERSION.fullmatch(text.strip())
    return (found["name"], int(found["version"])) if found else (text.strip(), 0)


def now() -> str:
    """The time, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _impossible(name: str) -> AdapterFitError:
    return AdapterFitError(f"The manifest's {name} is not possible.", "Export the adapter again.")
