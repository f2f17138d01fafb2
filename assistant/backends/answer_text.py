"""From generated tokens to text that is safe to show (whole characters, no stop string), and what it cost."""

from __future__ import annotations

import codecs
import time
from dataclasses import dataclass

from assistant.backends.base import Done, Finish


class AnswerText:
    """Collects token bytes; gives out text as soon as no stop string can begin in it."""

    def __init__(self, stop: tuple[str, ...]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = tuple(text for text in stop if text)
        self._held = ""
        self.stopped = False

    def add(self, data: bytes) -> str:
        """The text that can be shown now; sets `stopped` when a stop string was completed."""
        return self._release(self._decoder.decode(data))

    def finish(self) -> str:
        """What was held back and is not part of a stop string after all."""
        shown = self._release(self._decoder.decode(b"", final=True))
        if not self.stopped:
            shown += self._held
        self._held = ""
        return shown

    def _release(self, text: str) -> str:
        if not self._stop:
            return text
        self._held += text
        found = [at for at in (self._held.find(stop) for stop in self._stop) if at >= 0]
        if found:
            shown, self._held, self.stopped = self._held[: min(found)], "", True
            return shown
        keep = self._possible_start()
        shown, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return shown

    def _possible_start(self) -> int:
        """Length of the longest end of the held text that begins a stop string."""
        longest = max(len(stop) for stop in self._stop) - 1
        for length in range(min(longest, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-length:]) for stop in self._stop):
                return length
        return 0


@dataclass(slots=True)
class AnswerRun:
    """An answer on its way. `finish` says cancelled until something else ends it."""

    started: float
    text: AnswerText
    seed: int
    count: int = 0
    first: float = 0.0  # seconds to the first token
    finish: Finish = "cancelled"

    def add(self, piece: bytes) -> str:
        """Count a token; the text that can be shown now."""
        self.count += 1
        self.first = self.first or time.monotonic() - self.started
        return self.text.add(piece)

    def done(self, prompt_tokens: int, cached_tokens: int) -> Done:
        """The end of the answer; the rate counts the tokens after the first."""
        seconds = time.monotonic() - self.started - self.first
        rate = (self.count - 1) / seconds if self.count > 1 and seconds > 0 else 0.0
        return Done(self.finish, prompt_tokens, cached_tokens, self.count, self.first, rate, self.seed)
