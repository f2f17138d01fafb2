"""The structure of the house: who may import whom, and what the first frame must not wait for."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import adapters
import assistant

ROOT = Path(__file__).parents[1]
SOURCES = [path for package in ("assistant", "ingest", "adapters") for path in sorted((ROOT / package).rglob("*.py"))]
HEAVY = {
    "torch", "transformers", "peft", "trl", "faiss", "llama_cpp", "sentence_transformers", "gguf", "langchain",
    "langchain_core", "langchain_text_splitters", "pandas", "numpy", "sqlite_utils", "onnx", "onnxruntime",
    "pypdfium2", "docx", "lxml", "bs4", "tokenizers", "watchfiles", "pathspec",
    "psycopg", "aiohttp", "starlette", "uvicorn",
}  # fmt: skip
UI_NEVER = HEAVY - {"numpy", "sqlite_utils", "pandas"}


def test_import_contracts_hold():
    """The contracts in pyproject.toml: ingest and adapters stand alone, only the interface knows Textual."""
    run = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("module", ["assistant.cli", "assistant.tui.app", "assistant.bootstrap"])
def test_nothing_heavy_is_imported_before_the_first_frame(module):
    """Importing a front end loads no model, parser or array library."""
    code = f"import sys, {module}; print(' '.join(sorted({{name.split('.')[0] for name in sys.modules}})))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)


def test_a_whole_session_imports_no_native_code_into_the_ui_process(home, tmp_path):
    """After ingesting, asking and searching, models and parsers are in the children only."""
    (tmp_path / "note.txt").write_text("The spare key is under the blue pot.")
    code = f"""
import asyncio, sys
from pathlib import Path
from assistant.bootstrap import opened
from assistant.config import load_config
async def session():
    async with opened(load_config(Path({str(home)!r}))) as core:
        [event async for event in core.pipeline.ingest([Path({str(tmp_path / "note.txt")!r})])]
        chat = await core.conversations.create()
        [event async for event in core.engine.ask(chat.id, "Where is the spare key?")]
asyncio.run(session())
print(' '.join(sorted({{name.split('.')[0] for name in sys.modules}})))
"""
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not UI_NEVER & set(loaded)


def test_our_adapters_package_is_not_the_one_on_pypi():
    """PyPI has a package of the same name."""
    assert Path(adapters.__file__).is_relative_to(Path(assistant.__file__).parents[1])


def calls(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def name_of(call):
    return ast.unparse(call.func)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_dangerous_calls_are_absent(path):
    """No pickle, eval, shell, trust_remote_code, torch.load; data files are written by replace_file only."""
    tree = ast.parse(path.read_text())
    for call in calls(tree):
        name = name_of(call)
        assert name not in {"eval", "exec", "pickle.load", "pickle.loads", "torch.load", "os.system"}, name
        for keyword in call.keywords:
            value = ast.unparse(keyword.value)
            assert not (keyword.arg == "shell" and value == "True")
            assert not (keyword.arg == "trust_remote_code" and value != "False")
            assert keyword.arg != "allow_dangerous_deserialization"
        if name in {"open", "Path.open"} or name.endswith((".write_text", ".write_bytes")):
            mode = next((ast.unparse(a) for a in call.args[1:2]), "'r'")
            assert "w" not in mode or "/proc/self/" in ast.unparse(call), f"{path}: {ast.unparse(call)}"
            assert not name.endswith((".write_text", ".write_bytes")), f"{path}: {ast.unparse(call)}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_says_which_question_it_answers(path):
    """A first-line docstring, at most about 300 lines, no function over 50."""
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree), f"{path} has no docstring"
    assert text.count("\n") <= 320, f"{path} has {text.count(chr(10))} lines"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 50, f"{path}:{node.lineno} {node.name} has {length} lines"
