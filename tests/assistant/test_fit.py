"""Will it fit: the parts are those that llama.cpp prints, and what is too large is refused with what would fit."""

import json
import re
import subprocess
import sys

import pytest

from adapters.files.gguf import read_gguf
from assistant.errors import MemoryShortError, ModelError, UsageError
from assistant.models.fit import fit
from assistant.models.fit_text import fit_lines
from assistant.models.location import starter_path
from assistant.models.memory import check_fits, largest_context, need
from tests.made_gguf import tiny_model

# quantises a file, then loads it with some contexts and prints what llama.cpp says of its buffers
LOADER = """
import ctypes, sys, llama_cpp as native
source, target, kind = sys.argv[1].encode(), sys.argv[2].encode(), int(sys.argv[3])
@native.llama_log_callback
def log(level, text, _):
    print(text.decode(), end="")
native.llama_log_set(log, ctypes.c_void_p(0))
native.llama_backend_init()
settings = native.llama_model_quantize_default_params()
settings.ftype, settings.nthread = kind, 1
assert native.llama_model_quantize(source, target, ctypes.byref(settings)) == 0
model = native.llama_model_load_from_file(target, native.llama_model_default_params())
for size in map(int, sys.argv[4:]):
    print(f"context {size}:")
    wanted = native.llama_context_default_params()
    wanted.n_ctx, wanted.n_batch, wanted.n_ubatch, wanted.swa_full = size, 512, 512, True
    native.llama_free(native.llama_init_from_model(model, wanted))
"""
MEBIBYTE = 2**20


def printed(text, what):
    """The sizes that llama.cpp gives for a buffer, in MiB."""
    return [float(size) for size in re.findall(rf"{what} buffer size = +([0-9.]+) MiB", text)]


@pytest.mark.parametrize(("name", "kind"), [("Q4_0", 2), ("Q8_0", 7)])
def test_the_parts_are_those_that_llama_cpp_prints(tmp_path, name, kind):
    """Cache and repacked weights agree with its own figures to 0.01 MiB, the compute buffer to a sixteenth."""
    source, target = tiny_model(tmp_path / "tiny.gguf", llama__context_length=4096), tmp_path / f"{name}.gguf"
    command = [sys.executable, "-c", LOADER, source, target, str(kind), "512", "2048"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    facts = read_gguf(target)
    assert facts.quantization == name
    needs = [need(facts, context) for context in (512, 2048)]
    for place, part in enumerate(said.split("context ")[-2:]):
        assert printed(part, "CPU KV") == [pytest.approx(needs[place].cache / MEBIBYTE, abs=0.006)]
        assert printed(part, "CPU compute") == [pytest.approx(needs[place].reserved / MEBIBYTE, rel=1 / 16)]
    assert sum(printed(said, "CPU_REPACK model")) == pytest.approx(needs[0].repacked / MEBIBYTE, abs=0.006)


def test_what_does_not_fit_is_refused_with_the_context_that_would():
    """The hint names the longest context that fits and leaves a tenth free, unless none does."""
    facts = read_gguf(starter_path())
    least = [need(facts, context).least for context in (2048, 8192)]
    assert check_fits(facts, 8192, least[1]) >= least[1]
    with pytest.raises(MemoryShortError, match="needs about 380 MB") as refused:
        check_fits(facts, 8192, least[0])
    fits = largest_context(facts, least[0])
    assert f"A context of {fits:,} tokens fits" in refused.value.hint
    assert 1.1 * need(facts, fits).least <= least[0] < 1.1 * need(facts, fits + 256).least
    with pytest.raises(MemoryShortError) as refused:
        check_fits(facts, 256, 10**7)
    assert "No context is short enough" in refused.value.hint


def test_a_cache_of_smaller_numbers_and_other_processors_change_the_need(tmp_path):
    """q8_0 takes 34 bytes for 32 numbers; what a processor copies in another order depends on what it can do."""
    facts = read_gguf(starter_path())
    assert need(facts, 8192, "q8_0").cache / need(facts, 8192).cache == pytest.approx(34 / 64)
    assert need(facts, 8192, flags=frozenset({"avx2"})).repacked == 0  # Q4_1
    assert need(facts, 8192, flags=frozenset({"amx_int8"})).repacked > 80e6


def test_the_table_tells_running_training_and_the_rule_of_thumb(tmp_path):
    """A row a context and a method; 4 bytes a parameter to store in fp32, 24 GB to train a billion."""
    found = fit(starter_path(), 2048)
    value = found.as_json()
    assert [row["context"] for row in value["running"]] == [2048, 8192]
    assert value["verdict"] == "fits" and value["margin"] > 0
    methods = {(row["method"], row["precision"]): row for row in value["training"]}
    assert methods["qlora", "nf4"]["weights"] < methods["lora", "bf16"]["weights"] < methods["lora", "fp32"]["weights"]
    full = methods["full", "fp32"]
    assert full["weights"] + full["gradients"] + full["optimizer"] == 16 * found.parameters
    assert value["taught"]["fp32"] == 4 * found.parameters and value["taught"]["training"] == 24 * found.parameters
    lines = fit_lines(found)
    assert max(map(len, lines[2:])) <= 77
    assert any("24 GB for a billion" in line for line in lines)


def test_what_cannot_be_estimated_is_said_in_words(tmp_path):
    """A folder, a context that was not trained, a model that cannot be trained here."""
    with pytest.raises(ModelError, match="folder"):
        fit(tmp_path)
    with pytest.raises(UsageError, match="from 256 to 8,192"):
        fit(starter_path(), 100_000)
    with pytest.raises(UsageError, match="q5"):
        fit(starter_path(), 0, "q5")
    other = tiny_model(tmp_path / "other.gguf", general__architecture="qwen2", qwen2__context_length=512)
    found = fit(other)
    assert not found.training and "cannot be trained" in found.untrainable


def test_the_shell_prints_the_table_and_json(run):
    """`assistant models fit starter`, and its errors."""
    code, out, _ = run("models", "fit", "starter")
    assert code == 0 and "starter" in out and "qlora nf4" in out
    code, out, _ = run("models", "fit", "starter", "--context", "1024", "--json")
    assert code == 0 and json.loads(out)["running"][0]["context"] == 1024
    code, _, error = run("models", "fit", "starter", "--context", "5")
    assert code == 2 and "from 256" in error
    code, _, error = run("models", "fit", "nowhere.gguf")
    assert code == 4 and "There is no model" in error
