"""The daemon as a process: systemd's view of it, signals, exit codes, socket activation, what it loads."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.daemon import config_text, daemon_process
from tests.support.unix_http import UnixHttp

pytestmark = pytest.mark.system


async def test_a_life_as_systemd_sees_it(tmp_path: Path) -> None:
    async with daemon_process(tmp_path, config_text(), WATCHDOG_USEC="300000") as daemon:
        assert (await daemon.http.get("/v1/health")).json == {"ok": True, "state": "ready"}
        assert stat.S_IMODE(os.stat(daemon.http.path).st_mode) == 0o660
        await daemon.until_heard("WATCHDOG=1")
        daemon.config.write_text(config_text() + "colour: red\n")
        daemon.process.send_signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in await daemon.until_heard("RELOADING=1")
        await daemon.until_heard("READY=1\nSTATUS=wtpd.yaml")
        assert await daemon.stop() == 0
        ready = [message.split("\n")[0] for message in daemon.heard if message.startswith("READY=1")]
        assert len(ready) == 2, "after the start and after the reload"
        assert "STOPPING=1" in daemon.heard
        assert not daemon.http.path.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_during_the_start(tmp_path: Path, number: signal.Signals) -> None:
    async with daemon_process(tmp_path, config_text(), wait=False) as daemon:
        while not (tmp_path / "data" / "wtpd.db").exists():
            await asyncio.sleep(0.001)
        daemon.process.send_signal(number)
        daemon.process.send_signal(number)
        assert await daemon.ended() == 0, daemon.log
    async with daemon_process(tmp_path, "") as daemon:
        assert await daemon.stop() == 0


async def test_a_broken_file_without_any_good_version_ends_it_with_all_errors(tmp_path: Path) -> None:
    async with daemon_process(tmp_path, "language: klingon\ncolour: red\n", wait=False, WTPD_LANG="en") as daemon:
        assert await daemon.ended() == 1
        assert "wtpd.yaml:1:11: language klingon" in daemon.log
        assert "wtpd.yaml:2:1: unknown key colour" in daemon.log
        assert "Traceback" not in daemon.log


async def test_a_missing_file_is_said_in_a_sentence(tmp_path: Path) -> None:
    async with daemon_process(tmp_path, "", wait=False, WTPD_LANG="en") as daemon:
        assert await daemon.ended() == 1
        assert "Traceback" not in daemon.log
        assert str(daemon.config) in daemon.log


async def test_a_second_daemon_at_the_same_socket_is_refused(tmp_path: Path) -> None:
    async with daemon_process(tmp_path, config_text()) as first:
        environment = {**os.environ, "WTPD_DATA_DIR": str(tmp_path / "other"), "WTPD_SOCKET": str(first.http.path)}
        environment |= {"WTPD_LANG": "en"}
        command = [sys.executable, "-m", "wtpd.daemon", "--config", str(first.config)]
        second = await asyncio.create_subprocess_exec(*command, env=environment, stderr=subprocess.PIPE)
        _, errors = await second.communicate()
        assert second.returncode == 1
        assert b"running already" in errors
        assert (await first.http.get("/v1/health")).status == 200


async def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    import sqlite3

    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "wtpd.db") as con:
        con.execute("PRAGMA application_id=2004119652")
        con.execute("PRAGMA user_version=999")
        con.execute("CREATE TABLE future (x)")
    con.close()
    before = (tmp_path / "data" / "wtpd.db").read_bytes()
    async with daemon_process(tmp_path, config_text(), wait=False, WTPD_LANG="en") as daemon:
        assert await daemon.ended() == 1
        assert "newer wtpd" in daemon.log
    assert (tmp_path / "data" / "wtpd.db").read_bytes() == before


async def test_what_was_answered_outlives_a_kill(tmp_path: Path) -> None:
    booking = {"site": "rostock", "department": "Werkstatt", "drop_off": "2027-03-01T07:00:00Z",
               "collection": "2027-03-01T15:00:00Z"}  # fmt: skip
    async with daemon_process(tmp_path, config_text()) as daemon:
        made = await daemon.http.post("/v1/appointments", booking, idempotency_key="k")
        assert made.status == 201
        daemon.process.kill()
        await daemon.ended()
    async with daemon_process(tmp_path, "") as daemon:
        again = await daemon.http.post("/v1/appointments", booking, idempotency_key="k")
        assert (again.status, again.json) == (201, made.json)


ACTIVATE = """
import os, socket, sys
listening = socket.socket(fileno=int(sys.argv[1]))
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ["LISTEN_PID"], os.environ["LISTEN_FDS"] = str(os.getpid()), "1"
os.execv(sys.executable, [sys.executable, "-m", "wtpd.daemon", *sys.argv[2:]])
"""


async def test_socket_activation(tmp_path: Path) -> None:
    """systemd's socket serves, with requests that came before the daemon was there, and outlives it."""
    path = tmp_path / "activated.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        early = asyncio.create_task(UnixHttp(path).get("/v1/health"))
        os.set_inheritable(listening.fileno(), True)
        (tmp_path / "wtpd.yaml").write_text(config_text())
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ACTIVATE, str(listening.fileno()), "--config", str(tmp_path / "wtpd.yaml"),
            env={**os.environ, "WTPD_DATA_DIR": str(tmp_path / "data")}, pass_fds=[listening.fileno()],
        )  # fmt: skip
        assert (await asyncio.wait_for(early, 60)).status == 200
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 60) == 0
        assert path.exists()


LOADED = """
import asyncio, json, os, sys
from pathlib import Path
from wtpd.config.environment import Environment
from wtpd.daemon.app import Daemon

async def main():
    folder = Path(sys.argv[1])
    environment = Environment(config=folder / "wtpd.yaml", data_dir=folder / "data", socket=folder / "api.sock")
    daemon = Daemon(environment, environ={})
    loaded = []
    get_ready = daemon.ready.set

    def note_and_get_ready():
        loaded.extend(sys.modules)
        get_ready()

    daemon.ready.set = note_and_get_ready
    task = asyncio.create_task(daemon.run())
    await daemon.ready.wait()
    daemon.stop()
    assert await task == 0
    print(json.dumps(loaded))

asyncio.run(main())
"""

# click, watchfiles and anyio aren't here: uvicorn loads them by itself, whatever part of it is used.
HEAVY = (
    "textual", "rich", "starlette", "pydantic", "httpx", "httpcore", "aiohttp", "cryptography", "ruamel",
    "holidays", "babel", "phonenumbers", "jsonschema_rs", "aiosmtplib", "charset_normalizer",
    "wtpd.tui", "wtpd.cli", "wtpd.client", "wtpd.sandbox", "wtpd.demo",
)  # fmt: skip


async def test_nothing_heavy_is_loaded_before_it_is_ready(tmp_path: Path) -> None:
    text = config_text(partner="https://partner.example")
    (tmp_path / "wtpd.yaml").write_text(text)
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOADED, str(tmp_path), stdout=subprocess.PIPE, env={**os.environ, "WTPD_LANG": "de"}
    )
    out, _ = await asyncio.wait_for(run.communicate(), 60)
    loaded = json.loads(out.splitlines()[-1])
    assert [name for name in loaded if name in HEAVY or name.partition(".")[0] in HEAVY] == []
