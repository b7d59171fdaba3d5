"""A desk for the screens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.tui_desk import Desk, desk_of


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """The desk of a daemon in `tmp_path`."""
    async with desk_of(tmp_path) as one:
        yield one
