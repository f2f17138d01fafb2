"""Is this a good moment for work nobody waits for? Not on battery, and not while other programs need the machine."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

BUSY_SECONDS = 30.0  # other programs must have kept the processor busy for so long
LOOK_SECONDS = 2.0  # between two looks


class Machine:
    """Looks at the power supply and at who uses the processor, at most every LOOK_SECONDS."""

    def __init__(self, on_battery: bool, busy_share: float, root: Path = Path("/")) -> None:
        """Rest `on_battery`, and while other programs use more than `busy_share` of all cores (1 = never rest).

        Programs of lower priority do not count, and so neither does what the assistant does in the background.
        `root` holds sys/class/power_supply and proc/stat, as in sysfs(5) and proc_stat(5).
        """
        self._rest_on_battery, self._busy_share = on_battery, busy_share
        self._supplies, self._stat = root / "sys/class/power_supply", root / "proc/stat"
        self._looked: deque[tuple[float, int, int]] = deque()  # time, ticks used at normal priority, all ticks
        self._told = ""

    def why_rest(self) -> str:
        """Why background work should wait now, in words for the status line; "" if it may go on."""
        now = time.monotonic()
        if not self._looked or now - self._looked[-1][0] >= LOOK_SECONDS:
            self._told = self._look(now)
        return self._told

    def _look(self, now: float) -> str:
        self._looked.append((now, *_ticks(self._stat)))
        while len(self._looked) > 2 and now - self._looked[1][0] >= BUSY_SECONDS:
            self._looked.popleft()
        if self._rest_on_battery and _on_battery(self._supplies):
            return "on battery"
        (since, used, all_), (_, used_now, all_now) = self._looked[0], self._looked[-1]
        if now - since < BUSY_SECONDS or all_now <= all_:
            return ""
        return "machine busy" if (used_now - used) / (all_now - all_) > self._busy_share else ""


def _ticks(stat: Path) -> tuple[int, int]:
    """Clock ticks of all cores since the start: used by programs of normal priority, and altogether."""
    try:
        numbers = [int(number) for number in stat.read_text().split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return (0, 0)
    user, _nice, system, *_rest = numbers
    return (user + system, sum(numbers))


def _on_battery(supplies: Path) -> bool:
    """Whether a battery is being used up and no mains is connected."""
    states = [(_word(supply / "type"), supply) for supply in _entries(supplies)]
    if any(kind in ("Mains", "USB") and _word(supply / "online") == "1" for kind, supply in states):
        return False
    return any(kind == "Battery" and _word(supply / "status") == "Discharging" for kind, supply in states)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _word(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, ValueError):
        return ""
