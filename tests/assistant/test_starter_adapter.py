"""The adapter that comes with the product goes into a home once, and is then the user's to switch off and remove."""

import pytest

from adapters.versions import portable
from assistant import starter_adapter
from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.models.location import STARTER, resolve_model
from tests.made_run import finished_run


async def exported(real_home, folder, monkeypatch, *, seed=1):
    """A folder as the product brings one, made of a random adapter for the embedded model."""
    monkeypatch.setattr(starter_adapter, "FOLDER", folder.parent / "none")
    async with opened(load_config(folder.parent / f"maker-{seed}")) as core:
        run = finished_run(folder.parent / f"run-{seed}", "starter", base=resolve_model(STARTER), seed=seed)
        portable.export(await core.registry.add(run), folder)
    monkeypatch.setattr(starter_adapter, "FOLDER", folder)


def settings(real_home, text=""):
    (real_home / "config.toml").write_text(text)
    return load_config(real_home)


async def listed(core):
    return {adapter.label: (adapter.state, adapter.active) for adapter in await core.registry.all()}


async def test_it_is_on_from_the_first_start_and_put_in_once(real_home, tmp_path, monkeypatch):
    """Proven, active, and answering; a second start finds it there; switched off it stays off."""
    await exported(real_home, tmp_path / "shipped", monkeypatch)
    async with opened(settings(real_home)) as core:
        assert await listed(core) == {"starter@v1": ("proven", True)}
        await core.model.ready()
        assert core.model.adapter == "starter@v1" and not core.model.notices
        await core.adapters.deactivate()
    async with opened(settings(real_home)) as core:
        assert await listed(core) == {"starter@v1": ("proven", False)} and core.model.wanted == ()
        await core.registry.remove(await core.registry.get("starter"))
    async with opened(settings(real_home)) as core:
        assert await listed(core) == {}


async def test_a_later_one_takes_the_place_of_an_earlier_one_only(real_home, tmp_path, monkeypatch):
    """With a new version of the product: v2 goes on where v1 was on, and leaves every other choice alone."""
    await exported(real_home, tmp_path / "shipped", monkeypatch)
    async with opened(settings(real_home)):
        pass
    await exported(real_home, tmp_path / "later", monkeypatch, seed=2)
    async with opened(settings(real_home)) as core:
        assert await listed(core) == {"starter@v2": ("proven", True), "starter@v1": ("proven", False)}
        await core.adapters.deactivate()
    await exported(real_home, tmp_path / "last", monkeypatch, seed=3)
    async with opened(settings(real_home)) as core:
        assert (await listed(core))["starter@v3"] == ("proven", False)


@pytest.mark.parametrize("damage", ["weights", "manifest"])
async def test_a_damaged_one_is_a_notice(real_home, tmp_path, monkeypatch, damage):
    """An installation that lost bytes: the assistant opens, says so, and answers without it."""
    await exported(real_home, tmp_path / "shipped", monkeypatch)
    name = {"weights": "adapter.gguf", "manifest": "manifest.json"}[damage]
    (tmp_path / "shipped" / name).write_bytes((tmp_path / "shipped" / name).read_bytes()[:-7])
    async with opened(settings(real_home)) as core:
        assert await listed(core) == {}
        assert any("could not be put in place" in notice for notice in core.notices)
        assert not list(core.registry.folder.iterdir())


async def test_other_models_do_not_hear_of_it(real_home, tmp_path, monkeypatch):
    """What is on for the embedded model is not tried on another one, and comes back with the embedded one."""
    await exported(real_home, tmp_path / "shipped", monkeypatch)
    async with opened(settings(real_home)):
        pass
    async with opened(settings(real_home, '[model]\nname = "scripted"\n')) as core:
        await core.model.ready()
        assert (core.model.adapter, core.model.notices) == ("", [])
    async with opened(settings(real_home)) as core:
        assert [share.name for share in core.model.wanted] == ["starter@v1"]
