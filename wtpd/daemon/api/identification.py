"""`/v1/identifications` and what belongs to a vehicle of it: DAT says what a VIN stands for, and what it is worth.

A question that DAT wasn't asked in the last 30 days costs money; so these routes are for whoever may change things.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from typing import Annotated

from msgspec import Meta, Struct

from wtpd.book import identification as filling
from wtpd.book.book import Book
from wtpd.book.identification import Difference, Filled
from wtpd.connectors.dat.values import Dossier, Restriction, Taxation
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Kilometres, Sign
from wtpd.daemon.identification import LIMIT, Found, Identifier
from wtpd.daemon.reload import Settings
from wtpd.errors import Invalid, NotFound, Problem, Refused
from wtpd.planner.vehicle import Vehicle
from wtpd.planner.vin import normalise_vin
from wtpd.secrets.resolve import Order
from wtpd.store import vehicles
from wtpd.store.database import Database, Tx
from wtpd.store.identifications import Chosen
from wtpd.texts import N_

Vin = Annotated[str, Meta(min_length=1, max_length=64)]
Number = Annotated[int, Meta(ge=1, le=1000)]


class OrderInput(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom it is for decides whose login is used: `site` is the office, `assessor` a person's sign."""

    site: Sign | None = None
    assessor: Sign | None = None


