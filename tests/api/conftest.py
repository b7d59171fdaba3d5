"""A running daemon without partners, for tests of the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.daemon import OFFLINE, RunningDaemon, config_text, running_daemon
from tests.support.unix_http import UnixHttp


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[RunningDaemon]:
    text = config_text(sites={"rostock": None, "guestrow": None}, more=OFFLINE)
    async with running_daemon(tmp_path, text) as running:
        yield running


@pytest.fixture
def http(daemon: RunningDaemon) -> UnixHttp:
    return daemon.http
