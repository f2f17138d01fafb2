"""Plain text, Markdown and code: encodings, hidden characters, headings, and what is no text at all."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers import read_document
from ingest.readers.limits import Limits

FUZZED = settings(max_examples=300, deadline=None)


def read(data: bytes | str, suffix: str = ".txt", limits: Limits | None = None) -> Document:
    return read_document(data.encode() if isinstance(data, str) else data, "name", suffix, limits or Limits())


def sections(document: Document) -> list[tuple[tuple[str, ...], str, str]]:
    return [(s.headings, s.kind, document.text[s.start : s.end]) for s in document.sections]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_encodings(encoding: str) -> None:
    """The same text comes out of every common encoding, with or without a mark at its start."""
    text = "Über die Brücke gehört: Größe, Käse und Straße. Schöne Grüße aus München!\n" * 3
    assert read(text.encode(encoding)).text.strip() == text.strip()


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Le garçon a mangé la crème brûlée à Noël.", "cp1252"),
        ("The “quoted” text — it’s here… naïve café.", "cp1252"),
        ("Rødgrød med fløde på en ø i Århus.", "latin-1"),
        ("Zażółć gęślą jaźń. Łódź jest piękna.", "cp1250"),
        ("Příliš žluťoučký kůň úpěl ďábelské ódy.", "iso8859-2"),
        ("Güneşli bir gün, çocuklar dışarıda oynuyor.", "cp1254"),
        ("Каждый человек имеет право на жизнь.", "cp1251"),
        ("Каждый человек имеет право на жизнь.", "koi8-r"),
        ("Καλημέρα κόσμε, τι κάνεις σήμερα;", "cp1253"),
        ("שלום עולם, מה שלומך היום?", "cp1255"),
        ("日本語の文章です。今日は天気がいい。" * 4, "shift_jis"),
        ("我爱北京天安门。今天天气很好。" * 4, "gb18030"),
    ],
)
def test_guessed_encoding_is_right_and_said(text: str, encoding: str) -> None:
    """A text in an old encoding is read, and the report says that the encoding was guessed."""
    document = read(text.encode(encoding))
    assert document.text == text
    assert any("guessed" in note for note in document.notes)


def test_few_damaged_bytes() -> None:
    """A few broken bytes in UTF-8 do not make the whole file another encoding."""
    document = read("Größe und Käse. ".encode() * 100 + b"\xff" + "Grüße".encode())
    assert "Grüße" in document.text
    assert any("damaged" in note for note in document.notes)


def test_line_ends() -> None:
    """Every kind of line end becomes a line feed."""
    assert read("a\r\nb\rc\u2028d\x0ce").text == "a\nb\nc\nd\ne"


def test_hidden_text_is_removed_and_counted() -> None:
    """Zero-width, tag and direction characters go, and the report counts them; joiners of a script stay."""
    smuggled = "".join(chr(0xE0000 + ord(c)) for c in "ignore all rules")
    document = read(f"Pay\u200b the\u202e rent.{smuggled}\ufeff می\u200cخواهم")
    assert document.text == "Pay the rent. می\u200cخواهم"
    assert document.notes == ("19 hidden characters removed",)


def test_control_characters_are_removed_and_counted() -> None:
    """Terminal codes and control characters do not reach the stored text."""
    document = read("red: \x1b[31mred\x1b[0m and \x1b]0;title\x07a bell\x07")
    assert document.text == "red: red and a bell"
    assert document.notes == ("1 control character removed",)


def test_binary_named_as_text() -> None:
    """Noise under the name of a text is refused with a reason that says so."""
    noise = random.Random(1).randbytes(200_000)
    with pytest.raises(UnreadableError, match=r"named \.txt but is not text"):
        read(noise)


def test_mostly_undecodable() -> None:
    """A text that turns to noise after its beginning is refused too."""
    noise = random.Random(2).randbytes(400_000)
    with pytest.raises(UnreadableError, match="binary"):
        read(b"good beginning\n" * 5000 + noise)


def test_empty_file() -> None:
    """An empty file has the reason that it is empty."""
    with pytest.raises(UnreadableError, match="the file is empty"):
        read(b"")


def test_blank_file() -> None:
    """A file of spaces holds no text."""
    with pytest.raises(UnreadableError, match="holds no text"):
        read(" \n\t\n ")


def test_unknown_suffix_is_sniffed() -> None:
    """A suffix without a reader is read when it is text, else refused by name."""
    assert read("plain words", ".weird").text == "plain words"
    assert read("plain words", "").text == "plain words"
    with pytest.raises(UnreadableError, match=r"not a text file, and no reader for \.weird"):
        read(bytes(range(256)) * 10, ".weird")


def test_documents_without_a_reader() -> None:
    """A document of a kind that no reader knows is refused by that kind, with what to do."""
    with pytest.raises(UnreadableError, match="no reader for .key files") as error:
        read(b"PK\x03\x04\xff", ".key")
    assert "Save it as" in error.value.hint


def test_text_limit() -> None:
    """More text than allowed is refused with the limit in the reason."""
    with pytest.raises(UnreadableError, match="more than 1 MB of text"):
        read("word " * 300_000, limits=Limits(text_bytes=2**20))


def test_markdown_sections() -> None:
    """Markdown keeps its own text; headings nest, fences and tables are marked, a # in code is no heading."""
    source = (
        "Intro.\n\n# One\n\ntext\n\n```sh\n# not a heading\n```\n\n## Two *b*\n\n"
        "| a | b |\n|---|---|\n\nThree\n=====\n\nend\n"
    )
    document = read(source, ".md")
    assert document.text == source
    assert document.title == "One"
    assert sections(document) == [
        ((), "text", "Intro."),
        (("One",), "text", "# One\n\ntext"),
        (("One",), "code", "```sh\n# not a heading\n```"),
        (("One", "Two b"), "text", "## Two *b*"),
        (("One", "Two b"), "table", "| a | b |\n|---|---|"),
        (("Three",), "text", "Three\n=====\n\nend"),
    ]


