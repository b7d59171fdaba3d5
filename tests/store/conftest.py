from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.bookkeeping import Dealership


@pytest.fixture
async def dealership(tmp_path: Path) -> AsyncIterator[Dealership]:
    opened = await Dealership.open(tmp_path / "book.db")
    yield opened
    await opened.close()
