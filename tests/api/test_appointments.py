"""Appointments through the API: book, change, cancel, find; versions, keys, figures."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.daemon import RunningDaemon
from tests.support.unix_http import UnixHttp
from wtpd.daemon.api.once import LONGEST

PATH = "/v1/appointments"


def booking(**changed: Any) -> dict[str, Any]:
    """A Monday, 8 to 16 o'clock in Rostock."""
    return {
        "site": "rostock",
        "department": "Werkstatt",
        "drop_off": "2026-11-23T08:00:00+01:00",
        "collection": "2026-11-23T16:00:00+01:00",
        "interventions": [{"title": "Inspektion", "labour_units": 12}],
        **changed,
    }


async def test_a_booking_is_created_with_version_and_place(http: UnixHttp) -> None:
    made = await http.post(PATH, booking(notes="Räder\neinlagern"))
    assert (made.status, made.etag) == (201, '"1"')
    assert made.json["drop_off"] == "2026-11-23T07:00:00Z"
    assert made.json["labour_units"] == 12
    found = await http.get(made.headers["location"])
    assert (found.status, found.json) == (200, made.json)


async def test_customer_and_vehicle_come_along_in_a_line(http: UnixHttp) -> None:
    customer = (await http.post("/v1/customers", {"first_name": "Axel", "last_name": "Lübs", "mobile": "0151 1"})).json
    vehicle = (await http.post("/v1/vehicles", {"plate": "HRO-AL 17", "make": "NISSAN", "owner": customer["id"]})).json
    made = await http.post(PATH, booking(customer_id=customer["id"], vehicle_id=vehicle["id"]))
    assert made.json["customer"] == {"id": customer["id"], "name": "Axel Lübs", "phone": "0151 1", "locked_by": None}
    assert made.json["vehicle"]["plate"] == "HRO-AL 17"
    for words in ("hro al17", "Lübs", "luebs"):
        found = await http.get(f"{PATH}?q={words.replace(' ', '%20').replace('ü', '%C3%BC')}")
        assert [one["id"] for one in found.json["items"]] == [made.json["id"]], words


async def test_a_change_needs_the_version_it_was_made_from(http: UnixHttp) -> None:
    made = (await http.post(PATH, booking(notes="alt"))).json
    target = f"{PATH}/{made['id']}"
    changed = await http.patch(target, {"notes": "neu"}, version=1)
    assert (changed.status, changed.etag, changed.json["notes"]) == (200, '"2"', "neu")
    late = await http.patch(target, {"notes": "auch neu"}, version=1)
    assert (late.status, late.kind) == (412, "version-mismatch")
    assert late.json["version"] == 2
    unsaid = await http.patch(target, {"notes": "x"}, version=None)
    assert (unsaid.status, unsaid.kind) == (428, "version-needed")
    whichever = await http.patch(target, {"notes": "egal"}, version="*")
    assert whichever.json["notes"] == "egal"
    odd = await http.patch(target, {"notes": "x"}, version="1")
    assert (odd.status, odd.kind) == (422, "invalid-header")


async def test_null_takes_a_value_away_and_what_isnt_named_stays(http: UnixHttp) -> None:
    made = (await http.post(PATH, booking(notes="weg", work_order="WO-1", customer_waiting=True))).json
    changed = await http.patch(f"{PATH}/{made['id']}", {"notes": None, "work_order": None}, version=1)
    assert (changed.json["notes"], changed.json["work_order"]) == ("", None)
    assert changed.json["customer_waiting"] is True
    refused = await http.patch(f"{PATH}/{made['id']}", {"site": None}, version=2)
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "site")


async def test_a_change_that_changes_nothing_is_none(http: UnixHttp) -> None:
    made = (await http.post(PATH, booking())).json
    same = await http.patch(f"{PATH}/{made['id']}", {"notes": ""}, version=1)
    assert (same.status, same.etag) == (200, '"1"')
    assert len((await http.get(f"{PATH}/{made['id']}/history")).json["items"]) == 1


async def test_merge_patch_is_understood_by_its_own_name(http: UnixHttp) -> None:
    made = (await http.post(PATH, booking())).json
    patch = {"content_type": "application/merge-patch+json"}
    assert (await http.patch(f"{PATH}/{made['id']}", {"notes": "x"}, version=1, **patch)).status == 200
    assert (await http.send("POST", PATH, booking(), headers=patch)).status == 415


