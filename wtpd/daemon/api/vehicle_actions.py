"""The house's part in actions on a vehicle: identified, filled, valued and checked by sources of vehicle data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from wtpd.book import identification as filling
from wtpd.book.book import Book
from wtpd.book.identification import Filled
from wtpd.connectors.actions import CHOOSE, Candidate, Difference, Done, Fact, Remark
from wtpd.connectors.manifest import Manifest
from wtpd.daemon.api.identification import identification_view, not_identified
from wtpd.daemon.api.vehicle_checks import FILLED, remarks
from wtpd.daemon.identification import VehicleData
from wtpd.daemon.vehicle_checks import VehicleChecks
from wtpd.errors import Invalid, Problem, Refused
from wtpd.planner.plates import dutch_key
from wtpd.planner.vehicle import Vehicle
from wtpd.planner.vin import normalise_vin
from wtpd.secrets.resolve import Order
from wtpd.store import vehicles
from wtpd.store.database import Database, Tx
from wtpd.texts import N_, N_n, Text
from wtpd.vehicle_data import records
from wtpd.vehicle_data.checks import Check, Facts
from wtpd.vehicle_data.records import Chosen, Evaluation, Found, Restriction, Taxation
from wtpd.words import VEHICLE

_PRICES: Mapping[str, Text] = {
    "sales_cents": N_("sales price without VAT"),
    "sales_gross_cents": N_("sales price with VAT"),
    "purchase_cents": N_("purchase price without VAT"),
    "purchase_gross_cents": N_("purchase price with VAT"),
    "original_gross_cents": N_("price when new, with VAT"),
}


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of the daemon that serve actions on vehicles."""

    db: Database
    book: Book
    vehicle_data: VehicleData
    checks: VehicleChecks

    def house(self, manifest: Manifest, vehicle_id: str, order: Order, actor: str) -> VehicleHouse:
        return VehicleHouse(self, manifest, vehicle_id, order, actor)


@dataclass(frozen=True, slots=True)
class VehicleHouse:
    """`House` for one call: of a connector, about one vehicle, for an order, by `actor`."""

    services: Services
    manifest: Manifest
    vehicle_id: str
    order: Order
    actor: str

    async def identify(
        self, *, vin: str = "", restriction: Restriction = "ALL", refresh: bool = False, choose: int | None = None
    ) -> Done:
        vehicle = await self._vehicle()
        vin = normalise_vin(vin or vehicle.vin)
        if not vin:
            raise Refused(N_("This vehicle has no VIN yet."), kind="no-vin")
        filling.check_vin(vehicle, vin)
        found = await self.services.vehicle_data.identify(
            vin, self.order, source=self.manifest.name, restriction=restriction, refresh=refresh
        )
        number = _choice(found, choose)
        if number is None:
            return self._unchosen(vehicle, found)
        candidate = found.answer.candidates[number - 1]

        def work(tx: Tx) -> Filled:
            return filling.fill(
                self.services.book, tx, self.vehicle_id, found.subject, candidate, source=found.source, actor=self.actor
            )

        return _filled(await self.services.db.write(work), number, found)

    async def value(
        self,
        *,
        odometer_km: int | None = None,
        first_registration: date | None = None,
        taxation: Taxation | None = None,
    ) -> Done:
        vehicle = await self._vehicle()
        chosen = await self.services.db.read(lambda tx: filling.kept(tx, self.vehicle_id, self.manifest.name))
        if chosen is None:
            raise not_identified()
        mileage = vehicle.odometer_km if odometer_km is None else odometer_km
        registered = first_registration or vehicle.first_registration
        if mileage is None or registered is None:
            field = "odometer_km" if mileage is None else "first_registration"
            text = N_("A valuation needs the odometer reading and the first registration.")
            raise Invalid(text, problems=[Problem(field, text)])
        found = await self.services.vehicle_data.evaluate(
            chosen, self.order, mileage=mileage, registered=registered, taxation=taxation
        )
        return _worth(chosen, found, mileage, registered)

    async def check(self) -> Done:
        vehicle, title = await self._vehicle(), self.manifest.title
        if not dutch_key(vehicle.plate):
            raise Refused(N_("{plate} isn't a plate of the Dutch form.", plate=vehicle.plate or "-"), kind="no-plate")
        check = await self.services.checks.check(self.manifest.name, self.vehicle_id, vehicle.plate)
        if check is None:
            raise Refused(N_("The vehicle got another plate meanwhile; ask again."), kind="no-plate")
        return _checked(title, check, vehicle, await self._vehicle())

    async def _vehicle(self) -> Vehicle:
        return await self.services.db.read(lambda tx: vehicles.get(tx, self.vehicle_id))

    def _unchosen(self, vehicle: Vehicle, found: Found) -> Done:
        data = _data(Filled(vehicle, {}, {}), None, found)
        if found.answer.candidates:
            candidates = tuple(
                Candidate(number=n, label=_line(one)) for n, one in enumerate(found.answer.candidates, 1)
            )
            return Done(candidates=candidates, data=data)
        text = N_("{partner} knows nothing of it; nothing was filled in.", partner=self.manifest.title)
        note = [found.answer.note] if found.answer.note else []
        said = [Remark(text=N_("{partner} says: {fault}", partner=self.manifest.title, fault=one)) for one in note]
        return Done(remarks=(Remark(text=text, tone="warn"), *said), data=data)