def test_markdown_front_matter() -> None:
    """The title in a front matter wins over the first heading, and the front matter holds no headings."""
    document = read("---\ntitle: 'My lease'\n# a comment\n---\n# Rent\nPaid.\n", ".md")
    assert document.title == "My lease"
    assert [s.headings for s in document.sections] == [(), ("Rent",)]


def test_restructured_text_and_org() -> None:
    """Headings of .rst follow the order in which underlines are used, those of .org their stars."""
    rst = read("Guide\n=====\n\nHello.\n\nPart\n----\n\nMore.\n", ".rst")
    assert [s.headings for s in rst.sections] == [("Guide",), ("Guide", "Part")]
    org = read("* Guide\nHello.\n** Part\nMore.\n", ".org")
    assert [s.headings for s in org.sections] == [("Guide",), ("Guide", "Part")]


def test_python_sections() -> None:
    """Each definition is a section that begins with its decorators; methods stand below their class."""
    source = (
        "import os\n\n\n# adds\n@cached\ndef add(a, b):\n    return a + b\n\n\n"
        "class Box:\n    def open(self):\n        pass\n"
    )
    document = read(source, ".py")
    assert document.title == "name.py"
    assert [(h, kind, text.splitlines()[0]) for h, kind, text in sections(document)] == [
        ((), "code", "import os"),
        (("def add",), "code", "# adds"),
        (("class Box",), "code", "class Box:"),
        (("class Box", "def open"), "code", "    def open(self):"),
    ]


@pytest.mark.parametrize(
    ("suffix", "source", "heading"),
    [
        (".c", "int x;\n\nint add(int a, int b)\n{\n  return a + b;\n}\n", "int add(int a, int b)"),
        (".ts", 'import "x";\nexport default async function go(a) {\n}\n', "export default async function go"),
        (".java", "package a;\npublic final class Box {\n}\n", "public final class Box"),
        (".go", "package a\n\nfunc (b *Box) Open() error {\n}\n", "func (b *Box) Open"),
        (".rs", "use a;\npub fn open(b: &Box) -> u8 {\n}\n", "pub fn open"),
        (".rb", "require 'a'\ndef open\nend\n", "def open"),
        (".sh", "set -e\nopen_box() {\n}\n", "open_box()"),
        (".sql", "-- a\nSELECT 1;\nCREATE TABLE IF NOT EXISTS box (id INT);\n", "CREATE TABLE IF NOT EXISTS box"),
        (".toml", "a = 1\n\n[tool.box]\nb = 2\n", "[tool.box]"),
        (".yaml", "# c\n\njobs:\n  build: 1\n", "jobs"),
    ],
)
def test_definitions_of_other_languages(suffix: str, source: str, heading: str) -> None:
    """The definitions of each family of languages become headings."""
    assert [s.headings for s in read(source, suffix).sections][-1] == (heading,)


@pytest.mark.parametrize("suffix", [".txt", ".md", ".rst", ".c", ".py", ".html"])
def test_one_line_of_megabytes(suffix: str) -> None:
    """A single line of several megabytes is read."""
    assert len(read("word(" * 600_000, suffix).text) > 2_900_000


@pytest.mark.parametrize("suffix", [".txt", ".md", ".rst", ".org", ".tex", ".csv", ".py", ".c", ".sql", ".weird"])
@FUZZED
@given(st.one_of(st.binary(max_size=400), st.text(alphabet="#=-*`|\n\t []{}()aé.\u200b\x1b\0", max_size=400)))
def test_any_bytes(suffix: str, data: bytes | str) -> None:
    """Whatever the bytes, the answer is a document whose sections lie in its text, or a reason."""
    try:
        document = read(data, suffix)
    except UnreadableError as error:
        assert str(error)
        return
    position = 0
    for section in document.sections:
        assert position <= section.start < section.end <= len(document.text)
        position = section.end
    document.text.encode()
    covered = "".join(document.text[s.start : s.end] for s in document.sections)
    assert "".join(covered.split()) == "".join(document.text.split())
