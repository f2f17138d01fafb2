"""Telling the desktop that something long has ended: a notification or a bell, and the title of the terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from assistant.safe_text import safe_line

if TYPE_CHECKING:
    from assistant.tui.app import AssistantApp

ESCAPE, BELL, STRING_END = "\x1b", "\x07", "\x1b\\"
LONGEST = 120  # characters of a notification
TITLE = "Assistant"


def job_ended(app: AssistantApp, told: str) -> bool:
    """Say it in the way of `interface.notify`, and in the title; whether that was done."""
    way = app.core.config.interface.notify
    if way == "off":
        return False
    _write(app, "".join(sequences(told, way, in_tmux=bool(os.environ.get("TMUX")))))
    return True


def title_back(app: AssistantApp) -> None:
    """Have the plain title again."""
    _write(app, title(TITLE))


def sequences(told: str, way: str, *, in_tmux: bool) -> list[str]:
    """What is sent to the terminal; tmux is asked to pass it on.

    `way` is "desktop" (OSC 9, as iTerm2, kitty and Windows Terminal read it, and OSC 777, as VTE, foot and Ghostty do)
    or "bell".
    """
    line = safe_line(told).replace(";", ",")[:LONGEST]
    if way == "bell":
        return [title(f"* {line}"), BELL]
    asked = [f"{ESCAPE}]9;{line}{STRING_END}", f"{ESCAPE}]777;notify;{TITLE};{line}{STRING_END}"]
    if in_tmux:
        asked = [f"{ESCAPE}Ptmux;{each.replace(ESCAPE, ESCAPE * 2)}{STRING_END}" for each in asked]
    return [title(f"* {line}"), *asked]


def title(text: str) -> str:
    """What sets the title of the terminal."""
    return f"{ESCAPE}]2;{safe_line(text)}{STRING_END}"


def _write(app: AssistantApp, text: str) -> None:
    if (driver := app._driver) is not None:
        driver.write(text)
        driver.flush()
