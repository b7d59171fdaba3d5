"""Limits per caller: a member of the read group can neither exhaust memory nor keep others out."""

from __future__ import annotations

import asyncio
import grp
import json
import os
import pwd
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support import confined
from tests.support.daemon import OFFLINE, DaemonProcess, config_text, daemon_process, running_daemon
from tests.support.unix_http import UnixHttp, read_reply
from wtpd.book.limits import PARAGRAPHS
from wtpd.client import Client
from wtpd.daemon.api import limits
from wtpd.daemon.api.limits import CONNECTIONS, KEPT, PER_CALLER, Bucket, Places, Requests
from wtpd.daemon.presence import Presence

ROOT = 0


class Conn:
    """A connection that does nothing unless it is `busy`."""

    def __init__(self, *, busy: bool = False, unsent: int = 0) -> None:
        self.busy, self.unsent, self.dropped = busy, unsent, False

    @property
    def idle(self) -> bool:
        return not self.busy

    def drop(self) -> None:
        self.dropped = True


def places() -> Places:
    return Places(lambda uid: uid == ROOT)


def fill(held: Places, uid: int, number: int, *, busy: bool = True) -> list[Conn]:
    """Connections of `uid` that got a place, opened slowly."""
    made = [Conn(busy=busy) for _ in range(number)]
    return [one for second, one in enumerate(made) if held.take(uid, one, float(second))]


def test_one_caller_gets_its_places_and_no_more() -> None:
    assert len(fill(places(), 1, 1000)) == PER_CALLER


def test_an_idle_connection_makes_room_for_a_new_one_of_its_caller() -> None:
    held = places()
    idle, *_ = fill(held, 1, PER_CALLER, busy=False)
    assert held.take(1, Conn(), 1000.0)
    assert idle.dropped


