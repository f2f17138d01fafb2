"""The adapters command as a user types it."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from assistant import cli
from assistant.bootstrap import opened
from assistant.config import load_config
from tests.made_run import finished_run


@pytest.fixture
def run(home, capsys):
    """The command in this process: a start costs more than all that is tested here."""

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main(["--home", str(home), "adapters", *arguments])
        said = capsys.readouterr()
        return SimpleNamespace(returncode=ended.value.code, stdout=said.out, stderr=said.err)

    return run


@pytest.fixture
def style(home, tmp_path):
    async def add():
        async with opened(load_config(home)) as core:
            for name in ("style", "work"):
                await core.registry.add(finished_run(tmp_path / name, name, base_sha256=""))

    asyncio.run(add())


def test_a_life_in_the_shell(run, style, tmp_path):
    """Listed, refused, forced on, mixed, rolled back, exported, imported, renamed, retired and removed."""
    listed = json.loads(run("--json").stdout)
    assert [(entry["label"], entry["state"], entry["active"]) for entry in listed] == [
        ("style@v1", "trained", False), ("work@v1", "trained", False),
    ]  # fmt: skip
    refused = run("activate", "style")
    assert refused.returncode == 4 and "has not been proven" in refused.stderr and "--force" in refused.stderr
    assert run("activate", "style", "0.5", "--force").stdout == "On: style@v1:0.5\n"
    assert run("mix").stdout == "On: style@v1:0.5\n"
    assert json.loads(run("mix", "style:0.7", "work:0.3", "--force", "--json").stdout) == {
        "mix": "style@v1:0.7 work@v1:0.3"
    }
    assert "* 0.7" in run("list").stdout
    assert run("rollback").stdout == "On: style@v1:0.5\n"
    busy = run("remove", "style")
    assert busy.returncode == 4 and "is active" in busy.stderr
    archive = tmp_path / "out" / "style.zip"
    assert "without its rows" in run("export", "style", str(archive)).stdout and archive.is_file()
    imported = json.loads(run("import", str(archive), "--name", "copy", "--json").stdout)
    assert (imported["label"], imported["state"], imported["origin"]) == ("copy@v1", "trained", "imported")
    assert run("rename", "copy", "second").returncode == 0
    assert "put aside" in run("retire", "second").stdout
    assert json.loads(run("remove", "style", "--force", "--json").stdout) == {"removed": "style@v1"}
    assert run("mix").stdout == "No adapter is on.\n"
    assert json.loads(run("show", "second", "--json").stdout)["state"] == "retired"
    assert "lora, rank 4" in run("show", "work").stdout


def test_nothing_there_and_wrong_names(run):
    """No adapters, an unknown one, a wrong strength and a file that is none: words and exit codes."""
    assert run().stdout.startswith("No adapters yet.") and json.loads(run("--json").stdout) == []
    for arguments, code in (
        (("show", "x"), 4), (("activate", "x", "much"), 2), (("rollback",), 4), (("import", "/nowhere"), 4),
        (("prove", "x", "--tolerance", "500"), 2), (("fly",), 2),
    ):  # fmt: skip
        result = run(*arguments)
        assert (result.returncode, result.stdout) == (code, ""), result
        assert len(result.stderr.strip().splitlines()) in (1, 2) and "Traceback" not in result.stderr
