"""Text of pictures, by the tesseract program of the system, with how sure it is of it (https://tesseract-ocr.github.io)."""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from ingest.errors import UnreadableError

PROGRAM = "tesseract"
PAGE_SECONDS = 60.0
WORD_LEVEL = "5"  # of tesseract's table: page, block, paragraph, line, word
UPRIGHT, ANY_WAY_UP = "3", "1"  # tesseract's layouts: a page as it lies; turned first where it stands on its side
UNSURE = 75.0  # a page below may lie on its side
LEAST_CONFIDENCE = 30.0  # of a word, 0 to 100; below it stands noise of the picture rather than text


@dataclass(frozen=True, slots=True)
class Recognized:
    """A picture's text, paragraphs divided by empty lines; `confidence` is the mean over its letters, 0 to 100."""

    text: str
    confidence: float
    letters: int


def recognize(picture: bytes, languages: str) -> Recognized:
    """The text of a picture in any format that tesseract reads (PNM, PNG, JPEG, TIFF, …).

    `languages` are tesseract's names, such as "eng" or "eng+deu".

    Raises:
        UnreadableError: tesseract or a language is not installed, or it can make nothing of the picture.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise UnreadableError(
            "is a picture of text, and tesseract, which would recognize it, is not installed",
            "Install it (Debian: apt install tesseract-ocr), and run this again.",
        )
    found = _run(program, picture, languages, UPRIGHT)
    if found.confidence >= UNSURE:
        return found
    with contextlib.suppress(UnreadableError):  # the data for that need not be installed
        turned = _run(program, picture, languages, ANY_WAY_UP)
        return max(found, turned, key=lambda each: (each.confidence, each.letters))
    return found


def _run(program: str, picture: bytes, languages: str, layout: str) -> Recognized:
    try:
        done = subprocess.run(
            [program, "stdin", "stdout", "-l", languages, "--psm", layout, "tsv"],
            input=picture, capture_output=True, timeout=PAGE_SECONDS, check=False,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise UnreadableError(f"text recognition took longer than {PAGE_SECONDS:g} s for one page") from None
    if done.returncode != 0:
        raise _failure(done.stderr.decode("utf-8", "replace"), languages)
    return _composed(done.stdout.decode("utf-8", "replace"))


def _failure(said: str, languages: str) -> UnreadableError:
    if "tessdata" in said or "load any languages" in said:
        return UnreadableError(
            f"text recognition lacks one of the languages “{languages}”",
            "`tesseract --list-langs` lists those there are; set documents.ocr to some of them.",
        )
    return UnreadableError("is a picture that text recognition can make nothing of")


def _composed(table: str) -> Recognized:
    """The text of tesseract's table of words."""
    words = [row for row in _rows(table) if row["level"] == WORD_LEVEL and row["text"].strip()]
    words = [row for row in words if float(row["conf"]) >= LEAST_CONFIDENCE]
    paragraphs = []
    for _, paragraph in groupby(words, key=lambda row: (row["block_num"], row["par_num"])):
        lines = (
            " ".join(row["text"].strip() for row in line)
            for _, line in groupby(paragraph, key=lambda row: row["line_num"])
        )
        paragraphs.append("\n".join(lines))
    letters = sum(len(row["text"].strip()) for row in words)
    sure = sum(float(row["conf"]) * len(row["text"].strip()) for row in words) / max(1, letters)
    return Recognized("\n\n".join(paragraphs), sure, letters)


def _rows(table: str) -> Iterator[dict[str, str]]:
    for row in csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        if row.get("text") is not None and row.get("conf") is not None:
            yield row
