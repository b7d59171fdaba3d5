"""What the sandbox can play of a partner in an odd state: restored, emptied, forgetful, tidying, endless, strict."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.connectors.superservice.test_sandbox import CHANGES, PLACE, body, change, create, token
from tests.support.sandbox import (
    CLIENT,
    DEALER,
    Sandbox,
    creation,
    partner_client,
    running_sandbox,
    superservice_connector,
)
from wtpd.channel.errors import CursorRefused, NotAllowed, Rejected, TooLarge
from wtpd.errors import Refused

PARTNER = "superservice"
DAY = {"date": "2027-03-01", "capacity": 10, "remaining": 5, "dropOffSlots": [], "advisors": [], "loanCars": []}
SPAN = {"from": "2027-03-01T07:00:00Z", "to": "2027-03-01T16:00:00Z"}


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path) as sandbox:
        yield sandbox


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with partner_client(sandbox) as client:
        client.headers["Authorization"] = f"Bearer {await token(client, CLIENT['client_id'], CLIENT['client_secret'])}"
        yield client


async def act(sandbox: Sandbox, name: str, **arguments: Any) -> Any:
    return await sandbox.control.act(PARTNER, name, **arguments)


async def publish(http: httpx.AsyncClient, *days: dict[str, Any], key: str = "p-1") -> httpx.Response:
    headers = {"Idempotency-Key": key}
    return await http.patch(f"/v1/dealers/{DEALER}/availability", json={"days": days}, headers=headers)


def slug(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


async def feed(http: httpx.AsyncClient, cursor: str | None = None, limit: int = 100) -> Any:
    params = {"limit": limit, **({"cursor": cursor} if cursor else {})}
    return (await http.get(CHANGES, params=params)).raise_for_status().json()


async def test_repeating_and_delaying_together_lose_nothing(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    booked = {(await act(sandbox, "book", dealer=DEALER))["id"] for _ in range(40)}
    await sandbox.control.fault(PARTNER, "repeat", route="*/changes")
    await sandbox.control.fault(PARTNER, "delay", route="*/changes")
    told: set[str] = set()
    cursor: str | None = None
    for _ in range(30):
        page = await feed(http, cursor, 7)
        told |= {item["appointment"]["id"] for item in page["items"]}
        cursor = page["nextCursor"]
    await sandbox.control.clear_faults(PARTNER)
    while (page := await feed(http, cursor))["items"]:
        told |= {item["appointment"]["id"] for item in page["items"]}
        cursor = page["nextCursor"]
    assert told == booked


async def test_a_restored_partner_has_its_old_data_and_its_logins(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    made = (await create(http)).json()
    await sandbox.control.snapshot(PARTNER)
    await change(http, made["id"], 1, "k-2", notes="später")
    await act(sandbox, "book", dealer=DEALER)
    await act(sandbox, "client", client_id="new", client_secret="secret", dealers="*")
    cursor = (await feed(http))["nextCursor"]
    await sandbox.control.restore(PARTNER)
    now = (await http.get(f"{PLACE}/{made['id']}")).json()
    assert now == made
    assert len((await feed(http))["items"]) == 1
    assert (await http.get(CHANGES, params={"cursor": cursor})).status_code == 400
    assert await token(http, "new", "secret")
    again = await change(http, made["id"], 1, "k-2", notes="später")
    assert "idempotency-replayed" not in again.headers, "its keys are the old ones, too"
    with pytest.raises(Refused):
        await sandbox.control.restore(PARTNER, "another")


async def test_what_was_put_back_survives_a_restart(tmp_path: Path) -> None:
    async with running_sandbox(tmp_path / "s") as sandbox:
        await act(sandbox, "book", dealer=DEALER)
        await sandbox.control.snapshot(PARTNER)
        await act(sandbox, "book", dealer=DEALER)
        await sandbox.control.restore(PARTNER)
        before = await sandbox.control.state(PARTNER)
        assert len(before["appointments"]) == 1
    async with running_sandbox(tmp_path / "s") as sandbox:
        assert await sandbox.control.state(PARTNER) == before
        await act(sandbox, "book", dealer=DEALER)
        await sandbox.control.restore(PARTNER)
        assert await sandbox.control.state(PARTNER) == before


async def test_an_emptied_partner_uses_its_numbers_again(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    first = (await create(http)).json()
    await sandbox.control.empty(PARTNER)
    assert (await http.get(f"{PLACE}/{first['id']}")).status_code == 404
    assert (await act(sandbox, "book", dealer=DEALER))["id"] == first["id"]
    reused = await act(sandbox, "book", dealer=DEALER, number=first["id"], last_name="Jansen")
    assert (reused["id"], reused["version"], reused["dmsAppointmentId"]) == (first["id"], 1, None)


async def test_a_number_used_again_takes_its_dms_id_away_and_none_given_by_hand_is_given_twice(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    first = (await create(http, "a-1", "k-1")).json()
    await act(sandbox, "book", dealer=DEALER, number=first["id"])
    assert (await http.get(PLACE, params={"dmsAppointmentId": "a-1"})).json()["items"] == []
    again = await create(http, "a-1", "k-2")
    assert again.status_code == 201
    await act(sandbox, "book", dealer=DEALER, number="A0000004")
    numbers = [(await act(sandbox, "book", dealer=DEALER))["id"] for _ in range(2)]
    assert len({first["id"], again.json()["id"], "A0000004", *numbers}) == 5


async def test_keys_are_forgotten_after_a_day_or_when_it_is_played(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    made = await create(http)
    assert (await create(http)).headers["idempotency-replayed"] == "true"
    await sandbox.control.fault(PARTNER, "clock_skew", seconds=24 * 3600 + 1)
    http.headers["Authorization"] = f"Bearer {await token(http, CLIENT['client_id'], CLIENT['client_secret'])}"
    again = await create(http)
    assert (again.status_code, again.json()["appointmentId"]) == (409, made.json()["id"])
    await act(sandbox, "rules", key_hours=0)
    await create(http, "a-2", "k-2")
    assert (await create(http, "a-2", "k-2")).status_code == 409


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_cursors_can_be_refused(http: httpx.AsyncClient, sandbox: Sandbox, status: int) -> None:
    await create(http)
    async with superservice_connector(sandbox) as connector:
        cursor = (await connector.changes(DEALER, None, wait=0, limit=10)).cursor
        await act(sandbox, "rules", refuse_cursors=status)
        with pytest.raises(CursorRefused) as refused:
            await connector.changes(DEALER, cursor, wait=0, limit=10)
        assert refused.value.status == status
        page = await connector.changes(DEALER, None, wait=0, limit=10)
        assert len(page.items) == 1
        await connector.changes(DEALER, page.cursor, wait=0, limit=10)


async def test_a_feed_that_never_ends_and_pages_of_more_than_asked(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    for number in range(5):
        await create(http, f"a-{number}", f"k-{number}")
    await act(sandbox, "rules", more=2)
    assert len((await feed(http, limit=2))["items"]) == 4
    await act(sandbox, "rules", more=0, endless=True)
    cursors = set()
    cursor = None
    for _ in range(5):
        page = await feed(http, cursor, 2)
        assert (len(page["items"]), page["hasMore"]) == (2, True)
        cursor = page["nextCursor"]
        cursors.add(cursor)
    assert len(cursors) == 5


async def test_a_page_beyond_10_mb_is_read_with_a_lower_limit(sandbox: Sandbox) -> None:
    await act(sandbox, "book", dealer=DEALER, count=4)
    await act(sandbox, "rules", bulk=4000)
    async with superservice_connector(sandbox) as connector:
        with pytest.raises(TooLarge):
            await connector.changes(DEALER, None, wait=0, limit=4)
        assert len((await connector.changes(DEALER, None, wait=0, limit=2)).items) == 2


async def test_values_are_kept_in_another_form_and_the_answer_says_so(sandbox: Sandbox) -> None:
    await act(sandbox, "rules", cut=10, tidy=True)
    async with superservice_connector(sandbox) as connector:
        made = await connector.write(creation("a-1"))
    assert made.held is not None
    fields = made.held.fields
    assert (fields["notes"], fields["customer.last_name"], fields["vehicle.plate"]) == (
        "Schlüssel ", "LÜBS", "HRO AL 17",
    )  # fmt: skip


async def test_a_second_program_of_the_dealer(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    made = (await create(http)).json()
    changed = await act(sandbox, "change", dealer=DEALER, id=made["id"], by="dms", notes="von einem anderen")
    assert (changed["changedBy"], changed["version"]) == ("dms", 2)
    left = await act(sandbox, "cancel", dealer=DEALER, id=made["id"], by="dms", left=True)
    assert left["cancellation"]["cause"] == "LEFT_DEPARTMENT"


async def test_an_odd_value_stays_with_the_appointment(sandbox: Sandbox) -> None:
    booked = await act(sandbox, "book", dealer=DEALER)
    await act(sandbox, "odd", dealer=DEALER, id=booked["id"])
    async with superservice_connector(sandbox) as connector:
        got = await connector.get(DEALER, booked["id"])
    assert dict(got.dropped) == {"vehicle.first_registration": "0001-01-01"}


async def test_one_appointment_can_be_forbidden(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    made = (await create(http)).json()
    await act(sandbox, "forbid", dealer=DEALER, id=made["id"])
    refused = await change(http, made["id"], 1, "k-2", notes="x")
    assert (refused.status_code, slug(refused)) == (403, "appointment-forbidden")
    async with superservice_connector(sandbox) as connector:
        with pytest.raises(Rejected) as rejected:
            await connector.get(DEALER, made["id"])
        assert rejected.value.status == 403
    await act(sandbox, "forbid", dealer=DEALER, id=made["id"], lift=True)
    assert (await change(http, made["id"], 1, "k-2", notes="x")).status_code == 200


async def test_a_dealer_number_that_isnt_covered_names_those_that_are(sandbox: Sandbox) -> None:
    await act(sandbox, "client", client_id="dms", client_secret="secret", dealers="00124,00125")
    async with superservice_connector(sandbox, {"client_id": "dms", "client_secret": "secret"}) as connector:
        for call in (
            connector.verify(DEALER),
            connector.changes(DEALER, None, wait=0, limit=1),
            connector.write(creation("a-1")),
            connector.publish(DEALER, [], "k"),
        ):
            with pytest.raises(NotAllowed) as refused:
                await call
            assert type(refused.value) is NotAllowed
            assert (refused.value.account, refused.value.covers) == (DEALER, ("00124", "00125"))


# --- strict


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"remaining": 11}, "remaining-above-capacity"),
        ({"dropOffSlots": [{"time": "2027-02-28T22:59:00Z", "places": 1}]}, "slot-on-another-day"),
        ({"dropOffSlots": [{"time": "2027-03-01T23:00:00Z", "places": 1}]}, "slot-on-another-day"),
        (
            {"advisors": [{"advisorId": "SB1", "name": "I", "present": [{"from": SPAN["to"], "to": SPAN["from"]}]}]},
            "span-reversed",
        ),
        ({"loanCars": [{"loanCarId": "EW1", "free": [{"from": SPAN["to"], "to": SPAN["to"]}]}]}, "span-reversed"),
        ({"remaining": -1}, "invalid"),
    ],
)
async def test_a_publication_that_breaks_a_rule_is_refused_whole(
    http: httpx.AsyncClient, sandbox: Sandbox, changed: dict[str, Any], said: str
) -> None:
    refused = await publish(http, {**DAY, "date": "2027-02-01"}, {**DAY, **changed})
    assert (refused.status_code, slug(refused)) == (422, said)
    assert (await sandbox.control.state(PARTNER))["availability"] == {}


async def test_a_day_is_given_once(http: httpx.AsyncClient) -> None:
    refused = await publish(http, DAY, DAY)
    assert (refused.status_code, slug(refused)) == (422, "day-twice")


async def test_unpublished_advisors_and_cars_are_refused_once_something_was_published(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    assert (await create(http)).status_code == 201
    advisor = {"advisorId": "SB1", "name": "Ilse", "present": [SPAN]}
    assert (await publish(http, {**DAY, "advisors": [advisor]})).status_code == 200
    refused = await create(http, "a-2", "k-2")
    assert (refused.status_code, slug(refused)) == (422, "unknown-resource")
    assert (await publish(http, {**DAY, "loanCars": [{"loanCarId": "EW1", "free": [SPAN]}]}, key="p-2")).is_success
    assert (await create(http, "a-2", "k-2")).status_code == 201, "a failed write left its key free"
    await act(sandbox, "rules", signs=False)
    assert (await create(http, "a-3", "k-3", advisorId="XX")).status_code == 201


async def test_the_past_can_be_refused(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await act(sandbox, "rules", past=True)
    refused = await create(http, dropOffTime="2020-03-01T07:00:00Z", collectionTime="2020-03-01T17:00:00Z")
    assert (refused.status_code, slug(refused)) == (422, "appointment-past")
    await act(sandbox, "rules", past=False)
    made = await create(http, dropOffTime="2020-03-01T07:00:00Z", collectionTime="2020-03-01T17:00:00Z")
    await act(sandbox, "rules", past=True)
    headers = {"Content-Type": "application/merge-patch+json", "If-Match": "*"}
    place = f"{PLACE}/{made.json()['id']}"
    done = await http.patch(place, json={"status": "COMPLETED"}, headers={**headers, "Idempotency-Key": "k-done"})
    assert done.status_code == 200, "a visit that is over still gets its states"
    moved = {"dropOffTime": "2020-03-02T07:00:00Z", "collectionTime": "2020-03-02T17:00:00Z"}
    refused = await http.patch(place, json=moved, headers={**headers, "Idempotency-Key": "k-moved"})
    assert (refused.status_code, slug(refused)) == (422, "appointment-past")


@pytest.mark.parametrize("content", [b'{"reason": "a", "reason": "b"}', b'{"reason": NaN}'])
async def test_json_that_says_two_things_is_refused(http: httpx.AsyncClient, content: bytes) -> None:
    made = (await create(http)).json()
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k-2", "If-Match": "*"}
    refused = await http.post(f"{PLACE}/{made['id']}/cancellation", content=content, headers=headers)
    assert (refused.status_code, slug(refused)) == (400, "syntax")


async def test_the_same_request_is_byte_for_byte_the_same(http: httpx.AsyncClient) -> None:
    import json

    headers = {"Content-Type": "application/json", "Idempotency-Key": "k-1"}
    given = body()
    await http.post(PLACE, content=json.dumps(given), headers=headers)
    other = json.dumps(dict(reversed(given.items())))
    refused = await http.post(PLACE, content=other, headers=headers)
    assert (refused.status_code, slug(refused)) == (422, "idempotency-key-reused")


async def test_a_cause_that_nobody_knows_is_refused(http: httpx.AsyncClient) -> None:
    made = (await create(http)).json()
    headers = {"Idempotency-Key": "k-2", "If-Match": "*"}
    address = f"{PLACE}/{made['id']}/cancellation"
    assert (await http.post(address, json={"cause": "WEATHER"}, headers=headers)).status_code == 422
    done = await http.post(address, json={"cause": "LEFT_DEPARTMENT", "reason": "Lack"}, headers=headers)
    assert done.json()["cancellation"]["cause"] == "LEFT_DEPARTMENT"


async def test_a_body_that_is_too_large_is_refused(http: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k-1"}
    assert (await http.post(PLACE, content=b" " * (5 * 1024 * 1024 + 1), headers=headers)).status_code == 413


@pytest.mark.parametrize("changed", [{"refuse_cursors": 500}, {"key_hours": -1.5, "cut": "x"}], ids=["status", "type"])
async def test_a_rule_that_cant_be_is_refused(sandbox: Sandbox, changed: dict[str, Any]) -> None:
    before = (await sandbox.control.state(PARTNER))["rules"]
    with pytest.raises(Refused):
        await act(sandbox, "rules", **changed)
    assert (await sandbox.control.state(PARTNER))["rules"] == before
