"""The partner's side is as strict as its contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.sandbox import CLIENT, DEALER, Sandbox, creation, partner_client, running_sandbox
from wtpd.connectors.superservice import wire
from wtpd.errors import Refused

PARTNER = "superservice"
PLACE = f"/v1/dealers/{DEALER}/appointments"
CHANGES = f"/v1/dealers/{DEALER}/changes"
PATCH = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path) as sandbox:
        yield sandbox


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """With a good token."""
    async with partner_client(sandbox) as client:
        client.headers["Authorization"] = f"Bearer {await token(client, CLIENT['client_id'], CLIENT['client_secret'])}"
        yield client


async def token(client: httpx.AsyncClient, client_id: str, secret: str) -> str:
    form = {"grant_type": "client_credentials"}
    answer = await client.post("/oauth/token", data=form, auth=(client_id, secret))
    return str(answer.raise_for_status().json()["access_token"])


def body(our_id: str = "a-1", **changed: Any) -> dict[str, Any]:
    return {**wire.creation(creation(our_id)), **changed}


async def create(http: httpx.AsyncClient, our_id: str = "a-1", key: str = "k-1", **changed: Any) -> httpx.Response:
    return await http.post(PLACE, json=body(our_id, **changed), headers={"Idempotency-Key": key})


async def change(http: httpx.AsyncClient, partner_id: str, version: int, key: str, **patch: Any) -> httpx.Response:
    headers = {**PATCH, "If-Match": f'"v{version}"', "Idempotency-Key": key}
    return await http.patch(f"{PLACE}/{partner_id}", json=patch, headers=headers)


async def test_the_same_key_gives_the_same_answer_even_when_the_version_moved_on(http: httpx.AsyncClient) -> None:
    made = (await create(http)).json()
    first = await change(http, made["id"], 1, "k-2", notes="eins")
    assert first.headers["etag"] == '"v2"'
    assert (await change(http, made["id"], 2, "k-3", notes="zwei")).headers["etag"] == '"v3"'
    again = await change(http, made["id"], 1, "k-2", notes="eins")
    assert again.content == first.content
    assert again.headers["etag"] == '"v2"'
    assert again.headers["idempotency-replayed"] == "true"
    assert (await http.get(f"{PLACE}/{made['id']}")).json()["notes"] == "zwei"


async def test_a_key_for_another_request_is_refused(http: httpx.AsyncClient) -> None:
    made = (await create(http)).json()
    assert (await create(http, notes="anders")).status_code == 422
    assert (await change(http, made["id"], 1, "k-1", notes="anders")).status_code == 422
    await change(http, made["id"], 1, "k-2", notes="eins")
    assert (await change(http, made["id"], 2, "k-2", notes="eins")).status_code == 422


async def test_a_write_that_failed_leaves_its_key_free(http: httpx.AsyncClient) -> None:
    made = (await create(http)).json()
    assert (await change(http, made["id"], 9, "k-2", notes="eins")).status_code == 412
    assert (await change(http, made["id"], 1, "k-2", notes="eins")).status_code == 200


async def test_keys_of_two_dealers_dont_meet(http: httpx.AsyncClient) -> None:
    await create(http)
    elsewhere = await http.post("/v1/dealers/00124/appointments", json=body("b-1"), headers={"Idempotency-Key": "k-1"})
    assert elsewhere.status_code == 201


async def test_a_second_live_appointment_with_our_id_is_impossible(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    ends = await asyncio.gather(*(create(http, key=f"k-{number}") for number in range(10)))
    assert sorted(end.status_code for end in ends) == [201] + [409] * 9
    held = (await sandbox.control.state(PARTNER))["appointments"]
    assert len(held) == 1
    assert {end.json().get("appointmentId", held[0]["id"]) for end in ends} == {held[0]["id"]}
    posted = await sandbox.control.requests(method="POST", path="/v1/dealers/*/appointments")
    assert posted["counts"] == [
        {"method": "POST", "status": 201, "count": 1},
        {"method": "POST", "status": 409, "count": 9},
    ]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"colour": "red"}, ""),
        ({"customer": {"shoeSize": 43}}, "customer"),
        ({"jobs": [{"title": "HU", "hours": 1}]}, "jobs.0"),
        ({"dropOffTime": "2027-03-01T08:00:00"}, "dropOffTime"),
        ({"dropOffTime": "2027-02-30T08:00:00Z"}, "dropOffTime"),
        ({"notes": None}, "notes"),
        ({"notes": "x" * 10_001}, "notes"),
        ({"customerWaiting": "no"}, "customerWaiting"),
        ({"vehicle": {"odometerKm": -1}}, "vehicle.odometerKm"),
        ({"dmsAppointmentId": ""}, "dmsAppointmentId"),
    ],
)
async def test_a_body_that_breaks_the_contract_is_refused_by_field(
    http: httpx.AsyncClient, changed: dict[str, Any], field: str
) -> None:
    answer = await create(http, **changed)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in {error["field"] for error in answer.json()["errors"]}


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "CANCELLED"},
        {"status": "WAITING_FOR_PARTS"},
        {"transport": {"option": "VALET"}},
        {"collectionTime": "2027-03-01T07:00:00Z"},
    ],
)
async def test_what_the_partner_cant_take_is_refused(http: httpx.AsyncClient, changed: dict[str, Any]) -> None:
    assert (await create(http, **changed)).status_code == 422


async def test_a_code_that_the_dealer_has_in_use_is_taken(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    booked = await sandbox.control.act(PARTNER, "book", dealer=DEALER)
    await sandbox.control.act(PARTNER, "unknown-code", dealer=DEALER, id=booked["id"], code="VALET")
    assert (await create(http, transport={"option": "VALET"})).status_code == 201


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 400),
        ({"Content-Type": "application/json", "Idempotency-Key": "k 1"}, 400),
        ({"Content-Type": "text/plain", "Idempotency-Key": "k-1"}, 415),
        ({"Content-Type": "application/json; charset=latin-1", "Idempotency-Key": "k-1"}, 415),
        ({"Idempotency-Key": "k-1"}, 415),
    ],
)
async def test_a_create_needs_its_headers(http: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    assert (await http.post(PLACE, content=b"{}", headers=headers)).status_code == status


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"null", b'"x"', b"[]"])
async def test_a_body_that_cant_be_read_is_refused(http: httpx.AsyncClient, content: bytes) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k-1"}
    assert (await http.post(PLACE, content=content, headers=headers)).status_code in (400, 422)


async def test_a_change_needs_the_version_it_is_for(http: httpx.AsyncClient) -> None:
    made = (await create(http)).json()
    address = f"{PLACE}/{made['id']}"
    key = {**PATCH, "Idempotency-Key": "k-2"}
    assert (await http.patch(address, json={"notes": "x"}, headers=key)).status_code == 428
    assert (await http.patch(address, json={"notes": "x"}, headers={**key, "If-Match": "1"})).status_code == 400
    stale = await http.patch(address, json={"notes": "x"}, headers={**key, "If-Match": '"v2"'})
    assert (stale.status_code, stale.headers["etag"]) == (412, '"v1"')
    assert (await http.patch(address, json={"notes": "x"}, headers={**key, "If-Match": "*"})).status_code == 200


async def test_a_patch_without_a_change_makes_no_version(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    made = (await create(http)).json()
    same = await change(http, made["id"], 1, "k-2", notes=made["notes"], dropOffTime="2027-03-01T07:00:00Z")
    assert same.json() == made
    assert (await sandbox.control.state(PARTNER))["changes"] == 1


async def test_a_cancelled_appointment_cant_be_changed(http: httpx.AsyncClient) -> None:
    made = (await create(http)).json()
    address = f"{PLACE}/{made['id']}/cancellation"
    headers = {"If-Match": '"v1"', "Idempotency-Key": "k-2"}
    assert (await http.post(address, json={"reason": "krank"}, headers=headers)).json()["status"] == "CANCELLED"
    again = {"If-Match": '"v2"', "Idempotency-Key": "k-3"}
    assert (await http.post(address, json={}, headers=again)).json()["version"] == 2
    assert (await change(http, made["id"], 2, "k-4", notes="x")).status_code == 422


async def test_who_may_do_what(http: httpx.AsyncClient) -> None:
    own = await token(http, "dealer-00124", "secret-00124")
    for bearer, dealer, status in (
        ("Bearer nonsense", DEALER, 401),
        ("", DEALER, 401),
        (f"Basic {own}", DEALER, 401),
        (f"Bearer {own}", DEALER, 403),
        (f"Bearer {own}", "99999", 403),
        (f"Bearer {own}", "00124", 200),
        (http.headers["Authorization"], "99999", 404),
    ):
        answer = await http.get(f"/v1/dealers/{dealer}", headers={"Authorization": bearer})
        assert answer.status_code == status


async def test_a_stranger_learns_nothing_about_the_contract(http: httpx.AsyncClient) -> None:
    answer = await http.post(PLACE, content=b"nonsense", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("form", "auth", "status", "error"),
    [
        ({"grant_type": "client_credentials"}, ("sandbox", "wrong"), 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, None, 401, "invalid_client"),
        ({"grant_type": "password"}, ("sandbox", "sandbox-secret"), 400, "invalid_request"),
        ({}, ("sandbox", "sandbox-secret"), 400, "invalid_request"),
    ],
)
async def test_no_token_without_the_right_question(
    sandbox: Sandbox, form: dict[str, str], auth: tuple[str, str] | None, status: int, error: str
) -> None:
    async with partner_client(sandbox) as client:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await client.post("/oauth/token", data=form, auth=auth, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize(
    "query",
    ["wait=x", "wait=61", "wait=-1", "limit=0", "limit=501", "limit=1.5", "colour=red", "limit=1&limit=2", "cursor=",
     "cursor=nonsense", "cursor=MDAxMjQvMQ", "cursor=MDAxMjMvOTk", "wait=" + "9" * 30],
)  # fmt: skip
async def test_odd_questions_to_the_feed_are_refused(http: httpx.AsyncClient, query: str) -> None:
    assert (await http.get(f"{CHANGES}?{query}")).status_code == 400


async def test_odd_addresses(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/nothing")).status_code == 404
    assert (await http.get("/")).status_code == 404
    refused = await http.delete(PLACE)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")


async def test_nobody_elses_appointment_is_shown(http: httpx.AsyncClient) -> None:
    made = (await create(http)).json()
    assert (await http.get(f"/v1/dealers/00124/appointments/{made['id']}")).status_code == 404
    found = await http.get("/v1/dealers/00124/appointments", params={"dmsAppointmentId": "a-1"})
    assert found.json() == {"items": []}


async def test_a_page_stays_below_its_size_whatever_its_limit(http: httpx.AsyncClient) -> None:
    for number in range(3):
        jobs = [{"title": "HU", "description": "ä" * 4000}] * 100
        await create(http, f"a-{number}", f"k-{number}", jobs=jobs, notes="ü" * 10_000)
    first = await http.get(CHANGES, params={"limit": 500})
    assert len(first.content) < 5_000_000
    assert len(first.json()["items"]) < 3 or not first.json()["hasMore"]


async def test_all_is_still_there_after_a_restart(tmp_path: Path) -> None:
    async with running_sandbox(tmp_path / "state") as sandbox, partner_client(sandbox) as http:
        http.headers["Authorization"] = f"Bearer {await token(http, client_id='sandbox', secret='sandbox-secret')}"
        bearer = http.headers["Authorization"]
        made = await create(http)
        await change(http, made.json()["id"], 1, "k-2", notes="neu")
        booked = await sandbox.control.act(PARTNER, "book", dealer=DEALER, by="customer_app")
        await sandbox.control.act(PARTNER, "break", dealer=DEALER, id=booked["id"])
        day = {"date": "2027-03-01", "capacity": 1, "remaining": 1, "dropOffSlots": [], "advisors": [], "loanCars": []}
        published = {"days": [day]}
        headers = {"Idempotency-Key": "k-9"}
        await http.patch(f"/v1/dealers/{DEALER}/availability", json=published, headers=headers)
        before = await sandbox.control.state(PARTNER)
        feed = (await http.get(CHANGES)).json()
    async with running_sandbox(tmp_path / "state") as sandbox, partner_client(sandbox) as http:
        http.headers["Authorization"] = bearer
        assert await sandbox.control.state(PARTNER) == before
        assert (await http.get(CHANGES)).json() == feed
        assert (await create(http)).headers["idempotency-replayed"] == "true"
        assert (await create(http, key="k-8")).status_code == 409
        assert (await sandbox.control.act(PARTNER, "book", dealer=DEALER))["id"] == "A0000003"


async def test_what_was_held_back_isnt_lost_by_a_restart(tmp_path: Path) -> None:
    async with running_sandbox(tmp_path / "state") as sandbox, partner_client(sandbox) as http:
        http.headers["Authorization"] = f"Bearer {await token(http, 'sandbox', 'sandbox-secret')}"
        bearer = http.headers["Authorization"]
        booked = [(await sandbox.control.act(PARTNER, "book", dealer=DEALER))["id"] for _ in range(4)]
        await sandbox.control.fault(PARTNER, "delay", seconds=3600)
        page = (await http.get(CHANGES)).json()
        told = [item["appointment"]["id"] for item in page["items"]]
        assert len(told) < 4
    async with running_sandbox(tmp_path / "state") as sandbox, partner_client(sandbox) as http:
        http.headers["Authorization"] = bearer
        rest = (await http.get(CHANGES, params={"cursor": page["nextCursor"]})).json()["items"]
        assert sorted(told + [item["appointment"]["id"] for item in rest]) == booked


async def test_a_poll_that_nobody_waits_for_leaves_nothing_behind(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await http.get(CHANGES, params={"wait": 60}, timeout=httpx.Timeout(10, read=0.05))
    await sandbox.control.act(PARTNER, "book", dealer=DEALER)
    [poll] = (await sandbox.control.requests(path="*/changes"))["items"]
    assert poll["status"] is None


async def test_the_people_there(sandbox: Sandbox) -> None:
    act = sandbox.control.act
    booked = await act(
        PARTNER, "book", dealer=DEALER, by="customer_app", drop_off="2027-03-01T08:00:00+01:00", last_name="Jansen",
        loan_car="EW1", job="Ölwechsel", labour_units=8.0, fields={"customer": {"address": {"city": "Rostock"}}},
    )  # fmt: skip
    assert booked["transport"] == {"option": "LOAN_CAR", "loanCarId": "EW1"}
    assert (booked["customer"]["lastName"], booked["customer"]["address"]["city"]) == ("Jansen", "Rostock")
    assert booked["collectionTime"] == "2027-03-01T16:00:00+01:00"
    moved = await act(PARTNER, "move", dealer=DEALER, id=booked["id"], drop_off="2027-03-02T09:00:00+01:00")
    assert moved["collectionTime"] == "2027-03-02T17:00:00+01:00"
    changed = await act(PARTNER, "change", dealer=DEALER, id=booked["id"], notes="neu", by="customer_app")
    assert (changed["version"], changed["changedBy"], changed["notes"]) == (3, "customer_app", "neu")
    assert (await act(PARTNER, "cancel", dealer=DEALER, id=booked["id"], reason="krank"))["status"] == "CANCELLED"
    assert (await act(PARTNER, "reopen", dealer=DEALER, id=booked["id"]))["status"] == "BOOKED"
    many = await act(PARTNER, "book", dealer=DEALER, count=30)
    assert len({one["id"] for one in many["items"]}) == 30
    gone = await act(PARTNER, "cancel-many", dealer=DEALER, count=25, reason="Betriebsferien")
    assert {one["status"] for one in gone["items"]} == {"CANCELLED"}
    assert len(gone["items"]) == 25


@pytest.mark.parametrize(
    ("act", "arguments"),
    [
        ("book", {"dealer": "99999"}),
        ("book", {}),
        ("book", {"dealer": DEALER, "count": 0}),
        ("book", {"dealer": DEALER, "count": "3"}),
        ("book", {"dealer": DEALER, "by": "neighbour"}),
        ("book", {"dealer": DEALER, "drop_off": "tomorrow"}),
        ("book", {"dealer": DEALER, "drop_off": "2027-03-01T08:00:00"}),
        ("book", {"dealer": DEALER, "shoe_size": 43}),
        ("book", {"dealer": DEALER, "fields": [1]}),
        ("change", {"dealer": DEALER, "id": "A1"}),
        ("cancel", {"dealer": DEALER, "id": "A1"}),
        ("dance", {}),
    ],
)
async def test_an_act_that_cant_be_played_says_why(sandbox: Sandbox, act: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        await sandbox.control.act(PARTNER, act, **arguments)


async def test_reopening_makes_no_second_booking(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    made = (await create(http)).json()
    await sandbox.control.act(PARTNER, "cancel", dealer=DEALER, id=made["id"])
    assert (await create(http, key="k-2")).status_code == 201
    with pytest.raises(Refused):
        await sandbox.control.act(PARTNER, "reopen", dealer=DEALER, id=made["id"])