class IdentifyInput(OrderInput, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`restriction`: all vehicles, or those that can be calculated (repair) or valued (appraisal). `refresh`: ask DAT
    even if it was asked lately."""

    vin: Vin
    restriction: Restriction = "ALL"
    refresh: bool = False


class FillInput(OrderInput, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`vin`: for a vehicle that has none yet. `choose`: the number of the candidate that it is; needed where there are
    several."""

    vin: Vin | None = None
    restriction: Restriction = "ALL"
    refresh: bool = False
    choose: Number | None = None


class ValueInput(OrderInput, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Without them the vehicle's own odometer reading and first registration count. `taxation`: regular, or of the
    margin, which DAT takes for a used vehicle if nothing is said."""

    odometer_km: Kilometres | None = None
    first_registration: date | None = None
    taxation: Taxation | None = None


class Candidate(Struct, frozen=True, kw_only=True):
    """One vehicle that the VIN may stand for; `make` and `model` are what a vehicle of the book is filled with."""

    number: int
    complete: bool
    make: str
    model: str
    dossier: Dossier


class IdentificationView(Struct, frozen=True, kw_only=True):
    """`kept`: DAT wasn't asked now but at `at`. `asked_today`: queries of this VIN, of which `limit` are possible.
    `data_card`: DAT knows the vehicle's data, but no complete code. `fault`: code and text of DAT's fault, with a data
    card, or where DAT knows nothing of the vehicle."""

    vin: str
    at: datetime
    kept: bool
    asked_today: int
    limit: int
    data_card: bool
    fault: str
    candidates: list[Candidate]


class FilledView(Struct, frozen=True, kw_only=True):
    """`chosen` null: several candidates, none chosen, nothing done. `filled`: what was blank and isn't any more;
    `differing`: what stayed as it was although DAT says something else."""

    vehicle: Vehicle
    chosen: int | None
    filled: Mapping[str, str]
    differing: Mapping[str, Difference]
    identification: IdentificationView


class ValuationView(Struct, frozen=True, kw_only=True):
    """Prices in cents, without and with VAT. `extras`: pieces of special equipment that count in the prices; null where
    the vehicle's equipment isn't known, so that the prices are without extras."""

    datecode: str
    odometer_km: int
    first_registration: date
    extras: int | None
    currency: str
    sales_cents: int | None
    sales_gross_cents: int | None
    purchase_cents: int | None
    purchase_gross_cents: int | None
    original_gross_cents: int | None
    data_month: str


class IdentificationRoutes:
    def __init__(self, db: Database, book: Book, settings: Settings, identifier: Identifier) -> None:
        self._db = db
        self._book = book
        self._settings = settings
        self._identifier = identifier

    def routes(self) -> list[Route]:
        costly = partial(Route, method="POST", role=Role.ADMIN, seconds=120)
        path = "/v1/vehicles/{id}/identification"
        return [
            costly(
                path="/v1/identifications", handler=self.identify, body=IdentifyInput, result=IdentificationView,
                summary="What a VIN stands for, by DAT",
            ),
            Route(
                method="GET", path=path, role=Role.READ, handler=self.get, result=Chosen,
                summary="What a vehicle is at DAT",
            ),
            costly(
                path=path, handler=self.fill, body=FillInput, result=FilledView,
                summary="Identify a vehicle by its VIN and fill what is blank",
            ),
            costly(
                path="/v1/vehicles/{id}/valuation", handler=self.value, body=ValueInput, result=ValuationView,
                summary="What an identified vehicle is worth, by DAT",
            ),
        ]  # fmt: skip

    async def identify(self, call: Call) -> Answer:
        wanted: IdentifyInput = call.body
        found = await self._identifier.identify(
            wanted.vin, self._order(wanted), restriction=wanted.restriction, refresh=wanted.refresh
        )
        return answer(_view(found))

    async def get(self, call: Call) -> Answer:
        return answer(await self._chosen(call.params["id"]))

    async def fill(self, call: Call) -> Answer:
        wanted: FillInput = call.body
        vehicle_id = call.params["id"]
        vehicle = await self._db.read(lambda tx: vehicles.get(tx, vehicle_id))
        vin = normalise_vin(wanted.vin or vehicle.vin)
        if not vin:
            raise Refused(N_("This vehicle has no VIN yet."), kind="no-vin")
        filling.check_vin(vehicle, vin)
        found = await self._identifier.identify(
            vin, self._order(wanted), restriction=wanted.restriction, refresh=wanted.refresh
        )
        number = _choice(found, wanted.choose)
        if number is None:
            return answer(_filled(Filled(vehicle, {}, {}), None, found))
        dossier = found.answer.dossiers[number - 1]

        def work(tx: Tx) -> Filled:
            return filling.fill(self._book, tx, vehicle_id, found.vin, dossier, actor=call.author.actor)

        filled = await self._db.write(work)
        return answer(_filled(filled, number, found), etag=filled.vehicle.version)

    async def value(self, call: Call) -> Answer:
        wanted: ValueInput = call.body
        vehicle_id = call.params["id"]
        chosen = await self._chosen(vehicle_id)
        vehicle = await self._db.read(lambda tx: vehicles.get(tx, vehicle_id))
        mileage = vehicle.odometer_km if wanted.odometer_km is None else wanted.odometer_km
        registered = wanted.first_registration or vehicle.first_registration
        if mileage is None or registered is None:
            field = "odometer_km" if mileage is None else "first_registration"
            text = N_("A valuation needs the odometer reading and the first registration.")
            raise Invalid(text, problems=[Problem(field, text)])
        found = await self._identifier.evaluate(
            chosen, self._order(wanted), mileage=mileage, registered=registered, taxation=wanted.taxation
        )
        view = ValuationView(
            datecode=chosen.datecode,
            odometer_km=mileage,
            first_registration=registered,
            extras=None if chosen.extras is None else len(chosen.extras),
            currency=found.currency,
            sales_cents=found.sales,
            sales_gross_cents=found.sales_gross,
            purchase_cents=found.purchase,
            purchase_gross_cents=found.purchase_gross,
            original_gross_cents=found.original_gross,
            data_month=found.data_month,
        )
        return answer(view)

    async def _chosen(self, vehicle_id: str) -> Chosen:
        found = await self._db.read(lambda tx: filling.kept(tx, vehicle_id))
        if found is None:
            raise NotFound(N_("This vehicle wasn't identified yet (wtpd vehicle identify VIN)."), kind="not-identified")
        return found

    def _order(self, wanted: OrderInput) -> Order:
        if wanted.site is not None and all(site.id != wanted.site for site in self._settings.config.sites):
            raise NotFound(N_("There is no site {site}.", site=wanted.site))
        return Order(office=wanted.site, assessor=wanted.assessor)


def _choice(found: Found, wanted: int | None) -> int | None:
    """The candidate's number; None where somebody must choose first."""
    count = len(found.answer.dossiers)
    if wanted is None:
        return 1 if count == 1 else None
    if wanted > count:
        text = N_("There is no candidate {number}; there are {count}.", number=wanted, count=count)
        raise Invalid(text, problems=[Problem("choose", text)])
    return wanted


def _view(found: Found) -> IdentificationView:
    return IdentificationView(
        vin=found.vin,
        at=found.at,
        kept=found.is_kept,
        asked_today=found.asked_today,
        limit=LIMIT,
        data_card=found.answer.card,
        fault=found.answer.fault,
        candidates=[_candidate(number, one) for number, one in enumerate(found.answer.dossiers, 1)],
    )


def _candidate(number: int, dossier: Dossier) -> Candidate:
    told = filling.facts(dossier)
    return Candidate(
        number=number,
        complete=dossier.is_complete,
        make=told.get("make", ""),
        model=told.get("model", ""),
        dossier=dossier,
    )


def _filled(filled: Filled, chosen: int | None, found: Found) -> FilledView:
    return FilledView(
        vehicle=filled.vehicle,
        chosen=chosen,
        filled=filled.filled,
        differing=filled.differing,
        identification=_view(found),
    )
