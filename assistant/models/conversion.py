"""Follows the child that converts a folder of safetensors."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from assistant import offline
from assistant.errors import WorkerError, error_from_name


async def convert(
    folder: Path, target: Path, kind: str, compare: bool, log: Path
) -> AsyncGenerator[dict[str, Any], None]:
    """What the child tells, see conversion_worker; it is ended when the loop is left.

    Raises:
        AssistantError: as the child raised it; WorkerError: it died.
    """
    offline.enforce()
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as written:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "assistant.models.conversion_worker", str(folder), str(target), kind,
            "1" if compare else "0", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=written,
        )  # fmt: skip
    assert child.stdout is not None
    try:
        async for line in child.stdout:
            told = json.loads(line)
            if "error" in told:
                raise error_from_name(told["error"], told["message"], told["hint"])
            yield told
        if code := await child.wait():
            why = f"it was ended by signal {-code}" if code < 0 else f"it exited with code {code}"
            raise WorkerError(f"The converting process died: {why}.", f"Its log is {log}.")
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
