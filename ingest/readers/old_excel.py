"""Old Excel workbooks (.xls): each sheet's tables as rows with their header."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from functools import partial

import xlrd  # type: ignore[import-untyped]  # xlrd ships no types

from ingest.document import Document
from ingest.errors import PasswordError, UnreadableError
from ingest.readers.assembly import Assembly
from ingest.readers.excel import sheet_place
from ingest.readers.limits import Limits
from ingest.readers.rows import add_rows

MAX_SHEETS = 1_000


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The text of all sheets in the order of the workbook.

    Raises:
        PasswordError: encrypted.
        UnreadableError: broken, or without text.
    """
    try:
        book = xlrd.open_workbook(file_contents=data, logfile=io.StringIO(), on_demand=True)
        assembly = Assembly(limits)
        for index in range(min(book.nsheets, MAX_SHEETS)):
            sheet = book.sheet_by_index(index)
            assembly.close_headings()
            assembly.place(f"sheet {sheet.name}")
            if sheet.nrows:
                assembly.heading(1, sheet.name)
            add_rows(assembly, _rows(sheet, book.datemode), limits, partial(sheet_place, sheet.name))
            book.unload_sheet(index)
    except (UnreadableError, MemoryError, RecursionError):
        raise
    except Exception as error:  # xlrd meets damage with whatever its own code runs into
        if "encrypted" in str(error).lower() or "password" in str(error).lower():
            raise PasswordError("needs a password", "Save a copy without one and add that.") from None
        raise UnreadableError("is a broken Excel workbook, or of a kind that is too old") from None
    if not assembly.tables:
        raise UnreadableError("holds no text")
    return assembly.document(stem)


def _rows(sheet: xlrd.sheet.Sheet, date_mode: int) -> Iterator[list[str]]:
    for index in range(sheet.nrows):
        yield [_shown(cell, date_mode) for cell in sheet.row(index)]


def _shown(cell: xlrd.sheet.Cell, date_mode: int) -> str:
    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            moment: datetime = xlrd.xldate_as_datetime(cell.value, date_mode)
        except (ValueError, OverflowError, xlrd.xldate.XLDateError):
            return str(cell.value)
        return moment.isoformat(" ").removesuffix(" 00:00:00").removesuffix(":00")
    if cell.ctype == xlrd.XL_CELL_NUMBER:
        return f"{cell.value:.15g}"
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return "TRUE" if cell.value else "FALSE"
    return "" if cell.ctype in {xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK, xlrd.XL_CELL_ERROR} else str(cell.value)