async def test_cancelling_keeps_it_and_the_history_tells_all(http: UnixHttp) -> None:
    made = (await http.post(PATH, booking())).json
    target = f"{PATH}/{made['id']}"
    await http.patch(target, {"notes": "neu"}, version=1, wtpd_initials="MK", wtpd_channel="desk")
    gone = await http.post(f"{target}/cancel", {"reason": "krank"}, if_match='"2"')
    assert (gone.status, gone.json["status"], gone.json["cancellation_reason"]) == (200, "cancelled", "krank")
    history = (await http.get(f"{target}/history")).json["items"]
    assert [(entry["action"], entry["version"]) for entry in history] == [
        ("created", 1), ("changed", 2), ("cancelled", 3),
    ]  # fmt: skip
    assert history[1]["changes"] == {"notes": {"old": "", "new": "neu"}}
    assert (history[1]["actor"].endswith(" (MK)"), history[1]["channel"]) == (True, "desk")
    again = await http.patch(target, {"status": "scheduled"}, version=3)
    assert again.status == 409


async def test_a_repeated_request_is_answered_what_the_first_one_was(http: UnixHttp) -> None:
    first = await http.post(PATH, booking(), idempotency_key="k-1")
    again = await http.post(PATH, booking(), idempotency_key="k-1")
    assert (again.status, again.json, again.etag) == (201, first.json, first.etag)
    assert again.headers["location"] == first.headers["location"]
    assert len((await http.get(PATH)).json["items"]) == 1
    other = await http.post(PATH, booking(notes="anders"), idempotency_key="k-1")
    assert (other.status, other.kind) == (422, "idempotency-key-reused")


async def test_a_refused_request_may_be_sent_again_with_its_key(http: UnixHttp) -> None:
    refused = await http.post(PATH, booking(department="Küche"), idempotency_key="k-1")
    assert refused.status == 422
    assert (await http.post(PATH, booking(), idempotency_key="k-1")).status == 201


async def test_a_repeated_cancel_and_change_count_once(http: UnixHttp) -> None:
    made = (await http.post(PATH, booking())).json
    target = f"{PATH}/{made['id']}"
    for _ in range(2):
        changed = await http.patch(target, {"notes": "x"}, version=1, idempotency_key="k-2")
        assert (changed.status, changed.etag) == (200, '"2"')
    for _ in range(2):
        gone = await http.post(f"{target}/cancel", {}, if_match='"2"', idempotency_key="k-3")
        assert (gone.status, gone.etag) == (200, '"3"')


@pytest.mark.parametrize("key", ["x" * (LONGEST + 1), ""])
async def test_a_key_that_cannot_be_one(http: UnixHttp, key: str) -> None:
    assert (await http.post(PATH, booking(), idempotency_key=key)).kind == "invalid-header"


async def test_beyond_the_load_limit_the_answer_has_the_figures(http: UnixHttp) -> None:
    work = [{"title": "Motor", "labour_units": 40}]
    assert (await http.post(PATH, booking(interventions=work))).status == 201
    full = await http.post(PATH, booking())
    assert (full.status, full.kind) == (409, "over-limit")
    assert {name: full.json[name] for name in ("limit", "booked", "asked")} == {"limit": 48, "booked": 40, "asked": 12}
    meant = await http.post(f"{PATH}?allow_over_limit=true", booking())
    assert (meant.status, meant.json["over_limit"]) == (201, True)


async def test_a_courtesy_car_is_lent_once_at_a_time(http: UnixHttp) -> None:
    await http.post("/v1/courtesy-cars", {"id": "EW1", "plate": "HRO-EW 1", "site": "rostock"})
    car = {"transport_option": "courtesy_car", "courtesy_car": "EW1", "interventions": []}
    first = await http.post(PATH, booking(**car))
    assert first.status == 201
    second = await http.post(PATH, booking(**car))
    assert (second.status, second.kind) == (409, "car-taken")
    assert second.json["appointment"] == first.json["id"]
    await http.post(f"{PATH}/{first.json['id']}/cancel", {}, if_match="*")
    assert (await http.post(PATH, booking(**car))).status == 201


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"department": "Küche"}, "department"),
        ({"site": "berlin"}, "site"),
        ({"collection": "2026-11-23T07:00:00+01:00"}, "collection"),
        ({"drop_off": "2026-11-23T08:00:00"}, "drop_off"),
        ({"drop_off": "gestern"}, "drop_off"),
        ({"drop_off": "0001-01-01T00:00:00+14:00"}, "drop_off"),
        ({"interventions": [{"title": "x", "labour_units": -1}]}, "interventions.0.labour_units"),
        ({"interventions": [{}]}, "interventions.0.title"),
        ({"notes": "a\u0000b"}, "notes"),
        ({"colour": "red"}, "colour"),
        ({"status": "lost"}, "status"),
        ({"customer_id": "nobody"}, "customer_id"),
    ],
)
async def test_a_wrong_field_is_pointed_at(http: UnixHttp, wrong: dict[str, Any], field: str) -> None:
    reply = await http.post(PATH, booking(**wrong))
    assert (reply.status, [one["field"] for one in reply.json["errors"]]) == (422, [field]), reply.json


