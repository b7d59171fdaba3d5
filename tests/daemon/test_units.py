"""The systemd units: nothing unknown in them, and little exposure."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "packaging"

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze isn't installed")


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_the_units_verify_without_a_word(tmp_path: Path) -> None:
    service = (UNITS / "wtpd.service").read_text().replace("/usr/bin/wtpd", "/bin/true")
    (tmp_path / "wtpd.service").write_text(service)
    shutil.copy(UNITS / "wtpd.socket", tmp_path)
    shutil.copy(UNITS / "wtpd-key.service", tmp_path)
    run = _analyze("verify", "--man=no", *(str(path) for path in sorted(tmp_path.iterdir())))
    assert (run.returncode, run.stdout + run.stderr) == (0, "")


def test_the_service_is_hardly_exposed(tmp_path: Path) -> None:
    shutil.copy(UNITS / "wtpd.service", tmp_path)
    run = _analyze("security", "--offline=yes", "--threshold=15", str(tmp_path / "wtpd.service"))
    assert run.returncode == 0, run.stdout + run.stderr


def test_callers_keep_their_uid() -> None:
    """PrivateUsers= would show every caller but root as nobody to SO_PEERCRED."""
    lines = (UNITS / "wtpd.service").read_text().splitlines()
    assert not [line for line in lines if line.startswith("PrivateUsers=")]
