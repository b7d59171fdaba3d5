"""`/v1/identifications` and what belongs to a vehicle of it: what a VIN stands for, and what the vehicle is worth.

A question that no kept answer answers may cost money; so these routes are for whoever may change things.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from typing import Annotated, Any

from msgspec import Meta, Struct

from wtpd.book import identification as filling
from wtpd.book.book import Book
from wtpd.book.identification import Filled
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Kilometres, Sign
from wtpd.daemon.identification import VehicleData
from wtpd.daemon.reload import Settings
from wtpd.errors import Invalid, NotFound, Problem, Refused
from wtpd.planner.vehicle import Vehicle
from wtpd.planner.vin import normalise_vin
from wtpd.secrets.resolve import Order
from wtpd.store import vehicles
from wtpd.store.database import Database, Tx
from wtpd.texts import N_
from wtpd.vehicle_data.records import Candidate, Chosen, Flag, Found, Restriction, Taxation

Vin = Annotated[str, Meta(min_length=1, max_length=64)]
Source = Annotated[str, Meta(min_length=1, max_length=40)]
Number = Annotated[int, Meta(ge=1, le=1000)]


class OrderInput(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom it is for decides whose login is used: `site` is the office, `assessor` a person's sign."""

    site: Sign | None = None
    assessor: Sign | None = None


