from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sandbox import DEALER, FIELDS, cancellation, creation, update
from wtpd.connectors.kit.oauth import token_of
from wtpd.connectors.kit.values import WireError
from wtpd.connectors.superservice import wire, wire_access, wire_places
from wtpd.connectors.superservice.sandbox import contract
from wtpd.sync.ports import FIELDS as ALL_FIELDS
from wtpd.sync.ports import DayOffer, Incoming, Unreadable


def partners(**changed: Any) -> dict[str, Any]:
    """The appointment as the partner would give it."""
    body = {
        "id": "A0000017",
        "dealerNumber": DEALER,
        "version": 3,
        "createdBy": "customer_app",
        "changedBy": "dealer",
        "cancellation": None,
        "links": {"menus": "https://menus.example/A0000017"},
        **wire.creation(creation("a-1")),
    }
    return deepcopy({**body, **changed})


def test_every_shared_field_has_its_place() -> None:
    assert set(wire_places.PLACES) == set(ALL_FIELDS)


def test_reading_gives_back_what_was_written() -> None:
    read = wire.appointment(partners(), DEALER)
    assert dict(read.fields) == dict(FIELDS)
    assert read.origin == "mynissan"
    assert read.our_id == "a-1"
    assert read.links == {"superservice_menus": "https://menus.example/A0000017"}


@settings(deadline=None, max_examples=100)
@given(
    st.fixed_dictionaries(
        {
            "status": st.sampled_from(["scheduled", "arrived", "in_work", "ready", "completed", "no_show"]),
            "transport_option": st.sampled_from(
                ["none", "waiting", "courtesy_car", "rental_car", "collection_delivery", "shuttle"]
            ),
            "notes": st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n"), max_size=200),
            "customer_waiting": st.booleans(),
            "advisor": st.none() | st.text("ABC123", min_size=1, max_size=8),
            "vehicle.odometer_km": st.none() | st.integers(0, 9_999_999),
            "vehicle.inspection_due": st.none() | st.dates(date(1885, 1, 1), date(2099, 12, 31)).map(date.isoformat),
        }
    )
)
def test_any_values_survive_the_way_there_and_back(values: dict[str, Any]) -> None:
    intent = creation("a-1", **values)
    body = wire.creation(intent)
    operation, _ = contract().operation("POST", f"/v1/dealers/{DEALER}/appointments")
    assert operation.body is not None
    operation.body.validate(body)
    assert dict(wire.appointment(partners(**body), DEALER).fields) == dict(intent.fields)


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("2027-03-01T08:00:00+01:00", "2027-03-01T07:00:00Z"),
        ("2027-03-01T07:00:00Z", "2027-03-01T07:00:00Z"),
        ("2027-03-01T07:00:00.123456789Z", "2027-03-01T07:00:00Z"),
        ("2027-02-28T21:00:00-10:00", "2027-03-01T07:00:00Z"),
        ("2027-03-28T03:00:00+02:00", "2027-03-28T01:00:00Z"),
        ("2027-03-01T08:00+01:00", "2027-03-01T07:00:00Z"),
        ("2027-03-01T08:00:00+0100", "2027-03-01T07:00:00Z"),
        ("2027-03-01t07:00:00z", "2027-03-01T07:00:00Z"),
        ("2027-03-01T07:00Z", "2027-03-01T07:00:00Z"),
    ],
)
def test_times_with_any_offset_become_utc(told: str, meant: str) -> None:
    assert wire.appointment(partners(dropOffTime=told), DEALER).fields["drop_off"] == meant


