"""What if the terminal goes away and nobody says so, as when its server is killed? Then hang up all the same."""

from __future__ import annotations

import os
import signal
import threading

from textual.drivers._writer_thread import WriterThread


def hang_up_when_lost() -> None:
    """From now on, a terminal that cannot be written to is a SIGHUP to this process.

    Textual's writer dies of it; then its queue would fill, and whoever draws would wait for ever. So it goes on taking
    from the queue until the driver closes it.
    """
    before = threading.excepthook

    def died(told: threading.ExceptHookArgs) -> None:
        if not (isinstance(told.thread, WriterThread) and isinstance(told.exc_value, OSError)):
            before(told)
            return
        os.kill(os.getpid(), signal.SIGHUP)
        while told.thread._queue.get() is not None:
            pass

    threading.excepthook = died
