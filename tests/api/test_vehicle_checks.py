"""What RDW says of the vehicles of coming visits, through the daemon."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.hand_clock import HandClock
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.unix_http import Reply, UnixHttp
from wtpd.connectors.rdw.sandbox import TOKEN
from wtpd.store import vehicle_checks
from wtpd.store.database import Tx

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
VISIT = "2026-11-30"
"""A Monday, a week later."""


@dataclass
class Box:
    daemon: RunningDaemon
    sandbox: Sandbox
    clock: HandClock

    @property
    def http(self) -> UnixHttp:
        return self.daemon.http

    async def rdw(self, plate: str = "12ABC3", **more: Any) -> None:
        await self.sandbox.control.act("rdw", "vehicle", plate=plate, **{"make": "VOLVO", "model": "V60", **more})

    async def visit(self, plate: str = "12-ABC-3", site: str = "rostock", day: str = VISIT, **vehicle: Any) -> Any:
        made = await self.http.post("/v1/vehicles", {"plate": plate, **vehicle})
        assert made.status == 201, made.json
        booking = {
            "site": site, "department": "Werkstatt", "drop_off": f"{day}T07:00:00Z", "collection": f"{day}T15:00:00Z",
            "vehicle_id": made.json["id"],
        }  # fmt: skip
        booked = await self.http.post("/v1/appointments", booking)
        assert booked.status == 201, booked.json
        return booked.json

    async def check(self, visit: Any) -> Any:
        """The check of the visit's vehicle, once there is one."""

        async def look() -> Any:
            self.clock.advance(1)
            return (await self.checks(visit)).json["items"]

        [found] = await self.daemon.until(look)
        return found

    async def checks(self, visit: Any) -> Reply:
        return await self.http.get(f"/v1/appointments/{visit['id']}/checks", accept_language="en")

    async def vehicle(self, visit: Any) -> Any:
        return (await self.http.get(f"/v1/vehicles/{visit['vehicle_id']}")).json

    async def asked(self, plate: str = "12ABC3") -> int:
        """How often RDW was asked for the vehicle with this plate."""
        found = (await self.sandbox.control.requests(partner="rdw", path="/resource/m9d7-ebf2.json"))["items"]
        return sum(one["query"] == f"kenteken={plate}" for one in found)

    async def until_asked(self, count: int, plate: str = "12ABC3") -> None:
        async def look() -> bool:
            self.clock.advance(1)
            return await self.asked(plate) >= count

        await self.daemon.until(look)

    async def wait(self, seconds: int) -> None:
        """Let time pass in which nothing is to happen."""
        for _ in range(seconds // 20):
            self.clock.advance(20)
            await self.http.get("/v1/health")

    async def check_now(self, visit: Any) -> Reply:
        body = {"on": visit["vehicle_id"]}
        return await self.http.post("/v1/connectors/rdw/actions/check", body, accept_language="en")

    async def attention(self) -> list[Any]:
        listed = await self.http.get("/v1/attention?kind=wrong_plate&state=open", accept_language="en")
        return list(listed.json["items"])


@asynccontextmanager
async def running_box(folder: Path, *, country: str = "NL", rdw: str = "enabled: true") -> AsyncIterator[Box]:
    clock = HandClock(NOON)
    async with running_sandbox(folder / "sandbox", clock=clock) as sandbox:
        more = f"connectors:\n  rdw:\n    {rdw}\n    address: {sandbox.partner('rdw')}\n" if rdw else ""
        text = config_text(sites={"rostock": None}, more=more).replace("region: MV", f"country: {country}")
        async with running_daemon(folder, text, clock=clock) as daemon:
            yield Box(daemon, sandbox, clock)


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    async with running_box(tmp_path) as running:
        yield running


async def test_blanks_are_filled_and_marked_as_rdws(box: Box) -> None:
    await box.rdw(fuel="Benzine,Elektriciteit", registered="20210517", apk="20270517")
    visit = await box.visit()
    found = await box.check(visit)
    vehicle = await box.vehicle(visit)
    assert (vehicle["make"], vehicle["model"], vehicle["fuel"]) == ("VOLVO", "V60", "Benzine/Elektriciteit")
    assert (vehicle["first_registration"], vehicle["inspection_due"]) == ("2021-05-17", "2027-05-17")
    assert set(found["filled"]) == {"make", "model", "fuel", "first_registration", "inspection_due"}
    assert (found["title"], found["known"], found["remarks"]) == ("RDW", True, [])


async def test_what_somebody_entered_stays(box: Box) -> None:
    await box.rdw(apk="20270517")
    visit = await box.visit(make="Volvo", model="V60 Cross Country", inspection_due="2026-12-24")
    found = await box.check(visit)
    vehicle = await box.vehicle(visit)
    assert (vehicle["model"], vehicle["inspection_due"]) == ("V60 Cross Country", "2026-12-24")
    assert "model" not in found["filled"] and "inspection_due" not in found["filled"]


async def test_what_somebody_emptied_stays_empty(box: Box) -> None:
    await box.rdw()
    visit = await box.visit()
    await box.check(visit)
    path = f"/v1/vehicles/{visit['vehicle_id']}"
    vehicle = await box.vehicle(visit)
    reply = await box.http.patch(path, {"fuel": ""}, version=vehicle["version"])
    assert reply.status == 200, reply.json
    assert (await box.check_now(visit)).status == 200
    assert (await box.vehicle(visit))["fuel"] == ""


async def test_a_plate_of_another_make_is_listed_and_nothing_is_filled(box: Box) -> None:
    await box.rdw()
    visit = await box.visit(make="BMW")
    found = await box.check(visit)
    [entry] = await box.attention()
    assert (entry["appointment_id"], entry["data"]["theirs"]) == (visit["id"], "VOLVO")
    assert "belongs to a VOLVO V60 by the register, in the book it is a BMW" in entry["text"]
    assert [one["kind"] for one in found["remarks"]] == ["wrong_plate"]
    assert (await box.vehicle(visit))["model"] == ""
    closed = await box.http.post(f"/v1/attention/{entry['id']}/resolve", {"choice": "done"})
    assert closed.status == 200, closed.json
    await box.check_now(visit)
    assert await box.attention() == [], "whoever closed it has decided"


@pytest.mark.parametrize("change", [{"make": "Volvo"}, {"make": ""}, {"plate": "45-DEF-6"}])
async def test_the_entry_is_closed_at_once_when_make_or_plate_is_corrected(box: Box, change: dict[str, str]) -> None:
    await box.rdw()
    visit = await box.visit(make="BMW")
    await box.check(visit)
    path = f"/v1/vehicles/{visit['vehicle_id']}"

    async def put(**values: str) -> None:
        reply = await box.http.patch(path, values, version=(await box.vehicle(visit))["version"])
        assert reply.status == 200, reply.json

    await put(make="B.M.W.")
    await put(model="X1")
    assert len(await box.attention()) == 1
    await put(**change)
    assert await box.attention() == []
    await put(plate="12-ABC-3", make="BMW")
    assert (await box.check_now(visit)).status == 200
    assert len(await box.attention()) == 1, "nobody decided that this one is right"


async def test_a_vehicle_whose_answer_always_fails_holds_nobody_up(box: Box) -> None:
    for plate in ("12ABC3", "45DEF6"):
        await box.rdw(plate)
    await box.sandbox.control.fault("rdw", "status", status=400, route="/resource/m9d7-ebf2.json", count=1)
    first = await box.visit("12-ABC-3", day="2026-11-24")
    later = await box.visit("45-DEF-6")
    assert (await box.check(first))["make"] == (await box.check(later))["make"] == "VOLVO"
    asked = (await box.sandbox.control.requests(partner="rdw", path="/resource/m9d7-ebf2.json"))["items"]
    asked.sort(key=lambda one: one["id"])
    assert [one["query"][-6:] for one in asked] == ["12ABC3", "45DEF6", "12ABC3"]


async def test_the_entry_is_closed_once_the_right_plate_is_entered(box: Box) -> None:
    await box.rdw()
    await box.rdw("45DEF6", make="BMW", model="X1")
    visit = await box.visit(make="BMW")
    await box.check(visit)
    vehicle = await box.vehicle(visit)
    path = f"/v1/vehicles/{visit['vehicle_id']}"
    await box.http.patch(path, {"plate": "45-DEF-6"}, version=vehicle["version"])
    assert (await box.checks(visit)).json["items"] == [], "what was said of the old plate is gone"
    await box.check(visit)
    assert await box.attention() == []
    assert (await box.vehicle(visit))["model"] == "X1"


async def test_what_the_workshop_should_know(box: Box) -> None:
    await box.rdw(recall=True, odometer="Onlogisch", exported=True, uninsured=True, apk="20261130")
    visit = await box.visit()
    found = await box.check(visit)
    kinds = ["open_recall", "odometer_illogical", "exported", "not_insured", "inspection_due"]
    assert [one["kind"] for one in found["remarks"]] == kinds
    assert "suggest it for this visit" in found["remarks"][-1]["text"]
    for language in ("de", "nl"):
        reply = await box.http.get(f"/v1/appointments/{visit['id']}/checks", accept_language=language)
        assert "RDW" in reply.json["items"][0]["remarks"][0]["text"]


async def test_an_answer_counts_a_week_and_the_day_before_the_visit_it_is_fresh(box: Box) -> None:
    await box.rdw(fuel="Benzine", registered="20210517", apk="20270101")
    visit = await box.visit()
    await box.check(visit)
    await box.wait(600)
    assert await box.asked() == 1
    await box.rdw(fuel="Benzine", registered="20210517", apk="20280101")
    box.clock.advance(6 * 86_400)  # the day before
    await box.until_asked(2)

    async def refreshed() -> bool:
        return bool((await box.vehicle(visit))["inspection_due"] == "2028-01-01")

    await box.daemon.until(refreshed)
    await box.wait(600)
    assert await box.asked() == 2


async def test_a_fuel_that_rdw_leaves_blank_is_asked_for_again_after_a_day(box: Box) -> None:
    whole = {"registered": "20210517", "apk": "20270101"}
    await box.rdw(**whole)
    fuels = "/resource/8ys7-d773.json"
    await box.sandbox.control.fault("rdw", "status", status=500, route=fuels, count=1)
    visit = await box.visit()
    assert (await box.check(visit))["fuel"] == ""
    await box.wait(600)
    assert await box.asked() == 1
    await box.rdw(fuel="Benzine", **whole)
    box.clock.advance(86_400)

    async def filled() -> bool:
        box.clock.advance(1)
        return bool((await box.vehicle(visit))["fuel"] == "Benzine")

    await box.daemon.until(filled)
    box.clock.advance(2 * 86_400)
    await box.wait(600)
    assert await box.asked() == 2, "nothing is blank any more"


async def test_during_an_outage_nothing_is_forgotten_and_nobody_is_unknown(box: Box) -> None:
    await box.rdw()
    visit = await box.visit()
    before = await box.check(visit)
    await box.sandbox.control.act("rdw", "outage", plates="all")
    other = await box.visit("45-DEF-6")
    await box.until_asked(1, "45DEF6")
    assert (await box.checks(other)).json["items"] == []
    assert (await box.checks(visit)).json["items"] == [before]
    parts = box.daemon.daemon.parts
    assert parts is not None
    await box.daemon.until(_async(lambda: bool(parts.vehicle_checks.troubles)))
    asked = await box.check_now(visit)
    assert (asked.status, asked.kind) == (502, "partner-trouble")
    assert asked.json["detail"].startswith("RDW can't be reached: it knows no plate at the moment")
    await box.rdw("45DEF6")
    await box.sandbox.control.act("rdw", "outage", plates="none")
    assert (await box.check(other))["known"] is True
    assert parts.vehicle_checks.troubles == {}


async def test_a_plate_that_rdw_doesnt_know_today_keeps_what_it_knew(box: Box) -> None:
    await box.rdw()
    visit = await box.visit()
    await box.check(visit)
    await box.sandbox.control.act("rdw", "outage", plates="sidecode", sidecode="99-XXX-9")
    done = (await box.check_now(visit)).json
    assert "RDW doesn't know 12ABC3 now." in [one["text"] for one in done["remarks"]]
    assert (done["title"], done["filled"], done["facts"][0]["value"]) == ("RDW", {}, "VOLVO")
    [found] = (await box.checks(visit)).json["items"]
    assert (found["known"], found["make"]) == (False, "VOLVO")
    box.clock.advance(86_400)
    await box.until_asked(3)


async def test_a_limit_makes_it_wait(box: Box) -> None:
    await box.rdw()
    await box.sandbox.control.act("rdw", "limit", per_minute=1)
    visit = await box.visit()
    await box.until_asked(1)
    assert (await box.checks(visit)).json["items"] == [], "the second request was refused"
    await box.sandbox.control.act("rdw", "limit", per_minute=0)
    assert (await box.check(visit))["make"] == "VOLVO"


@pytest.mark.parametrize(
    ("country", "rdw", "status", "words"),
    [
        ("DE", "enabled: true", 409, "no site is in NL"),
        ("NL", "", 503, "switched off in wtpd.yaml (connectors.rdw.enabled)"),
        ("NL", "enabled: false", 503, "switched off in wtpd.yaml (connectors.rdw.enabled)"),
    ],
)
async def test_rdw_is_asked_for_dutch_sites_only_and_only_if_it_is_on(
    tmp_path: Path, country: str, rdw: str, status: int, words: str
) -> None:
    async with running_box(tmp_path, country=country, rdw=rdw) as box:
        visit = await box.visit()
        await box.wait(300)
        assert (await box.sandbox.control.requests(partner="rdw"))["total"] == 0
        reply = await box.check_now(visit)
        assert (reply.status, reply.json["detail"]) == (status, f"RDW: Check by the plate: {words}")
        offered = (await box.http.get("/v1/actions", accept_language="en")).json["items"]
        found = [(one["available"], one["reason"]) for one in offered if one["connector"] == "rdw"]
        assert found == ([(False, words)] if rdw else []), "who never heard of RDW isn't told of it"


async def test_rdw_is_verified_without_credentials(box: Box) -> None:
    reply = await box.http.post("/v1/connectors/rdw/verify", {}, accept_language="en")
    assert reply.status == 200, reply.json
    [one] = reply.json["items"]
    assert (one["name"], one["account"], one["error"]) == ("RDW", "6TJR64", None)
    await box.sandbox.control.act("rdw", "outage", plates="all")
    [one] = (await box.http.post("/v1/connectors/rdw/verify", {}, accept_language="en")).json["items"]
    assert "it knows no plate at the moment" in one["error"]


async def test_a_wrong_app_token_isnt_stored_and_a_right_one_is_sent(box: Box) -> None:
    refused = await box.daemon.enter_credentials("rdw", app_token="wrong-token")
    assert (refused.status, refused.kind) == (409, "credentials-refused")
    stored = await box.daemon.enter_credentials("rdw", app_token=TOKEN)
    assert stored.status == 200, stored.json
    await box.sandbox.control.act("rdw", "limit", per_minute=1)
    await box.rdw()
    assert (await box.check(await box.visit()))["make"] == "VOLVO", "with a token there is no limit"


async def test_plates_of_other_countries_arent_sent(box: Box) -> None:
    visit = await box.visit("HRO-AB 1")
    await box.wait(300)
    assert (await box.sandbox.control.requests(partner="rdw"))["total"] == 0
    assert (await box.check_now(visit)).kind == "no-plate"


async def test_what_is_known_of_a_plate_goes_with_its_holder(box: Box) -> None:
    await box.rdw()
    person = (await box.http.post("/v1/customers", {"last_name": "de Vries"})).json
    visit = await box.visit(make="BMW", owner=person["id"])
    await box.check(visit)
    exported = (await box.http.get(f"/v1/customers/{person['id']}/export")).json
    assert exported["vehicle_checks"][0]["facts"]["make"] == "VOLVO"
    erased = await box.http.post(f"/v1/customers/{person['id']}/erase")
    assert erased.status == 200, erased.json
    parts = box.daemon.daemon.parts
    assert parts is not None
    for table, kept in (("vehicle_check", "plate"), ("vehicle_answer", "subject"), ("attention", "data || once")):
        found = await parts.db.read(
            lambda tx, sql=f"SELECT {kept} AS kept FROM {table}": [row["kept"] for row in tx.all(sql)]
        )
        assert not [one for one in found if "12ABC3" in one or "12-ABC-3" in one], table


async def test_the_look_at_coming_visits_uses_an_index(box: Box) -> None:
    parts = box.daemon.daemon.parts
    assert parts is not None

    def plan(tx: Tx) -> str:
        rows = tx.all(f"EXPLAIN QUERY PLAN {vehicle_checks.VISITS}", ("2026-01-01", "2027-01-01", '["rostock"]'))
        return "; ".join(row["detail"] for row in rows)

    found = await parts.db.read(plan)
    assert "SEARCH a USING INDEX appointment_by_" in found and "SCAN a" not in found


def _async(holds: Any) -> Any:
    async def look() -> Any:
        return holds()

    return look
