"""What a partner pushed of a person or a car can be traced: when it came, in which body, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.daemon import RunningDaemon, running_daemon
from tests.support.hand_clock import HandClock
from tests.support.lan import free_port, lan_text, program, registry
from tests.support.push_connector import lines, person
from wtpd.store import pushed_trace


async def trace(daemon: RunningDaemon, path: str) -> list[Any]:
    reply = await daemon.http.get(f"/v1/{path}/trace", accept_language="en")
    assert reply.status == 200, reply.json
    return list(reply.json["items"])


async def test_what_was_pushed_is_on_the_way_of_person_car_and_visit(tmp_path: Path) -> None:
    port, clock = free_port(), HandClock()
    async with running_daemon(tmp_path, lan_text(port), registry=registry(), clock=clock) as daemon:
        dms = await program(daemon, port)

        async def push(body: bytes, path: str = "/v1/people") -> None:
            assert (await dms.push(body, path)).status == 200
            clock.advance(60)

        await push(lines(person(1), person(2)))
        await push(lines(person(1), person(3)))
        await push(lines(person(1, city="x" * 5000)))
        await push(lines({"id": "V1", "plate": "12-ABC-3", "make": "NISSAN", "driver": "R1"}), "/v1/cars")
        customer = (await daemon.http.get("/v1/customers?q=Jansen1")).json["items"][0]
        car = (await daemon.http.get("/v1/vehicles?q=12ABC3")).json["items"][0]
        ways = await trace(daemon, f"customers/{customer['id']}")
        assert [(one["title"], one["outcome"]) for one in ways] == [
            ("Lijst: sent the customer R1; taken over", "ok"),
            ("Lijst: sent the customer R1 again; nothing new", "ignored"),
            ("Lijst: sent the customer R1, which couldn't be taken over", "quarantined"),
        ]
        assert [one["detail"] for one in ways] == [
            "body 1 (/v1/people): wtpd listener received 1",
            "body 2 (/v1/people): wtpd listener received 2",
            "invalid: city · body 3 (/v1/people): wtpd listener received 3",
        ]
        assert {(one["direction"], one["channel"]) for one in ways} == {("in", "lijst/rostock")}
        [came] = await trace(daemon, f"vehicles/{car['id']}")
        assert (came["title"], came["outcome"]) == ("Lijst: sent the vehicle V1; taken over", "ok")
        booking = {
            "site": "rostock", "department": "Werkstatt", "drop_off": "2027-03-09T07:00:00Z",
            "collection": "2027-03-09T15:00:00Z", "customer_id": customer["id"], "vehicle_id": car["id"],
        }  # fmt: skip
        booked = await daemon.http.post("/v1/appointments", booking)
        assert booked.status == 201, booked.json
        visit = booked.json
        whole = await trace(daemon, f"appointments/{visit['id']}")
        assert [one["kind"] for one in whole] == ["message"] * 4 + ["history"]
        assert len({one["id"] for one in whole}) == 5
        assert (await daemon.http.get("/v1/customers/nobody/trace")).status == 404
        made = (await daemon.http.post("/v1/customers", {"last_name": "Handgemacht"})).json
        assert await trace(daemon, f"customers/{made['id']}") == []


async def test_the_look_for_pushed_records_uses_indexes(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, lan_text(free_port()), registry=registry()) as daemon:
        parts = daemon.daemon.parts
        assert parts is not None
        for sql, values in ((pushed_trace.ITEMS, ("k", "c", 1)), (pushed_trace.BEFORE, ("c", "2026", 1))):
            found = await parts.db.read(
                lambda tx, sql=sql, values=values: [
                    row["detail"] for row in tx.all(f"EXPLAIN QUERY PLAN {sql}", values)
                ]
            )
            assert not [one for one in found if one.startswith("SCAN")], found
