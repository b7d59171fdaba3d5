"""How full the days are, and lists that are leafed through by place, customer and vehicle."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.unix_http import UnixHttp

PATH = "/v1/appointments"
MONDAY, TUESDAY = "2026-11-23", "2026-11-24"


def booking(day: str = MONDAY, units: float = 12, **changed: Any) -> dict[str, Any]:
    return {
        "site": "rostock", "department": "Werkstatt", "drop_off": f"{day}T08:00:00+01:00",
        "collection": f"{day}T16:00:00+01:00", "interventions": [{"title": "HU", "labour_units": units}], **changed,
    }  # fmt: skip


async def book(http: UnixHttp, day: str = MONDAY, units: float = 12, **changed: Any) -> str:
    made = await http.post(PATH, booking(day, units, **changed))
    assert made.status == 201, made.json
    return str(made.json["id"])


async def days(http: UnixHttp, query: str, language: str = "en") -> Any:
    reply = await http.get(f"/v1/reception?site=rostock&{query}", accept_language=language)
    assert reply.status == 200, reply.json
    return reply.json["items"]


async def test_each_day_has_its_departments_with_their_load(http: UnixHttp) -> None:
    await book(http)
    await book(http, units=8.5)
    gone = await book(http)
    await http.post(f"{PATH}/{gone}/cancel", {}, if_match="*")
    await book(http, department="Karosserie", units=5)
    await book(http, TUESDAY)
    await book(http, site="guestrow")
    monday, tuesday = await days(http, f"from={MONDAY}&to={TUESDAY}")
    assert (monday["day"], monday["weekday"], monday["appointments"]) == (MONDAY, 1, 3)
    assert (tuesday["weekday"], tuesday["appointments"]) == (2, 1)
    assert monday["departments"] == [
        {
            "department": "Werkstatt", "capacity": 48, "limit": 48, "load_limit": 100, "booked": 20.5,
            "appointments": 2, "closed": None,
        },
        {
            "department": "Karosserie", "capacity": 20, "limit": 20, "load_limit": 100, "booked": 5, "appointments": 1,
            "closed": None,
        },
    ]  # fmt: skip
    assert tuesday["departments"][1]["closed"] == "Nothing is planned on this weekday."


async def test_one_department_alone(http: UnixHttp) -> None:
    await book(http)
    await book(http, department="Karosserie", units=5)
    (monday,) = await days(http, f"from={MONDAY}&to={MONDAY}&department=Karosserie")
    assert (monday["appointments"], [one["department"] for one in monday["departments"]]) == (1, ["Karosserie"])


async def test_a_closed_day_says_why(http: UnixHttp) -> None:
    closure = {"site": "rostock", "reason": "Inventur", "start": f"{MONDAY}T00:00:00+01:00"}
    await http.post("/v1/closures", {**closure, "end": f"{TUESDAY}T00:00:00+01:00"})
    half = {**closure, "department": "Werkstatt", "start": f"{TUESDAY}T12:00:00+01:00"}
    await http.post("/v1/closures", {**half, "end": f"{TUESDAY}T17:00:00+01:00"})
    monday, tuesday = await days(http, f"from={MONDAY}&to={TUESDAY}")
    assert (monday["departments"][0]["capacity"], monday["departments"][0]["closed"]) == (0, "Closed: Inventur")
    assert 0 < tuesday["departments"][0]["capacity"] < 48
    assert tuesday["departments"][0]["closed"] is None


async def test_a_public_holiday(http: UnixHttp) -> None:
    (new_year,) = await days(http, "from=2027-01-01&to=2027-01-01")
    workshop = new_year["departments"][0]
    assert (workshop["capacity"], workshop["closed"]) == (0, "Public holiday: Neujahr.")


async def test_a_day_of_25_hours_is_one_day(http: UnixHttp) -> None:
    visit = booking(drop_off="2026-10-25T23:30:00+01:00", collection="2026-10-26T16:00:00+01:00", units=0)
    assert (await http.post(f"{PATH}?allow_over_limit=true", visit)).status == 201
    sunday, monday = await days(http, "from=2026-10-25&to=2026-10-26")
    assert (sunday["appointments"], monday["appointments"]) == (1, 0)


@pytest.mark.parametrize(
    "query",
    [
        "site=nowhere&from=2026-11-23&to=2026-11-23",
        "site=rostock&department=Lack&from=2026-11-23&to=2026-11-23",
        "site=rostock&from=2026-11-24&to=2026-11-23",
        "site=rostock&from=2026-11-01&to=2027-01-02",
        "site=rostock&from=0001-01-01&to=0001-01-02",
        "site=rostock&from=2026-11-23",
        "from=2026-11-23&to=2026-11-23",
    ],
)
async def test_what_cannot_be_asked(http: UnixHttp, query: str) -> None:
    assert (await http.get(f"/v1/reception?{query}")).status == 422


async def test_a_list_is_opened_at_any_place(http: UnixHttp) -> None:
    made = [await book(http, units=0, drop_off=f"{MONDAY}T{hour:02}:00:00Z") for hour in range(6, 14)]
    await book(http, TUESDAY, site="guestrow")
    page = (await http.get(f"{PATH}?site=rostock&offset=3&limit=2&count=true")).json
    assert [one["id"] for one in page["items"]] == made[3:5]
    assert page["total"] == 8
    following = (await http.get(f"{PATH}?site=rostock&limit=2&cursor={page['next_cursor']}")).json
    assert [one["id"] for one in following["items"]] == made[5:7]
    assert following["total"] is None
    last = (await http.get(f"{PATH}?site=rostock&offset=7&limit=2")).json
    assert ([one["id"] for one in last["items"]], last["next_cursor"]) == (made[7:], None)
    beyond = (await http.get(f"{PATH}?site=rostock&offset=70&count=true")).json
    assert (beyond["items"], beyond["total"]) == ([], 8)
    assert (await http.get(f"{PATH}?offset=-1")).status == 422


async def test_the_appointments_of_a_customer_and_of_a_vehicle(http: UnixHttp) -> None:
    person = (await http.post("/v1/customers", {"last_name": "Lübs"})).json["id"]
    car = (await http.post("/v1/vehicles", {"plate": "HRO-AL 17"})).json["id"]
    both = await book(http, customer_id=person, vehicle_id=car)
    only = await book(http, TUESDAY, customer_id=person)
    await book(http)
    found = (await http.get(f"{PATH}?customer_id={person}&count=true")).json
    assert ([one["id"] for one in found["items"]], found["total"]) == ([both, only], 2)
    found = (await http.get(f"{PATH}?vehicle_id={car}&day={MONDAY}&site=rostock")).json
    assert [one["id"] for one in found["items"]] == [both]
    found = (await http.get(f"{PATH}?q=luebs&customer_id={person}&offset=1")).json
    assert [one["id"] for one in found["items"]] == [both], "the newest first"
