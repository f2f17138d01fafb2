"""Text of pictures and scans: recognized where that is on and tesseract is there, told with its reason where not."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from made_files import pdf, tokenizer_path

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.reader_worker import ReaderWorker
from ingest.readers import read_document
from ingest.readers.limits import Limits
from ingest.readers.ocr import _composed

needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
LINES = ["The deposit of this flat is 1,150 pounds.", "", "It is held by the Sandbourne scheme until August."]
ON = Limits(ocr="eng")


def picture(lines: list[str], scale: float = 3.0) -> pdfium.PdfBitmap:
    """A page with these lines, drawn."""
    return pdfium.PdfDocument(pdf([lines]))[0].render(scale=scale)


def png(lines: list[str]) -> bytes:
    file = io.BytesIO()
    picture(lines).to_pil().save(file, "PNG")
    return file.getvalue()


def scan(*pages: list[str] | str) -> bytes:
    """A PDF whose pages are pictures of lines; a text stays a text."""
    made = pdfium.PdfDocument.new()
    for page in pages:
        if isinstance(page, str):
            made.import_pages(pdfium.PdfDocument(pdf([[page]])))
            continue
        image = pdfium.PdfImage.new(made)
        image.set_bitmap(picture(page))
        image.set_matrix(pdfium.PdfMatrix().scale(595, 842))
        sheet = made.new_page(595, 842)
        sheet.insert_obj(image)
        sheet.gen_content()
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def read(data: bytes, suffix: str, limits: Limits = ON) -> Document:
    return read_document(data, "name", suffix, limits)


@needs_tesseract
def test_a_scan_is_read_page_by_page_with_its_confidence() -> None:
    """Pages with a text layer are read as ever, pictures are recognized, and places and notes say how sure that is."""
    document = read(scan("This page has text.", LINES), ".pdf")
    assert "This page has text." in document.text and "1,150 pounds" in document.text
    first, second = document.sections[0], document.sections[-1]
    assert (first.page, first.place) == (1, "") and second.page == 2
    assert second.place.startswith("p. 2, recognized, ") and second.place.endswith(" % sure")
    assert document.text[second.start : second.end].splitlines()[0] == LINES[0]
    assert document.notes[0].startswith("1 page was recognized from a picture, ")
    turned = io.BytesIO()
    picture(LINES).to_pil().rotate(90, expand=True).save(turned, "PNG")
    osd = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=False).stdout
    assert "1,150 pounds" in read(turned.getvalue(), ".png").text or "osd" not in osd.split()
    limited = read(scan(LINES, LINES), ".pdf", Limits(ocr="eng", ocr_pages=1))
    assert "text recognition ended after 1 pages" in limited.notes and limited.sections[-1].page == 1


@needs_tesseract
def test_a_picture_is_read_and_an_empty_one_is_told() -> None:
    """A PNG file becomes text; one without any, or that is no picture, has a reason; a missing language is named."""
    document = read(png(LINES), ".png")
    assert LINES[0] in document.text and LINES[2] in document.text
    assert document.sections[0].place.startswith("picture, recognized, ")
    for data, limits, reason in (
        (png([""]), ON, "no text was recognized"),
        (b"\x89PNG\r\n\x1a\n not a picture", ON, "can make nothing of"),
        (png(LINES), Limits(ocr="xyz"), "lacks one of the languages “xyz”"),
    ):
        with pytest.raises(UnreadableError, match=reason):
            read(data, ".png", limits)
    with pytest.raises(UnreadableError, match="no text layer.*lacks one of the languages"):
        read(scan(LINES), ".pdf", Limits(ocr="xyz"))


def test_without_tesseract_or_without_being_asked_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Recognition that is off, or whose program is missing, is the reason of the failure, with what to do."""
    with pytest.raises(UnreadableError, match="recognition .OCR. is off") as off:
        read(png(LINES), ".png", Limits())
    assert "documents.ocr" in off.value.hint
    with pytest.raises(UnreadableError, match="has no text layer") as scanned:
        read(scan(LINES), ".pdf", Limits())
    assert "documents.ocr" in scanned.value.hint
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnreadableError, match="tesseract.*is not installed"):
        read(png(LINES), ".png")


def test_pictures_in_folders_are_documents_only_where_recognition_is_on(tmp_path: Path) -> None:
    """A folder full of photographs is no list of failures."""
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "note.txt").write_text("A note.")
    for ocr, names in (("", ["note.txt"]), ("eng", ["note.txt", "photo.jpg"])):
        reader = ReaderWorker(tokenizer_path(), 200, 40, 10**6, 10**6, ocr)
        found = [entry for batch in reader.scan([str(tmp_path)], []) for entry in batch]
        assert [Path(entry["path"]).name for entry in found] == names


def test_words_that_are_noise_are_left_out() -> None:
    """Lines and paragraphs follow tesseract's table, confidence is weighed by letters, specks are dropped."""
    head = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
    rows = [
        "4\t1\t1\t1\t1\t0\t0\t0\t9\t9\t-1\t",
        "5\t1\t1\t1\t1\t1\t0\t0\t9\t9\t90\tGood",
        "5\t1\t1\t1\t1\t2\t0\t0\t9\t9\t80\tday",
        "5\t1\t1\t1\t2\t1\t0\t0\t9\t9\t12\t|~",
        "5\t1\t1\t1\t2\t2\t0\t0\t9\t9\t70\tto",
        '5\t1\t2\t1\t1\t1\t0\t0\t9\t9\t96\t"you"',
    ]
    found = _composed("\n".join([head, *rows]))
    assert found.text == 'Good day\nto\n\n"you"'
    assert found.letters == 14 and found.confidence == pytest.approx((4 * 90 + 3 * 80 + 2 * 70 + 5 * 96) / 14)
    assert _composed("").text == ""
