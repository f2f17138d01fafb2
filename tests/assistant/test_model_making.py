"""Model files that are made here: a random Mistral is converted, quantised, compared; nothing is left half done."""

import asyncio
import json
import os
import signal

import pytest

from adapters.errors import TrainingError as AdapterTrainingError
from adapters.files.folder_conversion import SpecialIds, convert_folder
from adapters.files.gguf import read_gguf
from assistant import model_making
from assistant.config import load_config
from assistant.errors import ModelError, StorageError, UsageError, WorkerError
from assistant.model_making import ModelMaking
from assistant.models.comparison_text import comparison_lines
from assistant.models.conversion_parity import parity, special_ids
from assistant.models.made_model import Made, Making, Measured, Parity, stem_of
from tests.made_folder import byte_level, made_folder, with_fallback
from tests.made_gguf import tiny_model

LLAMA_3 = {
    "rope_type": "llama3", "rope_theta": 500_000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip


@pytest.fixture
async def making(home):
    """What makes models, on an empty home."""
    made = ModelMaking(load_config(home))
    yield made
    await made.worker.stop()


async def result(stream):
    """The last event of a stream, and how many told of progress."""
    events = [event async for event in stream]
    return events[-1], sum(isinstance(event, Making) and event.total > 0 for event in events)


def converted(folder, kind="F32"):
    """The folder as a file beside it, and what both engines say."""
    target = folder.with_name(f"{folder.name}.{kind}.gguf")
    convert_folder(folder, target, kind, special_ids(folder))
    return read_gguf(target), Parity(**parity(folder, target, kind))


def test_folders_of_both_kinds_of_tokenizer_become_files_that_say_the_same(tmp_path):
    """Byte-level and with a byte fallback, Mistral and Llama 3 with scaled positions and a tied head: parity."""
    folders = [
        made_folder(tmp_path / "mistral", byte_level()),
        made_folder(tmp_path / "fallback", with_fallback()),
        made_folder(
            tmp_path / "llama3", byte_level(), "llama", tie_word_embeddings=True, rope_parameters=LLAMA_3, head_dim=32
        ),
    ]
    for folder in folders:
        facts, found = converted(folder)
        assert found.agreed and found.typical < 1e-4 and found.same_tokens == 3
        assert (facts.architecture, facts.quantization) == ("llama", "F32")
        assert facts.chat_template and facts.context == 4096
        assert ("output.weight" in facts.tensors) == (folder.name != "llama3")
    for kind in ("F16", "BF16"):
        facts, found = converted(folders[0], kind)
        assert found.agreed and found.typical > 1e-4 and facts.quantization == kind


def test_a_file_that_says_something_else_is_found(tmp_path):
    """Heads of another width have other rows of q and k: it loads and babbles fluently, but the scores are far off."""
    folder = made_folder(tmp_path / "mistral")
    facts, found = converted(folder, "F16")
    assert found.agreed
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps(config | {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32})
    )
    other = Parity(**parity(folder, facts.path, "F16"))
    assert not other.agreed and other.typical > 10 * other.close and "do not agree" in other.line


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        ("config.json", {"model_type": "gpt2"}, "architecture 'gpt2'"),
        ("config.json", {"auto_map": {"AutoModel": "evil.py"}}, "code of its own"),
        ("config.json", {"quantization_config": {"bits": 4}}, "quantised already"),
        ("config.json", {"rope_parameters": {"rope_type": "yarn"}}, "yarn"),
        ("config.json", {"num_attention_heads": 0}, "shape"),
        ("tokenizer.json", {"pre_tokenizer": {"type": "Whitespace"}}, "cuts texts by Whitespace"),
        ("tokenizer.json", {"model": {"type": "Unigram"}}, "Unigram"),
        ("tokenizer.json", {"model": 7}, "damaged"),
    ],
    ids=["architecture", "code", "quantised", "positions", "shape", "pre-tokenizer", "unigram", "damaged"],
)
def test_a_folder_that_cannot_be_converted_is_refused_in_words(tmp_path, file, change, told):
    """One sentence and a hint, and no file is made."""
    folder = made_folder(tmp_path / "mistral")
    (folder / file).write_text(json.dumps(json.loads((folder / file).read_text()) | change))
    with pytest.raises(AdapterTrainingError, match=told) as refused:
        convert_folder(folder, tmp_path / "out.gguf", "F16", SpecialIds(1, 2, 0, -1, True, False, ""))
    assert refused.value.hint and not list(tmp_path.glob("*.gguf*"))


