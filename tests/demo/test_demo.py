"""The demo as somebody runs it: real processes, real sockets, one real crash."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def demo(*arguments: str, language: str = "en", **more: str) -> subprocess.Popen[str]:
    """`more`: environment variables."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WTPD_")}
    # A shell's background job ignores SIGINT, and its children would too.
    return subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-m", "wtpd", "demo", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | {"WTPD_LANG": language} | more,
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
    comparison = report["comparison"]
    assert comparison["agreed"] == comparison["theirs"] > 500
    assert comparison["past"] > 0
    assert comparison["agreed"] + comparison["past"] <= comparison["ours"]  # some were cancelled before they were sent
    figures = {name: value for step in report["steps"] for name, value in step["figures"].items()}
    assert figures["there_after"] == figures["history_entries"] == figures["booked"] == 40
    assert 0 < figures["there_at_the_crash"] < 40
    assert figures["conflicts"] == 1
    assert figures["courtesy_car"].startswith("EW")
    assert report["login"] == {"client_id": "demo-dms", "client_secret": "demo-secret"}
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


def running_demo(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """The demo, once everything that it starts is running."""
    process = demo(*arguments, **environment)
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_stops_everything_and_names_the_folder(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "house"
    process = running_demo("--dir", str(folder))
    assert len(left_running(folder)) >= 3
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 128 + number
    assert err == f"Stopped. What it made is in {folder}\n"
    assert left_running(folder) == []


def test_a_temporary_folder_is_gone_after_ctrl_c() -> None:
    with tempfile.TemporaryDirectory() as name:  # `tmp_path` is too long for the demo's folder and socket in it
        folder = Path(name)
        process = running_demo(TMPDIR=name)
        assert len(list(folder.glob("wtpd-demo-*"))) == 1
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
        assert (process.returncode, err) == (130, "Stopped.\n")
        assert list(folder.iterdir()) == []
        assert left_running(folder) == []


def test_nothing_outlives_a_kill_9_of_the_demo(tmp_path: Path) -> None:
    folder = tmp_path / "house"
    process = running_demo("--dir", str(folder))
    process.kill()
    process.communicate()  # returns once nobody holds its output any more
    give_up = time.monotonic() + 20
    while left_running(folder) and time.monotonic() < give_up:
        time.sleep(0.02)
    assert left_running(folder) == []


def test_a_child_whose_demo_has_ended_already_does_not_start(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    child = [sys.executable, "-m", "wtpd.cli.demo_child", str(gone.pid), "9", "sandbox", "--state", str(tmp_path)]
    assert subprocess.run(child, capture_output=True, check=False, timeout=60).returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    process = demo("--dir", str(tmp_path))
    _, err = process.communicate()
    assert process.returncode == 2
    assert "isn't empty" in err
    assert os.listdir(tmp_path) == ["precious"]


@pytest.mark.parametrize(("language", "reason"), [("en", "too long for a socket"), ("de", "zu lang für einen Socket")])
def test_after_a_story_that_stopped_only_folder_and_log_are_named(tmp_path: Path, language: str, reason: str) -> None:
    folder = tmp_path / "house" / ("x" * 90)
    process = demo("--serve", "--dir", str(folder), language=language)
    out, _ = process.communicate()
    assert process.returncode == 1
    assert reason in out
    for line, path in zip(out.splitlines()[-2:], (folder, folder / "daemon.log"), strict=True):
        assert line.endswith(f" {path}")
    assert "WTPD_SOCKET" not in out
    assert "_sandbox" not in out
    assert left_running(folder) == []


def test_a_folder_that_cant_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    process = demo("--dir", str(tmp_path / "file" / "house"))
    _, err = process.communicate()
    assert process.returncode == 2
    assert "can't be used" in err


@pytest.mark.parametrize("arguments", [("demo",), ("sandbox",)])
def test_a_library_that_is_missing_is_named_with_the_line_that_installs_it(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    without = (
        "import sys; sys.modules['starlette'] = None; sys.argv[0] = 'wtpd'; from wtpd.cli.main import main; main()"
    )
    run = subprocess.run(
        [sys.executable, "-c", without, "--lang", "en", *arguments], capture_output=True, text=True, check=False,
        cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert run.returncode == 1
    assert f"{shlex.quote(sys.executable)} -m pip install starlette" in run.stderr
