"""`/v1/customers` and `/v1/vehicles`: master data, and the person's rights to see and be forgotten (GDPR)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from wtpd.book.book import Book
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Collection, Page
from wtpd.daemon.api.collection import Kind as RecordKind
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import CustomerInput, Limit, Search, Sign, VehicleInput
from wtpd.planner.customer import Customer
from wtpd.planner.vehicle import Vehicle
from wtpd.store import cleaning, customers, erased, partner_records, privacy, vehicles
from wtpd.store.database import Database, Tx
from wtpd.store.partner_records import Kind, PartnerRecord
from wtpd.texts import N_


class FindQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`q`: words; each must begin a word of the record. A customer is found by the plate or VIN of a vehicle too. With
    `near`, what nearly fits (one letter, two digits swapped) where nothing does."""

    q: Search | None = None
    near: bool = False
    cursor: Sign | None = None
    limit: Limit = 100


class VehicleQuery(FindQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`customer`: those whose driver, owner or contractor it is; several ids with commas."""

    customer: Annotated[str, Meta(max_length=8000)] | None = None


class PartnerRecordQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`record_id`: of our customer, vehicle or, for an `order`, appointment."""

    kind: Kind
    record_id: Sign


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCustomer(Customer):
    """A customer who was just made. `warnings`, in the caller's language, stand there if the data are those of somebody
    who was erased."""

    warnings: tuple[str, ...] = ()


class Customers:
    def __init__(self, db: Database, book: Book) -> None:
        self._db = db
        self._book = book
        kind = RecordKind(
            path="/v1/customers",
            one="customer",
            many="customers",
            shape=CustomerInput,
            record=Customer,
            query=FindQuery,
            find=_find_customers,
            get=customers.get,
            make=lambda tx, values, author: book.create_customer(tx, values, author=author),
            change=lambda tx, key, changes, author, expected: book.change_customer(
                tx, key, changes, author=author, expected_version=expected
            ),
            made=NewCustomer,
            tell=_with_warnings,
        )
        self._collection = Collection(db, kind)

    def routes(self) -> list[Route]:
        return [
            *self._collection.routes(),
            Route(
                method="GET", path="/v1/customers/{id}/export", role=Role.ADMIN, handler=self.export,
                result=dict[str, Any], summary="Everything held on one person",
            ),
            Route(
                method="POST", path="/v1/customers/{id}/erase", role=Role.ADMIN, handler=self.erase, result=Customer,
                summary="Blank the person everywhere; can't be undone",
            ),
            Route(
                method="GET", path="/v1/partner-records", role=Role.READ, handler=self.partner_records,
                query=PartnerRecordQuery, result=Page[PartnerRecord],
                summary="The partners' own ids of a customer, vehicle or appointment",
            ),
        ]  # fmt: skip

    async def partner_records(self, call: Call) -> Answer:
        query: PartnerRecordQuery = call.query
        found = await self._db.read(lambda tx: partner_records.of(tx, query.kind, [query.record_id]))
        return answer(Page(found))

    async def export(self, call: Call) -> Answer:
        return answer(await self._db.read(lambda tx: self._book.export_customer(tx, call.params["id"])))

    async def erase(self, call: Call) -> Answer:
        person = call.params["id"]
        traces = await self._db.read(lambda tx: privacy.look(tx, customers.get(tx, person)))
        blanked = await self._db.write(lambda tx: self._book.erase_customer(tx, person, call.author, traces))
        await cleaning.clean(self._db, person, traces.words, traces.packed)
        return answer(blanked, etag=blanked.version)


def _with_warnings(tx: Tx, customer: Customer, language: str) -> Customer:
    gone = erased.is_erased(tx, customer=customer)
    if gone is None:
        return customer
    day = date.fromisoformat(gone.day)
    text = N_(
        "Somebody with this telephone number was erased on {day}. If this is the same person, ask whether they want to "
        "be kept again, or erase this customer too.",
        day=day,
    )
    if gone.is_person:
        text = N_(
            "Somebody with this number or e-mail address was erased on {day}. If this is the same person, ask whether "
            "they want to be kept again, or erase this customer too.",
            day=day,
        )
    values = {each.name: getattr(customer, each.name) for each in fields(customer)}
    return NewCustomer(**values, warnings=(text.render(language),))


def vehicle_routes(db: Database, book: Book) -> list[Route]:
    kind = RecordKind(
        path="/v1/vehicles",
        one="vehicle",
        many="vehicles",
        shape=VehicleInput,
        record=Vehicle,
        query=VehicleQuery,
        find=_find_vehicles,
        get=vehicles.get,
        make=lambda tx, values, author: book.create_vehicle(tx, values, author=author),
        change=lambda tx, key, changes, author, expected: book.change_vehicle(
            tx, key, changes, author=author, expected_version=expected
        ),
    )
    return Collection(db, kind).routes()


def _find_customers(tx: Tx, query: FindQuery) -> tuple[list[Customer], str | None, bool]:
    if query.q:
        exact = _searched_customers(tx, query.q, query.limit)
        similar = customers.search_near(tx, query.q, query.limit) if query.near and not exact else []
        return exact or similar, None, bool(similar)
    return *customers.page(tx, after=query.cursor or "", limit=query.limit), False


def _searched_customers(tx: Tx, text: str, limit: int) -> list[Customer]:
    """By their own words; then, if it can be a plate or a VIN, those who drive or own such a vehicle."""
    found = customers.search(tx, text, limit)
    if len(found) == limit or not any(char.isdigit() for char in text):
        return found
    cars = vehicles.search(tx, text, limit)
    holders = dict.fromkeys(one for car in cars for one in (car.driver, car.owner, car.contractor) if one)
    for known in found:
        holders.pop(known.id, None)
    records = customers.many(tx, list(holders))
    return [*found, *(records[one] for one in holders if one in records)][:limit]


def _find_vehicles(tx: Tx, query: VehicleQuery) -> tuple[list[Vehicle], str | None, bool]:
    if query.customer:
        return vehicles.of_customers(tx, query.customer.split(",")), None, False
    if query.q:
        exact = vehicles.search(tx, query.q, query.limit)
        similar = vehicles.search_near(tx, query.q, query.limit) if query.near and not exact else []
        return exact or similar, None, bool(similar)
    return *vehicles.page(tx, after=query.cursor or "", limit=query.limit), False