@pytest.mark.parametrize(
    "told",
    [
        "2027-03-01T08:00:00", "2027-03-01", "01.03.2027 08:00", "2027-02-30T08:00:00Z", "2027-03-01T25:00:00Z",
        "2027-03-01T08:00:60Z", "20270301T080000Z",
        "2027-03-01T08:00:00+1", "2027-03-01T08Z", "0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00",
        "2027-03-01T08:00:00+25:00", "٢٠٢٧-03-01T08:00:00Z", 1803888000, None, "",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(told: Any) -> None:
    with pytest.raises(WireError, match="dropOffTime"):
        wire.appointment(partners(dropOffTime=told), DEALER)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("id", None), ("id", 17), ("id", ""), ("id", "../../x"), ("id", "A" * 65),
        ("version", 0), ("version", "3"), ("version", 3.5), ("version", True), ("version", None), ("version", 2**60),
        ("dealerNumber", "00124"), ("dealerNumber", 123), ("dmsAppointmentId", 17), ("dmsAppointmentId", "x" * 65),
        ("dropOffTime", "1989-12-31T23:00:00Z"), ("dropOffTime", "2100-01-01T00:00:00Z"),
    ],
)  # fmt: skip
def test_an_odd_identity_is_refused_without_repeating_the_value(member: str, value: Any) -> None:
    with pytest.raises(WireError) as refused:
        wire.appointment(partners(**{member: value}), DEALER)
    assert "Rostock" not in str(refused.value)


ODD: list[tuple[dict[str, Any], str, Any]] = [
    ({"status": None}, "status", ...), ({"status": 5}, "status", ...),
    ({"customer": None}, "customer_id", ...), ({"customer": []}, "customer_id", ...),
    ({"customer": {"contact": "0381/602921"}}, "customer_id", ...),
    ({"customer": {"address": {"city": ["Rostock"]}}}, "customer.city", ...),
    ({"customer": {"lastName": "L" * 201}}, "customer.last_name", "L" * 200),
    ({"customer": {"contact": {"email": "e" * 201}}}, "customer.email", ...),
    ({"transport": "WAIT"}, "transport_option", ...), ({"vehicle": 7}, "vehicle_id", ...),
    ({"customerWaiting": 1}, "customer_waiting", ...), ({"customerWaiting": "false"}, "customer_waiting", ...),
    ({"advisorId": 4}, "advisor", ...), ({"advisorId": "x" * 65}, "advisor", ...),
    ({"notes": 1}, "notes", ...), ({"notes": "x" * 10_001}, "notes", "x" * 10_000),
    ({"jobs": None}, "interventions", ...), ({"jobs": {}}, "interventions", ...), ({"jobs": [1]}, "interventions", []),
    ({"vehicle": {"odometerKm": "35630"}}, "vehicle.odometer_km", ...),
    ({"vehicle": {"odometerKm": -1}}, "vehicle.odometer_km", ...),
    ({"vehicle": {"odometerKm": 10_000_000}}, "vehicle.odometer_km", ...),
    ({"vehicle": {"registrationPlate": "HRO-" + "X" * 17}}, "vehicle.plate", ...),
    ({"vehicle": {"vin": "1" * 33}}, "vehicle.vin", ...),
    ({"vehicle": {"firstRegistration": "0001-01-01"}}, "vehicle.first_registration", ...),
    ({"vehicle": {"inspectionDue": "2199-10-31"}}, "vehicle.inspection_due", ...),
    ({"vehicle": {"inspectionDue": "31.10.2028"}}, "vehicle.inspection_due", ...),
    ({"vehicle": {"inspectionDue": "2027-02-29"}}, "vehicle.inspection_due", ...),
    ({"collectionTime": "2027-03-01T08:00:00+01:00"}, "collection", "2027-03-01T08:00:00Z"),
    ({"collectionTime": "2027-02-01T08:00:00+01:00"}, "collection", "2027-03-01T08:00:00Z"),
    ({"collectionTime": "2199-03-01T08:00:00+01:00"}, "collection", "2027-03-01T08:00:00Z"),
    ({"collectionTime": "2029-03-01T08:00:00+01:00"}, "collection", "2027-03-01T08:00:00Z"),
    ({"collectionTime": None}, "collection", "2027-03-01T08:00:00Z"),
    ({"links": {"menus": "https://x.example/" + "y" * 2048}}, "links", ...), ({"links": {"menus": 1}}, "links", ...),
    ({"links": ["x"]}, "links", ...),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "field", "kept"), ODD)
