"""The daemon's own life in this process: stop races, a core service that dies, a disk that is full."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.daemon import config_text, running_daemon
from wtpd.config.environment import Environment
from wtpd.config.model import Api as ApiSettings
from wtpd.config.model import Config
from wtpd.daemon.health import Health
from wtpd.daemon.housekeeping import Housekeeping
from wtpd.daemon.needs_restart import SetAtStart
from wtpd.errors import NotFound


@pytest.mark.parametrize("turns", [0, 1, 2, 5, 10, 20, 40, 80])
async def test_a_stop_at_any_moment_of_the_start(tmp_path: Path, turns: int) -> None:
    async with running_daemon(tmp_path, config_text(), wait=False) as daemon:
        for _ in range(turns):
            await asyncio.sleep(0.001)
        daemon.daemon.stop()
        daemon.daemon.stop()
        assert await daemon.stop() == 0
        assert daemon.daemon.stopped_well
        assert not daemon.http.path.exists()
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_a_cancelled_daemon_tidies_up_too(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()) as daemon:
        daemon.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await daemon.task
        assert not daemon.http.path.exists()
    async with running_daemon(tmp_path, "") as daemon:
        assert (await daemon.http.get("/v1/health")).status == 200


async def test_a_start_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        async with running_daemon(tmp_path, ""):
            raise AssertionError("it can't be ready")
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_a_core_service_that_dies_ends_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = asyncio.Event()

    async def run(self: Housekeeping) -> None:
        await broken.wait()
        raise RuntimeError("broken")

    monkeypatch.setattr(Housekeeping, "run", run)
    async with running_daemon(tmp_path, config_text()) as daemon:
        broken.set()
        assert await asyncio.wait_for(daemon.task, 60) == 1
        assert daemon.daemon.stopped_well
    assert "A core service died" in caplog.text


async def test_a_core_service_that_just_ends_is_as_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(self: Health) -> None:
        return None

    monkeypatch.setattr(Health, "run", run)
    async with running_daemon(tmp_path, config_text(), wait=False) as daemon:
        assert await asyncio.wait_for(daemon.task, 60) == 1


async def test_a_stop_while_a_request_hangs_is_bounded(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()) as daemon:
        reader, writer = await asyncio.open_unix_connection(daemon.http.path)
        writer.write(b"POST /v1/customers HTTP/1.1\r\nhost: wtpd\r\ncontent-length: 50\r\n\r\n{")
        async with daemon.http.events() as events:
            began = asyncio.get_running_loop().time()
            assert await daemon.stop() == 0
            assert asyncio.get_running_loop().time() - began < 9
            with pytest.raises(EOFError):
                await events.next()
        assert b" 503 " in await reader.read()
        writer.close()


async def test_on_a_full_disk_nothing_new_is_taken_but_everything_can_be_read(tmp_path: Path) -> None:
    free = 100 << 20
    async with running_daemon(tmp_path, config_text(), free_of=lambda path: free) as daemon:
        parts = daemon.daemon.parts
        assert parts is not None
        refused = await daemon.http.post("/v1/customers", {"last_name": "Lübs"}, accept_language="en")
        assert (refused.status, refused.kind) == (507, "disk-full")
        assert "100 MB" in refused.json["detail"]
        assert (await daemon.http.get("/v1/customers")).status == 200
        assert (await daemon.problems())[0]["kind"] == "disk"
        free = 1 << 30
        await parts.health.look()
        assert (await daemon.http.post("/v1/customers", {"last_name": "Lübs"})).status == 201
        assert await daemon.problems() == []


async def test_what_counts_only_after_a_restart_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    places = f"data_dir: {tmp_path}/data\napi: {{socket: {tmp_path}/api.sock}}\n"
    environment = Environment(config=tmp_path / "wtpd.yaml", key_file=tmp_path / "wtpd.key")
    async with running_daemon(tmp_path, config_text(more=places), environment=environment) as daemon:
        assert await daemon.problems() == []
        changes = [
            {"path": "data_dir", "value": f"{tmp_path}/elsewhere"},
            {"path": "api.socket", "value": f"{tmp_path}/other.sock"},
        ]
        assert (await daemon.http.send("PATCH", "/v1/config", changes, headers={"if-match": "*"})).status == 200
        found = await daemon.problems()
        assert [one["kind"] for one in found] == ["restart", "restart"]
        assert f"in force is {tmp_path}/data" in found[0]["text"]
        assert f"in force is {tmp_path}/api.sock" in found[1]["text"]
        assert "systemctl restart wtpd" in found[0]["next_step"]
        assert "data_dir counts from the next start on" in caplog.text
        assert not (tmp_path / "elsewhere").exists()
    async with running_daemon(tmp_path, "", environment=environment) as daemon:
        daemon.http.path = tmp_path / "other.sock"
        assert await daemon.problems() == []
        assert (tmp_path / "elsewhere" / "wtpd.db").exists()


async def test_a_socket_of_systemd_that_the_settings_dont_name_is_said(tmp_path: Path) -> None:
    fixed = SetAtStart(
        folder=tmp_path, folder_by_environment=True, socket=Path("/run/wtpd/api.sock"), socket_by_environment=False,
        activated=True,
    )  # fmt: skip
    assert fixed.against(Config()) == []
    [found] = fixed.against(Config(api=ApiSettings(socket="/run/other.sock")))
    assert "systemd listens at /run/wtpd/api.sock" in str(found.text)
    assert "wtpd.socket" in str(found.cure)
