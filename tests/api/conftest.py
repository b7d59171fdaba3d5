"""A running daemon without partners, for tests of the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.unix_http import UnixHttp


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[RunningDaemon]:
    async with running_daemon(tmp_path, config_text(sites={"rostock": None, "guestrow": None})) as running:
        yield running


@pytest.fixture
def http(daemon: RunningDaemon) -> UnixHttp:
    return daemon.http