def test_an_odd_value_keeps_no_booking_out(changed: dict[str, Any], field: str, kept: Any) -> None:
    """It is left out (`...`) or cut, and listed with what the partner said."""
    read = wire.appointment(partners(**changed), DEALER)
    assert set(read.dropped) == {field}
    assert read.dropped[field]
    assert len(read.dropped[field]) <= 1000
    assert read.fields.get(field, ...) == kept
    assert read.fields["drop_off"] == "2027-03-01T07:00:00Z"


@pytest.mark.parametrize(
    ("job", "read"),
    [
        ({"title": 5}, {"title": ""}),
        ({"title": "t" * 1001}, {"title": "t" * 1000}),
        ({"labourUnits": "12"}, {"labour_units": 0}),
        ({"labourUnits": -1}, {"labour_units": 0}),
        ({"labourUnits": 10_000.5}, {"labour_units": 0}),
        ({"labourUnits": True}, {"labour_units": 0}),
        ({"priceCents": 149.5}, {"price_cents": None}),
        ({"priceCents": 10**12}, {"price_cents": None}),
        ({"code": "c" * 65}, {"code": ""}),
    ],
)
def test_an_odd_value_of_a_job_leaves_the_rest_of_it(job: dict[str, Any], read: dict[str, Any]) -> None:
    given = {"title": "HU", "code": "HU", "labourUnits": 12, "priceCents": 14950, **job}
    found = wire.appointment(partners(jobs=[given, {"title": "AU"}]), DEALER)
    assert set(found.dropped) == {"interventions"}
    first, second = found.fields["interventions"]
    whole = {"title": "HU", "code": "HU", "description": "", "labour_units": 12, "price_cents": 14950}
    assert first == {**whole, **read}
    assert second["title"] == "AU"


def test_more_jobs_than_the_book_holds_are_cut() -> None:
    found = wire.appointment(partners(jobs=[{"title": "HU"}] * 201), DEALER)
    assert len(found.fields["interventions"]) == 200
    assert set(found.dropped) == {"interventions"}


def test_null_is_no_text() -> None:
    body = partners(notes=None)
    body["vehicle"]["vin"] = body["customer"]["lastName"] = body["jobs"][0]["code"] = None
    read = wire.appointment(body, DEALER)
    assert (read.fields["notes"], read.fields["vehicle.vin"], read.fields["customer.last_name"]) == ("", "", "")
    assert not read.dropped


def test_a_status_that_cant_be_read_of_a_cancelled_one() -> None:
    body = partners(status=None, cancellation={"reason": 5, "cancelledAt": "2027-02-01T08:00:00Z"})
    read = wire.appointment(body, DEALER)
    assert (read.cancelled, read.reason) == (True, None)


def test_leaving_the_department_is_told_apart_from_cancelling() -> None:
    left = replace(cancellation("a-1", "A1", 3, key="k", reason="Karosserie"), left=True)
    assert wire.cancellation(left) == {"reason": "Karosserie", "cause": "LEFT_DEPARTMENT"}
    facts = {"reason": "Karosserie", "cancelledAt": "2027-02-01T08:00:00Z"}
    for cause, gone in (("LEFT_DEPARTMENT", True), ("CANCELLED", False), ("SOMETHING", False), (None, False)):
        read = wire.appointment(partners(status="CANCELLED", cancellation={**facts, "cause": cause}), DEALER)
        assert (read.cancelled, read.left) == (True, gone)


def test_the_creation_facts_come_along() -> None:
    read = wire.appointment(partners(createdAt="2027-01-01T08:00:00+01:00"), DEALER)
    assert (read.created_by, read.created_at) == ("customer_app", "2027-01-01T07:00:00Z")
    read = wire.appointment(partners(createdAt="yesterday", createdBy=5), DEALER)
    assert (read.created_by, read.created_at, read.origin) == ("", "", None)


