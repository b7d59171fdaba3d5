"""Carloop's side of the sandbox, as strict as the contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.support.manual_clock import ManualClock
from wtpd.clock import iso
from wtpd.connectors.carloop import manifest
from wtpd.connectors.carloop.sandbox import contract
from wtpd.testing import Sandbox, running_sandbox

BASE = "/api/werkstattplaner/v1"
AUTH = {"Authorization": "Token sandboxtoken0123456789"}
WEST = {"Authorization": "Token westwindtoken0123456789"}
NOW = datetime(2027, 3, 1, 8, 30, tzinfo=UTC)  # a Monday, 09:30 in Berlin
START, END = "2027-03-02T10:00:00+01:00", "2027-03-04T10:00:00+01:00"
RENTER = {"kundennummer": "K-1", "nachname": "Jürgens", "email": "ilse@example.com"}


class Desk:
    """Plain HTTP to Carloop, and its people."""

    def __init__(self, sandbox: Sandbox, http: httpx.AsyncClient, clock: ManualClock) -> None:
        self.sandbox, self.http, self.clock = sandbox, http, clock

    async def act(self, act: str, /, **arguments: Any) -> Any:
        return await self.sandbox.control.act("carloop", act, **arguments)

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        headers = {**AUTH, **more.pop("headers", {})}
        return await self.http.request(method, f"/carloop{BASE}{path}", json=body, headers=headers, **more)

    async def search(self, start: str = START, end: str = END, **more: Any) -> httpx.Response:
        body = {"von": start, "bis": end, "klassen": [], "eigenschaften": [], **more}
        return await self.ask("POST", "/verfuegbarkeit", body)

    async def book(self, reference: str = "R-1", **changed: Any) -> httpx.Response:
        body = {
            "externeReferenz": reference, "terminReferenz": "T-1", "fahrzeugId": "101", "von": START, "bis": END,
            "kunde": RENTER,
        }  # fmt: skip
        return await self.ask("POST", "/vorgaenge", {**body, **changed})

    async def change(self, number: str, body: Any, version: int | None = 1) -> httpx.Response:
        headers = {} if version is None else {"If-Match": f'"v{version}"'}
        return await self.ask("PATCH", f"/vorgaenge/{number}", body, headers=headers)


@asynccontextmanager
async def opened(folder: Path, clock: ManualClock) -> AsyncIterator[Desk]:
    async with (
        running_sandbox(folder, manifests=[manifest], clock=clock) as sandbox,
        httpx.AsyncClient(base_url=sandbox.running.address, trust_env=False, timeout=30) as http,
    ):
        yield Desk(sandbox, http, clock)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = ManualClock(NOW)
    async with opened(tmp_path, clock) as desk:
        await desk.act("rules", per_second=0)
        yield desk


def codes(answer: httpx.Response) -> list[str]:
    return [one["code"] for one in answer.json()["fehler"]]


def cars(answer: httpx.Response) -> list[str]:
    return [one["fahrzeugId"] for one in answer.json()["fahrzeuge"]]


# --- requests


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"von": "2027-03-02T10:00:00"}, "FELD_UNGUELTIG"),
        ({"von": "2027-03-02T10:00+01:00"}, "FELD_UNGUELTIG"),
        ({"von": "02.03.2027"}, "FELD_UNGUELTIG"),
        ({"neu": 1}, "FELD_UNGUELTIG"),
        ({"kunde": {**RENTER, "schuhgroesse": "44"}}, "FELD_UNGUELTIG"),
        ({"kunde": {"nachname": "Jürgens"}}, "PFLICHTFELD"),
        ({"kunde": {**RENTER, "email": " "}}, "PFLICHTFELD"),
        ({"fahrzeugId": "777"}, "FAHRZEUG_UNBEKANNT"),
        ({"fahrzeugId": "901"}, "FAHRZEUG_UNBEKANNT"),
        ({"bis": START}, "ZEITRAUM_UNGUELTIG"),
        ({"von": "2027-03-01T10:30:00+01:00"}, "ZEIT_IN_VERGANGENHEIT"),
        ({"von": "2027-02-28T10:30:00+01:00"}, "ZEIT_IN_VERGANGENHEIT"),
        ({"bis": "2027-03-04T18:30:00+01:00"}, "AUSSERHALB_OEFFNUNGSZEIT"),
        ({"bis": "2027-03-07T10:00:00+01:00"}, "AUSSERHALB_OEFFNUNGSZEIT"),
    ],
)
async def test_what_breaks_the_contract_is_refused(desk: Desk, body: dict[str, Any], code: str) -> None:
    answer = await desk.book(**body)
    assert (answer.status_code, codes(answer)) == (422, [code])
    assert (await desk.sandbox.control.state("carloop"))["rentals"] == []


async def test_a_rental_begins_just_behind_the_lead_time(desk: Desk) -> None:
    first = datetime(2027, 3, 1, 10, 30, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    assert (await desk.book(von=first.isoformat())).status_code == 201


@pytest.mark.parametrize("blank", [None, ""])
async def test_a_blank_field_of_the_renter_may_be_said(desk: Desk, blank: str | None) -> None:
    names = contract().document["components"]["schemas"]["Kunde"]["properties"]
    renter = {**dict.fromkeys(names, blank), **RENTER}
    assert (await desk.book(kunde=renter)).status_code == 201


async def test_a_missing_member_is_named(desk: Desk) -> None:
    answer = await desk.ask("POST", "/vorgaenge", {"externeReferenz": "R-1"})
    assert {*codes(answer)} == {"PFLICHTFELD"}
    assert "fahrzeugId" in [one["feld"] for one in answer.json()["fehler"]]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nichts", 404),
        ("DELETE", "/stammdaten", 405),
        ("GET", "/vorgaenge?x=1", 400),
        ("GET", "/vorgaenge/V9", 404),
    ],
)
async def test_every_refusal_has_the_form_of_the_contract(desk: Desk, method: str, path: str, status: int) -> None:
    answer = await desk.ask(method, path)
    assert answer.status_code == status and codes(answer)


@pytest.mark.parametrize("token", ["", "Token x", "Bearer sandboxtoken0123456789", "sandboxtoken0123456789"])
async def test_a_wrong_token_is_refused(desk: Desk, token: str) -> None:
    answer = await desk.ask("GET", "/stammdaten", headers={"Authorization": token})
    assert (answer.status_code, codes(answer)) == (401, ["NICHT_ANGEMELDET"])


async def test_outside_the_interface_it_is_a_web_site(desk: Desk) -> None:
    page = await desk.http.get("/carloop/", headers=AUTH)
    assert page.status_code == 302 and page.headers["location"].endswith("/carloop/login")
    page = await desk.http.get("/carloop/login")
    assert page.headers["content-type"].startswith("text/html")


async def test_a_sixth_request_in_a_second_is_refused_for_its_token_only(desk: Desk) -> None:
    await desk.act("rules", per_second=5)
    answers = [await desk.ask("GET", "/stammdaten") for _ in range(6)]
    assert [one.status_code for one in answers] == [200] * 5 + [429]
    assert answers[-1].headers["retry-after"] == "1" and codes(answers[-1]) == ["ZU_VIELE_ANFRAGEN"]
    assert (await desk.ask("GET", "/stammdaten", headers=WEST)).status_code == 200
    desk.clock.forward(seconds=1)
    assert (await desk.ask("GET", "/stammdaten")).status_code == 200


async def test_another_branch_has_its_own_stations_cars_and_rentals(desk: Desk) -> None:
    await desk.book()
    terms = (await desk.ask("GET", "/stammdaten", headers=WEST)).json()
    assert [one["name"] for one in terms["stationen"]] == ["Lübeck"]
    assert (await desk.ask("GET", "/vorgaenge", headers=WEST)).json()["vorgaenge"] == []
    assert (await desk.ask("GET", "/vorgaenge/V000001", headers=WEST)).status_code == 404
    await desk.act("token", token="neuertoken", branch="westwind")
    assert (await desk.ask("GET", "/stammdaten", headers={"Authorization": "Token neuertoken"})).json() == terms
    await desk.act("token", token="neuertoken", revoke=True)
    assert (await desk.ask("GET", "/stammdaten", headers={"Authorization": "Token neuertoken"})).status_code == 401


# --- free cars


async def test_a_car_rests_between_two_rentals(desk: Desk) -> None:
    await desk.book(von="2027-03-02T12:00:00+01:00", bis="2027-03-02T14:00:00+01:00")
    free = {
        "2027-03-02T11:30:00+01:00": True,
        "2027-03-02T11:31:00+01:00": False,
    }
    for end, is_free in free.items():
        assert ("101" in cars(await desk.search("2027-03-02T10:45:00+01:00", end))) is is_free
    assert "101" not in cars(await desk.search("2027-03-02T14:29:00+01:00", END))
    assert "101" in cars(await desk.search("2027-03-02T14:30:00+01:00", END))


async def test_an_unknown_id_finds_nothing(desk: Desk) -> None:
    for more in ({"klassen": ["X"]}, {"eigenschaften": ["X"]}, {"station": "X"}, {"station": "9"}):
        assert cars(await desk.search(**more)) == []
    assert cars(await desk.search(klassen=["K", "T"], station="1")) == ["101", "102", "104"]
    assert cars(await desk.search(eigenschaften=["AUT", "AHK"])) == ["103"]


async def test_a_car_that_is_overdue_isnt_free(desk: Desk) -> None:
    await desk.book()
    await desk.act("hand-over", number="R-1")
    desk.clock.forward(days=7)
    [rental] = (await desk.ask("GET", "/vorgaenge")).json()["vorgaenge"]
    assert rental["ueberfaellig"] is True
    soon = iso(desk.clock.now() + timedelta(minutes=61))
    assert "101" in cars(await desk.search(soon, iso(desk.clock.now() + timedelta(days=1))))
    await desk.act("rules", lead=0)
    soon = iso(desk.clock.now() + timedelta(minutes=10))
    assert "101" not in cars(await desk.search(soon, iso(desk.clock.now() + timedelta(days=1))))


async def test_a_price_is_for_the_whole_period_over_the_end_of_summer_time(desk: Desk) -> None:
    await desk.act("station", id="1", hours="always")
    found = (await desk.search("2027-10-30T12:00:00+02:00", "2027-10-31T12:00:00+01:00")).json()["fahrzeuge"]
    assert next(one["preis"] for one in found if one["fahrzeugId"] == "101") == {"brutto": 79.80, "waehrung": "EUR"}
    assert "preis" not in next(one for one in found if one["fahrzeugId"] == "104")
    assert '"brutto":79.80' in (await desk.search("2027-10-30T12:00:00+02:00", "2027-10-31T12:00:00+01:00")).text


# --- rentals


async def test_the_same_body_is_one_rental_whatever_the_form_of_its_times(desk: Desk) -> None:
    made = await desk.book()
    again = await desk.book(von="2027-03-02T09:00:00Z", bis="2027-03-04T09:00:00.000Z")
    assert (made.status_code, again.status_code) == (201, 200) and again.json() == made.json()
    priced = await desk.book(erwarteterPreis={"brutto": 1, "waehrung": "EUR"})
    assert priced.status_code == 200, "the expected price isn't part of it"
    assert codes(await desk.book(terminReferenz="T-2")) == ["REFERENZ_VERWENDET"]
    desk.clock.forward(days=30)
    assert (await desk.book()).status_code == 200, "also when the period is over"


async def test_fifty_clients_book_one_car(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.book(f"R-{number}") for number in range(50)))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 49
    refused = [one for one in answers if one.status_code == 409]
    assert all(codes(one) == ["FAHRZEUG_NICHT_FREI"] for one in refused)
    assert all([car["fahrzeugId"] for car in one.json()["alternativen"]][:1] == ["102"] for one in refused)


@pytest.mark.parametrize("body", [{"von": START}, {"bis": END, "station": "2"}, {"kunde": {}}, {"neu": 1, "bis": END}])
async def test_nothing_but_the_end_can_be_changed(desk: Desk, body: dict[str, Any]) -> None:
    await desk.book()
    answer = await desk.change("V000001", body)
    assert (answer.status_code, codes(answer)) == (422, ["NUR_ENDE_AENDERBAR"])


async def test_a_change_names_the_version_it_is_for(desk: Desk) -> None:
    await desk.book()
    later = {"bis": "2027-03-05T10:00:00+01:00"}
    assert (await desk.change("V000001", later, None)).status_code == 428
    answer = await desk.change("V000001", later)
    assert (answer.status_code, answer.headers["etag"], answer.json()["version"]) == (200, '"v2"', 2)
    stale = await desk.change("V000001", {"bis": END})
    assert (stale.status_code, stale.headers["etag"]) == (412, '"v2"')
    same = await desk.change("V000001", later, 2)
    assert same.headers["etag"] == '"v2"', "nothing changed"


async def test_a_colliding_end_says_until_when_it_goes(desk: Desk) -> None:
    await desk.book()
    await desk.act("reserve", car="101", start="2027-03-05T12:00:00+01:00", end="2027-03-06T12:00:00+01:00")
    answer = await desk.change("V000001", {"bis": "2027-03-05T15:00:00+01:00"})
    assert (answer.status_code, codes(answer)) == (409, ["FAHRZEUG_NICHT_FREI"])
    assert answer.json()["spaetestesEnde"] == "2027-03-05T11:30:00+01:00"
    assert "102" in [one["fahrzeugId"] for one in answer.json()["alternativen"]]
    assert (await desk.change("V000001", {"bis": "2027-03-05T11:30:00+01:00"})).status_code == 200


@pytest.mark.parametrize(
    ("acts", "cancelled", "changed"),
    [
        ([], (200, "STORNIERT"), 200),
        (["cancel"], (200, "STORNIERT"), 409),
        (["no-show"], (200, "NICHT_ERSCHIENEN"), 409),
        (["hand-over"], (409, "ABGEHOLT"), 200),
        (["hand-over", "take-back"], (409, "ZURUECK"), 409),
    ],
)
async def test_what_each_state_allows(desk: Desk, acts: list[str], cancelled: tuple[int, str], changed: int) -> None:
    await desk.book()
    for act in acts:
        await desk.act(act, number="R-1")
    version = len(acts) + 1
    answer = await desk.change("V000001", {"bis": "2027-03-05T10:00:00+01:00"}, version)
    assert answer.status_code == changed
    if changed == 409:
        assert codes(answer) == ["VORGANG_ABGESCHLOSSEN"]
    for _ in range(2):
        answer = await desk.ask("POST", "/vorgaenge/V000001/storno", {"grund": "abgesagt"})
        assert answer.status_code == cancelled[0]
        assert answer.status_code == 200 or codes(answer) == ["BEREITS_ABGEHOLT"]
    assert (await desk.ask("GET", "/vorgaenge/V000001")).json()["status"] == cancelled[1]


async def test_a_cancellation_needs_its_reason(desk: Desk) -> None:
    await desk.book()
    for body in ({}, {"grund": ""}, {"grund": "  "}, {"grund": "x", "neu": 1}):
        assert (await desk.ask("POST", "/vorgaenge/V000001/storno", body)).status_code == 422


async def test_a_locked_person_gets_no_car(desk: Desk) -> None:
    await desk.act("lock", who="k-1", text="Hausverbot.")
    answer = await desk.book()
    assert codes(answer) == ["KUNDE_GESPERRT"] and answer.json()["fehler"][0]["text"] == "Hausverbot."
    await desk.act("lock", who="K-1", lift=True)
    assert (await desk.book()).status_code == 201


# --- the list of changes


async def test_the_list_has_each_rental_once_and_only_ours(desk: Desk) -> None:
    await desk.act("rules", page=2)
    await desk.act("reserve", car="103", start=START, end=END)
    for car in ("101", "102", "104"):
        await desk.book(f"R-{car}", fahrzeugId=car)
    await desk.act("swap", number="R-101", car="201")
    first = (await desk.ask("GET", "/vorgaenge")).json()
    assert [one["externeReferenz"] for one in first["vorgaenge"]] == ["R-102", "R-104"] and first["weitere"]
    rest = (await desk.ask("GET", "/vorgaenge", params={"cursor": first["cursor"], "geaendertSeit": END})).json()
    [swapped] = rest["vorgaenge"]
    assert (swapped["fahrzeug"]["kennzeichen"], swapped["geaendertVon"], rest["weitere"]) == (
        "GÜ-CL 201",
        "CARLOOP",
        False,
    )
    assert (await desk.ask("GET", "/vorgaenge", params={"cursor": rest["cursor"]})).json()["vorgaenge"] == []


async def test_a_cursor_is_the_branchs_and_can_end(desk: Desk) -> None:
    cursor = (await desk.ask("GET", "/vorgaenge")).json()["cursor"]
    answer = await desk.ask("GET", "/vorgaenge", params={"cursor": cursor}, headers=WEST)
    assert codes(answer) == ["CURSOR_UNGUELTIG"]
    await desk.act("rules", refuse_cursors=True)
    assert codes(await desk.ask("GET", "/vorgaenge", params={"cursor": cursor})) == ["CURSOR_UNGUELTIG"]


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    states = []
    for begin in range(2):
        async with opened(tmp_path, clock) as desk:
            if begin == 0:
                await desk.act("rules", per_second=0, lead=30)
                await desk.act("lock", who="Gesperrt")
                await desk.act("car", car="105", plate="HRO-CL 105", rate="12.50")
                await desk.act("station", id="3", name="Wismar")
                await desk.act("token", token="neuertoken", branch="nordlicht")
                await desk.book(fahrzeugId="105")
                await desk.act("cancel", number="R-1")
            page = await desk.ask("GET", "/vorgaenge", headers={"Authorization": "Token neuertoken"})
            states.append((await desk.sandbox.control.state("carloop"), page.json()))
    assert states[0] == states[1]
    assert states[1][1]["vorgaenge"][0]["preis"] == {"brutto": 25.00, "waehrung": "EUR"}
