"""Which folders may hold models: our own, those of the settings, and those of other programs, which are only read.

Sources: https://huggingface.co/docs/huggingface_hub/guides/manage-cache (HF_HUB_CACHE, HF_HOME),
https://github.com/ollama/ollama/blob/main/docs/faq.md (OLLAMA_MODELS, and where the Linux service keeps them),
https://lmstudio.ai/docs/app/basics/import-model, and llama.cpp's `-hf` (LLAMA_CACHE).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Layout = Literal["files", "hub", "ollama"]
OWN, YOURS = "models", "yours"  # the folder in the home, and what it is called


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, whose it is, and how models lie in it: as plain files, as the Hub's cache, or as Ollama's blobs."""

    label: str
    folder: Path
    layout: Layout = "files"


def places(home: Path, folders: Sequence[str], environment: Mapping[str, str]) -> list[Place]:
    """All that are looked at, ours first; whether they are there is not asked. No folder twice."""
    user = Path(environment.get("HOME") or "~").expanduser()
    cache = Path(environment.get("XDG_CACHE_HOME") or user / ".cache")
    hub = environment.get("HF_HUB_CACHE") or Path(environment.get("HF_HOME") or cache / "huggingface") / "hub"
    found = [
        Place(YOURS, home / OWN),
        *(Place("your folder", Path(folder).expanduser().absolute()) for folder in folders),
        Place("Hugging Face", Path(hub), "hub"),
        Place("LM Studio", user / ".lmstudio" / "models"),
        Place("LM Studio", cache / "lm-studio" / "models"),
        Place("llama.cpp", Path(environment.get("LLAMA_CACHE") or cache / "llama.cpp")),
        Place("Ollama", Path(environment.get("OLLAMA_MODELS") or user / ".ollama" / "models"), "ollama"),
        Place("Ollama", Path("/usr/share/ollama/.ollama/models"), "ollama"),
    ]
    return list({place.folder: place for place in reversed(found)}.values())[::-1]
