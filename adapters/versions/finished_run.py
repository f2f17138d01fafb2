"""What of a finished training run belongs into the registry, and what is it?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.errors import TrainingError
from adapters.versions.registered import KINDS, MAIN_FILES, Facts
from adapters.versions.version_folder import gguf_facts, llama_cpp_version

CARD = "card.json"
ROWS = "rows.jsonl"  # the run's snapshot: the test split proves the adapter, all of it says what it has seen
RECIPE = "recipe.json"
UNUSED = "model.safetensors"  # a whole model is kept as GGUF alone
PEFT_CONFIG = "peft/adapter_config.json"


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """The name a run was given, its files by their path in a version, and its facts."""

    name: str
    sources: dict[str, Path | bytes]
    facts: Facts


def read(run: Path) -> FinishedRun:
    """The result of the run in folder `run`.

    Raises:
        TrainingError: it is not finished, or not readable.
        GGUFError: its adapter is damaged.
    """
    result = run / "result"
    about, figures = _json(run / "run.json"), _json(result / "result.json")
    recipe = _json(result / RECIPE)
    kind = KINDS.get(str(recipe.get("method", "lora")), "lora")
    sources: dict[str, Path | bytes] = {
        path.relative_to(result).as_posix(): path
        for path in sorted(result.rglob("*"))
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".") and path.name != UNUSED
    }
    main = sources.get(MAIN_FILES[kind])
    if not isinstance(main, Path):
        raise TrainingError(f"The run {run.name} has no {MAIN_FILES[kind]} in its result.", "Let it finish first.")
    architecture, rank = gguf_facts(main, kind) if main.suffix == ".gguf" else ("", 0)
    if begun := about.get("begun_from"):
        figures["begun_from"] = begun
    facts = Facts(
        kind, str(recipe.get("method", "lora")), architecture, rank, Path(str(about.get("base", ""))).stem,
        str(about.get("base_sha256", "")), str(about.get("dataset", "")), str(about.get("dataset_sha256", "")),
        "trained", recipe, figures, str(about.get("id", run.name)), llama_cpp_version(), str(about.get("created", "")),
    )  # fmt: skip
    if PEFT_CONFIG in sources:
        sources[PEFT_CONFIG] = _anonymous(result / PEFT_CONFIG, facts.base_name)
    sources[CARD] = _card(run, facts)
    if (run / ROWS).is_file():
        sources[ROWS] = run / ROWS
    return FinishedRun(str(about.get("name", "")), sources, facts)


def _anonymous(path: Path, base_name: str) -> bytes:
    """PEFT's settings without the path of this machine that PEFT writes into them."""
    return json.dumps({**_json(path), "base_model_name_or_path": base_name}, indent=2).encode()


def _card(run: Path, facts: Facts) -> bytes:
    """The data card of the dataset it learned from; a short one where that dataset is gone or has changed."""
    for path in (run / CARD, run.parent.parent / "datasets" / facts.dataset / CARD):
        if facts.dataset and path.is_file():
            card = _json(path)
            if card.get("sha256") == facts.dataset_sha256:
                return json.dumps(card, indent=1).encode()
    return json.dumps({"name": facts.dataset, "sha256": facts.dataset_sha256}, indent=1).encode()


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise TrainingError(
            f"The run has no readable {path.name}: {error.strerror}.", "Let it finish first, or train again."
        ) from error
    except ValueError as error:
        raise TrainingError(f"{path} is no JSON.", "Train again.") from error
    if not isinstance(value, dict):
        raise TrainingError(f"{path} is no JSON object.", "Train again.")
    return value
