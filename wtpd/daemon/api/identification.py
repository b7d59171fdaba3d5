"""`/v1/identifications`: what a VIN stands for, without a vehicle of the book; and what a vehicle was identified as.

A question that no kept answer answers may cost money; so it is for whoever may change things. Filling, valuing and
checking a vehicle of the book are actions of connectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from wtpd.book import identification as filling
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Sign
from wtpd.daemon.identification import VehicleData
from wtpd.daemon.reload import Settings
from wtpd.errors import NotFound
from wtpd.secrets.resolve import Order
from wtpd.store.database import Database
from wtpd.texts import N_
from wtpd.vehicle_data.records import Candidate, Chosen, Flag, Found, Restriction

Vin = Annotated[str, Meta(min_length=1, max_length=64)]
Source = Annotated[str, Meta(min_length=1, max_length=40)]


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


class IdentificationRoutes:
    def __init__(self, db: Database, settings: Settings, vehicle_data: VehicleData) -> None:
        self._db = db
        self._settings = settings
        self._vehicle_data = vehicle_data

    def routes(self) -> list[Route]:
        return [
            Route(
                method="POST", path="/v1/identifications", role=Role.ADMIN, handler=self.identify, body=IdentifyInput,
                result=IdentificationView, seconds=120, summary="What a VIN stands for",
            ),
            Route(
                method="GET", path="/v1/vehicles/{id}/identification", role=Role.READ, handler=self.get,
                result=ChosenView, summary="What a vehicle was identified as",
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
        return answer(identification_view(found))

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

    async def _chosen(self, vehicle_id: str) -> Chosen:
        found = await self._db.read(lambda tx: filling.kept(tx, vehicle_id))
        if found is None:
            raise not_identified()
        return found

    def _order(self, wanted: OrderInput) -> Order:
        if wanted.site is not None and all(site.id != wanted.site for site in self._settings.config.sites):
            raise NotFound(N_("There is no site {site}.", site=wanted.site))
        return Order(office=wanted.site, assessor=wanted.assessor)


def not_identified() -> NotFound:
    return NotFound(N_("This vehicle wasn't identified yet (wtpd vehicle identify VIN)."), kind="not-identified")


def identification_view(found: Found) -> IdentificationView:
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
