"""What every test gets: no network, a home of its own, and the core on shipped fakes or real models."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant import offline
from assistant.bootstrap import Core, opened
from assistant.config import load_config

offline.enforce()


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sockets reach loopback and local paths only, for the whole suite."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not ipaddress.ip_address(address[0]).is_loopback:
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    yield


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home whose settings name the scripted model and the hashed embedder."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    (folder / "config.toml").write_text('[model]\nname = "scripted"\n[documents]\nembedder = "hashed"\n')
    return folder


@pytest.fixture
async def core(home: Path) -> AsyncIterator[Core]:
    """An open core on `home`."""
    async with opened(load_config(home)) as core:
        yield core


@pytest.fixture
def real_home(tmp_path: Path) -> Path:
    """An empty home with the shipped defaults: the embedded model and embedder."""
    folder = tmp_path / "real-home"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def base_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Homes get no adapter by themselves: the embedded model answers as it is."""
    monkeypatch.setattr("assistant.starter_adapter.FOLDER", Path("/nonexistent"))


@pytest.fixture
def data_folder() -> Path:
    """The folder of benchmark data, from ASSISTANT_DATA; the test is skipped where there is none."""
    folder = os.environ.get("ASSISTANT_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ASSISTANT_DATA names no folder of benchmark data")
    return Path(folder)
