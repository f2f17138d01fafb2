"""Mail (.eml, .mbox, .mht, .msg): headers, the best form of the body, attachments by name and as text."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_files import container, outlook_message

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers import read_document
from ingest.readers.limits import Limits

HEADERS = "From: Anna <anna@example.org>\nTo: Ole <ole@example.org>\nDate: Fri, 1 May 2026 10:02:00 +0200\n"
PLAIN = f"{HEADERS}Subject: =?utf-8?q?Die_K=C3=BCche?=\n\nThe rent is 640 euros.\n"


def read(data: bytes | str, suffix: str = ".eml") -> Document:
    return read_document(data.encode() if isinstance(data, str) else data, "name", suffix, Limits())


def mail(*parts: str, kind: str = "mixed") -> str:
    """A message of several parts."""
    body = "".join(f"--b\n{part}\n" for part in parts)
    return f'{HEADERS}Subject: Rent\nContent-Type: multipart/{kind}; boundary="b"\n\n{body}--b--\n'


def test_headers_and_body() -> None:
    """The subject is the title and the heading, dates are sortable, headers in other alphabets are decoded."""
    document = read(PLAIN)
    assert document.title == "Die Küche"
    assert document.sections[0].headings == ("Die Küche",)
    assert document.text == (
        "Die Küche\n\nFrom: Anna <anna@example.org>\nTo: Ole <ole@example.org>\nDate: Fri, 2026-05-01 10:02 +0200\n"
        "Subject: Die Küche\n\nThe rent is 640 euros."
    )


def test_the_best_form_of_the_body() -> None:
    """Plain text is preferred to a page; a page alone is read as a page; lines that only wrap are joined."""
    plain = "Content-Type: text/plain; format=flowed\n\nThe rent \nis due."
    page = "Content-Type: text/html\n\n<p>Page <b>only</b></p><script>x</script>"
    assert read(mail(plain, page, kind="alternative")).text.endswith("The rent is due.")
    assert read(mail(page, kind="alternative")).text.endswith("Page only")


def test_attachments() -> None:
    """Each attachment is named under a heading; text is read, in the encoding it says; others are not."""
    packed = base64.b64encode("Größe\n".encode("cp1252")).decode()
    text = f'Content-Type: text/plain; charset=cp1252; name="a.txt"\nContent-Transfer-Encoding: base64\n\n{packed}'
    table = 'Content-Type: application/octet-stream\nContent-Disposition: attachment; filename="../rent.csv"\n\na,b'
    other = 'Content-Type: application/pdf; name="lease.pdf"\nContent-Disposition: attachment\n\n%PDF-1.4 secret'
    document = read(mail("Content-Type: text/plain\n\nSee below.", text, table, other))
    assert document.text.endswith(
        "See below.\n\nAttachment: a.txt\n\nGröße\n\nAttachment: rent.csv\n\na,b\n\nAttachment: lease.pdf"
    )
    assert document.sections[-1].headings == ("Rent", "Attachment: lease.pdf")


def test_messages_inside_messages() -> None:
    """A forwarded message stands under its own subject, also when a program packed it as base64."""
    inner = "From: x@example.org\nSubject: Inner\n\nHello.\n"
    plain = f"Content-Type: message/rfc822\n\n{inner}"
    coded = base64.b64encode(inner.encode()).decode()
    packed = f"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{coded}"
    for part in (plain, packed):
        document = read(mail(part))
        assert document.text.endswith("Subject: Inner\n\nHello.") and document.sections[-1].headings == (
            "Rent",
            "Inner",
        )


def test_a_mailbox() -> None:
    """Each message of a mailbox is a place; "From" at the start of a line of text begins none."""
    letter = "From anna@example.org Fri May  1 10:02:00 2026\nSubject: Rent {}\n\nFrom now on {} euros.\n>From me.\n\n"
    document = read(letter.format(1, 640) + letter.format(2, 710), ".mbox")
    assert [(s.place, s.headings) for s in document.sections] == [
        ("message 1", ("Rent 1",)), ("message 2", ("Rent 2",))
    ]  # fmt: skip
    assert document.text.endswith("From now on 710 euros.\nFrom me.")


def test_a_saved_page() -> None:
    """A page that a browser saved with its pictures is read as the page."""
    part = "Content-Type: text/html\n\n<h1>Lease</h1><p>640</p>"
    assert read(mail(part, kind="related"), ".mht").text == "Lease\n\n640"


def test_outlook() -> None:
    """An Outlook message is read like any other, attachments included."""
    fields = {"0037": "Rent", "0C1A": "Anna", "0C1F": "anna@example.org", "0E04": "Ole", "1000": "Due on the third."}
    document = read(outlook_message(fields, {"a.txt": b"text " * 1000, "b.pdf": b"%PDF"}), ".msg")
    assert document.text == (
        "Rent\n\nFrom: Anna <anna@example.org>\nTo: Ole\n\nDue on the third.\n\n"
        f"Attachment: a.txt\n\n{('text ' * 1000).strip()}\n\nAttachment: b.pdf"
    )


def test_refusals() -> None:
    """What is no mail is called that."""
    for data, suffix, reason in (
        (b"\n\n", ".eml", "holds no"),
        (b"words", ".msg", "is not an Outlook message"),
        (container({"a": b"b"}), ".msg", "holds no text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), ".msg", "Outlook message"),
    ):
        with pytest.raises(UnreadableError, match=reason):
            read(data, suffix)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([".eml", ".mbox", ".mht", ".msg"]))
def test_any_bytes(data: bytes, suffix: str) -> None:
    """Whatever stands in a mail, the answer is a document or a reason."""
    for content in (data, PLAIN.encode()[:60] + data, mail("Content-Type: text/plain\n\nx").encode()[:170] + data):
        try:
            read(content, suffix)
        except UnreadableError as error:
            assert str(error)
