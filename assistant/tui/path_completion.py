"""Which files and folders a typed path may become."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

LIMIT = 200  # entries of one folder that are looked at for a list


async def completions(typed: str, limit: int = LIMIT) -> list[str]:
    """Paths that begin as `typed`, folders first and with a slash at their end; hidden ones only if asked for."""
    return await asyncio.to_thread(_completions, typed, limit)


def expanded(typed: str) -> Path:
    """The path a user means, with `~` and quotes resolved."""
    return _home_resolved(typed.strip().strip("\"'") or ".")


def _completions(typed: str, limit: int) -> list[str]:
    if typed == "~":
        return ["~/"]
    folder, _, start = typed.rpartition("/")
    shown = f"{folder}/" if "/" in typed else ""
    found: list[tuple[bool, str]] = []
    try:
        with os.scandir(_home_resolved(shown)) as entries:
            for entry in entries:
                if not entry.name.startswith(start) or (entry.name.startswith(".") and not start.startswith(".")):
                    continue
                found.append((not entry.is_dir(), entry.name))
    except (OSError, ValueError):
        return []
    found.sort()
    return [f"{shown}{name}{'' if is_file else '/'}" for is_file, name in found[:limit]]


def _home_resolved(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # "~nobody/": there is no such user
        return Path(path)
