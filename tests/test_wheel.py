"""A wheel built from the repository holds everything the program needs, and runs from elsewhere."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def test_styles_settings_types_and_licence_are_inside(unpacked):
    """Whatever is no Python file but needed travels along; tests and benchmarks do not."""
    names = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    styles = {str(path.relative_to(ROOT)) for path in ROOT.glob("assistant/**/*.tcss")}
    assert styles and styles <= names
    assert {
        "assistant/config.toml",
        "assistant/web.html",
        "assistant/py.typed",
        "ingest/schema.py",
        "adapters/files/gguf.py",
    } <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "examples/"))]


def test_it_runs_from_elsewhere(unpacked, home, tmp_path):
    """The unpacked wheel answers a question without the repository."""
    code = f"import sys; sys.path.insert(0, {str(unpacked)!r}); import assistant.cli as c; print(c.__file__); c.main()"
    program = [sys.executable, "-c", code, "--home", str(home), "ask", "--no-docs", "hello"]
    environment = {"PYTHONPATH": str(unpacked), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    run = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(str(unpacked)) and "hello" in run.stdout
