"""Is Python's garbage looked through only while nobody types and nothing is written?"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from assistant.tui import quiet_collection
from assistant.tui.quiet_collection import QUIET_SECONDS, QuietCollection


class Knot:
    """Garbage that only a collection finds."""

    def __init__(self) -> None:
        self.itself = self


def old_garbage() -> weakref.ref[Knot]:
    """Of the oldest generation, which is due: the younger ones were collected more often than Python waits for."""
    knot = Knot()
    gc.collect(0)
    for _ in range(20):
        gc.collect(1)
    return weakref.ref(knot)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What Python does by itself is put back."""
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


def test_garbage_goes_when_it_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not while an answer is written, not right after a key, but then."""
    now, writing = [100.0], [True]
    monkeypatch.setattr(quiet_collection.time, "monotonic", lambda: now[0])
    collection = QuietCollection(lambda: writing[0])
    garbage = old_garbage()
    now[0] += QUIET_SECONDS + 1
    collection.look()
    assert garbage() is not None
    writing[0] = False
    collection.input_came()
    collection.look()
    assert garbage() is not None
    now[0] += QUIET_SECONDS
    collection.look()
    assert garbage() is None


def test_python_rarely_looks_through_all_by_itself() -> None:
    """The threshold of the oldest generation is far above Python's own, the younger ones' are not touched."""
    first, second, third = gc.get_threshold()
    QuietCollection(lambda: True)
    assert gc.get_threshold()[:2] == (first, second) and gc.get_threshold()[2] > 10 * third
