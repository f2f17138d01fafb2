"""What the tests of ingest share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from made_library import MadeLibrary, make_library


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[MadeLibrary]:
    """An empty library."""
    made = await make_library(tmp_path / "home")
    yield made
    await made.close()
