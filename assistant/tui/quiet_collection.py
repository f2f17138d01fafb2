"""When does Python look through all objects for garbage? While nobody waits: it holds a frame back by up to 100 ms."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

YOUNGER = 500  # collections of younger objects, after which Python looks through all in the midst of whatever is done
QUIET_SECONDS = 2.0  # without a key


class QuietCollection:
    """Full collections in quiet moments, in place of those that come when so and so many objects were made."""

    def __init__(self, busy: Callable[[], bool]) -> None:
        """`busy` says that something is drawn all the time. What is loaded by now stays out of all collections."""
        self._busy = busy
        self._last_input = time.monotonic()
        gc.freeze()
        first, second, self._enough = gc.get_threshold()
        gc.set_threshold(first, second, YOUNGER)

    def input_came(self) -> None:
        """A key was pressed, the mouse moved, or something was pasted."""
        self._last_input = time.monotonic()

    def look(self) -> None:
        """Called every few seconds: collect, if it is quiet and Python itself would have done so by now."""
        quiet = time.monotonic() - self._last_input >= QUIET_SECONDS and not self._busy()
        if quiet and gc.get_count()[2] > self._enough:
            gc.collect()
