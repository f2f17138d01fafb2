"""How an adapter leaves this machine and comes to another: one folder or .zip, without the rows it learned from.

In it: the GGUF file, the PEFT weights, recipe, data card, scores, and a manifest with size and SHA-256 of
each. Rows and parity prompts stay at home: they are personal text. What comes in is a stranger's: only
names from a fixed list, only sizes that were announced, no links, and nothing is used before it is whole.
"""

from __future__ import annotations

import json
import shutil
import stat
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any

from adapters import scope
from adapters.errors import AdapterFitError, GGUFError, TrainingError
from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import shown
from adapters.versions import version_folder
from adapters.versions.registered import MAIN_FILES, Adapter, Facts, check_name, now
from adapters.versions.version_folder import MANIFEST, Manifest, manifest_from_json, read_manifest

SCORES = "scores.json"
CARRIED = (
    "adapter.gguf", "model.gguf", "peft/adapter_config.json", "peft/adapter_model.safetensors", "recipe.json",
    "card.json", "result.json", scope.FILE, SCORES,
)  # fmt: skip
MAX_JSON = 4 * 2**20
MAX_FILES = 64
MAX_SWELLING = 20  # times its size that an archive may unpack to; weights hardly shrink
ZIP = ".zip"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A stranger's adapter, checked and unpacked into `folder`; `claims` are its maker's scores."""

    name: str
    facts: Facts
    sources: dict[str, Path | bytes]
    claims: dict[str, Any]


def export(adapter: Adapter, target: Path) -> Path:
    """Write an adapter to `target`: a .zip if so called, else a new folder. Returns the path.

    Raises:
        AdapterFitError: a loose file, something is there already, or the files have changed.
        TrainingError: the disk is full.
    """
    if adapter.facts is None:
        raise AdapterFitError(f"{adapter.name} is a single file already.", f"Copy {adapter.path}.")
    if target.exists():
        raise AdapterFitError(f"{target} exists already.", "Choose another name.")
    manifest = read_manifest(adapter.folder)
    kept = {path: adapter.folder / path for path in manifest.files if path in CARRIED}
    for path, source in kept.items():
        version_folder.check_file(source, *manifest.files[path])
    scores = json.dumps({"state": adapter.state, "reason": adapter.reason, **adapter.scores}, indent=1).encode()
    facts = replace(adapter.facts, run="")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = version_folder.temporary_folder(target.parent)
        try:
            version_folder.fill(temporary, {**kept, SCORES: scores}, adapter.name, adapter.version, facts)
            if target.suffix == ZIP:
                packed = temporary.with_suffix(ZIP)
                _pack(temporary, packed, f"{adapter.name}-v{adapter.version}")
                packed.rename(target)
            else:
                temporary.rename(target)
            version_folder.sync_folder(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.with_suffix(ZIP).unlink(missing_ok=True)
    except OSError as error:
        raise version_folder.disk_error(error) from error
    return target


def arrive(source: Path, folder: Path) -> Arrival:
    """Check an exported folder, a .zip of one, or a bare GGUF LoRA, and unpack it into the empty `folder`.

    Raises:
        AdapterFitError, GGUFError: it is no adapter, damaged, or tries to be more than that.
        TrainingError: the disk is full.
    """
    try:
        if source.is_dir():
            return _checked(_from_folder(source, folder), folder)
        if not source.is_file():
            raise AdapterFitError(f"There is no file or folder {source}.", "Check the path.")
        if zipfile.is_zipfile(source):
            return _checked(_from_zip(source, folder), folder)
        return _bare(source)
    except OSError as error:
        raise version_folder.disk_error(error) from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise AdapterFitError(f"{source.name} is a damaged archive.", "Get the file again.") from error


def _checked(manifest: Manifest, folder: Path) -> Arrival:
    facts = manifest.facts
    name = check_name(manifest.name)
    if facts.kind == "prompt" or MAIN_FILES[facts.kind] not in manifest.files:
        raise AdapterFitError(f"The adapter {name} brings no {MAIN_FILES[facts.kind]}.", "Export it again.")
    version_folder.verify(folder, manifest)
    main = folder / MAIN_FILES[facts.kind]
    architecture, rank = version_folder.gguf_facts(main, facts.kind)
    if architecture != facts.architecture:
        raise AdapterFitError(
            f"The manifest says {shown(facts.architecture)}, the file is for {shown(architecture)}.", "Export it again."
        )
    for path in manifest.files:
        if path.endswith(".json"):
            _json((folder / path).read_bytes(), path)
        elif path.endswith(".safetensors"):
            _check_safetensors(folder / path)
    claims = _json((folder / SCORES).read_bytes(), SCORES) if SCORES in manifest.files else {}
    sources: dict[str, Path | bytes] = {path: folder / path for path in manifest.files}
    return Arrival(name, replace(facts, origin="imported", rank=rank), sources, claims)


def _from_folder(source: Path, folder: Path) -> Manifest:
    manifest = read_manifest(source)
    _check_listed(manifest)
    for path in manifest.files:
        file = source / path
        if file.is_symlink() or file.parent.is_symlink() or not file.is_file():
            raise AdapterFitError(f"The adapter has no file '{shown(path)}'.", "Get it again.")
        with file.open("rb") as opened:
            _take(opened, manifest, path, folder)
    return manifest


def _from_zip(source: Path, folder: Path) -> Manifest:
    with zipfile.ZipFile(source) as archive:
        entries = _entries(archive)
        if MANIFEST not in entries:
            raise AdapterFitError(f"{source.name} holds no {MANIFEST}.", "Choose what `adapters export` wrote.")
        with archive.open(entries[MANIFEST]) as opened:
            data = opened.read(version_folder.MAX_MANIFEST + 1)
        manifest = manifest_from_json(_json(data, MANIFEST))
        _check_listed(manifest)
        if sum(size for size, _ in manifest.files.values()) > MAX_SWELLING * source.stat().st_size + MAX_JSON:
            raise AdapterFitError(f"{source.name} would swell to many times its size.", "Do not use it.")
        if surplus := sorted(set(entries) - set(manifest.files) - {MANIFEST}):
            raise AdapterFitError(f"{source.name} holds '{shown(surplus[0])}', which is no part of an adapter.")
        for path in manifest.files:
            if path not in entries:
                raise AdapterFitError(f"{source.name} lacks '{shown(path)}'.", "Get the file again.")
            with archive.open(entries[path]) as opened:
                _take(opened, manifest, path, folder)
    return manifest


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files of an archive by their path below its one top folder, if it has one."""
    files = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(files) > MAX_FILES:
        raise AdapterFitError(f"The archive holds {len(files)} files; an adapter has at most {MAX_FILES}.")
    for entry in files:
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or "\0" in entry.filename:
            raise AdapterFitError(
                f"The archive names a file outside of it: '{shown(entry.filename)}'.", "Do not use it."
            )
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise AdapterFitError(f"The archive holds a link: '{shown(entry.filename)}'.", "Do not use it.")
        if entry.flag_bits & 1:
            raise AdapterFitError("The archive is encrypted.", "Unpack it first.")
    tops = {PurePosixPath(entry.filename).parts[0] for entry in files}
    nested = len(tops) == 1 and all(len(PurePosixPath(entry.filename).parts) > 1 for entry in files)
    named = [(PurePosixPath(*PurePosixPath(entry.filename).parts[nested:]).as_posix(), entry) for entry in files]
    if len({path for path, _ in named}) < len(named):
        raise AdapterFitError("The archive names a file twice.", "Do not use it.")
    return dict(named)


