"""How the files of one version come into its folder: all of them, synced and named in a manifest, or none.

A version is built in a temporary folder beside its name, every file synced; the manifest comes last;
one rename publishes the whole. What never got that far is swept at the next start.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import IO, Any

from adapters.errors import AdapterFitError, GGUFError, TrainingError
from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import shown
from adapters.versions.registered import SHA256, Facts, Kind, facts_from_json

TEMPORARY = ".tmp-"
MANIFEST = "manifest.json"
FORMAT = 1
BLOCK = 2**20
MAX_MANIFEST = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Manifest:
    """The last file of a version: its name, its facts, and size and SHA-256 of each other file."""

    name: str
    version: int
    facts: Facts
    files: dict[str, tuple[int, str]]  # path below the folder -> (bytes, SHA-256)

    def as_json(self) -> dict[str, Any]:
        """As it is written."""
        files = {path: {"size": size, "sha256": digest} for path, (size, digest) in self.files.items()}
        return {
            "format": FORMAT, "name": self.name, "version": self.version, **self.facts.as_json(), "files": files,
        }  # fmt: skip


def temporary_folder(home: Path) -> Path:
    """A new folder of a name that no adapter can have."""
    folder = home / f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    return folder


def fill(folder: Path, sources: Mapping[str, Path | bytes], name: str, version: int, facts: Facts) -> Manifest:
    """Copy files and contents into `folder`, by their path below it, and write the manifest.

    Raises:
        OSError: the disk is full, or a file cannot be read.
    """
    files = {}
    for path, source in sorted(sources.items()):
        target = folder / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files[path] = write_new(target, source) if isinstance(source, bytes) else _copy(source, target)
    manifest = Manifest(name, version, facts, files)
    write_new(folder / MANIFEST, json.dumps(manifest.as_json(), indent=1).encode())
    for below in [path for path in folder.rglob("*") if path.is_dir()]:
        sync_folder(below)
    sync_folder(folder)
    return manifest


def publish(temporary: Path, target: Path) -> None:
    """Make a filled folder a version, in one rename.

    Raises:
        OSError: something lies there already.
    """
    target.parent.mkdir(mode=0o700, exist_ok=True)
    temporary.rename(target)
    sync_folder(target.parent)
    sync_folder(target.parent.parent)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a version, our own or a stranger's.

    Raises:
        AdapterFitError: it is missing, unreadable, or claims what cannot be.
    """
    path = folder / MANIFEST
    try:
        if path.stat().st_size > MAX_MANIFEST:
            raise AdapterFitError(f"{path} is too large for a manifest.", "Export the adapter again.")
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise AdapterFitError(f"{path} cannot be read: {error.strerror}.", "Get the adapter again.") from error
    except (ValueError, RecursionError) as error:
        raise AdapterFitError(f"{path} is no JSON.", "Get the adapter again.") from error
    return manifest_from_json(value)


def manifest_from_json(value: Any) -> Manifest:
    """As above, from the JSON.

    Raises:
        AdapterFitError: as above.
    """
    facts = facts_from_json(value)
    if value.get("format") != FORMAT:
        raise AdapterFitError(
            f"The manifest has the format {shown(str(value.get('format')))}; {FORMAT} can be read.",
            "Update the assistant.",
        )
    name, version, files = value.get("name"), value.get("version"), value.get("files")
    if not isinstance(name, str) or not isinstance(version, int) or not isinstance(files, dict):
        raise AdapterFitError("The manifest lacks some of its fields.", "Export the adapter again.")
    return Manifest(name, version, facts, {str(path): _listed(path, entry) for path, entry in files.items()})


def verify(folder: Path, manifest: Manifest) -> None:
    """Compare every file with the manifest.

    Raises:
        AdapterFitError: one is missing or has changed.
    """
    for path, (size, digest) in manifest.files.items():
        check_file(folder / path, size, digest)


def check_file(path: Path, size: int, digest: str) -> None:
    """Compare one file with what its manifest says.

    Raises:
        AdapterFitError: it is missing or has changed.
    """
    try:
        same = path.stat().st_size == size and file_sha256(path) == digest
    except OSError as error:
        raise AdapterFitError(
            f"{path} cannot be read: {error.strerror}.", "Remove the adapter, or get its files back."
        ) from error
    if not same:
        raise AdapterFitError(
            f"{path} is not the file that was registered: its SHA-256 differs.",
            "Remove the adapter, or train it again.",
        )


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def gguf_facts(path: Path, kind: Kind) -> tuple[str, int]:
    """Architecture and largest rank of an adapter's (rank 0: model's) GGUF.

    Raises:
        GGUFError: it is damaged, or not of this kind.
    """
    facts = read_gguf(path)
    expected = "adapter" if kind == "lora" else "model"
    if facts.kind != expected:
        raise GGUFError(f"{path.name} is of type '{shown(facts.kind)}', not '{expected}'.", "Export it again.")
    ranks = [min(tensor.shape) for name, tensor in facts.tensors.items() if name.endswith(".lora_a")]
    return facts.architecture, max(ranks, default=0)


def llama_cpp_version() -> str:
    """The version of llama-cpp-python here."""
    return installed("llama-cpp-python")


def sweep(home: Path) -> int:
    """Delete folders that a killed process left half made or half removed; returns how many.

    Only the process that holds the instance lock may call this.
    """
    left = [entry for entry in home.glob(f"{TEMPORARY}*") if entry.is_dir() and not entry.is_symlink()]
    for entry in left:
        shutil.rmtree(entry, ignore_errors=True)
    return len(left)


def sync_folder(folder: Path) -> None:
    """Make what was created and renamed inside `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_new(path: Path, data: bytes) -> tuple[int, str]:
    """Write a new file, synced, for its owner only; returns its size and SHA-256."""
    descriptor = _created(path)
    try:
        _write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return len(data), hashlib.sha256(data).hexdigest()


def disk_error(error: OSError) -> TrainingError:
    """What went wrong with the disk, in words."""
    return TrainingError(
        f"{error.filename or 'A file'} cannot be written: {error.strerror or error}.",
        "Check the disk's free space and the folder's permissions.",
    )


def copy_stream(source: IO[bytes], target: Path, limit: int = 0) -> tuple[int, str]:
    """Copy into a new, synced file; returns its size and SHA-256. Stops one byte after `limit` (0: no limit)."""
    digest, size = hashlib.sha256(), 0
    descriptor = _created(target)
    try:
        while block := source.read(min(BLOCK, limit - size + 1) if limit else BLOCK):
            digest.update(block)
            size += len(block)
            _write(descriptor, block)
            if limit and size > limit:
                break
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return size, digest.hexdigest()


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _copy(source: Path, target: Path) -> tuple[int, str]:
    with source.open("rb") as file:
        return copy_stream(file, target)


def _created(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _listed(path: Any, entry: Any) -> tuple[int, str]:
    size, digest = (entry.get("size"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
    if not isinstance(size, int) or size < 0 or not isinstance(digest, str) or not SHA256.fullmatch(digest):
        raise AdapterFitError(f"The manifest's entry for '{shown(str(path))}' is not possible.", "Export it again.")
    return size, digest
