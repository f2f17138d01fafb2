"""Does the real process stand whatever a real terminal sends it?"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

from .conftest import configure

CONTROL = re.compile(rb"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()=>78]\w?)")


class Terminal:
    """`assistant` in a pseudo-terminal."""

    def __init__(self, home: Path) -> None:
        self._end, theirs = pty.openpty()
        self.resize(100, 30)
        self._drawn = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "assistant", "--home", str(home)], stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, env=os.environ | {"TERM": "xterm-256color"},
        )  # fmt: skip
        os.close(theirs)

    def resize(self, columns: int, rows: int) -> None:
        self._size = columns, rows
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, data: bytes) -> None:
        """Send all of it, reading meanwhile: neither side may wait for the other."""
        self._drawn = b""
        while data:
            ready, writable, _ = select.select([self._end], [self._end], [], 60.0)
            assert ready or writable, "the terminal takes nothing"
            if ready:
                self._drawn += os.read(self._end, 65536)
            elif writable:
                data = data[os.write(self._end, data[:4096]) :]

    def until(self, text: str, seconds: float = 120.0) -> None:
        """Read until a text has been drawn since the last `send`, or since the beginning.

        What came letter by letter was drawn so: now and then another width has all of it drawn anew.
        """
        begun = redrawn = time.monotonic()
        while text not in self.shown():
            if time.monotonic() - redrawn > 3.0:
                redrawn = time.monotonic()
                self.resize(self._size[0] ^ 1, self._size[1])
            assert time.monotonic() - begun < seconds, f"not drawn: {text!r}; drawn: {self.shown()[-2000:]}"
            if select.select([self._end], [], [], 1.0)[0]:
                self._drawn += os.read(self._end, 65536)

    def shown(self) -> str:
        return CONTROL.sub(b"", self._drawn).decode(errors="replace")

    def ended(self) -> int:
        """Read until the process has closed its terminal; its exit code."""
        try:
            while select.select([self._end], [], [], 60.0)[0]:
                self._drawn += os.read(self._end, 65536)
        except OSError:
            pass  # Linux says so at the end of a pseudo-terminal
        return self.process.wait(60)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._end)


def test_bytes_that_are_no_text_and_no_keys_end_nothing(home: Path) -> None:
    """Latin-1, replies nobody asked for, sizes up to 300x100 and a paste of a megabyte: it types on, and quits."""
    configure(home, text="fine")
    terminal = Terminal(home)
    try:
        terminal.until("Ask something")
        terminal.send(b"caf\xe9 \xff\xc3 \xe2\x82\xac!")
        terminal.until("caf\N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} €!")
        terminal.send(
            b"\x1b]52;c;eA==\x07\x1b[<0;9999;9999M\x1b[?1;2c\x1bP1$r0m\x1b\\\x1b[99;99R\x00\x1b[200~\x1b[2J\x1b[201~"
        )
        for columns, rows in ((20, 6), (300, 100), (1, 1), (80, 24)):
            terminal.resize(columns, rows)
            time.sleep(0.1)  # the kernel tells of the last size only: each has to be seen
        terminal.send(b"still here")
        terminal.until("still here")
        terminal.send(b"\x1b[200~" + b"a pasted line\n" * 75_000 + b"\x1b[201~")
        terminal.until("more than 50,000")
        terminal.send(b"\x11")
        assert terminal.ended() == 0
        assert "Traceback" not in terminal.shown() and "unexpected" not in terminal.shown()
    finally:
        terminal.close()


def test_a_terminal_that_goes_away_ends_it_and_keeps_the_draft(home: Path) -> None:
    """Nobody sends a signal: what cannot be written is what tells."""
    configure(home, text="fine")
    terminal = Terminal(home)
    try:
        terminal.until("Ask something")
        terminal.send(b"hello\r")
        terminal.until("fine")
        terminal.send(b"half a question")
        terminal.until("half a question")
    finally:
        os.close(terminal._end)
    try:
        assert terminal.process.wait(90) in (0, 120)  # 120: Python could not flush what it had written
    finally:
        terminal.process.kill()
    again = Terminal(home)
    try:
        again.until("half a question")
    finally:
        again.close()