async def test_quantised_copies_are_smaller_and_compared_on_a_text(making, tmp_path):
    """The file has the type that was asked for; perplexities stand beside sizes, changes against the first."""
    source = tiny_model(tmp_path / "tiny.F32.gguf", llama__context_length=1024)
    paths = [source]
    for kind in ("f16", "Q8_0"):
        made, told = await result(making.quantize(source, kind))
        assert isinstance(made, Made) and told > 5
        assert made.path.name == f"tiny.{kind.upper()}.gguf"
        assert read_gguf(made.path).quantization == kind.upper() and not made.notice
        paths.append(made.path)
    assert paths[0].stat().st_size > paths[1].stat().st_size > paths[2].stat().st_size
    twice, _ = await result(making.quantize(paths[2], "Q4_0"))
    assert twice.path.name == "tiny.Q4_0.gguf" and "quantised already" in twice.notice
    text = tmp_path / "text.txt"
    text.write_text("The ferry leaves at seven. " * 200)
    found = [event async for event in making.compare(paths, text, 2) if isinstance(event, Measured)]
    assert [each.size for each in found] == [path.stat().st_size for path in paths]
    assert all(each.tokens == 512 and each.error > 0 and each.reads > 0 and each.writes > 0 for each in found)
    assert found[2].perplexity == pytest.approx(found[0].perplexity, rel=0.1)
    lines = comparison_lines(found)
    assert max(map(len, lines)) <= 77 and any("█" in line for line in lines)


async def test_what_cannot_be_made_is_refused_in_words_and_leaves_nothing(making, tmp_path, monkeypatch):
    """No such type, a file that is there, a full disk, a folder, a text that is too short."""
    source = tiny_model(tmp_path / "tiny.gguf")
    with pytest.raises(UsageError, match="no type 'Q9'"):
        await result(making.quantize(source, "Q9"))
    with pytest.raises(UsageError, match="there already"):
        await result(making.quantize(source, "Q8_0", source))
    with pytest.raises(ModelError, match="folder"):
        await result(making.quantize(tmp_path, "Q8_0"))
    (tmp_path / "text.txt").write_text("short")
    with pytest.raises(UsageError, match="at least 512"):
        await result(making.compare([source], tmp_path / "text.txt"))
    monkeypatch.setattr(model_making, "SPARE", 10**15)
    with pytest.raises(StorageError, match="of disk"):
        await result(making.quantize(source, "Q8_0"))
    assert not list((making._config.home / "models").glob("*"))


async def test_a_child_that_dies_or_a_user_who_stops_leaves_no_part(making, tmp_path):
    """The part is removed; the next call starts another child."""
    source = tiny_model(tmp_path / "tiny.gguf")
    stream = making.quantize(source, "Q8_0")
    async for event in stream:
        if event.total:
            break
    await stream.aclose()
    folder = making._config.home / "models"
    assert not list(folder.glob("*.part"))
    await making.worker.start()
    os.kill(making.worker.pid, signal.SIGSTOP)  # so that it dies while it is waited for
    begun = asyncio.create_task(result(making.quantize(source, "Q4_0")))
    await asyncio.sleep(0.2)
    os.kill(making.worker.pid, signal.SIGKILL)
    with pytest.raises(WorkerError, match="SIGKILL"):
        await begun
    assert not list(folder.glob("*.part"))
    made, _ = await result(making.quantize(source, "Q4_0"))
    assert made.path.is_file()


def test_the_name_of_a_type_is_taken_off_a_models_name():
    """Whatever joins it; a name that is nothing else stays."""
    assert stem_of("Mistral-7B-v0.3.Q4_K_M", "Q4_K_M") == "Mistral-7B-v0.3"
    assert stem_of("smol-q8_0", "Q8_0") == "smol"
    assert stem_of("model", "F16") == "model"


def test_the_shell_quantises_and_compares(run, home, tmp_path):
    """One JSON value each; wrong usage is told in words."""
    source = tiny_model(tmp_path / "tiny.gguf", llama__context_length=1024)
    code, out, _ = run("models", "quantize", str(source), "--to", "Q8_0", "--json")
    made = json.loads(out)
    assert code == 0 and made["type"] == "Q8_0" and made["size"] < made["before"]
    (tmp_path / "text.txt").write_text("The ferry leaves at seven. " * 100)
    names = [str(source), "tiny.Q8_0"]
    code, out, _ = run("models", "compare", *names, "--text", str(tmp_path / "text.txt"), "--windows", "1")
    assert code == 0 and "tiny.Q8_0" in out and "perplexity" in out
    code, _, error = run("models", "compare", str(source), "--text", "nowhere.txt")
    assert code == 3 and "There is no file" in error
    code, _, error = run("models", "quantize", str(source), "--to", "Q8_0")
    assert code == 2 and "there already" in error
    code, _, error = run("models", "convert", str(tmp_path))
    assert code == 8 and "no config.json" in error
