"""The charts of Office files: their title, and the values they are drawn from as a table."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from ingest.readers.assembly import Assembly
from ingest.readers.rows import markdown_row
from ingest.readers.safe_xml import child, descendants, local

_KINDS = ("line", "bar", "pie", "scatter", "area", "doughnut", "radar", "bubble", "stock", "surface")
MAX_SERIES = 200
MAX_CELLS = 20_000


def add_chart(assembly: Assembly, chart: etree._Element | None) -> None:
    """Add a chart part: what it is called, then a row for each category and a column for each series."""
    series = list(descendants(chart, "ser"))[:MAX_SERIES]
    if not series:
        return
    words = [each.text or "" for each in descendants(child(chart, "chart", "title"), "t", "v")]
    kinds = (local(each).removesuffix("Chart").removesuffix("3D") for each in descendants(chart) if local(each))
    kind = next((kind for kind in kinds if kind in _KINDS), "")
    assembly.block(f"{kind.capitalize()} chart: {' '.join(' '.join(words).split())}".strip(": "))
    categories = list(_points(series[0], "cat", "xVal"))
    columns = [list(_points(each, "val", "yVal")) for each in series]
    rows = [["", *(next(_points(each, "tx"), "") for each in series)]]
    for index in range(min(max(map(len, columns)), MAX_CELLS // len(series))):
        rows.append([_at(categories, index), *(_at(column, index) for column in columns)])
    assembly.block("\n".join(map(markdown_row, rows)), "table")


def _points(series: etree._Element, *names: str) -> Iterator[str]:
    """The values that a series keeps of its cells."""
    source = next((found for name in names if (found := child(series, name)) is not None), None)
    for point in descendants(source, "pt"):
        value = child(point, "v")
        yield (value.text or "").strip() if value is not None else ""


def _at(values: list[str], index: int) -> str:
    return values[index] if index < len(values) else ""
