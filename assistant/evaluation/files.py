"""How a report leaves as a file: a self-contained page, Markdown, or JSON, by the end of the file's name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from assistant.errors import StorageError, UsageError
from assistant.evaluation.report import Report
from assistant.evaluation.report_page import page
from assistant.evaluation.report_text import markdown
from ingest.atomic_file import replace_file

FORMS: dict[str, Callable[[Report], str]] = {
    ".html": page,
    ".md": markdown,
    ".json": lambda report: json.dumps(report.as_json(), indent=2) + "\n",
}


def check_report_file(path: Path) -> None:
    """Refuse a file that no report can be written to, before an hour is spent on what goes into it.

    Raises:
        UsageError: it exists, its folder does not, or its name ends in nothing we know.
    """
    if path.suffix.lower() not in FORMS:
        raise UsageError(f"{path.name} is of no known form.", f"End its name in {', '.join(FORMS)}.")
    if path.exists():
        raise UsageError(f"{path} exists already.", "Choose another name.")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"There is no folder {path.absolute().parent}.", "Choose another place.")


def save_report(path: Path, report: Report) -> None:
    """Write a report to a new file.

    Raises:
        UsageError: as above; StorageError: it cannot be written.
    """
    check_report_file(path)
    try:
        replace_file(path, FORMS[path.suffix.lower()](report).encode("utf-8", "replace"))
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}.", "Choose another place.") from error
