"""Rental cars through the API: a real daemon, the real sandbox of Carloop, and kill -9 between the steps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, config_text, daemon_process, running_daemon
from tests.support.running_clock import START
from tests.support.sandbox import running_sandbox
from tests.support.unix_http import Reply, UnixHttp
from wtpd.clock import SystemClock
from wtpd.testing.sandbox import Sandbox

TOKEN = "sandboxtoken0123456789"
CONFIG = config_text(sites={"rostock": None}, more="connectors:\n  dat:\n    enabled: false\n").replace(
    "modules: [online_booking]", "modules: [online_booking, carloop]"
)
MORNING = START.replace(hour=7) + timedelta(days=1)


@asynccontextmanager
async def house(tmp_path: Path) -> AsyncIterator[tuple[RunningDaemon, Sandbox]]:
    async with running_sandbox(tmp_path / "sandbox") as sandbox, running_daemon(tmp_path, CONFIG) as daemon:
        reply = await daemon.enter_credentials("carloop", address=sandbox.partner("carloop"), token=TOKEN)
        assert reply.status == 200, reply.json
        yield daemon, sandbox


async def appointment(http: UnixHttp, start: datetime = MORNING, *, hours: float = 8) -> str:
    person = await http.post("/v1/customers", {"last_name": "Muster", "first_name": "Eva", "email": "eva@example.org"})
    visit = {
        "site": "rostock", "department": "Werkstatt", "customer_id": person.json["id"],
        "transport_option": "rental_car",
        "drop_off": start.isoformat(), "collection": (start + timedelta(hours=hours)).isoformat(),
        "interventions": [{"code": "HU", "title": "Hauptuntersuchung", "labour_units": 10}],
    }  # fmt: skip
    made = await http.post("/v1/appointments?allow_over_limit=true", visit)
    assert made.status == 201, made.json
    return str(made.json["id"])


async def rent(http: UnixHttp, visit: str, car: str = "101", **more: Any) -> Reply:
    return await http.post(f"/v1/appointments/{visit}/rentals", {"car": car, **more})


async def mobility(http: UnixHttp, visit: str) -> Any:
    return (await http.get(f"/v1/appointments/{visit}/rentals")).json


async def there(sandbox: Sandbox) -> list[Any]:
    """The live rentals at Carloop."""
    found = (await sandbox.control.state("carloop"))["rentals"]
    return [one for one in found if one["status"] in ("RESERVIERT", "ABGEHOLT")]


async def test_from_the_search_to_the_return(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, sandbox):
        http = daemon.http
        visit = await appointment(http)
        found = (await http.post(f"/v1/appointments/{visit}/rentals/search", {"classes": ["K"]})).json
        assert [car["id"] for car in found["cars"]] == ["101", "102", "201"]
        assert datetime.fromisoformat(found["start"]) == MORNING
        other = (await http.post(f"/v1/appointments/{visit}/rentals/search", {"station": "99"})).json
        assert (other["cars"], other["unknown"]) == ([], ["99"]), "another branch's station isn't no cars"
        price = found["cars"][0]["price"]
        booked = await rent(http, visit, price=price)
        assert (booked.status, booked.json["state"], booked.json["waiting"]) == (201, "reserved", None)
        assert booked.json["number"]
        rental = booked.json["id"]
        [one] = await there(sandbox)
        assert one["car"] == "101"
        end = (MORNING + timedelta(hours=9)).isoformat()
        assert (await http.post(f"/v1/rentals/{rental}/end", {"end": end})).json["end"] == end.replace("+00:00", "Z")
        await sandbox.control.act("carloop", "hand-over", number=booked.json["number"])
        assert (await http.post(f"/v1/rentals/{rental}/refresh")).json["state"] == "out"
        assert (await http.post(f"/v1/rentals/{rental}/cancel", {"reason": "x"})).json["type"].endswith("handed-over")
        await sandbox.control.act("carloop", "take-back", number=booked.json["number"])
        assert (await http.post(f"/v1/rentals/{rental}/refresh")).json["state"] == "returned"
        assert (await daemon.channel("carloop"))["state"] == "healthy"


async def test_a_car_that_was_taken_since_the_search_comes_with_alternatives(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, sandbox):
        visit = await appointment(daemon.http)
        await daemon.http.post(f"/v1/appointments/{visit}/rentals/search", {})
        await sandbox.control.act(
            "carloop", "reserve", car="101", start=MORNING.isoformat(), end=(MORNING + timedelta(days=1)).isoformat()
        )
        refused = await rent(daemon.http, visit)
        assert (refused.status, refused.json["type"].rpartition("/")[2]) == (409, "car-taken")
        assert "102" in [car["id"] for car in refused.json["alternatives"]]
        assert (await rent(daemon.http, visit, "102")).status == 201


async def test_another_price_is_shown_before_anything_is_booked(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, _):
        visit = await appointment(daemon.http)
        refused = await rent(daemon.http, visit, price={"gross": "1.00", "currency": "EUR"})
        assert refused.json["type"].endswith("price-changed")
        assert (await rent(daemon.http, visit, price=refused.json["price"])).status == 201


async def test_what_carloop_says_of_a_person_is_told_once_and_kept_nowhere(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, sandbox):
        visit = await appointment(daemon.http)
        await sandbox.control.act("carloop", "lock", who="Muster", text="Zechpreller seit Karneval")
        refused = await rent(daemon.http, visit)
        assert refused.json["type"].endswith("renter-refused")
        assert refused.json["said"] == "Zechpreller seit Karneval"
        assert "Karneval" not in str((await daemon.http.get("/v1/log")).json)
        assert "Karneval" not in str(await mobility(daemon.http, visit))
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file():
            assert b"Karneval" not in path.read_bytes(), path.name


async def test_a_repeated_request_rents_one_car(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, sandbox):
        visit = await appointment(daemon.http)
        path, body = f"/v1/appointments/{visit}/rentals", {"car": "101"}
        first = await daemon.http.post(path, body, idempotency_key="k1")
        again = await daemon.http.post(path, body, idempotency_key="k1")
        assert first.json["id"] == again.json["id"]
        assert len(await there(sandbox)) == 1


async def test_cancel_and_book_again(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, sandbox):
        visit = await appointment(daemon.http)
        old = (await rent(daemon.http, visit)).json
        again = await daemon.http.post(f"/v1/rentals/{old['id']}/rebook", {"car": "102"})
        assert (again.status, again.json["car"]["id"]) == (201, "102")
        assert [one["car"] for one in await there(sandbox)] == ["102"]
        later = (MORNING + timedelta(hours=9, minutes=30)).isoformat()
        same = await daemon.http.post(f"/v1/rentals/{again.json['id']}/rebook", {"car": "102", "end": later})
        assert same.status == 201, same.json
        assert (same.status, same.json["end"]) == (201, later.replace("+00:00", "Z"))
        assert len(await there(sandbox)) == 1


async def test_a_lost_answer_goes_on_by_itself(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, sandbox):
        visit = await appointment(daemon.http)
        await daemon.http.post(f"/v1/appointments/{visit}/rentals/search", {})
        await sandbox.control.fault("carloop", "cut", method="POST", work="first", count=1)
        waits = await rent(daemon.http, visit)
        assert waits.status == 202, waits.json
        assert waits.json["waiting"]

        async def made() -> Any:
            rental = (await mobility(daemon.http, visit))["rental"]
            return rental if rental["state"] == "reserved" else None

        assert (await daemon.until(made))["number"]
        assert len(await there(sandbox)) == 1


async def test_the_clerk_cancels_and_the_appointment_says_so(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, sandbox):
        visit = await appointment(daemon.http)
        rental = (await rent(daemon.http, visit)).json
        await sandbox.control.act("carloop", "cancel", number=rental["number"], reason="Schaden")
        await daemon.http.post(f"/v1/rentals/{rental['id']}/refresh")
        assert (await mobility(daemon.http, visit))["mismatch"] == "cancelled_there"
        kinds = [one["kind"] for one in (await daemon.http.get("/v1/attention")).json["items"]]
        assert kinds == ["rental_mismatch"]


async def test_a_refused_token_is_a_problem_with_its_next_step(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, sandbox):
        visit = await appointment(daemon.http)
        await sandbox.control.act("carloop", "token", token=TOKEN, revoke=True)
        refused = await daemon.http.post(f"/v1/appointments/{visit}/rentals/search", {})
        assert refused.status == 503
        await daemon.until_channel("needs_token", "carloop")
        assert "wtpd credential set carloop" in str(await daemon.problems())
        offer = await mobility(daemon.http, visit)
        assert "Carloop" in offer["refusal"]


async def test_paused_nothing_is_asked(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, _):
        visit = await appointment(daemon.http)
        assert (await daemon.http.post("/v1/connectors/carloop/pause", {})).status == 200
        refused = await rent(daemon.http, visit)
        assert (refused.status, refused.json["type"].rpartition("/")[2]) == (409, "no-rentals")
        assert (await daemon.http.post("/v1/connectors/carloop/resume", {})).status == 200
        assert (await rent(daemon.http, visit)).status == 201


async def test_an_erased_customer_leaves_car_and_times_only(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, _):
        http = daemon.http
        visit = await appointment(http)
        rental = (await rent(http, visit)).json
        person = (await http.get(f"/v1/appointments/{visit}")).json["customer_id"]
        version = (await http.get(f"/v1/appointments/{visit}")).json["version"]
        await http.post(f"/v1/appointments/{visit}/cancel", {"reason": "x"}, if_match=f'"{version}"')
        refused = await http.post(f"/v1/customers/{person}/erase", {})
        assert refused.json["type"].endswith("running-rental")
        await http.post(f"/v1/rentals/{rental['id']}/cancel", {"reason": "kommt nicht"})
        assert (await http.post(f"/v1/customers/{person}/erase", {})).status == 200
        kept = (await http.get(f"/v1/rentals/{rental['id']}")).json
        assert kept["car"]["plate"] == rental["car"]["plate"]
    for path in (tmp_path / "data").rglob("*.db*"):
        assert b"eva@example.org" not in path.read_bytes(), path.name


@pytest.mark.system
@pytest.mark.parametrize("step", [1, 2])
async def test_killed_between_the_steps_the_rest_is_made_at_the_next_start(tmp_path: Path, step: int) -> None:
    """The answer to a step doesn't come, the daemon is killed; afterwards there is one car."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
    while start.weekday() > 4:
        start += timedelta(days=1)
    start = start.replace(hour=9)
    async with running_sandbox(tmp_path / "sandbox", clock=SystemClock()) as sandbox:
        await sandbox.control.act("carloop", "station", id="1", hours="always")
        async with daemon_process(tmp_path, CONFIG) as daemon:
            fields = {"address": sandbox.partner("carloop"), "token": TOKEN}
            await daemon.http.put("/v1/credentials/carloop/general", {"fields": fields})
            visit = await appointment(daemon.http, start)
            made = await rent(daemon.http, visit)
            assert made.status == 201, made.json
            old = made.json
            await daemon.http.post(f"/v1/appointments/{visit}/rentals/search", {})
            await sandbox.control.fault("carloop", "cut", method="POST", work="first", skip=step - 1, count=50)
            waits = await daemon.http.post(f"/v1/rentals/{old['id']}/rebook", {"car": "102"})
            assert waits.status == 202, waits.json
            daemon.process.kill()
            await daemon.ended()
        await sandbox.control.clear_faults("carloop")
        async with daemon_process(tmp_path, "") as daemon:
            while [one["car"] for one in await there(sandbox)] != ["102"]:
                await daemon.http.get("/v1/health")
            offer = await mobility(daemon.http, visit)
            assert offer["rental"]["car"]["id"] == "102"