def _choice(found: Found, wanted: int | None) -> int | None:
    """The candidate's number; None where somebody must choose first."""
    count = len(found.answer.candidates)
    if wanted is None:
        return 1 if count == 1 else None
    if wanted > count:
        text = N_("There is no candidate {number}; there are {count}.", number=wanted, count=count)
        raise Invalid(text, problems=[Problem(CHOOSE, text)])
    return wanted


def _line(one: records.Candidate) -> str:
    """What tells a candidate from the others."""
    return "  ".join(part for part in (one.make, one.name or one.model, one.variant, one.code) if part)


def _data(filled: Filled, chosen: int | None, found: Found) -> dict[str, Any]:
    return {
        "vehicle": filled.vehicle,
        "chosen": chosen,
        "filled": {name: str(value) for name, value in filled.filled.items()},
        "differing": {
            name: {"ours": str(one.ours), "theirs": str(one.theirs)} for name, one in filled.differing.items()
        },
        "identification": identification_view(found),
    }


def _filled(filled: Filled, chosen: int, found: Found) -> Done:
    data = _data(filled, chosen, found)
    same = Remark(text=N_("The book says the same; nothing was filled in."))
    return Done(
        remarks=() if filled.filled or filled.differing else (same,),
        filled=data["filled"],
        differing={name: Difference(**one) for name, one in data["differing"].items()},
        data=data,
    )


def _worth(chosen: Chosen, found: Evaluation, mileage: int, registered: date) -> Done:
    prices = {
        "sales_cents": found.sales,
        "sales_gross_cents": found.sales_gross,
        "purchase_cents": found.purchase,
        "purchase_gross_cents": found.purchase_gross,
        "original_gross_cents": found.original_gross,
    }
    basis = (
        Fact(name="code", label=N_("code"), value=chosen.code),
        Fact(name="odometer_km", label=VEHICLE["odometer_km"], value=mileage),
        Fact(name="first_registration", label=VEHICLE["first_registration"], value=registered),
        Fact(name="currency", label=N_("currency"), value=found.currency),
    )
    shown = tuple(Fact(name=name, label=_PRICES[name], value=cents) for name, cents in prices.items())
    month = Fact(name="data_month", label=N_("data of"), value=found.data_month)
    if chosen.extras:
        remark = Remark(text=N_n("With one extra.", "With {count} extras.", count=chosen.extras))
    else:
        remark = Remark(text=N_("The prices are without extras."), tone="warn")
    data = {
        "source": chosen.source, "code": chosen.code, "odometer_km": mileage, "first_registration": registered,
        "extras": chosen.extras, "currency": found.currency, **prices, "data_month": found.data_month,
    }  # fmt: skip
    facts = tuple(one for one in (*basis, *shown, month) if one.value not in (None, ""))
    return Done(facts=facts, remarks=(remark,), data=data)


def _checked(title: str, check: Check, before: Vehicle, after: Vehicle) -> Done:
    told = check.facts or Facts()
    filled = {
        name: str(getattr(after, name))
        for name in FILLED
        if name in check.filled and getattr(before, name) != getattr(after, name)
    }
    facts = tuple(
        Fact(name=name, label=VEHICLE[name], value=value)
        for name in FILLED
        if name not in filled and (value := getattr(told, name))
    )
    said = tuple(_said(title, check, told, after))
    return Done(facts=facts, filled=filled, remarks=said, data={"known": check.is_known})


def _said(title: str, check: Check, told: Facts, vehicle: Vehicle) -> Iterator[Remark]:
    if not check.is_known:
        yield Remark(text=N_("{partner} doesn't know {plate} now.", partner=title, plate=check.plate), tone="warn")
    for _, text in remarks(title, told, vehicle):
        yield Remark(text=text, tone="warn")
