"""Pictures of text (PNG, JPEG, TIFF, …): what text recognition reads in them, where the user has turned it on."""

from __future__ import annotations

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers.assembly import Assembly
from ingest.readers.limits import Limits
from ingest.readers.ocr import recognize

OFF = 'Text recognition (OCR) needs tesseract, and the languages of your scans in documents.ocr, such as "eng".'


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The recognized text of a picture.

    Raises:
        UnreadableError: recognition is off or fails, or there is no text in the picture.
    """
    if not limits.ocr:
        raise UnreadableError("is a picture, and text recognition (OCR) is off", OFF)
    found = recognize(data, limits.ocr)
    if not found.text:
        raise UnreadableError("is a picture in which no text was recognized")
    assembly = Assembly(limits)
    assembly.place(f"picture, recognized, {found.confidence:.0f} % sure")
    assembly.block(found.text)
    assembly.notes.append(f"its text was recognized from the picture, {found.confidence:.0f} % sure")
    return assembly.document(stem)