def test_the_caller_with_the_most_connections_makes_room_for_another() -> None:
    held = places()
    full = {uid: fill(held, uid, PER_CALLER) for uid in range(1, (CONNECTIONS - KEPT) // PER_CALLER + 1)}
    assert held.take(999, Conn(), 0.0)
    assert [one.dropped for connections in full.values() for one in connections].count(True) == 1


def test_places_are_kept_for_root() -> None:
    held = places()
    for uid in range(1, 20):
        fill(held, uid, PER_CALLER)
    assert len(fill(held, ROOT, KEPT)) == KEPT


def test_readers_make_room_for_root_beyond_its_places() -> None:
    held = places()
    for uid in range(1, 20):
        fill(held, uid, PER_CALLER)
    assert len(fill(held, ROOT, CONNECTIONS)) == CONNECTIONS


def test_a_caller_that_opens_without_end_waits() -> None:
    held = places()
    rate, most = limits.OPENED
    taken = 0
    for _ in range(int(most) * 2):
        connection = Conn()
        taken += held.take(1, connection, 0.0)
        held.leave(1, connection)
    assert taken == most
    assert held.take(1, Conn(), 1 / rate)


def test_root_opens_as_often_as_it_likes() -> None:
    held = places()
    for _ in range(5000):
        connection = Conn()
        assert held.take(ROOT, connection, 0.0)
        held.leave(ROOT, connection)


def test_a_bucket_fills_up_again() -> None:
    bucket = Bucket(rate=2.0, most=3.0)
    assert [bucket.take(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(0.5) == 0.0
    assert [bucket.take(1000.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_requests_under_way_are_counted_by_caller() -> None:
    requests = Requests()
    for _ in range(limits.AT_ONCE):
        requests.begin(1, 0.0)
        assert not requests.crowded(1)
    requests.begin(1, 0.0)
    requests.begin(2, 0.0)
    assert (requests.crowded(1), requests.crowded(2)) == (True, False)
    requests.end(1)
    assert not requests.crowded(1)


# Against the daemon. Its socket and folder must be open to another user, so they don't lie below tmp_path.


def reader() -> tuple[str, int, str]:
    """A user that isn't root, its uid and the name of its group."""
    entry = pwd.getpwnam("nobody")
    return entry.pw_name, entry.pw_uid, grp.getgrgid(entry.pw_gid).gr_name


needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="wtpd-limits-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def settings() -> str:
    return config_text(sites={"rostock": None}, more=OFFLINE + f"api: {{read_group: {reader()[2]}}}\n")


@asynccontextmanager
async def open_daemon(folder: Path) -> AsyncIterator[DaemonProcess]:
    async with daemon_process(folder, settings()) as daemon:
        daemon.http.path.chmod(0o666)
        yield daemon


@asynccontextmanager
async def confined_daemon(folder: Path, way: str, *options: str) -> AsyncIterator[DaemonProcess]:
    """Under the memory limit of the unit, with a book of the longest texts."""
    try:
        with confined.room(way, *options) as arguments:
            async with daemon_process(folder, settings(), arguments=arguments, MALLOC_ARENA_MAX="1") as daemon:
                daemon.http.path.chmod(0o666)
                await fill_book(daemon)
                yield daemon
    except OSError as error:
        if way == confined.DATA:
            raise
        pytest.skip(f"no control group can be made here: {error}")


async def fill_book(daemon: DaemonProcess) -> None:
    long = "\N{GRINNING FACE}" * PARAGRAPHS
    work = [{"title": "A", "description": long}] * 5
    visit = {"site": "rostock", "department": "Werkstatt", "drop_off": "2027-03-01T07:00:00Z",
             "collection": "2027-03-01T15:00:00Z", "notes": long, "interventions": work}  # fmt: skip
    for _ in range(200):
        assert (await daemon.http.post("/v1/appointments", visit)).status == 201


@asynccontextmanager
async def as_reader(script: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program run by a member of the read group."""
    _, uid, _ = reader()
    process = await asyncio.create_subprocess_exec(
        getattr(sys, "_base_executable", sys.executable), "-I", "-c", script, *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, user=uid, group=pwd.getpwuid(uid).pw_gid,
        extra_groups=[], cwd="/",
    )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.communicate()


async def told(process: asyncio.subprocess.Process) -> Any:
    """The next line that it wrote, as JSON."""
    assert process.stdout is not None
    async with asyncio.timeout(120):
        return json.loads(await process.stdout.readline())


def peak(pid: int) -> int:
    """The most memory that the process ever had resident, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) << 10


@needs_root
@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", [confined.CGROUP, confined.DATA])
async def test_a_reader_can_exhaust_neither_memory_nor_places(folder: Path, way: str) -> None:
    async with confined_daemon(folder, way) as daemon:
        path = str(daemon.http.path)
        for kind in confined.FLOODS:
            async with as_reader(confined.FLOOD, path, kind) as process:
                assert await told(process) > 0, kind
                for target in ("/v1/health", "/v1/status"):
                    reply = await daemon.http.get(target)
                    assert reply.status == 200, kind
        assert peak(daemon.pid) < confined.memory_max()
        assert "MemoryError" not in daemon.log
        assert await daemon.stop() == 0


@needs_root
@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", [confined.CGROUP, confined.DATA])
async def test_without_the_limits_a_reader_would_exhaust_it(folder: Path, way: str) -> None:
    """The flood is one that the limits are needed against."""
    async with confined_daemon(folder, way, "--no-limits") as daemon:
        async with as_reader(confined.FLOOD, str(daemon.http.path), "lists") as process:
            with suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
                await told(process)
                async with asyncio.timeout(20):
                    while "MemoryError" not in daemon.log:
                        await daemon.http.get("/v1/status")
        assert "MemoryError" in daemon.log or await daemon.ended() == -signal.SIGKILL


def test_the_memory_of_the_unit_is_known() -> None:
    assert 64 << 20 < confined.memory_max() < 1 << 30
    assert confined.memory_max("[Service]\nMemoryMax=2G\n") == 2 << 30


ASK = """
import json, socket, sys
path, number = sys.argv[1], int(sys.argv[2])
found = {}
one = socket.socket(socket.AF_UNIX)
one.connect(path)
lines = one.makefile("rwb")
for _ in range(number):
    lines.write(b"GET /v1/session HTTP/1.1\\r\\nhost: wtpd\\r\\naccept-language: de\\r\\n\\r\\n")
    lines.flush()
    status = lines.readline().split()[1].decode()
    head = {}
    while (line := lines.readline().strip()):
        name, _, value = line.decode().partition(": ")
        head[name] = value
    body = lines.read(int(head["content-length"]))
    if status not in found:
        found[status] = [head.get("retry-after"), json.loads(body).get("type"), json.loads(body).get("detail")]
    if status == "429":
        break
print(json.dumps(found), flush=True)
sys.stdin.read()
"""


@needs_root
async def test_who_asks_too_often_is_asked_to_wait(folder: Path) -> None:
    async with open_daemon(folder) as daemon, as_reader(ASK, str(daemon.http.path), "20000") as process:
        found = await told(process)
        assert set(found) == {"200", "429"}
        retry, kind, detail = found["429"]
        assert int(retry) >= 1
        assert kind.endswith("/too-many-requests")
        assert detail.startswith("Zu viele Anfragen")
        assert (await daemon.http.get("/v1/session")).status == 200


LISTEN = """
import socket, sys
one = socket.socket(socket.AF_UNIX)
one.connect(sys.argv[1])
one.sendall(b"GET /v1/events HTTP/1.1\\r\\nhost: wtpd\\r\\n\\r\\n")
while b": wtpd" not in one.recv(65536):
    pass
print('"listening"', flush=True)
while (piece := one.recv(65536)) and not piece.endswith(b"\\r\\n0\\r\\n\\r\\n") and piece != b"0\\r\\n\\r\\n":
    pass
print('"ended"', flush=True)
"""


@needs_root
async def test_a_stream_ends_when_its_user_left_the_group(folder: Path) -> None:
    async with running_daemon(folder, settings()) as daemon:
        daemon.http.path.chmod(0o666)
        async with as_reader(LISTEN, str(daemon.http.path)) as process:
            assert await told(process) == "listening"
            change = [{"path": "api.read_group", "value": "wtpd-admin-and-nobody"}]
            assert (await daemon.http.patch("/v1/config", change, version="*")).status == 200
            assert await told(process) == "ended"


async def test_a_connection_that_sends_without_waiting_is_cut_off(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text(sites={"rostock": None}, more=OFFLINE)) as daemon:
        stream, writer = await asyncio.open_unix_connection(daemon.http.path)
        with suppress(ConnectionError):
            writer.write(b"GET /v1/health HTTP/1.1\r\nhost: wtpd\r\n\r\n" * 5000)
            await writer.drain()
        got = 0
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while (await read_reply(stream)).status:
                got += 1
        assert got < 50
        writer.close()


async def test_content_behind_an_early_answer_is_not_read(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text(sites={"rostock": None}, more=OFFLINE)) as daemon:
        stream, writer = await asyncio.open_unix_connection(daemon.http.path)
        writer.write(b"GET /v1/health HTTP/1.1\r\nhost: wtpd\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        assert (await read_reply(stream)).status == 200
        assert await stream.read() == b"", "closed, since the rest of the content would be read for nothing"
        writer.close()


@pytest.mark.parametrize("target", ["/v1/runs?limit=1&limit=1", "/v1/appointments?limit=1&limit=2"])
async def test_a_parameter_given_twice_is_refused(http: UnixHttp, target: str) -> None:
    reply = await http.get(target)
    assert (reply.status, reply.kind) == (422, "invalid")
    assert [one["field"] for one in reply.json["errors"]] == ["limit"]


@pytest.mark.parametrize("tag", ["", " ", '""', "1", '"1', 'W/"1"'])
async def test_a_tag_that_is_none_is_refused_before_anything_is_looked_up(http: UnixHttp, tag: str) -> None:
    reply = await http.patch("/v1/appointments/nothing", {}, version=tag)
    assert (reply.status, reply.kind) == (422, "invalid-header")


async def test_one_user_cant_take_the_places_of_all_screens(tmp_path: Path) -> None:
    from wtpd.clock import SystemClock

    presence = Presence(SystemClock())
    for number in range(1000):
        presence.put((1, str(number)), "anna", "mapping/rostock", editing=False)
    assert presence.put((2, "tui"), "bert", "mapping/rostock", editing=True)
    presence.close()


LONG_TEXT = "x" * PARAGRAPHS


async def long_visit(http: UnixHttp, **more: object) -> str:
    work = [{"title": "A", "description": LONG_TEXT}] * 60
    visit = {"site": "rostock", "department": "Werkstatt", "drop_off": "2027-03-01T07:00:00Z",
             "collection": "2027-03-01T15:00:00Z", "interventions": work} | more  # fmt: skip
    reply = await http.post("/v1/appointments", visit)
    assert reply.status == 201, reply.json
    return str(reply.json["id"])


async def test_a_page_of_long_texts_is_short_and_the_next_one_goes_on(http: UnixHttp) -> None:
    made = [await long_visit(http, work_order=f"LONG{number}") for number in range(5)]
    found: list[str] = []
    cursor, pages = "", 0
    while cursor is not None:
        more = f"&cursor={cursor}" if cursor else ""
        reply = await http.get(f"/v1/appointments?limit=500&site=rostock{more}")
        found += [one["id"] for one in reply.json["items"]]
        cursor, pages = reply.json["next_cursor"], pages + 1
    assert pages > 1
    assert sorted(one for one in found if one in made) == sorted(made)
    assert len(found) == len(set(found))
    assert 0 < len((await http.get("/v1/appointments?q=LONG&limit=500")).json["items"]) < 5


async def test_a_long_history_is_read_page_by_page(http: UnixHttp, tmp_path: Path) -> None:
    visit = await long_visit(http)
    for version in range(1, 6):
        work = [{"title": f"B{version}", "description": LONG_TEXT}] * 30
        change = await http.patch(f"/v1/appointments/{visit}", {"interventions": work}, version=f'"{version}"')
        assert change.status == 200, change.json
    first = (await http.get(f"/v1/appointments/{visit}/history")).json
    assert 0 < len(first["items"]) < 6
    async with Client(str(http.path)) as api:
        assert [one["version"] for one in await api.appointments.history(visit)] == [1, 2, 3, 4, 5, 6]
        assert len(await api.appointments.trace(visit)) >= 6


async def test_a_page_of_vehicles_with_long_notes_is_short_and_the_next_one_goes_on(http: UnixHttp) -> None:
    for number in range(120):
        made = await http.post(
            "/v1/vehicles", {"plate": f"HRO-LC {number + 100}", "make": "LONGCAR", "notes": LONG_TEXT}
        )
        assert made.status == 201, made.json
    async with Client(str(http.path)) as api:
        first = await api.vehicles.list(limit=500)
        assert 0 < len(first["items"]) < 120
        assert first["next_cursor"]
        assert len([one async for one in api.vehicles.all(limit=500) if one["make"] == "LONGCAR"]) == 120
        assert 0 < len((await api.vehicles.list(q="LONGCAR", limit=500))["items"]) < 120
