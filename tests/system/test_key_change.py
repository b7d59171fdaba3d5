"""The key is changed while the daemon is killed, for real: nothing is lost, and the change goes on by itself."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from tests.support.daemon import OFFLINE, DaemonProcess, config_text, daemon_process

pytestmark = pytest.mark.system

PROVIDERS = ("cartv", "carcasion", "wom", "winvalue", "autoonline", "egub", "persaldo24", "cardetektiv", "audatex")
ASSESSORS = tuple(f"a{number}" for number in range(12))
REVEAL = "".join(f"  {name}:\n    reveal: true\n" for name in PROVIDERS)
TEXT = config_text(sites={"rostock": None}, more=f"credentials:\n{REVEAL}{OFFLINE}")
COUNT = len(PROVIDERS) * len(ASSESSORS)


def fields(name: str, assessor: str) -> dict[str, str]:
    return {"customer_number": "4711", "user_name": assessor, "password": f"secret of {assessor} at {name}"}


async def enter(daemon: DaemonProcess) -> None:
    for assessor in ASSESSORS:
        await daemon.http.post("/v1/assessors", {"id": assessor, "name": assessor})
        for name in PROVIDERS:
            entered = {"fields": fields(name, assessor)}
            reply = await daemon.http.put(f"/v1/credentials/{name}/assessor:{assessor}", entered)
            assert reply.status == 200, reply.json


async def all_open(daemon: DaemonProcess) -> None:
    for name in PROVIDERS:
        for assessor in ASSESSORS:
            reply = await daemon.http.post(f"/v1/credentials/{name}/assessor:{assessor}/reveal")
            assert reply.json["fields"] == fields(name, assessor)


def sealed_by(folder: Path) -> dict[str, int]:
    """How many values each key has sealed, read beside the daemon."""
    con = sqlite3.connect(f"file:{folder / 'data' / 'wtpd.db'}?mode=ro", uri=True)
    try:
        return dict(con.execute("SELECT key_id, count(*) FROM credential GROUP BY key_id").fetchall())
    finally:
        con.close()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
async def test_a_kill_during_the_change_of_the_key(tmp_path: Path, share: float) -> None:
    """Killed once `share` of the values is sealed with the new key."""
    key, new_key = tmp_path / "wtpd.key", tmp_path / "wtpd.key.new"
    async with daemon_process(tmp_path, TEXT) as daemon:
        await enter(daemon)
        [old] = sealed_by(tmp_path)
        before = key.read_bytes()
        changing = asyncio.create_task(daemon.http.post("/v1/credentials/rotate-key"))
        async with asyncio.timeout(60):
            while not new_key.exists() and key.read_bytes() == before:
                await asyncio.sleep(0)
            while sealed_by(tmp_path).get(old, 0) > 3 * COUNT * (1 - share):
                await asyncio.sleep(0)
        daemon.process.kill()
        await daemon.ended()
        await asyncio.gather(changing, return_exceptions=True)
    async with daemon_process(tmp_path, "") as daemon:
        await all_open(daemon)
        assert (await daemon.http.get("/v1/status")).json["problems"] == []
        assert old not in sealed_by(tmp_path), "it went on by itself"
        assert "Traceback" not in daemon.log
    assert not new_key.exists()
    assert key.read_bytes() != before
    assert sorted(file.name for file in tmp_path.glob("*wtpd.key*")) == ["wtpd.key"]


async def test_a_change_that_cant_go_on_stops_nothing_else(tmp_path: Path) -> None:
    async with daemon_process(tmp_path, TEXT) as daemon:
        await daemon.http.put("/v1/credentials/cartv/general", {"fields": fields("cartv", "a1")})
    (tmp_path / "wtpd.key.new").write_text("damaged")
    (tmp_path / "wtpd.key.new").chmod(0o600)
    (tmp_path / ".wtpd.key.new.0a1b2c3d").write_text("left by a kill")
    async with daemon_process(tmp_path, "", WTPD_LANG="en") as daemon:
        problems = (await daemon.http.get("/v1/status", accept_language="en")).json["problems"]
        assert [one["kind"] for one in problems] == ["key"]
        assert "wtpd.key.new is damaged" in problems[0]["text"]
        assert (await daemon.http.post("/v1/assessors", {"id": "a1", "name": "A"})).status == 201
        (tmp_path / "wtpd.key.new").unlink()
        assert (await daemon.http.post("/v1/credentials/cartv/general/reveal")).status == 200
    assert not (tmp_path / ".wtpd.key.new.0a1b2c3d").exists()
