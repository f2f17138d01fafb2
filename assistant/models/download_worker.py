"""The child that fetches models: the only process of the assistant that goes out to the internet by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assistant.errors import ModelError
from assistant.models.download import TIMEOUT, WAITS, Download
from assistant.models.https import PassingError, opened


class DownloadWorker:
    """Asks hosts and fetches files; see worker_host for how its methods are called."""

    def __init__(self, timeout: float = TIMEOUT, waits: Sequence[float] = WAITS) -> None:
        self._timeout, self._waits = timeout, waits

    def ask(self, url: str) -> dict[str, Any]:
        """What the host says of a file: its size in bytes, and its SHA-256 where it tells it. Nothing is kept."""
        try:
            with opened(url, 0, "", self._timeout) as answer:
                return {"size": answer.total, "sha256": answer.sha256}
        except PassingError as error:
            raise ModelError(f"The host could not be asked: {error}.", "Are you online? Try again.") from error

    def fetch(
        self, url: str, target: str, size: int, sha256: str, cancelled: Callable[[], bool]
    ) -> Iterator[dict[str, Any]]:
        """The fields of each Progress; see Download."""
        download = Download(url, Path(target), size, sha256, timeout=self._timeout, waits=self._waits)
        for progress in download.run(cancelled):
            yield asdict(progress)
