"""The demo's proof: it must see every difference, and nothing that is none."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from wtpd.demo.compare import NAMES, Comparison, compare
from wtpd.sync.ports import FIELDS

OURS: dict[str, Any] = {
    "id": "0192-1",
    "references": {"superservice": "A1", "import": "T1"},
    "status": "scheduled",
    "drop_off": "2026-11-23T07:30:00Z",
    "collection": "2026-11-23T15:00:00Z",
    "transport_option": "courtesy_car",
    "courtesy_car": "EW1",
    "customer_waiting": False,
    "advisor": "SB1",
    "notes": "Räder",
    "interventions": [
        {"code": "HU", "title": "HU mit AU", "description": "", "labour_units": 12, "price_cents": 14950}
    ],
    "customer": {
        "company": "", "salutation": "Frau", "title": "Dr.", "first_name": "Lydia", "last_name": "Säuberlich",
        "street": "Römerallee", "house_number": "27 b", "postcode": "19935", "city": "Pößneck", "country": "DE",
        "email": "l@example.org", "phone": "", "mobile": "0171 1", "business_email": "", "business_phone": "",
        "business_mobile": "",
    },
    "vehicle": {
        "plate": "B-T 24", "vin": "WVWZP00HC64024782", "make": "NISSAN", "model": "Leaf", "fuel": "Elektro",
        "first_registration": "2015-02-04", "inspection_due": None, "odometer_km": 195748,
    },
}  # fmt: skip
THEIRS: dict[str, Any] = {
    "id": "A1",
    "dmsAppointmentId": "0192-1",
    "status": "BOOKED",
    "dropOffTime": "2026-11-23T08:30:00+01:00",
    "collectionTime": "2026-11-23T16:00:00+01:00",
    "transport": {"option": "LOAN_CAR", "loanCarId": "EW1"},
    "customerWaiting": False,
    "advisorId": "SB1",
    "notes": "Räder",
    "jobs": [{"code": "HU", "title": "HU mit AU", "description": "", "labourUnits": 12.0, "priceCents": 14950}],
    "customer": {
        "companyName": "", "salutation": "Frau", "title": "Dr.", "firstName": "Lydia", "lastName": "Säuberlich",
        "address": {
            "street": "Römerallee", "houseNumber": "27 b", "postalCode": "19935", "city": "Pößneck", "country": "DE",
        },
        "contact": {
            "email": "l@example.org", "phone": "", "mobile": "0171 1", "businessEmail": "", "businessPhone": "",
            "businessMobile": "",
        },
    },
    "vehicle": {
        "registrationPlate": "B-T 24", "vin": "WVWZP00HC64024782", "make": "NISSAN", "model": "Leaf",
        "fuel": "Elektro", "firstRegistration": "2015-02-04", "inspectionDue": None, "odometerKm": 195748,
    },
}  # fmt: skip


BEFORE = datetime(2026, 11, 1, tzinfo=UTC)
AFTERWARDS = datetime(2027, 1, 1, tzinfo=UTC)


def compared(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], now: datetime = BEFORE) -> Comparison:
    return compare(ours, theirs, now)


def put(record: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed = deepcopy(record)
    *parents, last = path.split(".")
    inner = changed
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    return changed


def test_every_field_that_is_shared_is_compared() -> None:
    assert set(NAMES) == set(FIELDS)


def test_what_is_the_same_is_equal_however_times_are_written() -> None:
    result = compared([OURS], [THEIRS])
    assert result.equal
    assert (result.agreed, result.fields) == (1, len(NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_a_difference_in_any_field_is_seen(name: str) -> None:
    value = [] if name == "interventions" else "2026-11-23T07:31:00Z" if name in ("drop_off", "collection") else "other"
    result = compared([put(OURS, name, value)], [THEIRS])
    assert [one.field for one in result.differences] == [name]
    assert not result.equal


def test_an_appointment_that_one_side_lacks_is_a_difference() -> None:
    assert not compared([OURS], []).equal
    assert not compared([], [THEIRS]).equal
    assert not compared([put(OURS, "references", {})], [THEIRS]).equal


def test_what_was_cancelled_before_it_was_sent_need_not_be_there() -> None:
    assert compared([put(put(OURS, "references", {}), "status", "cancelled")], []).equal


def test_cancelled_on_one_side_only_is_a_difference() -> None:
    assert not compared([put(OURS, "status", "cancelled")], [THEIRS]).equal
    assert not compared([OURS], [put(THEIRS, "status", "CANCELLED")]).equal
    assert compared([put(OURS, "status", "cancelled")], [put(THEIRS, "status", "CANCELLED")]).equal


def test_a_second_booking_is_counted_on_either_side() -> None:
    assert compared([OURS], [THEIRS, {**THEIRS, "id": "A2"}]).doubles == ["0192-1"]
    assert compared([OURS, {**OURS, "id": "0192-2"}], [THEIRS]).doubles == ["A1"]
    assert compared([OURS], [THEIRS, {**THEIRS, "id": "A2", "status": "CANCELLED"}]).equal


def test_an_appointment_that_stands_for_another_one_there_is_a_difference() -> None:
    assert [one.field for one in compared([OURS], [{**THEIRS, "dmsAppointmentId": "0192-9"}]).differences] == ["id"]
    assert compared([OURS], [{**THEIRS, "dmsAppointmentId": None}]).equal


def test_what_was_over_before_it_was_ever_sent_need_not_be_there() -> None:
    never_sent = put(OURS, "references", {})
    assert not compared([never_sent], []).equal
    result = compared([never_sent], [], AFTERWARDS)
    assert result.equal
    assert (result.past, result.agreed) == (1, 0)


def test_what_is_linked_is_compared_although_it_is_over() -> None:
    assert not compared([OURS], [], AFTERWARDS).equal
    assert not compared([put(OURS, "notes", "other")], [THEIRS], AFTERWARDS).equal
    assert compared([OURS], [THEIRS], AFTERWARDS).agreed == 1
