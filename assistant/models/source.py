"""What somebody wants to fetch: a name of the catalogue, a file of a repository, or an https address."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from adapters.files.gguf_parts import part_of
from assistant.errors import UsageError
from assistant.models.catalogue import Entry, catalogue

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
SHA256 = re.compile(r"[0-9a-f]{64}")
ENDING = ".gguf"
REVISION = "/resolve/main/"  # between repository and file in an address of the Hub
WAYS = "Give a name of `assistant models catalogue`, ORGANISATION/REPOSITORY/FILE.gguf, or an https address."


@dataclass(frozen=True, slots=True)
class Source:
    """A file at an https address, and what is known of it before anybody is asked: `size` 0 and `sha256` "" if nothing.

    `name` is what the file will be called here, without its ending.
    """

    url: str
    name: str
    size: int = 0
    sha256: str = ""
    entry: Entry | None = None

    @property
    def host(self) -> str:
        """Who is asked."""
        return urlsplit(self.url).hostname or ""

    @property
    def repository(self) -> str:
        """Which repository of the Hub the file is in, "" elsewhere."""
        before, inside, _ = unquote(urlsplit(self.url).path).partition(REVISION)
        return before.lstrip("/") if inside else ""

    @property
    def path(self) -> str:
        """What they are asked for, in its repository."""
        return unquote(urlsplit(self.url).path).rpartition(REVISION)[2].lstrip("/")


def hub() -> str:
    """The address of the Hugging Face Hub, or of the mirror that HF_ENDPOINT names."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def parse_source(text: str, name: str = "", sha256: str = "") -> Source:
    """What a text means; `name` calls the file otherwise, `sha256` is what the user expects of it.

    Raises:
        UsageError: it means nothing, is not https, or one of its parts cannot be a name.
    """
    if sha256 and not SHA256.fullmatch(sha256.lower()):
        raise UsageError("That is no SHA-256.", "It has 64 digits from 0 to 9 and a to f.")
    entry = next((each for each in catalogue() if each.name == text.lower()), None)
    if entry is not None:
        return Source(
            _file_url(entry.repository, entry.file), _checked(name or entry.name), entry.size,
            sha256.lower() or entry.sha256, entry,
        )  # fmt: skip
    url = text if "://" in text else _hub_file(text)
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.password:
        raise UsageError(f"{text[:200]!r} is not fetched: only https addresses are, without a name in them.", WAYS)
    if "/blob/" in parts.path:  # how the Hub's pages call a file
        url = url.replace("/blob/", "/resolve/", 1)
    url = url.partition("#")[0]
    stem = unquote(parts.path.rpartition("/")[2])
    if not stem.lower().endswith(ENDING):
        raise UsageError(f"{stem[:80] or text[:80]!r} is no GGUF file.", "Only files that end in .gguf are fetched.")
    if part := part_of(Path(stem)):
        raise UsageError(
            f"{stem[:80]} is part {part.number} of {part.count} of a model; only models in one file are fetched.",
            f"Choose another of its files; or put all {part.count} parts into a folder of the setting model.folders.",
        )
    return Source(url, _checked(name or stem[: -len(ENDING)]), 0, sha256.lower())


def _hub_file(text: str) -> str:
    """`ORGANISATION/REPOSITORY/FILE`, as it is or behind `hf:` or `hf.co/`."""
    parts = re.sub(r"^(hf:|hf\.co/|huggingface\.co/)", "", text).split("/")
    if len(parts) < 2 or not all(PART.fullmatch(part) for part in parts):
        near = difflib.get_close_matches(text.lower(), [each.name for each in catalogue()], 1, 0.5)
        raise UsageError(
            f"There is nothing to fetch called {text[:80]!r}.", f"Did you mean {near[0]}?" if near else WAYS
        )
    if len(parts) == 2:
        raise UsageError(f"{text[:80]} is a repository with several files.", f"Name one of them: {text[:80]}/FILE.gguf")
    return _file_url("/".join(parts[:2]), "/".join(parts[2:]))


def _file_url(repository: str, file: str) -> str:
    return f"{hub()}/{repository}{REVISION}{quote(file)}"


def _checked(name: str) -> str:
    if not NAME.fullmatch(name) or ".." in name:
        raise UsageError(
            f"{name[:80]!r} cannot be the name of a model.", "Choose letters, digits and .-_ with --as NAME."
        )
    return name