def test_a_receipt_holds_the_appointment_as_the_partner_keeps_it() -> None:
    got = wire.receipt(partners(notes="Kunde bittet um"), DEALER, 200)
    assert got.held is not None
    assert (got.version, got.held.fields["notes"]) == (3, "Kunde bittet um")
    got = wire.receipt({"id": "A1", "version": 4}, DEALER, 200)
    assert (got.partner_id, got.version, got.held) == ("A1", 4, None)


def test_a_missing_member_wasnt_delivered() -> None:
    body = partners()
    del body["notes"], body["customer"]["contact"]["mobile"], body["vehicle"]
    fields = wire.appointment(body, DEALER).fields
    absent = {"notes", "customer.mobile"} | {name for name in ALL_FIELDS if name.startswith("vehicle.")}
    assert set(fields) == set(ALL_FIELDS) - absent


def test_unknown_members_are_ignored() -> None:
    body = partners(loyaltyPoints=5, jobs=[{"title": "HU", "colour": "red"}])
    body["customer"]["favouriteColour"] = {"a": [1]}
    assert wire.appointment(body, DEALER).fields["interventions"][0]["title"] == "HU"


def test_unknown_codes_are_kept_as_text() -> None:
    read = wire.appointment(partners(status="WAITING_FOR_PARTS", transport={"option": "VALET"}), DEALER)
    assert dict(read.unknown) == {"status": "WAITING_FOR_PARTS", "transport_option": "VALET"}
    assert not {"status", "transport_option"} & set(read.fields)


def test_a_cancelled_one_keeps_its_reason() -> None:
    body = partners(status="CANCELLED", cancellation={"reason": "krank", "cancelledAt": "2027-02-01T08:00:00Z"})
    read = wire.appointment(body, DEALER)
    assert (read.cancelled, read.reason, "status" in read.fields, dict(read.unknown)) == (True, "krank", False, {})


@pytest.mark.parametrize("address", ["javascript:alert(1)", "file:///etc/passwd", ""])
def test_a_link_that_isnt_a_web_address_isnt_kept(address: str) -> None:
    assert wire.appointment(partners(links={"menus": address}), DEALER).links == {}


def test_a_page_keeps_what_it_can_read() -> None:
    items = [
        {"seq": 1, "changedBy": "dealer", "appointment": partners()},
        {"seq": 2, "changedBy": "dealer", "appointment": partners(dropOffTime=12345)},
        {"seq": 3, "changedBy": 5, "appointment": partners()},
        {"seq": 4},
        "nonsense",
    ]
    page = wire.page({"items": items, "nextCursor": "abc", "hasMore": False}, DEALER)
    assert [type(item) for item in page.items] == [Incoming, Unreadable, Incoming, Unreadable, Unreadable]
    assert [item.partner_id for item in page.items] == ["A0000017"] * 3 + [None] * 2
    assert [item.raw for item in page.items if isinstance(item, Unreadable)] == [items[1], *items[3:]]


@pytest.mark.parametrize(
    "page",
    [
        None, [], {}, {"items": [], "hasMore": False}, {"items": {}, "nextCursor": "a", "hasMore": False},
        {"items": [], "nextCursor": 17, "hasMore": False}, {"items": [], "nextCursor": "", "hasMore": False},
        {"items": [], "nextCursor": "a b", "hasMore": False}, {"items": [], "nextCursor": "a", "hasMore": "no"},
    ],
)  # fmt: skip
def test_a_page_that_breaks_the_contract_is_refused_whole(page: Any) -> None:
    with pytest.raises(WireError):
        wire.page(page, DEALER)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_no_message_makes_reading_fail_otherwise(data: st.DataObject) -> None:
    """One or two members of a good appointment become anything at all."""
    body: Any = partners()
    for _ in range(data.draw(st.integers(1, 2))):
        holder = body
        while True:
            name = data.draw(st.sampled_from(sorted(holder)))
            if isinstance(holder[name], dict) and holder[name] and data.draw(st.booleans()):
                holder = holder[name]
                continue
            holder[name] = data.draw(JSON)
            break
    [item] = wire.page(
        {"items": [{"seq": 1, "changedBy": "dealer", "appointment": body}], "nextCursor": "a", "hasMore": False}, DEALER
    ).items
    assert isinstance(item, (Incoming, Unreadable))


