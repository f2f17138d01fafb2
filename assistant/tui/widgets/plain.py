"""A Static that never reads markup: the only one that may show text from outside."""

from __future__ import annotations

from typing import Any

from textual.visual import VisualType
from textual.widgets import Static


class Plain(Static):
    """Text as it is. Pass it through `safe_text` or `safe_line` where it comes from outside."""

    def __init__(self, content: VisualType = "", **options: Any) -> None:
        super().__init__(content, markup=False, **options)
