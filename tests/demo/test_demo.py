"""The demo as somebody runs it: real processes, real sockets, one real crash."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def demo(*arguments: str, language: str = "en") -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WTPD_")}
    # A shell's background job ignores SIGINT, and its children would too.
    return subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-m", "wtpd", "demo", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | {"WTPD_LANG": language},
    )


def left_running(folder: Path) -> list[str]:
    """Processes that have the folder on their command line."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def test_the_demo_ends_well_and_leaves_nothing_running(tmp_path: Path) -> None:
    folder = tmp_path / "house"
    process = demo("--json", "--dir", str(folder))
    out, err = process.communicate()
    report: dict[str, Any] = json.loads(out)
    assert (process.returncode, report["failure"], err) == (0, None, "")
    assert report["comparison"]["equal"]
    assert report["comparison"]["doubles"] == []
    assert report["comparison"]["agreed"] == report["comparison"]["theirs"] > 1300
    figures = {name: value for step in report["steps"] for name, value in step["figures"].items()}
    assert figures["there_after"] == figures["history_entries"] == figures["booked"] == 40
    assert 0 < figures["there_at_the_crash"] < 40
    assert figures["conflicts"] == 1
    assert figures["over_limit"] > 0
    assert figures["refused"]
    assert report["mails"]["count"] == len(list((folder / "mails").glob("*.eml"))) > 0
    assert left_running(folder) == []


def test_serve_leaves_everything_running_until_it_is_stopped(tmp_path: Path) -> None:
    folder = tmp_path / "house"
    process = demo("--serve", "--json", "--dir", str(folder))
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line == "}\n":
            break
    report = json.loads("".join(lines))
    status = [sys.executable, "-m", "wtpd", "status", "--json", "--socket", report["socket"]]
    asked = subprocess.run(status, capture_output=True, text=True, check=False)
    assert json.loads(asked.stdout)["state"] == "ready"
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 0
    assert left_running(folder) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_everything(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "house"
    process = demo("--dir", str(folder))
    assert process.stdout is not None
    process.stdout.readline()  # the first step is over: all is running
    assert len(left_running(folder)) >= 3
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode != 0
    assert "Traceback" not in err
    assert left_running(folder) == []


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    process = demo("--dir", str(tmp_path))
    _, err = process.communicate()
    assert process.returncode == 2
    assert "isn't empty" in err
    assert os.listdir(tmp_path) == ["precious"]


def test_a_daemon_that_cant_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    folder = tmp_path / "house" / ("x" * 90)
    process = demo("--dir", str(folder))
    out, _ = process.communicate()
    assert process.returncode == 1
    assert "too long for a socket" in out
    assert left_running(folder) == []
