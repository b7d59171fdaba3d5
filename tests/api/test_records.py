"""Customers, vehicles, advisors, courtesy cars, closures, availability, import."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon
from tests.support.unix_http import UnixHttp
from wtpd.store.partner_records import PartnerRecord

SAMPLES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "customers": ({"last_name": "Lübs", "email": "a@example.org"}, {"city": "Rostock"}),
    "vehicles": ({"plate": "HRO-AL 17", "vin": "SJNFLKWT9X1458220"}, {"odometer_km": 35630}),
    "advisors": (
        {"id": "SB1", "name": "Sabine", "site": "rostock", "department": "Werkstatt",
         "weekly_hours": {"1": [["08:00:00", "12:00:00"]]}},
        {"weekly_hours": {"1": None, "2": [["08:00:00", "16:00:00"]]}},
    ),
    "courtesy-cars": (
        {"id": "EW1", "plate": "HRO-EW 1", "site": "rostock", "features": ["AHK"]},
        {"out_of_service": [{"start": "2026-12-01T00:00:00Z", "end": "2026-12-02T00:00:00Z"}]},
    ),
    "closures": (
        {"site": "rostock", "start": "2026-12-24T07:00:00Z", "end": "2026-12-24T17:00:00Z", "reason": "Heiligabend"},
        {"reason": "Weihnachten"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAMPLES)
async def test_the_life_of_a_record(http: UnixHttp, kind: str) -> None:
    new, patch = SAMPLES[kind]
    made = await http.post(f"/v1/{kind}", new, idempotency_key="k")
    assert (made.status, made.etag) == (201, '"1"'), made.json
    again = await http.post(f"/v1/{kind}", new, idempotency_key="k")
    assert (again.status, again.json) == (201, made.json)
    target = made.headers["location"]
    assert (await http.get(target)).json == made.json
    changed = await http.patch(target, patch, version=1)
    assert (changed.status, changed.etag) == (200, '"2"'), changed.json
    assert (await http.patch(target, patch, version=1)).status == 412
    listed = (await http.get(f"/v1/{kind}")).json["items"]
    assert listed == [changed.json]
    nothing = await http.get(f"/v1/{kind}/nobody")
    assert (nothing.status, nothing.kind) == (404, "not-found")


async def test_a_key_of_a_map_is_taken_away_by_null(http: UnixHttp) -> None:
    new, patch = SAMPLES["advisors"]
    await http.post("/v1/advisors", new)
    changed = await http.patch("/v1/advisors/SB1", patch, version=1)
    assert list(changed.json["weekly_hours"]) == ["2"]


async def test_a_short_sign_is_taken_once(http: UnixHttp) -> None:
    new, _ = SAMPLES["advisors"]
    await http.post("/v1/advisors", new)
    assert (await http.post("/v1/advisors", {**new, "name": "Anders"})).kind == "exists"
    assert (await http.patch("/v1/advisors/SB1", {"id": "SB2"}, version=1)).json["errors"][0]["field"] == "id"


@pytest.mark.parametrize(
    ("kind", "wrong", "field"),
    [
        ("advisors", {"weekly_hours": {"8": []}}, "weekly_hours"),
        ("advisors", {"weekly_hours": {"1": [["08:00:00Z", "12:00:00"]]}}, "weekly_hours.*.0.0"),
        ("advisors", {"id": "a/b"}, "id"),
        ("vehicles", {"odometer_km": 1 << 63}, "odometer_km"),
        ("vehicles", {"first_registration": "2026-13-01"}, "first_registration"),
        ("customers", {"first_name": "x" * 201}, "first_name"),
        ("customers", {"first_name": "a\nb"}, "first_name"),
        ("closures", {"end": "2026-12-24T06:00:00Z"}, "end"),
    ],
)
async def test_a_wrong_field_is_pointed_at(http: UnixHttp, kind: str, wrong: dict[str, Any], field: str) -> None:
    reply = await http.post(f"/v1/{kind}", {**SAMPLES[kind][0], **wrong})
    assert (reply.status, reply.json["errors"][0]["field"]) == (422, field), reply.json


async def test_customers_are_found_and_listed_in_pages(http: UnixHttp) -> None:
    for number in range(5):
        await http.post("/v1/customers", {"last_name": f"Müller{number}", "number": f"K{number}"})
    found = (await http.get("/v1/customers?q=mueller3")).json["items"]
    assert [one["number"] for one in found] == ["K3"]
    first = (await http.get("/v1/customers?limit=3")).json
    rest = (await http.get(f"/v1/customers?limit=3&cursor={first['next_cursor']}")).json
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (3, 2, None)
    taken = await http.post("/v1/customers", {"last_name": "Zwei", "number": "K3"})
    assert (taken.status, taken.kind) == (409, "number-taken")


async def test_a_customers_vehicles(http: UnixHttp) -> None:
    owner = (await http.post("/v1/customers", {"last_name": "Lübs"})).json["id"]
    await http.post("/v1/vehicles", {"plate": "HRO-AL 17", "owner": owner})
    await http.post("/v1/vehicles", {"plate": "HRO-XX 1"})
    found = (await http.get(f"/v1/vehicles?customer={owner}")).json["items"]
    assert [one["plate"] for one in found] == ["HRO-AL 17"]


async def test_a_person_can_see_everything_and_be_forgotten(http: UnixHttp) -> None:
    body = {"last_name": "Vergissmich", "email": "vergiss@mich.example"}
    customer = (await http.post("/v1/customers", body, idempotency_key="personal")).json
    visit = {"site": "rostock", "department": "Werkstatt", "customer_id": customer["id"],
             "drop_off": "2024-11-25T08:00:00Z", "collection": "2024-11-25T15:00:00Z"}  # fmt: skip
    made = await http.post("/v1/appointments", visit, idempotency_key="visit")
    assert made.status == 201, made.json
    exported = await http.get(f"/v1/customers/{customer['id']}/export")
    assert b"vergiss@mich.example" in exported.content
    erased = await http.post(f"/v1/customers/{customer['id']}/erase")
    assert (erased.status, erased.json["erased"], erased.json["last_name"]) == (200, True, "")
    for target in (f"/v1/customers/{customer['id']}", f"/v1/appointments/{made.json['id']}",
                   f"/v1/appointments/{made.json['id']}/history", "/v1/customers?q=vergissmich"):  # fmt: skip
        assert b"ergiss" not in (await http.get(target)).content, target
    repeated = await http.post("/v1/customers", body, idempotency_key="personal")
    assert b"ergiss" not in repeated.content or repeated.json["id"] != customer["id"]


async def test_a_new_customer_of_the_data_of_an_erased_person_is_warned_of(http: UnixHttp) -> None:
    body = {"last_name": "Vergissmich", "email": "vergiss@mich.example", "mobile": "0151 7778889"}
    customer = (await http.post("/v1/customers", body)).json
    assert "warnings" not in customer
    await http.post(f"/v1/customers/{customer['id']}/erase")
    again = await http.post("/v1/customers", body, Accept_Language="de")
    assert again.status == 201
    (warning,) = again.json["warnings"]
    assert "gelöscht" in warning
    household = await http.post(
        "/v1/customers", {"last_name": "Vergissmich", "mobile": "+49 151 7778889"}, Accept_Language="en"
    )
    (warning,) = household.json["warnings"]
    assert "telephone number was erased on" in warning
    assert "warnings" not in (await http.get(f"/v1/customers/{again.json['id']}")).json
    other = await http.post("/v1/customers", {"last_name": "Vergissmich", "mobile": "0151 1111111"})
    assert "warnings" not in other.json


async def test_partners_own_numbers_are_listed(daemon: RunningDaemon) -> None:
    http, parts = daemon.http, daemon.daemon.parts
    assert parts is not None
    customer = (await http.post("/v1/customers", {"last_name": "Lübs"})).json
    of = {"connector": "incadea", "company": "NORD", "kind": "customer", "record_id": customer["id"]}
    for number in ("4712", "4711"):
        record = PartnerRecord(partner_id=number, version="7", **of)
        await parts.db.write(lambda tx, record=record: parts.book.keep_partner_record(tx, record))  # type: ignore[misc]
    target = f"/v1/partner-records?kind=customer&record_id={customer['id']}"
    found = (await http.get(target)).json
    assert [(one["partner_id"], one["version"], one["company"]) for one in found["items"]] == [
        ("4711", "7", "NORD"), ("4712", "7", "NORD"),
    ]  # fmt: skip
    assert (await http.get("/v1/partner-records?kind=order&record_id=x")).json["items"] == []
    assert (await http.get("/v1/partner-records?kind=invoice&record_id=x")).status in (400, 422)
    assert (await http.get("/v1/partner-records?kind=customer")).status in (400, 422)
    assert (await http.post("/v1/partner-records", of)).status == 405
    exported = await http.get(f"/v1/customers/{customer['id']}/export")
    assert [one["partner_id"] for one in exported.json["partner_records"]] == ["4711", "4712"]
    await http.post(f"/v1/customers/{customer['id']}/erase")
    assert (await http.get(target)).json["items"] == []


async def test_a_closure_can_be_taken_away(http: UnixHttp) -> None:
    made = await http.post("/v1/closures", SAMPLES["closures"][0])
    target = made.headers["location"]
    assert (await http.delete(target, if_match='"7"')).status == 412
    gone = await http.delete(target, if_match='"1"')
    assert (gone.status, gone.content) == (204, b"")
    assert (await http.delete(target)).status == 404


async def test_what_can_be_booked(http: UnixHttp) -> None:
    new, _ = SAMPLES["advisors"]
    await http.post("/v1/advisors", new)
    query = "/v1/availability?site=rostock&department=Werkstatt&from=2026-11-23&to=2026-11-24"
    monday, tuesday = (await http.get(query)).json["items"]
    assert (monday["capacity"], monday["limit"], monday["booked"], monday["remaining"]) == (48, 48, 0, 48)
    assert monday["advisors"] == [
        {"id": "SB1", "name": "Sabine", "periods": [{"start": "2026-11-23T07:00:00Z", "end": "2026-11-23T11:00:00Z"}]}
    ]
    assert tuesday["advisors"] == []
    visit = {"site": "rostock", "department": "Werkstatt", "interventions": [{"title": "x", "labour_units": 8}],
             "drop_off": "2026-11-23T07:00:00Z", "collection": "2026-11-23T15:00:00Z"}  # fmt: skip
    await http.post("/v1/appointments", visit)
    after = (await http.get(query)).json["items"][0]
    assert (after["booked"], after["remaining"]) == (8, 40)


@pytest.mark.parametrize(
    "query",
    [
        "site=rostock&department=Küche&from=2026-11-23".replace("ü", "%C3%BC"),
        "site=berlin&department=Werkstatt&from=2026-11-23",
        "site=rostock&department=Werkstatt",
        "site=rostock&department=Werkstatt&from=2026-11-23&to=2030-11-23",
        "site=rostock&department=Werkstatt&from=9999-12-31",
    ],
)
async def test_availability_that_makes_no_sense(http: UnixHttp, query: str) -> None:
    assert (await http.get(f"/v1/availability?{query}")).status == 422


def csv(text: str, **more: Any) -> dict[str, Any]:
    """A body that imports one file."""
    file = {"name": "kunden.csv", "content": base64.b64encode(text.encode("cp1252")).decode(), **more}
    return {"files": [file]}


async def test_an_import_is_whole_and_changes_nothing_the_second_time(http: UnixHttp) -> None:
    text = "Kundennummer;Vorname;Nachname;Ort\r\nK1;Jörg;Müller;Güstrow\r\nK2;Eva;Maß;Rostock\r\n"
    first = await http.post("/v1/import", csv(text, kind="customers"))
    assert (first.status, first.json["created"], first.json["kinds"]["customers"]["created"]) == (200, 2, 2), first.json
    second = await http.post("/v1/import", csv(text))
    assert (second.json["created"], second.json["unchanged"]) == (0, 2)
    assert len((await http.get("/v1/customers")).json["items"]) == 2


async def test_an_import_that_is_wrong_says_where_and_does_nothing(http: UnixHttp) -> None:
    text = "Kundennummer;Vorname;Nachname\r\nK1;Jörg;Müller\r\nK2;Eva;Maß\r\nK1;Ute;Anders\r\n"
    refused = await http.post("/v1/import", csv(text, kind="customers"))
    assert (refused.status, refused.kind) == (422, "invalid")
    assert [error["field"] for error in refused.json["errors"]] == ["kunden.csv:4:Kundennummer"], refused.json
    assert (await http.get("/v1/customers")).json["items"] == []


async def test_files_come_in_together_in_any_order_or_not_at_all(http: UnixHttp) -> None:
    cars = "FIN;Kennzeichen;Halter\r\nSJNFLKWT9X1458220;HRO-AB 12;K1\r\n"
    people = "Kundennummer;Vorname;Nachname\r\nK1;Jörg;Müller\r\n"
    files = [{**csv(cars)["files"][0], "name": "fahrzeuge.csv"}, *csv(people)["files"]]
    broken = {**csv("Kundennummer;Vorname;Nachname\r\nK2;Eva\r\n")["files"][0], "name": "neue.csv"}
    refused = await http.post("/v1/import", {"files": [*files, broken]})
    assert (refused.status, [error["field"] for error in refused.json["errors"]]) == (422, ["neue.csv:2:Nachname"])
    assert (await http.get("/v1/customers")).json["items"] == []
    taken = await http.post("/v1/import", {"files": files})
    assert {kind: counts["created"] for kind, counts in taken.json["kinds"].items()} == {"customers": 1, "vehicles": 1}


async def test_an_import_may_be_large_other_requests_not(http: UnixHttp) -> None:
    lines = "".join(f"K{number};V{number};Nachname{number}\r\n" for number in range(40_000))
    body = csv("Kundennummer;Vorname;Nachname\r\n" + lines)
    (file,) = body["files"]
    assert len(file["content"]) > 1 << 20
    assert (await http.post("/v1/customers", {"last_name": file["content"]})).status == 413
    assert (await http.post("/v1/import", {"files": [{**file, "kind": "nonsense"}]})).status == 422
    assert (await http.post("/v1/import", {"files": []})).status == 422


@pytest.mark.parametrize("sign", ["\x9b", "\x85", "\u202e", "\u2066"])
async def test_signs_that_steer_a_terminal_or_turn_the_writing_are_refused(http: UnixHttp, sign: str) -> None:
    made = await http.post("/v1/customers", {"last_name": f"Mey{sign}er"})
    assert (made.status, made.json["errors"][0]["field"]) == (422, "last_name"), made.json
    for kind, field in (("customers", "city"), ("vehicles", "model"), ("advisors", "name"), ("courtesy-cars", "make"),
                        ("closures", "reason")):  # fmt: skip
        kept = (await http.post(f"/v1/{kind}", SAMPLES[kind][0])).headers["location"]
        refused = await http.patch(kept, {field: f"Rö{sign}bel"}, version=1)
        assert (refused.status, refused.json["errors"][0]["field"]) == (422, field), refused.json
    visit = {"site": "rostock", "department": "Werkstatt", "drop_off": "2027-03-01T07:00:00Z",
             "collection": "2027-03-01T15:00:00Z"}  # fmt: skip
    for more in ({"notes": f"a{sign}b"}, {"work_order": f"1{sign}2"}, {"interventions": [{"title": f"H{sign}U"}]}):
        refused = await http.post("/v1/appointments", {**visit, **more})
        assert (refused.status, refused.json["errors"][0]["field"].split(".")[0]) == (422, next(iter(more)))
