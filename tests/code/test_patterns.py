"""No regular expression of the package needs more than time in proportion to its text: none can hold the daemon."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.patterns import CPU_SECONDS, LENGTH, SHARES, all_patterns, texts

SLOW = r"(a+)+b"
QUADRATIC = r"[\w.-]*[A-Za-z][:=]"


def test_all_patterns_are_found() -> None:
    patterns = all_patterns()
    assert len(patterns) > 80
    assert any("pass(word" in str(pattern.text) for pattern in patterns), "those of modules"
    assert any(str(pattern.text).endswith("$(?!\\n)") for pattern in patterns), "those of schemas"


def test_the_texts_are_long() -> None:
    assert LENGTH == 200_000
    assert min(map(len, texts(r"token[:=]"))) > LENGTH * 0.99


@pytest.mark.parametrize("share", range(SHARES))
def test_no_pattern_is_slow_with_any_text(share: int, tmp_path: Path) -> None:
    ended = _probe(tmp_path, "--share", str(share))
    assert ended.returncode == 0, f"at {(tmp_path / 'at').read_text()}\n{ended.stderr}"


def test_the_probe_finds_a_pattern_that_is_slow(tmp_path: Path) -> None:
    for pattern in (SLOW, QUADRATIC):
        assert _probe(tmp_path, pattern, seconds=3).returncode != 0


def test_the_texts_hold_what_a_pattern_nearly_matches() -> None:
    assert any(text.startswith("token:") for text in texts(r"token[:=]"))


def _probe(folder: Path, *arguments: str, seconds: int = CPU_SECONDS) -> subprocess.CompletedProcess[str]:
    """In a process of its own with a limit of processor time, since a pattern at work can't be interrupted."""
    command = [sys.executable, "-m", "tests.support.patterns", str(folder / "at"), str(seconds), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
