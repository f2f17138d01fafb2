"""The child that looks for models: it walks the folders, and reads of each file no more than its header."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from adapters.errors import GGUFError
from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import check_model, shown
from adapters.files.gguf_parts import files_of, part_of
from assistant.models.found import FoundModel
from assistant.models.places import Place
from assistant.models.safetensors_facts import FolderError, folder_facts, is_model_folder

MAX_DEPTH, MAX_ENTRIES = 6, 20_000  # of a folder that is walked
MAX_MANIFEST = 2**20  # bytes
MODEL_LAYER = "application/vnd.ollama.image.model"
DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
ENDING = ".gguf"


class Finder:
    """Finds models; see worker_host for how its methods are called. Nothing it looks at is changed."""

    def scan(self, places: list[dict[str, Any]], cancelled: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        """The fields of a FoundModel for each model in the given places, as they are found."""
        for sent in places:
            place = Place(sent["label"], Path(sent["folder"]), sent["layout"])
            for found in _found(place):
                if cancelled():
                    return
                yield asdict(found)

    def read(self, path: str, place: str) -> dict[str, Any]:
        """The fields of a FoundModel for one file or folder."""
        found = _model(Path(path), place)
        return asdict(found if found is not None else _unusable(Path(path), place, "It is no model."))


def _found(place: Place) -> Iterator[FoundModel]:
    seen: set[str] = set()
    finders = {"files": _files, "hub": _hub, "ollama": _ollama}
    try:
        for name, path in finders[place.layout](place.folder):
            if str(path) not in seen and not _follows(path):
                seen.add(str(path))
                found = _model(path, place.label)
                if found is not None:
                    yield replace(found, name=shown(name, 100)) if name else found
    except OSError as error:
        yield _unusable(place.folder, place.label, f"It cannot be read: {error.strerror}.")


def _follows(path: Path) -> bool:
    """Whether it is a part of a model one of whose earlier parts is there, too, and stands for all of them."""
    part = part_of(path)
    return part is not None and any(part.file(number).is_file() for number in range(1, part.number))


def _model(path: Path, place: str) -> FoundModel | None:
    """What one file or folder says of itself; None for another folder, and a GGUF of another purpose (an adapter)."""
    try:
        if path.is_dir() and not is_model_folder(path):
            return None
        if path.is_dir():
            return FoundModel(shown(path.name, 100), str(path), place, "safetensors", **folder_facts(path))
        facts = read_gguf(path)
        if facts.kind != "model" or facts.architecture == "clip":
            return None
        check_model(facts)
    except (GGUFError, FolderError) as error:
        return _unusable(path, place, str(error))
    except OSError as error:
        return _unusable(path, place, f"It cannot be read: {error.strerror}.")
    return FoundModel(
        shown(facts.name, 100), str(path), place, "gguf", facts.size, shown(facts.architecture), facts.parameters,
        facts.quantization, facts.context, bool(facts.chat_template), shown(facts.text("tokenizer.ggml.model")),
        len(files_of(facts)),
    )  # fmt: skip


def _unusable(path: Path, place: str, problem: str) -> FoundModel:
    try:
        size = path.stat().st_size
    except OSError:
        size = 0
    kind = "gguf" if path.name.lower().endswith(ENDING) or not path.is_dir() else "safetensors"
    return FoundModel(shown(path.stem, 100), str(path), place, kind, size, problem=problem)  # type: ignore[arg-type]  # one of the two


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """GGUF files and folders of safetensors at any depth; links to folders are not followed."""
    left = MAX_ENTRIES
    waiting = [(folder, 0)]
    while waiting:
        current, depth = waiting.pop()
        if not current.is_dir():
            continue
        if is_model_folder(current):
            yield "", current
        for entry in sorted(os.scandir(current), key=lambda entry: entry.name):
            left -= 1
            if left < 0:
                return
            if entry.is_dir(follow_symlinks=False):
                if depth < MAX_DEPTH and not entry.name.startswith("."):
                    waiting.append((Path(entry.path), depth + 1))
            elif entry.name.lower().endswith(ENDING) and entry.is_file():
                yield "", Path(entry.path)


def _hub(folder: Path) -> Iterator[tuple[str, Path]]:
    """Models in the Hub's cache: of each repository the revision that `main` names, else the newest."""
    for repository in sorted(folder.glob("models--*"))[:MAX_ENTRIES]:
        revisions = sorted((repository / "snapshots").glob("*"), key=lambda path: path.stat().st_mtime)
        main = repository / "refs" / "main"
        named = main.read_text("utf-8", errors="replace")[:64].strip() if main.is_file() else ""
        chosen = next((each for each in revisions if each.name == named), revisions[-1] if revisions else None)
        if chosen is None:
            continue
        for _, path in _files(chosen):
            if path.resolve().is_relative_to(repository.resolve()):  # a link in a snapshot leads to its own blobs
                yield "/".join(repository.name.split("--")[1:]) if path.is_dir() else "", path


def _ollama(folder: Path) -> Iterator[tuple[str, Path]]:
    """Models of Ollama: a manifest (manifests/HOST/NAMESPACE/MODEL/TAG) names the blob with the weights."""
    for manifest in sorted((folder / "manifests").glob("*/*/*/*"))[:MAX_ENTRIES]:
        if not manifest.is_file() or manifest.stat().st_size > MAX_MANIFEST:
            continue
        try:
            layers = json.loads(manifest.read_bytes())["layers"]
            digests = [layer["digest"] for layer in layers if layer["mediaType"] == MODEL_LAYER]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        namespace, model, tag = manifest.parts[-3:]
        name = f"{model}:{tag}" if namespace == "library" else f"{namespace}/{model}:{tag}"
        for match in (DIGEST.fullmatch(str(digest)) for digest in digests[:1]):
            if match is not None:
                yield name, folder / "blobs" / f"sha256-{match[1]}"
