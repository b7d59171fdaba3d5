"""A partner's customer and vehicle are matched to ours, never on a guess."""

from collections.abc import Sequence

from wtpd.planner import matching
from wtpd.planner.customer import Customer
from wtpd.planner.matching import Match, Matches
from wtpd.planner.phones import contact_keys
from wtpd.planner.vehicle import Vehicle

VIN, OTHER_VIN = "SJNFLKWT9X1458220", "VF15TCCXRXU995736"
ANNA = Customer(id="anna", first_name="Anna", last_name="Müller", email="anna@example.org", mobile="0171 7451701")
BERND = Customer(id="bernd", first_name="Bernd", last_name="Koch", email="koch@example.org")
LEAF = Vehicle(id="leaf", vin=VIN, plate="HRO-AB 12", owner="anna")
ASKED = Customer(id="", first_name="ANNA", last_name="Mueller")
NOTHING = Match(None)


def match(
    customer: Customer, vehicle: Vehicle, *, vehicles: Sequence[Vehicle], customers: Sequence[Customer]
) -> Matches:
    """At a German site; the addresses of our customers as the store has them."""
    addresses = {each.id: contact_keys(each, "DE") for each in customers}
    return matching.match(customer, vehicle, vehicles=vehicles, customers=customers, addresses=addresses, home="DE")


def test_the_vin_finds_the_vehicle_and_its_person_of_that_name() -> None:
    found = match(ASKED, Vehicle(id="", vin=VIN.lower()), vehicles=[LEAF], customers=[ANNA])
    assert found.vehicle == Match("leaf", ("leaf",), "vin")
    assert found.customer == Match("anna", ("anna",), "vin")


def test_another_person_with_the_same_car_is_another_customer() -> None:
    asked = Customer(id="", first_name="Otto", last_name="Müller", email="anna@example.org")
    found = match(asked, Vehicle(id="", vin=VIN), vehicles=[LEAF], customers=[ANNA])
    assert found.vehicle.record_id == "leaf"
    assert found.customer == NOTHING


def test_the_plate_counts_with_the_name_only() -> None:
    wanted = Vehicle(id="", plate="hroab12")
    assert match(ASKED, wanted, vehicles=[LEAF], customers=[ANNA]).vehicle == Match("leaf", ("leaf",), "plate_and_name")
    assert match(ASKED, wanted, vehicles=[LEAF], customers=[ANNA]).customer.reason == "plate_and_name"
    stranger = Customer(id="", first_name="Otto", last_name="Krause")
    found = match(stranger, wanted, vehicles=[LEAF], customers=[ANNA])
    assert (found.vehicle, found.customer) == (NOTHING, NOTHING)


def test_a_plate_with_another_separator_is_another_plate() -> None:
    ours = Vehicle(id="x", plate="B-MW 1", owner="anna")
    assert match(ASKED, Vehicle(id="", plate="BM-W 1"), vehicles=[ours], customers=[ANNA]).vehicle == NOTHING


def test_a_plate_that_moved_to_another_car_is_no_match() -> None:
    wanted = Vehicle(id="", plate="HRO-AB 12", vin=OTHER_VIN)
    assert match(ASKED, wanted, vehicles=[LEAF], customers=[ANNA]).vehicle == NOTHING


def test_mail_or_mobile_counts_with_the_name_only() -> None:
    by_mail = Customer(id="", first_name="Anna", last_name="Müller", email="ANNA@example.org")
    by_mobile = Customer(id="", first_name="Anna", last_name="Müller", mobile="+49 171 7451701")
    for asked in (by_mail, by_mobile):
        found = match(asked, Vehicle(id="", vin=OTHER_VIN), vehicles=[], customers=[ANNA, BERND])
        assert found.customer == Match("anna", ("anna",), "contact_and_name")
        assert found.vehicle == NOTHING
    assert match(ASKED, Vehicle(id=""), vehicles=[], customers=[ANNA]).customer == NOTHING


def test_more_than_one_is_none_and_all_are_listed() -> None:
    twin = Customer(id="twin", first_name="Anna", last_name="Müller", email="anna@example.org")
    asked = Customer(id="", first_name="Anna", last_name="Müller", email="anna@example.org")
    found = match(asked, Vehicle(id=""), vehicles=[], customers=[ANNA, twin]).customer
    assert found == Match(None, ("anna", "twin"), "contact_and_name")
    double = Vehicle(id="double", vin=VIN)
    assert match(asked, Vehicle(id="", vin=VIN), vehicles=[LEAF, double], customers=[]).vehicle == Match(
        None, ("double", "leaf"), "vin"
    )


def test_a_stronger_rule_decides_alone() -> None:
    twin = Customer(id="twin", first_name="Anna", last_name="Müller", email="anna@example.org")
    asked = Customer(id="", first_name="Anna", last_name="Müller", email="anna@example.org")
    assert match(asked, Vehicle(id="", vin=VIN), vehicles=[LEAF], customers=[ANNA, twin]).customer.record_id == "anna"


def test_an_erased_or_nameless_person_is_nobody() -> None:
    erased = Customer(id="anna", first_name="Anna", last_name="Müller", email="anna@example.org", erased=True)
    asked = Customer(id="", first_name="Anna", last_name="Müller", email="anna@example.org")
    assert match(asked, Vehicle(id="", vin=VIN), vehicles=[LEAF], customers=[erased]).customer == NOTHING
    nameless = Customer(id="", email="anna@example.org")
    assert match(nameless, Vehicle(id="", vin=VIN), vehicles=[LEAF], customers=[ANNA]).customer == NOTHING


def test_a_vin_of_wrong_form_finds_nothing() -> None:
    ours = Vehicle(id="x", vin="123", owner="anna")
    assert match(ASKED, Vehicle(id="", vin="123"), vehicles=[ours], customers=[ANNA]).vehicle == NOTHING
