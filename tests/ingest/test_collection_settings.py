"""A collection has settings of its own: its documents are cut by them, and cut anew when they change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from made_library import make_library

from ingest import collection_settings
from ingest.collection_settings import CollectionSettings, from_json
from ingest.errors import IngestError
from ingest.folders import LinkedFolders

PART = "The rent of the flat in Marsh Lane is due on the first day of the month, says part {}."


async def test_documents_are_cut_as_their_collection_wants(tmp_path: Path) -> None:
    """New files take the setting at once, old ones at the next run, each once; a copy elsewhere stays as it is."""
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(3):
        (folder / f"lease{number}.txt").write_text("\n\n".join(PART.format(part) for part in range(12)) + str(number))
    made = await make_library(tmp_path / "home")
    try:
        await made.ingest(folder, collection="work")
        await made.ingest(folder, collection="home")
        count = "SELECT c.name, count(*) FROM chunks k JOIN documents d ON d.id = k.document_id"
        count += " JOIN collections c ON c.id = d.collection_id GROUP BY c.name"
        before = dict(await made.rows(count))
        await made.database.write(lambda db: collection_settings.change(db, "work", "chunk_tokens", "40"))
        await made.database.write(lambda db: collection_settings.change(db, "work", "chunk_overlap", "0"))
        plan = await made.pipeline.preview([folder], "work")
        assert len(plan.changed) == 3 and dict(await made.rows(count)) == before
        assert (await made.ingest(folder, collection="work")).changed == 3
        after = dict(await made.rows(count))
        assert after["home"] == before["home"] and after["work"] > 2 * before["work"]
        assert (await made.rows("SELECT max(tokens) FROM chunks k JOIN documents d ON d.id = k.document_id"
                                " WHERE d.chunked = '40/0'"))[0][0] <= 40  # fmt: skip
        again = await made.ingest(folder, collection="work")
        assert (again.unchanged, again.changed) == (3, 0)
        await made.database.write(lambda db: collection_settings.change(db, "work", "chunk_tokens", "default"))
        await made.database.write(lambda db: collection_settings.change(db, "work", "chunk_overlap", "default"))
        assert (await made.ingest(folder, collection="work")).changed == 3
        assert dict(await made.rows(count)) == before
    finally:
        await made.close()


async def test_a_collection_is_watched_unless_it_says_otherwise(tmp_path: Path) -> None:
    """Linked folders of a collection that is not watched are not followed; they can still be synced."""
    made = await make_library(tmp_path / "home")
    try:
        folders = LinkedFolders(made.database, made.pipeline)
        for name in ("work", "home"):
            (tmp_path / f"{name}-files").mkdir()
            await folders.link(tmp_path / f"{name}-files", name)
        await made.database.write(lambda db: collection_settings.change(db, "home", "watch", "off"))
        assert {each.collection: each.watched for each in await folders.all()} == {"work": True, "home": False}
        await made.database.write(lambda db: collection_settings.change(db, "home", "watch", "default"))
        assert all(each.watched for each in await folders.all())
    finally:
        await made.close()


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
async def test_pictures_are_read_in_the_collection_that_wants_it(tmp_path: Path) -> None:
    """A folder's picture is a document where its collection names a language, and is not seen elsewhere."""
    import pypdfium2
    from made_files import pdf

    (tmp_path / "scans").mkdir()
    page = pypdfium2.PdfDocument(pdf([["The deposit is 1,150 pounds."]]))[0]
    page.render(scale=3).to_pil().save(tmp_path / "scans" / "letter.png")
    made = await make_library(tmp_path / "home")
    try:
        assert (await made.ingest(tmp_path / "scans", collection="scans")).added == 0
        await made.database.write(lambda db: collection_settings.change(db, "scans", "ocr", "eng"))
        assert (await made.ingest(tmp_path / "scans", collection="scans")).added == 1
        (row,) = await made.rows("SELECT text, place FROM chunks")
        assert "1,150 pounds" in row[0] and row[1].startswith("picture, recognized, ")
        assert (await made.ingest(tmp_path / "scans", collection="other")).added == 0
    finally:
        await made.close()


def test_settings_are_checked_as_they_are_typed() -> None:
    """Values come back typed, wrong ones are refused in words, and what a later version stored is passed over."""
    own = CollectionSettings().with_text("chunk_tokens", "120").with_text("watch", "OFF").with_text("ocr", "eng+deu")
    assert own == CollectionSettings(120, None, "eng+deu", False)
    assert own.chunked == "120/" and CollectionSettings(ocr="eng").chunked == ""
    assert own.reading == {"chunk_tokens": 120, "ocr": "eng+deu"}
    assert own.with_text("ocr", "").reading["ocr"] == "" and own.with_text("ocr", "default").ocr is None
    for name, text in (
        ("chunk_tokens", "31"), ("chunk_tokens", "9" * 5000), ("chunk_overlap", "-1"), ("watch", "maybe"),
        ("ocr", "eng; rm"), ("colour", "red"),
    ):  # fmt: skip
        with pytest.raises(IngestError) as error:
            own.with_text(name, text)
        assert error.value.hint and len(str(error.value)) < 6000
    assert from_json('{"watch": true, "shape": "round"}') == CollectionSettings(watch=True)
