"""Bodies: on disk before they are acknowledged, applied once, answered the same again, within their limits."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, running_daemon
from tests.support.lan import Program, free_port, lan_text, program, registry
from tests.support.push_connector import NAME, lines, person
from tests.support.unix_http import read_reply
from wtpd.connectors.receiver import PushLimits


async def customers(daemon: RunningDaemon, q: str = "Jansen") -> list[Any]:
    found: list[Any] = (await daemon.http.get(f"/v1/customers?q={q}&limit=500")).json["items"]
    return found


async def received(daemon: RunningDaemon) -> list[Any]:
    found: list[Any] = (await daemon.http.get("/v1/pushed")).json["items"]
    return found


async def test_people_and_cars_come_into_the_book_once(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        body = lines(person(1, email="jan@example.org"), person(2), {"last_name": "nobody"})
        first = await dms.push(body)
        assert first.status == 200
        assert first.json == {
            "received": 3, "accepted": 2, "unchanged": 0, "quarantined": 1,
            "items": [["2", "quarantined", "no_id", "id"]],
        }  # fmt: skip
        again = await dms.push(body)
        assert (again.status, again.content) == (200, first.content)
        assert (first.headers.get("batch-replayed"), again.headers.get("batch-replayed")) == (None, "true")
        changed = await dms.push(lines(person(1, email="jan2@example.org"), person(2)))
        assert (changed.json["accepted"], changed.json["unchanged"]) == (1, 1)
        found = await customers(daemon)
        assert sorted(one["last_name"] for one in found) == ["Jansen1", "Jansen2"]
        assert next(one for one in found if one["last_name"] == "Jansen1")["email"] == "jan2@example.org"
        cars = await dms.push(lines({"id": "V1", "plate": "12-ABC-3", "make": "NISSAN", "driver": "R1"}), "/v1/cars")
        assert cars.json["accepted"] == 1
        car = (await daemon.http.get("/v1/vehicles?q=12ABC3")).json["items"][0]
        assert car["driver"] == next(one["id"] for one in found if one["last_name"] == "Jansen1")
        records = (await daemon.http.get(f"/v1/partner-records?kind=customer&record_id={car['driver']}")).json
        assert "R1" in json.dumps(records)
        listed = await received(daemon)
        assert [(one["accepted"], one["repeats"]) for one in listed] == [(1, 0), (1, 0), (2, 1)]
        whole = (await daemon.http.get(f"/v1/pushed/{listed[-1]['id']}")).json
        assert whole["items"] == [{"number": 2, "key": "2", "result": "quarantined", "reason": "no_id", "field": "id"}]
        assert whole["address"] == "127.0.0.1"
        by_key = (await daemon.http.get("/v1/pushed?key=R2")).json["items"]
        assert [one["id"] for one in by_key] == [listed[1]["id"]], "where it was unchanged"


async def test_a_value_that_no_record_can_hold_is_that_records_trouble(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        reply = await dms.push(lines(person(1), person(2, city="x" * 5000), person(3)))
        assert (reply.json["accepted"], reply.json["quarantined"]) == (2, 1)
        assert reply.json["items"][0][0::3] == ["R2", "city"]


async def test_a_body_that_breaks_off_in_the_middle_changes_nothing(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        reply = await dms.push(lines(*map(person, range(300))) + b"{")
        assert (reply.status, reply.kind) == (400, "unreadable")
        assert "301" in reply.json["detail"]
        assert await customers(daemon) == []
        told = next(one for one in await daemon.problems() if one["kind"] == "listener.pushed")
        assert "wtpd listener received" in told["next_step"]
        number = (await received(daemon))[0]["id"]
        assert (await daemon.http.post(f"/v1/pushed/{number}/dismiss")).json == {"count": 1}
        assert not [one for one in await daemon.problems() if one["kind"] == "listener.pushed"]
        assert (await daemon.http.post(f"/v1/pushed/{number}/dismiss")).status == 404


async def test_a_bug_of_the_connector_is_told_and_holds_nobody_up(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        reply = await dms.push(lines(person(1), person(2, bug=True)))
        assert reply.status == 202, "it is on disk"
        assert (await dms.push(lines(person(3)))).status == 200
        failed = (await received(daemon))[-1]
        assert failed["state"] == "failed"
        assert "(RuntimeError)" in failed["reason"], "the log says more"
        assert [one for one in await daemon.problems() if one["kind"] == "listener.pushed"]
        where = reply.headers["location"]
        assert (await dms.send("GET", where)).status == 202
        assert (await daemon.http.post(f"/v1/pushed/{failed['id']}/apply")).status == 204


async def test_a_key_stands_for_one_body(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        assert (await dms.push(lines(person(1)), Idempotency_Key="k1")).status == 200
        assert (await dms.push(lines(person(1)), Idempotency_Key="k1")).headers["batch-replayed"] == "true"
        other = await dms.push(lines(person(2)), Idempotency_Key="k1")
        assert (other.status, other.kind) == (422, "key-reused")
        assert len(await received(daemon)) == 1
        second = await program(daemon, port, site="guestrow", account="00999")
        assert (await second.push(lines(person(1)), Idempotency_Key="k1")).status == 200
        where = (await second.push(lines(person(9)), Prefer="respond-async")).headers["location"]
        assert (await dms.send("GET", where)).status == 404, "another dealer number's answer is nobody's business"


async def test_the_same_body_twice_at_once_is_one(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        replies = await asyncio.gather(*(dms.push(lines(person(1))) for _ in range(4)))
        assert {one.status for one in replies} == {200}
        assert len({one.content for one in replies}) == 1
        assert len(await received(daemon)) == 1
        assert len(await customers(daemon)) == 1


async def test_a_large_packed_body_comes_in_whole(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        plain = lines(*(person(number, street=f"{number * 7919 % 100003:0100d}") for number in range(1200)))
        half = len(plain) // 2
        packed = gzip.compress(plain[:half], 1) + gzip.compress(plain[half:], 1)  # two members
        reply = await dms.push(packed, Content_Encoding="gzip")
        assert reply.status == 200
        assert reply.json["accepted"] == 1200


@pytest.mark.parametrize(
    ("packed", "status"),
    [
        (b"no gzip", 400),
        (gzip.compress(b"x" * 100000)[:-20], 400),
        (gzip.compress(bytes(30 << 20)), 413),
        (b"".join(gzip.compress(bytes(1 << 20)) for _ in range(40)), 413),
    ],
    ids=["none", "cut off", "bomb", "many small bombs"],
)
async def test_gzip_that_is_none_or_a_bomb(tmp_path: Path, packed: bytes, status: int) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        reply = await dms.push(packed, Content_Encoding="gzip")
        assert reply.status == status
        assert reply.headers["content-type"] == "application/problem+json"
        assert await received(daemon) == []
        assert (await dms.push(lines(person(1)))).status == 200


async def test_a_ratio_beyond_the_limit_is_refused_though_it_is_small(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        squeezed = zlib.compressobj(9, zlib.DEFLATED, 31)
        body = squeezed.compress(b" " * (2 << 20)) + squeezed.flush()
        assert (await dms.push(body, Content_Encoding="gzip")).status == 413


async def test_limits_of_size_and_kind_are_told_to_who_sends_all_before_reading(tmp_path: Path) -> None:
    port = free_port()
    limits = PushLimits(sent=1 << 20, items=50, per_second=1000.0)
    async with running_daemon(tmp_path, lan_text(port), registry=registry(limits)) as daemon:
        dms = await program(daemon, port)
        large = await dms.push(b" " * (5 << 20))
        assert large.status == 413
        assert "gzip" in large.json["detail"]
        chunked = dms.head("POST", f"/push/{NAME}/v1/people", None, {"Transfer_Encoding": "chunked"})
        piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
        assert (await dms.raw(chunked.replace(b"\r\n\r\n", b"\r\nContent-Type: application/x-ndjson\r\n\r\n")
                              + piece * 20 + b"0\r\n\r\n")).status == 413  # fmt: skip
        many = await dms.push(lines(*map(person, range(51))))
        assert many.status == 413
        assert "50" in many.json["detail"]
        assert await customers(daemon) == []
        assert (await dms.push(b"x", Content_Type="text/plain")).status == 415
        assert (await dms.push(b"x", Content_Encoding="br")).status == 415
        assert (await dms.push(b"x", "/v1/other")).status == 404
        held = await _held_back(dms)
        assert held.startswith(b"HTTP/1.1 413"), "who waits for 100 Continue sends nothing"


async def _held_back(dms: Program) -> bytes:
    reader, writer = await dms.connect()
    writer.write(dms.head("POST", f"/push/{NAME}/v1/people", 5 << 20, {
        "Expect": "100-continue", "Content_Type": "application/x-ndjson"}))  # fmt: skip
    line = await reader.readline()
    writer.close()
    return line


async def test_the_head_has_limits(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        assert (await dms.send("GET", f"/push/{NAME}", **{f"X_{n}": "1" for n in range(80)})).status == 431
        assert (await dms.send("GET", f"/push/{NAME}", X="a" * 17000)).status == 431
        assert (await dms.send("GET", f"/push/{NAME}?{'a' * 17000}")).status == 431
        double = dms.head("GET", f"/push/{NAME}", 0, {}).replace(b"\r\n\r\n", b"\r\nHost: x\r\n\r\n")
        assert (await dms.raw(double)).status == 400
        assert (await dms.raw(b"\x16\x03 no http\r\n\r\n")).status == 400
        assert (await dms.send("GET", f"/push/{NAME}")).status == 200


async def test_too_many_requests_wait(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry(PushLimits(per_second=0.01))) as daemon:
        dms = await program(daemon, port)
        assert 429 in {(await dms.send("GET", f"/push/{NAME}")).status for _ in range(3)}


async def test_too_many_bytes_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wtpd.daemon.listener.app.BYTES", (1.0, 3000.0))
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        assert (await dms.push(lines(person(1)) + b" " * 2500)).status == 400
        many = await dms.push(lines(person(2)) + b" " * 2500)
        assert (many.status, many.kind) == (429, "too-many-requests")
        assert int(many.headers["retry-after"]) > 1000


async def test_a_fifth_body_at_once_waits(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        open_ones = []
        for _ in range(4):
            reader, writer = await dms.connect()
            writer.write(dms.head("POST", f"/push/{NAME}/v1/people", 100, {"Content_Type": "application/x-ndjson"}))
            writer.write(b"{")
            open_ones.append((reader, writer))

        async def refused() -> bool:
            reply = await dms.push(lines(person(1)))
            return reply.status == 429 and int(reply.headers["retry-after"]) >= 1

        await daemon.until(refused)
        for _, writer in open_ones:
            writer.close()

        async def taken() -> bool:
            return (await dms.push(lines(person(1)))).status == 200

        await daemon.until(taken)
        assert len(await received(daemon)) == 1, "what was cut off is forgotten"


async def test_a_slow_body_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wtpd.daemon.listener.intake.TIME", 0.3)
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        reader, writer = await dms.connect()
        writer.write(dms.head("POST", f"/push/{NAME}/v1/people", 100, {"Content_Type": "application/x-ndjson"}) + b"{")
        reply = await read_reply(reader)
        assert (reply.status, reply.kind) == (408, "timeout")
        assert reply.headers["connection"] == "close"
        writer.close()


async def test_a_full_disk_is_503_and_nothing_is_acknowledged(tmp_path: Path) -> None:
    port, free = free_port(), [10 << 30]
    async with running_daemon(tmp_path, lan_text(port), registry=registry(), free_of=lambda _: free[0]) as daemon:
        dms = await program(daemon, port)
        free[0] = 10 << 20
        assert daemon.daemon.parts is not None
        await daemon.daemon.parts.health.look()
        reply = await dms.push(lines(person(1)))
        assert (reply.status, reply.headers["retry-after"]) == (503, "60")
        free[0] = 10 << 30
        await daemon.daemon.parts.health.look()
        assert (await dms.push(lines(person(1)))).status == 200


async def test_while_its_channel_is_paused_nothing_is_taken(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        assert (await daemon.channel(NAME))["state"] == "healthy"
        assert (await daemon.http.post(f"/v1/connectors/{NAME}/pause", {})).status == 200
        reply = await dms.push(lines(person(1)))
        assert (reply.status, reply.kind, reply.headers["retry-after"]) == (503, "paused", "60")
        await daemon.http.post(f"/v1/connectors/{NAME}/resume", {})
        assert (await dms.push(lines(person(1)))).status == 200
        verified = await daemon.http.post(f"/v1/connectors/{NAME}/verify", {})
        assert (verified.status, verified.kind) == (409, "not-testable")


async def test_what_waits_is_applied_after_a_restart(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        sent = await dms.push(lines(*map(person, range(400))), Prefer="respond-async")
        assert sent.status == 202
    async with running_daemon(tmp_path, "", registry=registry()) as daemon:

        async def done() -> bool:
            return bool((await received(daemon))[0]["state"] == "done")

        await daemon.until(done)
        assert len(await customers(daemon)) == 400
        reply = await dms.send("GET", sent.headers["location"])
        assert reply.json["received"] == 400


@pytest.mark.parametrize("coding", ["", "gzip"])
async def test_an_erased_persons_body_loses_its_content(tmp_path: Path, coding: str) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        for people in ((person(1, email="jan@example.org"), person(2)), (person(3, first_name="Wilhelmina"),)):
            body = lines(*people)
            await dms.push(gzip.compress(body) if coding else body, Content_Encoding=coding)
        gone = next(one for one in await customers(daemon) if one["last_name"] == "Jansen1")
        assert (await daemon.http.post(f"/v1/customers/{gone['id']}/erase")).status == 200
        newer, older = await received(daemon)
        assert (newer["erased"], older["erased"]) == (False, True)
        assert older["accepted"] == 2, "that it came stays"
        old = lines(person(1, email="jan@example.org"), person(2), {})
        reply = await dms.push(gzip.compress(old) if coding else old, Content_Encoding=coding)
        assert reply.json["unchanged"] == 2, "and the partner's old list doesn't bring the person back"
    for path in (tmp_path / "data").glob("wtpd.db*"):
        assert b"jan@example.org" not in path.read_bytes() or not coding
