"""Customers found by what they drive, and the vehicles of several customers in one question."""

from __future__ import annotations

from typing import Any

from tests.support.tui_desk import Desk
from tests.support.unix_http import UnixHttp


async def names(http: UnixHttp, q: str, limit: int = 100) -> list[str]:
    page = (await http.get(f"/v1/customers?q={q}&limit={limit}")).json
    return [one["last_name"] for one in page["items"]]


async def plates(http: UnixHttp, *customers: Any) -> list[str]:
    ids = ",".join(one["id"] for one in customers)
    return sorted(one["plate"] for one in (await http.get(f"/v1/vehicles?customer={ids}")).json["items"])


async def test_a_customer_is_found_by_the_plate_and_vin_of_a_vehicle_in_any_role(http: UnixHttp) -> None:
    desk = Desk(http)
    driver, owner = await desk.customer(last_name="Fahrer"), await desk.customer(last_name="Halter")
    await desk.vehicle("HRO-AL 17", vin="SJNFAAZE1U0999777", driver=driver["id"], owner=owner["id"])
    await desk.vehicle("HRO-AL 18", driver=owner["id"])
    assert await names(http, "HRO-AL%2017") == ["Fahrer", "Halter"]
    assert await names(http, "hroal17") == ["Fahrer", "Halter"]
    assert await names(http, "U0999777") == ["Fahrer", "Halter"]
    assert await names(http, "HRO-AL%2018") == ["Halter"]
    assert await names(http, "hroal17", limit=1) == ["Fahrer"]


async def test_a_make_finds_no_drivers_and_own_words_come_first(http: UnixHttp) -> None:
    desk = Desk(http)
    by_number = await desk.customer(last_name="Nummer", number="4711")
    by_plate = await desk.customer(last_name="Kennzeichen")
    await desk.vehicle("4711-XY", driver=by_plate["id"])
    await desk.vehicle("HRO-A 1", driver=by_number["id"])
    assert await names(http, "nissan") == []
    assert await names(http, "4711") == ["Nummer", "Kennzeichen"]


async def test_vehicles_of_several_customers(http: UnixHttp) -> None:
    desk = Desk(http)
    one, two, three = [await desk.customer(last_name=name) for name in ("Eins", "Zwei", "Drei")]
    await desk.vehicle("HRO-A 1", driver=one["id"], owner=two["id"])
    await desk.vehicle("HRO-A 2", contractor=two["id"])
    await desk.vehicle("HRO-A 3", driver=three["id"])
    assert await plates(http, one, two) == ["HRO-A 1", "HRO-A 2"]
    assert await plates(http, three) == ["HRO-A 3"]
    assert await plates(http, {"id": "nobody"}) == []
