"""The report of a library check in lines that fit a terminal of 80 columns."""

from __future__ import annotations

import json

from assistant.library_check import RANKS, Figures, LibraryReport
from ingest.collection_settings import CollectionSettings
from ingest.library import CollectionSummary

MOST_MISSED = 3


def collection_line(collection: CollectionSummary, settings: CollectionSettings) -> str:
    """A collection, how much is in it, and what it has of its own."""
    own = ", ".join(f"{name} {json.dumps(value)}" for name, value in settings.own.items())
    held = f"{collection.documents:,} documents, {collection.passages:,} passages"
    return f"{collection.name}: {held}; {own or 'settings as everywhere'}"


def report_lines(report: LibraryReport) -> list[str]:
    """The figures of the present settings and the others, what is offered, and what was not found."""
    heads = "  ".join(f"recall@{k}".rjust(9) for k in RANKS)
    lines = [
        f"{report.questions} questions made from your own passages, {report.general} about other things.",
        "",
        f"words  floor  {heads}   MRR  refused  admitted",
        f"{_row(report.now)}  now",
        *(_row(figures) for figures in report.others),
        "",
        "refused: shares whose answer is there, but below the floor;",
        "admitted: shares about other things that get passages all the same.",
    ]
    if report.better:
        settings = ", ".join(f"{key} = {value:g}" for key, value in report.better.items())
        lines += [f"Better for these documents: {settings}", f"({report.reason})."]
    else:
        lines.append(f"The settings can stay: {report.reason}.")
    if report.missed:
        lines.append(f"Not among the first ten: {len(report.missed)}, such as")
        lines += [f"  “{each.question}” of {each.document}" for each in report.missed[:MOST_MISSED]]
    return lines


def _row(figures: Figures) -> str:
    recall = "  ".join(f"{figures.recall[k]:>9.0%}" for k in RANKS)
    return (
        f"{figures.word_weight:>5.2f}  {figures.floor:>5.2f}  {recall}  {figures.mrr:.2f}"
        f"  {figures.refused:>7.0%}  {figures.admitted:>8.0%}"
    )