async def test_the_day_of_a_site_is_a_day_there(http: UnixHttp) -> None:
    times = ["2026-11-22T23:30:00+01:00", "2026-11-23T00:00:00+01:00", "2026-11-23T23:59:00+01:00"]
    for start in times:
        visit = booking(drop_off=start, collection="2026-11-24T12:00:00+01:00", interventions=[])
        made = await http.post(f"{PATH}?allow_over_limit=true", visit)
        assert made.status == 201, made.json
    day = await http.get(f"{PATH}?site=rostock&day=2026-11-23")
    assert [one["drop_off"] for one in day.json["items"]] == ["2026-11-22T23:00:00Z", "2026-11-23T22:59:00Z"]
    week = await http.get(f"{PATH}?site=rostock&from=2026-11-16&to=2026-11-22")
    assert len(week.json["items"]) == 1
    other = await http.get(f"{PATH}?site=guestrow&day=2026-11-23")
    assert other.json["items"] == []


async def test_lists_come_in_pages(http: UnixHttp) -> None:
    for hour in range(7):
        await http.post(PATH, booking(drop_off=f"2026-11-23T{hour + 8:02}:00:00+01:00", interventions=[]))
    seen, cursor = [], ""
    while True:
        page = (await http.get(f"{PATH}?limit=3{cursor}")).json
        seen.append([one["drop_off"][11:13] for one in page["items"]])
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [["07", "08", "09"], ["10", "11", "12"], ["13"]]
    assert (await http.get(f"{PATH}?cursor=xyz")).status == 422


async def test_lists_by_status(http: UnixHttp) -> None:
    made = (await http.post(PATH, booking())).json
    await http.post(PATH, booking())
    await http.patch(f"{PATH}/{made['id']}", {"status": "arrived"}, version=1)
    arrived = (await http.get(f"{PATH}?status=arrived,in_work")).json["items"]
    assert [one["id"] for one in arrived] == [made["id"]]
    assert (await http.get(f"{PATH}?status=lost")).status == 422


@pytest.mark.parametrize(
    "query", ["day=2026-02-30", "from=2026-02-02&to=2026-02-01", "day=0001-01-01", "day=9999-12-31", "limit=0", "x=1"]
)
async def test_a_question_that_makes_no_sense(http: UnixHttp, query: str) -> None:
    assert (await http.get(f"{PATH}?{query}")).status == 422


@pytest.mark.parametrize("part", ["", "/history", "/contract"])
async def test_what_isnt_there_is_404(http: UnixHttp, part: str) -> None:
    reply = await http.get(f"{PATH}/0193-nothing{part}", accept_language="nl")
    assert (reply.status, reply.headers["content-language"]) == (404, "nl")


async def test_the_contract_is_the_customers_data_at_the_booking(http: UnixHttp) -> None:
    customer = (await http.post("/v1/customers", {"last_name": "<Lübs>", "city": "Rostock"})).json
    await http.post("/v1/courtesy-cars", {"id": "EW1", "plate": "HRO-EW 1", "make": "NISSAN", "site": "rostock"})
    car = {"transport_option": "courtesy_car", "courtesy_car": "EW1", "customer_id": customer["id"]}
    made = (await http.post(PATH, booking(**car))).json
    await http.patch(f"/v1/customers/{customer['id']}", {"city": "Berlin"}, version=1)
    text = await http.get(f"{PATH}/{made['id']}/contract", accept_language="en")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    for word in ("Rostock", "HRO-EW 1", "23/11/2026 08:00", "<Lübs>"):
        assert word in text.content.decode()
    assert "Berlin" not in text.content.decode()
    html = await http.get(f"{PATH}/{made['id']}/contract", accept="text/html")
    assert html.headers["content-type"] == "text/html; charset=utf-8"
    assert "&lt;Lübs&gt;" in html.content.decode()
    without = (await http.post(PATH, booking(interventions=[]))).json
    assert (await http.get(f"{PATH}/{without['id']}/contract")).kind == "no-contract"


async def test_events_tell_of_changes_without_personal_data(daemon: RunningDaemon) -> None:
    async with daemon.http.events("/v1/events?kinds=appointment.*") as events:
        made = (await daemon.http.post(PATH, booking(notes="geheim"))).json
        await daemon.http.patch(f"{PATH}/{made['id']}", {"notes": "noch geheimer"}, version=1)
        await daemon.http.post(f"{PATH}/{made['id']}/cancel", {}, if_match="*")
        heard = [await events.next() for _ in range(3)]
    assert [kind for _, kind, _ in heard] == ["appointment.created", "appointment.changed", "appointment.cancelled"]
    assert heard[1][2]["version"] == 2
    assert "geheim" not in str(heard)