class IdentifyInput(OrderInput, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`restriction`: all vehicles, or those that can be calculated (repair) or valued (appraisal). `refresh`: ask the
    source even if it was asked lately. `source`: the connector that is asked; without it the first that knows VINs."""

    vin: Vin
    source: Source | None = None
    restriction: Restriction = "ALL"
    refresh: bool = False


class FillInput(OrderInput, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`vin`: for a vehicle that has none yet. `choose`: the number of the candidate that it is; needed where there are
    several."""

    vin: Vin | None = None
    source: Source | None = None
    restriction: Restriction = "ALL"
    refresh: bool = False
    choose: Number | None = None


class ValueInput(OrderInput, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Without them the vehicle's own odometer reading and first registration count. `taxation`: regular, or of the
    margin; without it the source takes the usual one."""

    odometer_km: Kilometres | None = None
    first_registration: date | None = None
    taxation: Taxation | None = None


class CandidateView(Struct, frozen=True, kw_only=True):
    """One vehicle that the VIN may stand for. `make`, `model`, `fuel`, `first_registration` and `inspection_due` are
    what a vehicle of the book is filled with; `name` is the model in the source's own words, `code` its short name of
    the vehicle. `complete`: it can be valued. `extras`: pieces of special equipment, if they are known. `details`: what
    the source said, in its own terms."""

    number: int
    complete: bool
    make: str
    model: str
    name: str
    variant: str
    fuel: str
    code: str
    first_registration: date | None
    inspection_due: date | None
    extras: int | None
    flags: list[Flag]
    details: Mapping[str, Any]


class IdentificationView(Struct, frozen=True, kw_only=True):
    """`source`: the connector that answered, `title` its name for people. `kept`: it wasn't asked now but at `at`.
    `asked_today`: queries of this VIN, of which `limit` are possible; null for any number. `partial`: the source knows
    data of the vehicle, but can't name it completely. `note`: the source's own words about that, or about knowing
    nothing."""

    source: str
    title: str
    vin: str
    at: datetime
    kept: bool
    asked_today: int
    limit: int | None
    partial: bool
    note: str
    candidates: list[CandidateView]


class DifferenceView(Struct, frozen=True):
    """A day as `2026-12-01`."""

    ours: str
    theirs: str


class FilledView(Struct, frozen=True, kw_only=True):
    """`chosen` null: several candidates, none chosen, nothing done. `filled`: what was blank and isn't any more;
    `differing`: what stayed as it was although the source says something else."""

    vehicle: Vehicle
    chosen: int | None
    filled: Mapping[str, str]
    differing: Mapping[str, DifferenceView]
    identification: IdentificationView


class ChosenView(Struct, frozen=True, kw_only=True):
    """What a vehicle is at a source: `code` is the source's short name of it; `reference` names it in further calls to
    the source, in the source's own terms."""

    vehicle_id: str
    source: str
    title: str
    vin: str
    code: str
    extras: int | None
    reference: Mapping[str, Any]
    at: datetime
    actor: str


class ValuationView(Struct, frozen=True, kw_only=True):
    """Prices in cents, without and with VAT. `extras`: pieces of special equipment that count in the prices; null where
    the vehicle's equipment isn't known, so that the prices are without extras."""

    source: str
    code: str
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
    def __init__(self, db: Database, book: Book, settings: Settings, vehicle_data: VehicleData) -> None:
        self._db = db
        self._book = book
        self._settings = settings
        self._vehicle_data = vehicle_data

    def routes(self) -> list[Route]:
        costly = partial(Route, method="POST", role=Role.ADMIN, seconds=120)
        path = "/v1/vehicles/{id}/identification"
        return [
            costly(
                path="/v1/identifications", handler=self.identify, body=IdentifyInput, result=IdentificationView,
                summary="What a VIN stands for",
            ),
            Route(
                method="GET", path=path, role=Role.READ, handler=self.get, result=ChosenView,
                summary="What a vehicle was identified as",
            ),
            costly(
                path=path, handler=self.fill, body=FillInput, result=FilledView,
                summary="Identify a vehicle by its VIN and fill what is blank",
            ),
            costly(
                path="/v1/vehicles/{id}/valuation", handler=self.value, body=ValueInput, result=ValuationView,
                summary="What an identified vehicle is worth",
            ),
        ]  # fmt: skip

    async def identify(self, call: Call) -> Answer:
        wanted: IdentifyInput = call.body
        found = await self._vehicle_data.identify(
            wanted.vin,
            self._order(wanted),
            source=wanted.source,
            restriction=wanted.restriction,
            refresh=wanted.refresh,
        )
        return answer(_view(found))

    async def get(self, call: Call) -> Answer:
        chosen = await self._chosen(call.params["id"])
        return answer(
            ChosenView(
                vehicle_id=chosen.vehicle_id,
                source=chosen.source,
                title=self._vehicle_data.title(chosen.source),
                vin=chosen.vin,
                code=chosen.code,
                extras=chosen.extras,
                reference=chosen.reference,
                at=chosen.at,
                actor=chosen.actor,
            )
        )

    async def fill(self, call: Call) -> Answer:
        wanted: FillInput = call.body
        vehicle_id = call.params["id"]
        vehicle = await self._db.read(lambda tx: vehicles.get(tx, vehicle_id))
        vin = normalise_vin(wanted.vin or vehicle.vin)
        if not vin:
            raise Refused(N_("This vehicle has no VIN yet."), kind="no-vin")
        filling.check_vin(vehicle, vin)
        found = await self._vehicle_data.identify(
            vin,
            self._order(wanted),
            source=wanted.source,
            restriction=wanted.restriction,
            refresh=wanted.refresh,
        )
        number = _choice(found, wanted.choose)
        if number is None:
            return answer(_filled(Filled(vehicle, {}, {}), None, found))
        candidate = found.answer.candidates[number - 1]

        def work(tx: Tx) -> Filled:
            return filling.fill(
                self._book, tx, vehicle_id, found.subject, candidate, source=found.source, actor=call.author.actor
            )

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
        found = await self._vehicle_data.evaluate(
            chosen, self._order(wanted), mileage=mileage, registered=registered, taxation=wanted.taxation
        )
        view = ValuationView(
            source=chosen.source,
            code=chosen.code,
            odometer_km=mileage,
            first_registration=registered,
            extras=chosen.extras,
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
    count = len(found.answer.candidates)
    if wanted is None:
        return 1 if count == 1 else None
    if wanted > count:
        text = N_("There is no candidate {number}; there are {count}.", number=wanted, count=count)
        raise Invalid(text, problems=[Problem("choose", text)])
    return wanted


def _view(found: Found) -> IdentificationView:
    return IdentificationView(
        source=found.source,
        title=found.title,
        vin=found.subject,
        at=found.at,
        kept=found.is_kept,
        asked_today=found.asked_today,
        limit=found.limit,
        partial=found.answer.is_partial,
        note=found.answer.note,
        candidates=[_candidate(number, one) for number, one in enumerate(found.answer.candidates, 1)],
    )


def _candidate(number: int, one: Candidate) -> CandidateView:
    return CandidateView(
        number=number,
        complete=one.is_complete,
        make=one.make,
        model=one.model,
        name=one.name,
        variant=one.variant,
        fuel=one.fuel,
        code=one.code,
        first_registration=one.first_registration,
        inspection_due=one.inspection_due,
        extras=one.extras,
        flags=list(one.flags),
        details=one.details,
    )


def _filled(filled: Filled, chosen: int | None, found: Found) -> FilledView:
    return FilledView(
        vehicle=filled.vehicle,
        chosen=chosen,
        filled={name: str(value) for name, value in filled.filled.items()},
        differing={name: DifferenceView(str(one.ours), str(one.theirs)) for name, one in filled.differing.items()},
        identification=_view(found),
    )
