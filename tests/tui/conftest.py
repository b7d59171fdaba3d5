"""Each test begins in English, whatever the one before it spoke."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.tui_desk import Desk, desk_of
from wtpd import language


@pytest.fixture(autouse=True)
def _in_english() -> None:
    language.use("en")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """The desk of a daemon in `tmp_path`."""
    async with desk_of(tmp_path) as one:
        yield one