@settings(deadline=None, max_examples=200)
@given(JSON)
def test_nonsense_is_refused_everywhere(value: Any) -> None:
    for read in (
        lambda: wire.receipt(value, DEALER),
        lambda: token_of(value),
        lambda: wire_access.dealer(value),
        lambda: wire.found(value, DEALER, "a-1"),
        lambda: wire.page(value, DEALER),
    ):
        with pytest.raises(WireError):
            read()


def test_a_patch_has_the_changed_fields_only() -> None:
    intent = update("a-1", "A0000017", 3, key="k", notes="neu", customer__mobile="", courtesy_car=None)
    assert wire.patch(intent) == {
        "notes": "neu",
        "customer": {"contact": {"mobile": ""}},
        "transport": {"loanCarId": None},
    }


def test_a_code_of_the_partner_that_we_kept_goes_back_as_it_is() -> None:
    assert wire.patch(update("a-1", "A1", 3, key="k", transport_option="VALET")) == {"transport": {"option": "VALET"}}


def test_a_word_without_a_code_cant_be_sent() -> None:
    with pytest.raises(WireError, match="transport option"):
        wire.patch(update("a-1", "A1", 3, key="k", transport_option="by mule"))


def test_a_cancellation_has_its_reason_if_there_is_one() -> None:
    assert wire.cancellation(cancellation("a-1", "A1", 3, key="k", reason="x" * 2000)) == {"reason": "x" * 1000}
    assert wire.cancellation(cancellation("a-1", "A1", 3, key="k")) == {}


def test_the_version_is_named_or_any() -> None:
    assert (wire.etag(3), wire.etag(None)) == ('"v3"', "*")


def test_a_search_that_gives_another_appointment_is_refused() -> None:
    with pytest.raises(WireError, match="dmsAppointmentId"):
        wire.found({"items": [partners()]}, DEALER, "a-2")


@pytest.mark.parametrize(("told", "meant"), [("1", 1), ("1.0", 1), ("12e1", 120), ("7.000", 7)])
def test_a_whole_number_may_be_written_with_a_fraction_of_zero(told: str, meant: int) -> None:
    said = msgspec.json.decode(told)
    read = wire.appointment(partners(version=said, vehicle={"odometerKm": said}), DEALER)
    assert (read.version, read.fields["vehicle.odometer_km"]) == (meant, meant)
    assert type(read.version) is int
    assert type(read.fields["vehicle.odometer_km"]) is int
    token = {"access_token": "t", "token_type": "Bearer", "expires_in": said}
    assert token_of(token) == ("t", float(meant))


def test_a_token_must_fit_into_a_header() -> None:
    good = {"access_token": "abc", "token_type": "bearer", "expires_in": 3600}
    assert token_of(good) == ("abc", 3600.0)
    for token in ("", "a b", "a\r\nX: 1", "ä"):
        with pytest.raises(WireError):
            token_of({**good, "access_token": token})


def test_a_closed_day_is_told_as_one() -> None:
    offer = DayOffer(day=date(2027, 3, 7), capacity=0, remaining=0, slots=[], advisors=[], courtesy_cars=[])
    assert wire.availability([offer])["days"] == [
        {"date": "2027-03-07", "capacity": 0, "remaining": 0, "dropOffSlots": [], "advisors": [], "loanCars": []}
    ]


def test_control_characters_dont_keep_a_booking_out() -> None:
    read = wire.appointment(partners(notes="Spalte\x0b eins\x07\r\n\tzwei\x00"), DEALER)
    assert read.fields["notes"] == "Spalte eins\r\n\tzwei"
