"""Which reader turns which file into a Document; one file a format, imported when first needed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers.encoding import SAMPLE_BYTES, looks_binary
from ingest.readers.limits import Limits

Reader = Callable[[bytes, str, str, Limits], Document]
"""(the file's bytes, the title if the file has none of its own, its suffix, the limits) -> Document."""

_SUFFIXES = {
    "text": "txt text log tex bib diff patch rst org adoc",
    "markdown": "md markdown mdown mkd qmd rmd",
    "html": "html htm xhtml",
    "pdf": "pdf",
    "word": "docx docm dotx",
    "slides": "pptx pptm ppsx ppsm potx",
    "excel": "xlsx xlsm xltx xltm",
    "old_excel": "xls xlt",
    "old_word": "doc dot",
    "image": "png jpg jpeg tif tiff bmp webp",
    "table": "csv tsv tab",
    "opendocument": "odt ott odp otp ods ots",
    "book": "epub",
    "mail": "eml mbox mbx mht mhtml",
    "outlook": "msg",
    "rich_text": "rtf",
    "cards": "ics ical vcf",
    "subtitles": "srt vtt",
    "structured": "json jsonl ndjson geojson",
    "notebook": "ipynb",
    "yaml": "yaml yml",
    "xml": "xml rss atom opml",
    "code": "py pyi pyw js mjs cjs jsx ts tsx c h cc cpp cxx hpp hh cu java kt kts scala groovy cs go rs swift dart "
    "rb php pl pm lua r jl sh bash zsh fish ps1 sql toml ini cfg conf properties css "
    "scss less vue svelte ex exs erl hs ml clj lisp el vim m tf proto graphql gradle cmake mk bat",
}
READERS = {f".{suffix}": module for module, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}
_UNREAD = "ppt pps xlsb pages numbers key mobi azw azw3 chm one vsd mdb accdb odg djvu wpd"
UNREAD_DOCUMENTS = frozenset(f".{suffix}" for suffix in _UNREAD.split())  # documents that no reader here knows
_TEXT = "text markdown code table mail cards subtitles structured notebook yaml xml"
TEXT_READERS = frozenset(_TEXT.split())  # these read bytes that must be text


def reader_of(suffix: str) -> str:
    """The name of the reader for a suffix such as ".pdf" (any case), "" if there is none."""
    return READERS.get(suffix.lower(), "")


def read_document(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The document in `data`, the whole content of a file named `stem` + `suffix`.

    Raises:
        UnreadableError: there is no text to be had; the message says why.
    """
    module = importlib.import_module(f"ingest.readers.{reader_for(data, suffix)}")
    return cast(Reader, module.read)(data, stem, suffix.lower(), limits)


def reader_for(data: bytes, suffix: str) -> str:
    """The name of the reader for this content of a file; a suffix without one is read as plain text if it is text.

    Raises:
        UnreadableError: it is empty, binary under a suffix of text, or a document that no reader here knows.
    """
    if not data:
        raise UnreadableError("the file is empty")
    if suffix.lower() in UNREAD_DOCUMENTS:
        raise UnreadableError(f"there is no reader for {suffix} files", "Save it as .docx, .pdf or .txt and add that.")
    refuse_binary(data[:SAMPLE_BYTES], suffix)
    return "rich_text" if data.startswith(b"{\\rtf") else reader_of(suffix) or "text"


def refuse_binary(sample: bytes, suffix: str) -> None:
    """Refuse binary data under a suffix that stands for text, looking at the first bytes only.

    Raises:
        UnreadableError: it is binary.
    """
    reader = reader_of(suffix)
    if reader in TEXT_READERS | {""} and looks_binary(sample):
        if reader:
            raise UnreadableError(f"is named {suffix} but is not text: it holds binary data")
        what = f"no reader for {suffix}" if suffix else "it has no suffix"
        raise UnreadableError(f"not a text file, and {what}")
