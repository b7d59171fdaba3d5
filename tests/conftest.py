"""Each test begins in English, whatever the one before it spoke."""

from __future__ import annotations

import pytest

from wtpd import language


@pytest.fixture(autouse=True)
def _in_english() -> None:
    language.use("en")
