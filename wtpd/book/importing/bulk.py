"""New records of an import, kept in portions: what is looked up for them is looked up for a portion of rows, and they
are written in a few statements. The rules are those of `wtpd.book`; only what meets nothing of the book comes here, the
rest goes the usual way, one by one (`Bulk.flush` before it).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import islice
from typing import Any

from wtpd.book import appointments as book_appointments
from wtpd.book import customers as book_customers
from wtpd.book import load, recording
from wtpd.book import vehicles as book_vehicles
from wtpd.book.book import Book
from wtpd.book.draft import Draft
from wtpd.book.importing.files import Row
from wtpd.planner.appointment import Appointment
from wtpd.planner.capacity import Load
from wtpd.planner.customer import Customer
from wtpd.planner.history import Author
from wtpd.planner.plates import plate_key, plate_keys_for_search
from wtpd.planner.vehicle import Vehicle
from wtpd.store import appointments, countries, customers, vehicles
from wtpd.store.database import Tx

PORTION = 500
"""Rows for which records are looked up and written together."""
PARTNER = "import"
"""Under this name an appointment keeps the number it had where it comes from."""
_PEOPLE = ("number", "customer", "owner", "driver", "contractor")


def in_portions(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while portion := list(islice(rows, PORTION)):
        yield portion


class Bulk:
    """`telling`: the records are told to partners and listeners; a plan tells nobody."""

    def __init__(self, tx: Tx, book: Book, author: Author, *, telling: bool) -> None:
        self._tx, self._book, self._author, self._telling = tx, book, author, telling
        self._home = countries.home(tx)
        self.people: dict[str, Customer] = {}
        """Customers that the portion names and the book has, by number."""
        self._cars: dict[str, list[Vehicle]] | None = {}
        self._plates: set[str] = set()
        self._references: set[str] = set()
        self._customers: list[Customer] = []
        self._vehicles: list[Vehicle] = []
        self._appointments: list[Appointment] = []
        self._days: dict[tuple[str, str, date], tuple[Load, float]] = {}
        """What a day has, as far as it was looked up, and what is booked on it by now."""

    def expect(self, portion: Sequence[Row]) -> None:
        """Look up what these rows name; all that were made before are written."""
        self.flush()
        values = [row.values for row in portion]
        numbers = {str(row[field]) for row in values for field in _PEOPLE if row.get(field)}
        vins = {row["vin"] for row in values if row.get("vin")}
        keys = {key for row in values if row.get("plate") for key in self._keys(row["plate"])}
        references = {row["reference"] for row in values if row.get("reference")}
        self.people = customers.by_numbers(self._tx, sorted(numbers)) if numbers else {}
        self._cars = vehicles.by_vins(self._tx, sorted(vins)) if vins else {}
        self._plates = vehicles.known_plates(self._tx, sorted(keys)) if keys else set()
        self._references = appointments.referred(self._tx, PARTNER, sorted(references)) if references else set()

    def by_vin(self, vin: str) -> list[Vehicle]:
        """Vehicles with this VIN, which stands in a row of the portion."""
        return self._cars.get(vin, []) if self._cars is not None else vehicles.by_vin(self._tx, vin)

    def by_plate(self, plate: str) -> list[Vehicle]:
        """Vehicles with this plate, which stands in a row of the portion."""
        if self._plates.isdisjoint(self._keys(plate)):
            return []
        self._flush_master_data()
        return vehicles.by_plate(self._tx, plate)

    def by_reference(self, reference: str) -> Appointment | None:
        """The appointment of this number, which stands in a row of the portion."""
        if reference not in self._references:
            return None
        return appointments.by_reference(self._tx, PARTNER, reference)

    def create_customer(self, values: Mapping[str, Any]) -> Customer:
        """For a number that nobody has."""
        customer = book_customers.made(values)
        self._customers.append(customer)
        return customer

    def create_vehicle(self, values: Mapping[str, Any]) -> Vehicle:
        """For a VIN that no vehicle has; its people must be known."""
        vehicle = book_vehicles.made(self._tx, values, self._author.interface)
        key = plate_key(vehicle.plate, self._home)
        if vehicle.vin and key in self._plates:  # it may be taken from another one
            self._flush_master_data()
            self._cars = None
            return self._book.create_vehicle(self._tx, values, author=self._author)
        self._vehicles.append(vehicle)
        self._plates.add(key)
        return vehicle

    def change_vehicle(self, before: Vehicle, asked: Mapping[str, Any]) -> Vehicle:
        self._flush_master_data()
        after = self._book.change_vehicle(self._tx, before.id, asked, author=self._author, expected_version=None)
        if (after.plate, after.vin) != (before.plate, before.vin):
            self._cars = None
        return after

    def create_appointment(self, draft: Draft, *, is_plain: bool) -> Appointment:
        """For a number that no appointment has. `is_plain`: it has no courtesy car, and everybody whom it names is
        known."""
        if not is_plain or not self._home:
            self.others_change()
            return self._book.create(self._tx, draft, author=self._author, allow_over_limit=True)
        appointment = self._flagged(book_appointments.made(draft, recording.new_id()))
        self._appointments.append(appointment)
        return appointment

    def others_change(self) -> None:
        """Before an appointment is made or changed the usual way."""
        self.flush()
        self._days.clear()

    def flush(self) -> None:
        """Write what was made."""
        self._flush_master_data()
        if self._appointments:
            recording.record_many_new(
                self._tx, self._book.plans, self._appointments, self._author, telling=self._telling
            )
            self._appointments = []

    def _flush_master_data(self) -> None:
        if self._customers:
            customers.insert_many(self._tx, self._customers)
            self._tell("customer", self._customers)
            self._customers = []
        if self._vehicles:
            vehicles.insert_many(self._tx, self._vehicles)
            self._tell("vehicle", self._vehicles)
            self._vehicles = []

    def _tell(self, kind: str, records: Sequence[Customer | Vehicle]) -> None:
        if self._telling:
            self._tx.emit_many(f"{kind}.changed", [{"id": one.id, "version": one.version} for one in records])

    def _keys(self, plate: str) -> set[str]:
        return {*plate_keys_for_search(plate), plate_key(plate, self._home)}

    def _flagged(self, appointment: Appointment) -> Appointment:
        """With its over-the-limit flag, as `wtpd.book.load.flagged` does it. The load of a day is remembered, with
        what was made since; a day that isn't known yet has nothing that waits to be written."""
        plan = self._book.plan(appointment.site, appointment.department)
        if not appointment.is_live:
            return appointment
        place = (appointment.site, appointment.department, plan.zoned_day(appointment.drop_off))
        asked, known = appointment.labour_units, self._days.get(place)
        if known is None:
            day = load.of_day(self._tx, plan, appointment)
            booked = day.booked
        else:
            day, booked = known
        self._days[place] = day, round(booked + asked, 2)
        exceeded = Load(limit=day.limit, booked=booked, asked=asked, closed=day.closed).exceeded
        return appointment if appointment.over_limit == exceeded else replace(appointment, over_limit=exceeded)
