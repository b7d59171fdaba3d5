"""Vehicles identified and valued by DAT through the daemon: what is asked, what is paid for, what is filled in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.dat import (
    CARD_ALONE,
    CARD_WITH_OTHERS,
    FAILING,
    IDENTIFICATION,
    SAMPLE_VIN,
    TWO_HITS,
    UNKNOWN,
    message,
)
from tests.support.hand_clock import HandClock
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.unix_http import Reply, UnixHttp
from wtpd.connectors.dat.sandbox import PARTNER_CUSTOMER
from wtpd.secrets.resolve import Order
from wtpd.store.identifications import put_unread
from wtpd.vehicle_data.records import Question

LOGIN = {"customer_number": "1234567", "user_name": "sandbox", "password": "sandbox-secret"}
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Box:
    """A daemon and the sandbox that it talks to."""

    daemon: RunningDaemon
    sandbox: Sandbox
    clock: HandClock

    @property
    def http(self) -> UnixHttp:
        return self.daemon.http

    async def identify(self, vin: str = SAMPLE_VIN, **more: Any) -> Reply:
        return await self.http.post("/v1/identifications", {"vin": vin, **more})

    async def vehicle(self, **values: Any) -> Any:
        reply = await self.http.post("/v1/vehicles", {"vin": SAMPLE_VIN, **values})
        assert reply.status == 201, reply.json
        return reply.json

    async def queries(self) -> int:
        """How often DAT was asked about a VIN."""
        return int((await self.sandbox.control.requests(partner="dat", path=IDENTIFICATION))["total"])


@asynccontextmanager
async def running_box(
    folder: Path, *, more: str = "", login: dict[str, str] | None = LOGIN, start: datetime = NOON
) -> AsyncIterator[Box]:
    clock = HandClock(start)
    folder.mkdir(exist_ok=True)
    async with running_sandbox(folder / "sandbox", clock=clock) as sandbox:
        settings = f"connectors:\n  dat:\n    address: {sandbox.partner('dat')}\n    connect_timeout: 2s\n" + more
        text = config_text(sites={"rostock": None, "guestrow": None}, more=settings)
        async with running_daemon(folder, text, clock=clock) as daemon:
            if login is not None:
                reply = await daemon.enter_credentials("dat", **login)
                assert reply.status == 200, reply.json
            yield Box(daemon, sandbox, clock)


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    async with running_box(tmp_path) as running:
        yield running


# --- identification


async def test_a_vin_is_identified(box: Box) -> None:
    found = (await box.identify()).json
    [one] = found["candidates"]
    assert (found["vin"], found["kept"], found["asked_today"], found["limit"]) == (SAMPLE_VIN, False, 1, 24)
    assert (one["number"], one["complete"], one["make"], one["model"]) == (1, True, "Volkswagen", "Passat Variant")
    assert one["code"] == "019051150020002 DE001"
    assert one["details"]["special"][1]["price"] == 36600


async def test_a_vin_as_people_write_it(box: Box) -> None:
    assert (await box.identify(f"*{SAMPLE_VIN.lower()[:3]} {SAMPLE_VIN.lower()[3:]}*")).json["vin"] == SAMPLE_VIN


@pytest.mark.parametrize("vin", ["short", "WVWDEXTESTSTUB00O", "x" * 64])
async def test_what_is_no_vin_is_refused_here(box: Box, vin: str) -> None:
    reply = await box.identify(vin)
    assert (reply.status, reply.json["errors"][0]["field"]) == (422, "vin")
    assert await box.queries() == 0


@pytest.mark.parametrize(
    ("vin", "card", "count"),
    [(TWO_HITS, False, 2), (CARD_ALONE, True, 1), (CARD_WITH_OTHERS, True, 3), (UNKNOWN, True, 0)],
)
async def test_several_vehicles_and_data_cards(box: Box, vin: str, card: bool, count: int) -> None:
    found = (await box.identify(vin)).json
    assert (found["partial"], len(found["candidates"])) == (card, count)
    assert all(one["complete"] is not card for one in found["candidates"])
    assert bool(found["note"]) is card


async def test_a_fault_is_told_with_code_and_text(box: Box) -> None:
    reply = await box.identify(FAILING)
    assert (reply.status, reply.kind) == (502, "partner-refused")
    assert "error.vinserver.fail.vin2ecode: Im VIN-Server" in reply.json["detail"]


# --- what is paid for


async def test_the_same_question_is_paid_for_once_in_30_days(box: Box) -> None:
    first = (await box.identify()).json
    again = (await box.identify()).json
    assert (again["kept"], again["at"], again["candidates"]) == (True, first["at"], first["candidates"])
    assert await box.queries() == 1


@pytest.mark.parametrize("vin", [CARD_WITH_OTHERS, UNKNOWN])
async def test_a_data_card_costs_money_too_and_is_kept(box: Box, vin: str) -> None:
    first = (await box.identify(vin)).json
    again = (await box.identify(vin)).json
    assert (again["kept"], again["candidates"], again["note"]) == (True, first["candidates"], first["note"])
    assert await box.queries() == 1


async def test_a_failure_isnt_kept(box: Box) -> None:
    await box.identify(FAILING)
    await box.identify(FAILING)
    assert await box.queries() == 2


async def test_another_restriction_is_another_question(box: Box) -> None:
    for restriction in ("ALL", "REPAIR", "APPRAISAL"):
        assert (await box.identify(restriction=restriction)).json["kept"] is False
    assert await box.queries() == 3


async def test_whoever_asks_in_another_language_doesnt_pay_again(box: Box) -> None:
    await box.identify()
    reply = await box.http.post("/v1/identifications", {"vin": SAMPLE_VIN}, accept_language="en")
    assert reply.json["kept"] is True


async def test_it_can_be_asked_anew(box: Box) -> None:
    await box.identify()
    assert (await box.identify(refresh=True)).json["asked_today"] == 2
    assert await box.queries() == 2


async def test_twenty_who_ask_at_once_pay_once(box: Box) -> None:
    replies = await asyncio.gather(*(box.identify() for _ in range(20)))
    assert {reply.status for reply in replies} == {200}
    assert len({str(reply.json["candidates"]) for reply in replies}) == 1
    assert await box.queries() == 1
    assert max(reply.json["asked_today"] for reply in replies) == 1


async def test_twenty_who_ask_at_once_get_the_same_error(box: Box) -> None:
    replies = await asyncio.gather(*(box.identify(FAILING) for _ in range(20)))
    assert {reply.kind for reply in replies} == {"partner-refused"}
    assert await box.queries() < 20


async def test_who_gives_up_doesnt_stop_the_others(box: Box) -> None:
    parts = box.daemon.daemon.parts
    assert parts is not None
    await box.sandbox.control.fault("dat", "late", route=IDENTIFICATION, seconds=1)
    first, second = [asyncio.create_task(parts.vehicle_data.identify(SAMPLE_VIN, Order())) for _ in range(2)]

    async def asked() -> bool:
        return await box.queries() == 1

    await box.daemon.until(asked)
    first.cancel()
    while not second.done():
        box.clock.advance(1)
        await asyncio.sleep(0.01)
    assert (await second).answer.candidates
    assert first.cancelled()
    assert await box.queries() == 1


async def test_the_24th_query_of_a_day_is_the_last(box: Box) -> None:
    for number in range(1, 25):
        reply = await box.identify(refresh=True)
        assert (reply.status, reply.json["asked_today"]) == (200, number)
    reply = await box.identify(refresh=True)
    assert (reply.status, reply.kind, reply.json["limit"], reply.json["day"]) == (409, "vin-limit", 24, "2026-11-21")
    assert await box.queries() == 24
    assert (await box.identify()).json["kept"] is True  # what is known can be had still
    assert (await box.identify(TWO_HITS)).status == 200  # another VIN has its own count


async def test_failed_queries_count_too(box: Box) -> None:
    for _ in range(24):
        assert (await box.identify(FAILING)).status == 502
    assert (await box.identify(FAILING)).kind == "vin-limit"
    assert await box.queries() == 24


async def test_the_day_ends_at_midnight_where_dat_is(tmp_path: Path) -> None:
    async with running_box(tmp_path, start=datetime(2026, 11, 21, 22, 59, 30, tzinfo=UTC)) as box:
        for _ in range(24):
            await box.identify(FAILING)
        assert (await box.identify(FAILING)).kind == "vin-limit"
        box.clock.advance(30)  # 00:00 in Germany
        assert (await box.identify(FAILING)).kind == "partner-refused"


async def test_count_and_answers_survive_a_restart(tmp_path: Path) -> None:
    async with running_box(tmp_path) as box:
        await box.identify()
        for _ in range(24):
            await box.identify(FAILING)
    async with running_box(tmp_path, login=None) as box:
        again = (await box.identify()).json
        assert (again["kept"], again["asked_today"]) == (True, 1)
        assert (await box.identify(FAILING)).kind == "vin-limit"
        assert await box.queries() == 25


@pytest.mark.parametrize(("days", "kept"), [(30, True), (31, False)])
async def test_after_30_days_it_is_asked_again(tmp_path: Path, days: int, kept: bool) -> None:
    async with running_box(tmp_path) as box:
        await box.identify()
    async with running_box(tmp_path, login=None, start=NOON.replace(month=12, day=days - 9)) as box:
        assert (await box.identify()).json["kept"] is kept


# --- whose login


async def test_without_a_login_nothing_is_asked(tmp_path: Path) -> None:
    async with running_box(tmp_path, login=None) as box:
        reply = await box.identify()
        assert (reply.status, reply.kind) == (409, "no-credential")


async def test_dat_is_verified_like_every_connector_and_makes_no_runs(box: Box) -> None:
    target = "/v1/connectors/dat"
    [one] = (await box.http.post(f"{target}/verify", {})).json["items"]
    assert (one["site"], one["error"]) == ("", None)
    refused = await box.http.post(f"{target}/sync", {}, accept_language="en")
    assert (refused.status, refused.kind) == (409, "no-runs")
    assert refused.json["detail"].startswith("DAT makes no runs")
    assert refused.json["detail"].endswith("wtpd verify dat")
    await box.sandbox.control.act("dat", "customer", **{**LOGIN, "password": "new-password"})
    refused = await box.http.post(f"{target}/verify", {})
    assert (refused.status, refused.kind) == (409, "credentials-refused")


async def test_without_credentials_verify_says_so(tmp_path: Path) -> None:
    async with running_box(tmp_path, login=None) as box:
        assert (await box.http.post("/v1/connectors/dat/verify", {})).status == 404


async def test_a_wrong_password_isnt_stored(tmp_path: Path) -> None:
    async with running_box(tmp_path, login=None) as box:
        reply = await box.daemon.enter_credentials("dat", **{**LOGIN, "password": "wrong-password"})
        assert (reply.status, reply.kind) == (409, "credentials-refused")
        assert "Server.authorizationFailed" in reply.json["detail"]
        assert (await box.identify()).kind == "no-credential"


async def test_a_password_that_was_changed_at_dat_shows_at_the_next_call(box: Box) -> None:
    new = {**LOGIN, "password": "new-password"}
    await box.sandbox.control.act("dat", "customer", **new)
    await box.sandbox.control.fault("dat", "clock_skew", seconds=3600)  # the old tokens end
    reply = await box.identify()
    assert (reply.status, reply.kind) == (502, "needs-token")
    entries = (await box.http.get("/v1/credentials")).json["items"]
    [entry] = next(one["entries"] for one in entries if one["provider"] == "dat")
    assert entry["last_result"] == "refused"
    assert (await box.daemon.enter_credentials("dat", **new)).status == 200
    assert (await box.identify()).json["asked_today"] == 3  # with the old token, with a new one, and now


OFFICE = "credentials:\n  dat:\n    scope: office\n"


async def test_each_office_uses_its_own_login(tmp_path: Path) -> None:
    async with running_box(tmp_path, more=OFFICE, login=None) as box:
        reply = await box.http.put("/v1/credentials/dat/office:rostock", {"fields": LOGIN})
        assert reply.status == 200, reply.json
        assert (await box.identify(site="rostock")).status == 200
        for order in ({"site": "guestrow"}, {}):
            refused = await box.identify(**order)
            assert (refused.status, refused.kind) == (409, "no-credential")
        assert (await box.identify(site="nowhere")).status == 404


async def test_the_test_of_a_login_says_what_it_did(box: Box) -> None:
    tested = (await box.http.post("/v1/credentials/dat/general/test", {}, accept_language="en")).json
    assert tested["ok"] is True
    assert "getVehicleTypes" in tested["detail"]
    assert "1234567" in tested["detail"]
    assert await box.queries() == 0


async def test_a_login_is_tested_before_it_is_stored(box: Box) -> None:
    for password, ok in (("sandbox-secret", True), ("wrong-password", False)):
        body = {"fields": {**LOGIN, "password": password}}
        tested = (await box.http.post("/v1/credentials/dat/general/test", body)).json
        assert tested["ok"] is ok, tested
        assert "wrong-password" not in str(tested)


async def test_dat_switched_off(tmp_path: Path) -> None:
    async with running_box(tmp_path, more="    enabled: false\n") as box:
        reply = await box.identify()
        assert (reply.status, reply.kind) == (503, "disabled")


async def test_dat_is_one_connector_for_the_box_and_isnt_mapped(box: Box) -> None:
    connectors = (await box.http.get("/v1/connectors")).json["items"]
    assert [one["name"] for one in connectors].count("dat") == 1
    assert all(one["partner"] != "dat" for one in (await box.http.get("/v1/mapping")).json["items"])


@pytest.mark.parametrize("last_seven", ["B654321", "b65 43 21"])
async def test_the_last_seven_characters_of_a_vin_are_asked_for(box: Box, last_seven: str) -> None:
    await box.sandbox.control.act("dat", "vehicle", vin="B654321", manufacturer="BMW", model="3er (F30)")
    assert (await box.identify(last_seven)).json["candidates"][0]["make"] == "BMW"
    vehicle = await box.vehicle(vin="WBA3D31020B654321")
    assert (await fill(box, vehicle, vin=last_seven)).json["filled"] == {"make": "BMW", "model": "3er"}
    kept = (await box.http.get(f"/v1/vehicles/{vehicle['id']}/identification")).json
    assert kept["vin"] == "WBA3D31020B654321"
    assert await box.queries() == 1
    other = await box.vehicle(vin="WBA3D31020B111111")
    assert (await fill(box, other, vin=last_seven)).kind == "other-vin"
    blank = await box.vehicle(vin="", plate="HRO-AB 3")
    assert "vin" not in (await fill(box, blank, vin=last_seven)).json["filled"], "seven characters are no VIN"


async def test_that_nobody_knows_a_vin_is_an_answer_and_paid_for_once(box: Box) -> None:
    vin = "WVWZZZ3CZEE000001"
    await box.sandbox.control.act("dat", "vehicle", vin=vin, empty=True)
    first = (await box.identify(vin)).json
    assert (first["candidates"], first["partial"]) == ([], False)
    assert "valueNotFound" in first["note"]
    assert (await box.identify(vin)).json["kept"] is True
    assert await box.queries() == 1


async def test_200_full_dossiers_are_read_and_kept(box: Box) -> None:
    vin = "WVWZZZ3CZEE000002"
    await box.sandbox.control.act("dat", "vehicle", vin=vin, manufacturer="VW", model="Golf", count=200, rich=True)
    found = (await box.identify(vin)).json
    assert (len(found["candidates"]), found["kept"]) == (200, False)
    assert len(found["candidates"][199]["details"]["special"]) == 33
    assert (await box.identify(vin)).json["kept"] is True
    assert await box.queries() == 1


async def test_an_answer_that_cant_be_read_is_kept_and_not_paid_for_again(tmp_path: Path) -> None:
    vin = "WVWZZZ3CZEE000003"
    async with running_box(tmp_path) as box:
        await box.sandbox.control.act("dat", "vehicle", vin=vin, unreadable=True)
        for _ in range(3):
            reply = await box.identify(vin)
            assert (reply.status, reply.kind) == (409, "unread-answer")
        assert await box.queries() == 1
    async with running_box(tmp_path, login=None) as box:
        assert (await box.identify(vin)).kind == "unread-answer"
        await box.sandbox.control.act("dat", "vehicle", vin=vin, manufacturer="VW", model="Golf")
        assert (await box.identify(vin, refresh=True)).json["candidates"]
        assert (await box.identify(vin)).json["kept"] is True


async def test_what_couldnt_be_read_is_read_by_a_later_version(box: Box) -> None:
    parts = box.daemon.daemon.parts
    assert parts is not None
    question = Question("dat", SAMPLE_VIN, "ALL", "de-DE/DE")
    await parts.db.write(
        lambda tx: put_unread(tx, question, "was too new", None, message("getVehicleIdentificationByVin.response"))
    )
    found = (await box.identify()).json
    assert (found["kept"], len(found["candidates"])) == (True, 1)
    assert await box.queries() == 0


# --- what is licensed


async def result_of(box: Box) -> Any:
    entries = (await box.http.get("/v1/credentials")).json["items"]
    [entry] = next(one["entries"] for one in entries if one["provider"] == "dat")
    return entry["last_result"]


async def test_a_missing_licence_to_value_leaves_the_rest_alone(box: Box) -> None:
    await box.sandbox.control.act("dat", "customer", **LOGIN, products="dateCode,valuateExpert")
    vehicle = await box.vehicle(odometer_km=43000, first_registration="2024-03-01")
    await fill(box, vehicle)
    body = {"on": vehicle["id"], "confirmed": True}
    reply = await box.http.post("/v1/connectors/dat/actions/value", body, accept_language="en")
    assert (reply.status, reply.kind) == (502, "needs-token")
    assert "Server.authorizationFailed" in reply.json["detail"]
    assert "no licence for this product" in reply.json["detail"]
    assert (await box.identify(refresh=True)).status == 200
    assert await result_of(box) == "ok"


async def test_another_product_can_value(tmp_path: Path) -> None:
    async with running_box(tmp_path, more="    products: {valuation: valuateExpert}\n") as box:
        await box.sandbox.control.act("dat", "customer", **LOGIN, products="dateCode,valuateExpert")
        vehicle = await box.vehicle(odometer_km=43000, first_registration="2024-03-01")
        await fill(box, vehicle)
        assert (await value(box, vehicle)).status == 200


async def test_an_interface_partner_is_entered_and_used(tmp_path: Path) -> None:
    async with running_box(tmp_path, login=None) as box:
        without = {name: text for name, text in PARTNER_CUSTOMER.items() if "interface" not in name}
        refused = await box.daemon.enter_credentials("dat", **without)
        assert (refused.status, refused.kind) == (409, "credentials-refused")
        assert "Server.authorizationFailed" in refused.json["detail"]
        assert (await box.daemon.enter_credentials("dat", **PARTNER_CUSTOMER)).status == 200
        assert (await box.identify()).status == 200
        shown = str((await box.http.get("/v1/credentials")).json)
        assert PARTNER_CUSTOMER["interface_partner_signature"] not in shown


# --- filling a vehicle


async def act(box: Box, action: str, vehicle: Any, fields: dict[str, Any]) -> Reply:
    body = {"on": vehicle["id"], "fields": fields, "confirmed": True}
    return await box.http.post(f"/v1/connectors/dat/actions/{action}", body)


async def fill(box: Box, vehicle: Any, **more: Any) -> Reply:
    return await act(box, "identify", vehicle, more)


async def test_a_vehicle_is_filled_and_remembers_what_it_is(box: Box) -> None:
    vehicle = await box.vehicle(plate="HRO-AB 1")
    reply = await fill(box, vehicle)
    done = reply.json
    assert (reply.status, done["data"]["vehicle"]["version"], done["data"]["chosen"]) == (200, 2, 1)
    assert done["filled"] == {"make": "Volkswagen", "model": "Passat Variant"}
    kept = (await box.http.get(f"/v1/vehicles/{vehicle['id']}/identification")).json
    assert (kept["source"], kept["title"], kept["code"]) == ("dat", "DAT", "019051150020002 DE001")
    assert (kept["extras"], kept["reference"]["construction_time"]) == (3, 5386)
    stored = (await box.http.get(f"/v1/vehicles/{vehicle['id']}")).json
    assert (stored["make"], stored["model"], stored["plate"]) == ("Volkswagen", "Passat Variant", "HRO-AB 1")


async def test_what_differs_is_shown_and_stays(box: Box) -> None:
    vehicle = await box.vehicle(make="VW", model="Passat")
    done = (await fill(box, vehicle)).json
    assert done["filled"] == {}
    assert done["differing"] == {
        "make": {"ours": "VW", "theirs": "Volkswagen"},
        "model": {"ours": "Passat", "theirs": "Passat Variant"},
    }
    assert (done["data"]["vehicle"]["make"], done["data"]["vehicle"]["version"]) == ("VW", 1)


async def test_one_of_several_must_be_chosen_and_choosing_costs_nothing(box: Box) -> None:
    vehicle = await box.vehicle(vin=TWO_HITS)
    asked = (await fill(box, vehicle)).json
    assert [one["number"] for one in asked["candidates"]] == [1, 2]
    assert asked["candidates"][1]["label"].startswith("Ford  ")
    asked = asked["data"]
    assert (asked["chosen"], asked["filled"], len(asked["identification"]["candidates"])) == (None, {}, 2)
    done = (await fill(box, vehicle, choose=2)).json
    assert (done["data"]["chosen"], done["filled"]["make"], done["candidates"]) == (2, "Ford", [])
    assert await box.queries() == 1
    kept = (await box.http.get(f"/v1/vehicles/{vehicle['id']}/identification")).json
    assert kept["code"] == asked["identification"]["candidates"][1]["code"]


async def test_there_is_no_third_of_two(box: Box) -> None:
    vehicle = await box.vehicle(vin=TWO_HITS)
    reply = await fill(box, vehicle, choose=3)
    assert (reply.status, reply.json["errors"][0]["field"]) == (422, "choose")


async def test_a_vehicle_without_a_vin_gets_the_one_that_is_given(box: Box) -> None:
    vehicle = await box.vehicle(vin="", plate="HRO-AB 2")
    assert (await fill(box, vehicle)).kind == "no-vin"
    assert (await fill(box, vehicle, vin=SAMPLE_VIN)).json["filled"]["vin"] == SAMPLE_VIN


async def test_a_vehicle_isnt_filled_with_another_ones_data(box: Box) -> None:
    vehicle = await box.vehicle()
    assert (await fill(box, vehicle, vin=TWO_HITS)).kind == "other-vin"
    assert await box.queries() == 0


async def test_a_vehicle_that_nobody_knows(box: Box) -> None:
    assert (await fill(box, {"id": "nobody"})).status == 404
    assert (await box.http.get("/v1/vehicles/nobody/identification")).status == 404
    vehicle = await box.vehicle()
    assert (await box.http.get(f"/v1/vehicles/{vehicle['id']}/identification")).kind == "not-identified"


# --- valuation


async def value(box: Box, vehicle: Any, **more: Any) -> Reply:
    return await act(box, "value", vehicle, more)


async def test_an_identified_vehicle_is_valued(box: Box) -> None:
    vehicle = await box.vehicle(odometer_km=43000, first_registration="2024-03-01")
    await fill(box, vehicle)
    worth = (await value(box, vehicle)).json["data"]
    assert (worth["odometer_km"], worth["first_registration"], worth["currency"]) == (43000, "2024-03-01", "EUR")
    assert worth["sales_gross_cents"] > worth["sales_cents"] > worth["purchase_cents"] > 0
    assert worth["extras"] == 3
    more = (await value(box, vehicle, odometer_km=150000)).json["data"]
    assert more["sales_cents"] < worth["sales_cents"]


async def test_what_a_valuation_needs(box: Box) -> None:
    vehicle = await box.vehicle()
    assert (await value(box, vehicle)).kind == "not-identified"
    await fill(box, vehicle)
    assert (await value(box, vehicle)).json["errors"][0]["field"] == "odometer_km"
    assert (await value(box, vehicle, odometer_km=1)).json["errors"][0]["field"] == "first_registration"


async def test_a_vehicle_without_a_complete_code_has_no_value(box: Box) -> None:
    vehicle = await box.vehicle(vin=CARD_WITH_OTHERS)
    await fill(box, vehicle, choose=1)
    reply = await value(box, vehicle, odometer_km=1, first_registration="2024-03-01")
    assert (reply.status, reply.kind) == (409, "not-identified")


async def test_a_vehicle_identified_before_extras_were_kept_is_valued_without_and_says_so(box: Box) -> None:
    vehicle = await box.vehicle(odometer_km=43000, first_registration="2024-03-01")
    await fill(box, vehicle)
    rich = (await value(box, vehicle)).json["data"]
    parts = box.daemon.daemon.parts
    assert parts is not None
    await parts.db.write(
        lambda tx: tx.run(
            "UPDATE vehicle_identification SET extras = NULL, reference = json_remove(reference, '$.extras')"
        )
    )
    plain = (await value(box, vehicle)).json["data"]
    assert plain["extras"] is None
    assert plain["sales_cents"] == rich["sales_cents"] - 60_000
    await fill(box, vehicle)
    assert (await value(box, vehicle)).json["data"] == rich
    assert (await value(box, vehicle, taxation="REGULAR")).status == 200
    assert (await value(box, vehicle, taxation="x")).status == 422
