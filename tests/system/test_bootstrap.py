"""`script/bootstrap` on machines where something is missing, and interrupted in the middle: the real script with the
real venv and pip, in a project without libraries, so that it needs no network."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATH_LINE = next(
    line for line in (ROOT / "script/bootstrap").read_text().splitlines() if line.startswith("export PATH")
)

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="no Python of Debian's"),
]

PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "wtpd"
version = "1"
"""
BACKEND = """
import pathlib, time, zipfile

HERE = pathlib.Path(__file__).parent

def build_editable(folder, config_settings=None, metadata_directory=None):
    (HERE / "building").touch()
    while (HERE / "hold").exists():
        time.sleep(0.05)
    if (HERE / "no-network").exists():
        raise SystemExit("NewConnectionError: Temporary failure in name resolution")
    name = "wtpd-1-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        # Not the path itself: Python reads these files as the locale says, C has no umlauts.
        wheel.writestr("wtpd.pth", f"import sys; sys.path.append({ascii(str(HERE))})\\n")
        extras = "".join(f"Provides-Extra: {extra}\\n" for extra in ("demo", "dev", "systemd"))
        wheel.writestr("wtpd-1.dist-info/METADATA", f"Metadata-Version: 2.1\\nName: wtpd\\nVersion: 1\\n{extras}")
        wheel.writestr("wtpd-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("wtpd-1.dist-info/RECORD", "")
    return name

build_wheel = build_editable
"""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A copy of the script in a project of its own. `programs`: shell scripts that take the place of real ones."""

    folder: Path
    programs: Path

    def program(self, name: str, script: str) -> None:
        file = self.programs / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        # A shell's background job ignores SIGINT, and its children would too.
        return subprocess.Popen(
            ["/usr/bin/env", "--default-signal=INT", self.folder / "script/bootstrap", *arguments],
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "PIP_NO_INDEX": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        process = self.start(*arguments, **environment)
        said, _ = process.communicate(timeout=200)
        return process.returncode, said


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    folder, programs = tmp_path / "my prö jekt", tmp_path / "programs"
    for each in (folder / "script", programs):
        each.mkdir(parents=True)
    script = (ROOT / "script/bootstrap").read_text()
    (folder / "script/bootstrap").write_text(script.replace(PATH_LINE, f'export PATH="{programs}:$PATH"'))
    (folder / "script/bootstrap").chmod(0o755)
    for name, content in (
        ("pyproject.toml", PROJECT),
        ("backend.py", BACKEND),
        ("constraints.txt", ""),
        ("setup.py", ""),
    ):
        (folder / name).write_text(content)
    made = Checkout(folder, programs)
    made.program("dpkg-query", "printf installed")
    return made


def seen(happened: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def works(folder: Path) -> bool:
    """pip answers, by its own name, too."""
    return all(
        subprocess.run(command, capture_output=True, check=False).returncode == 0
        for command in (
            [folder / ".venv/bin/python", "-m", "pip", "show", "wtpd"],
            [folder / ".venv/bin/pip", "--version"],
        )
    )


def test_set_up_then_again_then_moved(checkout: Checkout) -> None:
    code, said = checkout.run("test")
    assert (code, "making the virtual environment" in said) == (0, True)
    assert works(checkout.folder)
    assert checkout.run("test") == (0, "")
    assert checkout.run() == (0, ""), "what the tests need holds what the demo needs"
    moved = Checkout(checkout.folder.with_name("moved"), checkout.programs)
    shutil.move(checkout.folder, moved.folder)
    code, said = moved.run()
    assert (code, "making the virtual environment" in said) == (0, True)
    assert works(moved.folder)
    (moved.folder / "constraints.txt").write_text("# changed\n")
    code, said = moved.run()
    assert (code, "making" in said, "installing" in said) == (0, False, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_while_the_environment_is_made_it_recovers(checkout: Checkout, number: signal.Signals) -> None:
    process = checkout.start()
    seen((checkout.folder / ".venv/bin/python").exists)
    os.killpg(process.pid, number)
    said, _ = process.communicate()
    assert process.returncode != 0
    assert number == signal.SIGKILL or "interrupted" in said
    assert checkout.run()[0] == 0
    assert works(checkout.folder)


def test_killed_while_pip_installs_the_next_run_waits_and_recovers(checkout: Checkout) -> None:
    (checkout.folder / "hold").touch()
    first = checkout.start()
    seen((checkout.folder / "building").exists)
    os.kill(first.pid, signal.SIGKILL)  # its pip goes on
    second = checkout.start()
    assert second.stdout is not None
    assert "waiting" in second.stdout.readline()
    (checkout.folder / "hold").unlink()
    second.communicate()
    first.communicate()
    assert second.returncode == 0
    assert works(checkout.folder)


def test_two_at_once_both_succeed(checkout: Checkout) -> None:
    both = [checkout.start(), checkout.start()]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("making the virtual environment" in each for each in said) == 1
    assert works(checkout.folder)


PACKAGES = "apt-get update && apt-get install -y --no-install-recommends python3 "


@pytest.fixture
def user(checkout: Checkout) -> Checkout:
    """An ordinary user on a machine that lacks Debian packages."""
    checkout.program("dpkg-query", "exit 1")
    checkout.program("id", '[ "$1" = -u ] && echo 1000 || echo anna')
    return checkout


def test_a_user_without_sudo_rights_is_told_what_root_should_run(user: Checkout) -> None:
    user.program("sudo", "echo 'anna is not in the sudoers file.' >&2; exit 1")
    code, said = user.run()
    assert (code, len(said.splitlines())) == (1, 1)
    assert "sudo doesn't let anna do it" in said
    assert PACKAGES in said


def test_without_sudo_a_user_is_told_what_root_should_run(user: Checkout) -> None:
    only = user.programs / "only"
    only.mkdir()
    for name in ("dirname", "flock", "cat"):
        (only / name).symlink_to(shutil.which(name) or "")
    script = user.folder / "script/bootstrap"
    script.write_text(
        script.read_text().replace(":$PATH", f":{only}").replace("/usr/bin/env bash", shutil.which("bash") or "")
    )
    code, said = user.run()
    assert (code, len(said.splitlines())) == (1, 1)
    assert "there is no sudo here" in said
    assert PACKAGES in said


def test_without_a_network_apt_and_pip_say_so(checkout: Checkout) -> None:
    checkout.program("dpkg-query", "exit 1")
    checkout.program("sudo", 'shift; exec "$@"')
    checkout.program("env", 'echo "Err:1 http://deb.debian.org Temporary failure resolving"; [ "$5" = update ]')
    code, said = checkout.run()
    assert code == 1
    assert said.splitlines()[-1].startswith("bootstrap: there is no network")
    (checkout.programs / "env").unlink()
    checkout.program("dpkg-query", "printf installed")
    (checkout.folder / "no-network").touch()
    code, said = checkout.run()
    assert code == 1
    assert said.splitlines()[-1].startswith("bootstrap: there is no network")
    (checkout.folder / "no-network").unlink()
    assert checkout.run()[0] == 0


def test_neither_tmpdir_nor_locale_is_needed(checkout: Checkout) -> None:
    code, said = checkout.run(TMPDIR="/does/not/exist", LANG="xx_XX.UTF-8", LC_CTYPE="xx_XX.UTF-8")
    assert (code, "TMPDIR=/does/not/exist can't be used" in said) == (0, True)
    assert works(checkout.folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cant_be_written_is_said(checkout: Checkout) -> None:
    checkout.folder.chmod(0o555)
    code, said = checkout.run()
    checkout.folder.chmod(0o755)
    assert (code, "can't be written" in said) == (1, True)


def test_an_old_python_is_named(checkout: Checkout) -> None:
    script = checkout.folder / "script/bootstrap"
    old = checkout.programs / "python3"
    checkout.program("python3", '[ "$1" = --version ] && echo "Python 3.9.2"')
    script.write_text(script.read_text().replace("python=/usr/bin/python3", f'python="{old}"'))
    assert checkout.run() == (1, f"bootstrap: {old} is Python 3.9.2; wtpd needs 3.11 or newer: Debian 12 or 13\n")
