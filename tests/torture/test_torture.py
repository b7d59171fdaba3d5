"""After kills and faults both sides agree, each change stands once in the history, nothing was booked twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.torture import check, torture


@pytest.mark.system
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_nothing_is_lost_and_nothing_is_twice(tmp_path: Path, seed: int) -> None:
    verdict = await torture(tmp_path, seed, kills=5)
    check(verdict)
    assert verdict.faults > 0
    assert verdict.comparison.agreed > 5
