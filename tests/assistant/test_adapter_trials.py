"""Adapters on trial: noted before they go on, named when the assistant ended with them, not tried twice."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from made_gguf import lora, tiny_model

from adapters.files.gguf import read_gguf
from adapters.mix import Share
from assistant.adapter_trials import AdapterTrials
from assistant.bootstrap import Core, opened
from assistant.config import load_config
from assistant.errors import AdapterError


def put_files(home: Path, *names: str) -> None:
    """Adapters that the scripted model takes."""
    (home / "adapters").mkdir(exist_ok=True)
    for name in names:
        (home / "adapters" / f"{name}.gguf").write_bytes(b"x")


def set_adapter(home: Path, text: str) -> None:
    """The user's setting."""
    settings = home / "config.toml"
    settings.write_text(settings.read_text().replace("[model]", f'[model]\nadapter = "{text}"'))


async def trying(core: Core) -> str:
    """What the database says is on trial."""
    rows = await core.database.read(lambda db: db.execute("SELECT value FROM state WHERE name = 'trying'").fetchall())
    return rows[0][0] if rows else ""


async def test_a_trial_is_noted_and_taken_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While adapters go on the database names them; afterwards it does not, whether they fit or not."""
    put_files(home, "style", "work")
    async with opened(load_config(home)) as core:
        seen: list[str] = []
        call = core.workers[0].call

        async def watched(method: str, **arguments: Any) -> Any:
            if method == "set_adapters":
                seen.append(await trying(core))
            return await call(method, **arguments)

        monkeypatch.setattr(core.workers[0], "call", watched)
        assert await core.model.use_adapter("style:0.7 work:0.3") == "style:0.7 work:0.3"
        assert seen == ["style work"] and await trying(core) == ""
        assert core.model.wanted == (Share("style", 0.7), Share("work", 0.3))
        with pytest.raises(AdapterError, match="no adapter absent"):
            await core.model.use_adapter("style absent")
        assert core.model.adapter == "style:0.7 work:0.3" and await trying(core) == ""
        await core.model.use_adapter("style 0.5")
        assert seen == ["style work", ""]  # it passed with more: not tried again
        assert await core.model.use_adapter("off") == ""


async def test_what_was_on_trial_at_the_end_is_not_used(home: Path) -> None:
    """The assistant was killed while an adapter went on: the next start leaves it off, names it, and stays so."""
    put_files(home, "style")
    set_adapter(home, "style")
    async with opened(load_config(home)) as core:
        await AdapterTrials(core.database).begin([Share("style")])
    for _ in range(2):
        async with opened(load_config(home)) as core:
            await core.model.ready()
            assert core.model.adapter == ""
            assert any("style was being put on" in notice for notice in core.model.notices)
    async with opened(load_config(home)) as core:
        assert await core.model.use_adapter("style") == "style"  # asked for by hand, and it works
    async with opened(load_config(home)) as core:
        await core.model.ready()
        assert (core.model.adapter, core.model.notices) == ("style", [])


async def test_an_old_trial_of_another_adapter_is_told_once(home: Path) -> None:
    """What is not wanted any more is named at the next start only."""
    put_files(home, "style", "other")
    set_adapter(home, "other")
    async with opened(load_config(home)) as core:
        await AdapterTrials(core.database).begin([Share("style")])
    told = []
    for _ in range(2):
        async with opened(load_config(home)) as core:
            await core.model.ready()
            assert core.model.adapter == "other"
            told.append(len(core.model.notices))
    assert told == [1, 0]


async def test_an_adapter_that_kills_the_process_stays_noted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's process dies while an adapter goes on: it is off, the chat goes on, the next start avoids it."""
    put_files(home, "deadly")
    async with opened(load_config(home)) as core:
        await core.model.ready()
        call = core.workers[0].call

        async def killing(method: str, **arguments: Any) -> Any:
            if method == "set_adapters":
                os.kill(core.workers[0].pid or 0, signal.SIGKILL)
            return await call(method, **arguments)

        monkeypatch.setattr(core.workers[0], "call", killing)
        with pytest.raises(AdapterError, match="deadly ended the model process"):
            await core.model.use_adapter("deadly")
        monkeypatch.undo()
        assert await core.model.count(["one two"]) == [2]
        assert core.model.adapter == "" and await trying(core) == "deadly"
    set_adapter(home, "deadly")
    async with opened(load_config(home)) as core:
        await core.model.ready()
        assert core.model.adapter == ""


async def test_edited_rows_do_no_harm(home: Path) -> None:
    """Whatever stands in the database, the assistant starts."""
    async with opened(load_config(home)) as core:
        for name, value in (("trying", "a:1 a:2"), ("tried", "[3]")):
            await core.database.write(
                lambda db, row=(name, value): db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", row)
            )
    async with opened(load_config(home)) as core:
        await core.model.ready()
        assert core.model.state == "ready"


async def test_a_setting_may_be_a_mix(home: Path) -> None:
    """model.adapter takes several, and model.adapter_scale is the strength of those without one."""
    put_files(home, "style", "work")
    set_adapter(home, "style:0.7 work")
    config = load_config(home).with_value("model", "adapter_scale", 0.4)
    async with opened(config) as core:
        await core.model.ready()
        assert core.model.adapter == "style:0.7 work:0.4"
    async with opened(config.with_value("model", "adapter", "style:99")) as core:
        await core.model.ready()
        assert core.model.adapter == "" and "strength" in core.model.notices[0]


async def test_the_trial_model_is_apart(home: Path, tmp_path: Path) -> None:
    """A second process with the chat's model: its adapters and death do not touch the chat's."""
    model = tiny_model(tmp_path / "tiny.gguf")
    adapter = lora(home / "style.gguf", read_gguf(model))
    async with opened(load_config(home).with_value("model", "name", str(model))) as core:
        await core.model.ready()
        trial = core.trial_model(256)
        info = await trial.ready()
        assert info.context == 256 and (home / "logs" / "trial.log").is_file()
        assert await trial.use_adapter(str(adapter)) == "style"
        steps = await trial.follow([5, 6], [7, 8], [[7], [8, 9]])
        assert [len(step.chosen) for step in steps] == [1, 2]
        assert core.model.adapter == "" and core.workers[0].pid != core.workers[-1].pid
        await trial.stop()
        assert core.workers[-1].pid is None and await core.model.count(["x"]) == [1]
