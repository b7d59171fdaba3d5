"""A terminal, and a daemon whose answers the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api_stub import ApiStub
from tests.support.terminal import Terminal


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    return Terminal(capsys, monkeypatch, str(tmp_path / "api.sock"))


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiStub]:
    with ApiStub(tmp_path / "api.sock") as stub:
        yield stub
