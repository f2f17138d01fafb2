"""What lies in HOME/adapters, whatever the database says: loose files, and versions that are whole."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

from adapters.errors import AdapterFitError
from adapters.versions.registered import Adapter, check_name
from adapters.versions.version_folder import Manifest, read_manifest, verify

VERSION_FOLDER = re.compile(r"v[1-9][0-9]{0,5}")


def loose_files(home: Path, strengths: Mapping[int | str, float]) -> list[Adapter]:
    """The GGUF files in `home` itself, by name."""
    return [loose_file(path, strengths) for path in sorted(home.glob("*.gguf")) if path.is_file()]


def loose_file(path: Path, strengths: Mapping[int | str, float]) -> Adapter:
    """A file that was never registered; `strengths` are those of the active mix."""
    status = path.stat()
    created = datetime.fromtimestamp(status.st_mtime, UTC).isoformat(timespec="seconds")
    return Adapter(0, path.stem, 0, "loose", path, status.st_size, created=created, strength=strengths.get(str(path)))


def whole_versions(home: Path, known: Collection[str]) -> list[tuple[str, Manifest]]:
    """Versions whose folder is none of `known`, and whose files are as their manifest says."""
    found = []
    for folder in sorted(home.glob("*/v*")):
        place = f"{folder.parent.name}/{folder.name}"
        if place in known or not VERSION_FOLDER.fullmatch(folder.name):
            continue
        try:
            check_name(folder.parent.name)  # temporary folders have names that no adapter can have
            manifest = read_manifest(folder)
            verify(folder, manifest)
        except AdapterFitError:
            continue  # somebody's own folder, or a damaged version: neither listed nor deleted
        found.append((place, manifest))
    return found