def _check_listed(manifest: Manifest) -> None:
    for path, (size, _) in manifest.files.items():
        if path not in CARRIED:
            raise AdapterFitError(
                f"The adapter holds '{shown(path)}', which is no part of an adapter.",
                "Only weights and JSON are taken.",
            )
        if path.endswith(".json") and size > MAX_JSON:
            raise AdapterFitError(f"'{path}' is too large: {size:,} bytes.", "Export the adapter again.")


def _take(opened: IO[bytes], manifest: Manifest, path: str, folder: Path) -> None:
    """Copy one file, not a byte more than the manifest announces (an archive may swell without end)."""
    size, _ = manifest.files[path]
    if shutil.disk_usage(folder).free < size:
        raise TrainingError(f"'{path}' needs {size:,} bytes, and the disk has not that much.", "Free some space.")
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    taken = version_folder.copy_stream(opened, folder / path, size)
    if taken != manifest.files[path]:
        raise AdapterFitError(f"'{shown(path)}' is not what the manifest announces.", "Get the adapter again.")


def _check_safetensors(path: Path) -> None:
    """The header must be JSON within the file: eight bytes of length, then as many bytes."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(path.stat().st_size - 8, 100 * 2**20):
            raise AdapterFitError(f"{path.name} is no safetensors file.", "Get the adapter again.")
        _json(file.read(length), path.name)


def _json(data: bytes, name: str) -> dict[str, Any]:
    if len(data) > 100 * 2**20:
        raise AdapterFitError(f"'{name}' is too large.", "Get the adapter again.")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise AdapterFitError(f"'{name}' is no JSON.", "Get the adapter again.") from error
    if not isinstance(value, dict):
        raise AdapterFitError(f"'{name}' is no JSON object.", "Get the adapter again.")
    return value


def _bare(source: Path) -> Arrival:
    """A GGUF LoRA from elsewhere: what it was trained on, and for which base, is not known."""
    try:
        gguf = read_gguf(source)
        architecture, rank = version_folder.gguf_facts(source, "lora")
    except GGUFError as error:
        raise AdapterFitError(
            f"{source.name} is no adapter: {error}", "Choose a GGUF LoRA, or what `adapters export` wrote."
        ) from error
    base = "".join(character for character in gguf.text("general.base_model.0.name") if character.isprintable())[:100]
    facts = Facts("lora", "lora", architecture, rank, base, "", "", "", "imported", created=now())
    name = "".join(character if character.isalnum() or character in "._-" else "-" for character in source.stem)
    return Arrival(name, facts, {"adapter.gguf": source}, {})


def _pack(folder: Path, target: Path, top: str) -> None:
    """A .zip of a folder, without compression (weights do not shrink) and with fixed times: the same bytes again."""
    with zipfile.ZipFile(target, "x", zipfile.ZIP_STORED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(f"{top}/{path.relative_to(folder).as_posix()}")
            entry.external_attr = 0o600 << 16
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as inside:
                shutil.copyfileobj(source, inside, version_folder.BLOCK)
    version_folder.sync_file(target)
