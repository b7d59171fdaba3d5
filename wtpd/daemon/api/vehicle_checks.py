"""What public registers say of a vehicle: `/v1/vehicles/{id}/checks`, and of the vehicle of an appointment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.routes import Route
from wtpd.daemon.vehicle_checks import VehicleChecks
from wtpd.planner.appointment import Appointment
from wtpd.planner.plates import dutch_key
from wtpd.planner.vehicle import Vehicle
from wtpd.store import appointments, vehicle_checks, vehicles
from wtpd.store.database import Database, Tx
from wtpd.texts import N_, Text
from wtpd.vehicle_data.checks import Check, Facts, is_inspection_due, is_other_make
from wtpd.vehicle_data.records import Flag

Kind = Literal["wrong_plate", "open_recall", "odometer_illogical", "exported", "not_insured", "inspection_due"]


class Remark(Struct, frozen=True):
    """Something that the workshop should know, also as a sentence."""

    kind: Kind
    text: str


class CheckView(Struct, frozen=True, kw_only=True):
    """`known` false: the register didn't know the plate when it was asked last, at `asked_at`; what it knew before
    stands beside. `filled`: the fields of the vehicle whose value is from the register."""

    source: str
    title: str
    plate: str
    asked_at: datetime
    at: datetime | None
    known: bool
    make: str
    model: str
    fuel: str
    first_registration: date | None
    inspection_due: date | None
    flags: list[Flag]
    filled: list[str]
    remarks: list[Remark]


class VehicleCheckRoutes:
    """`zone` gives the time zone of a site."""

    def __init__(self, db: Database, checks: VehicleChecks, zone: Callable[[str | None], ZoneInfo]) -> None:
        self._db = db
        self._checks = checks
        self._zone = zone

    def routes(self) -> list[Route]:
        result = Page[CheckView]
        return [
            Route(
                method="GET", path="/v1/vehicles/{id}/checks", role=Role.READ, handler=self.of_vehicle, result=result,
                summary="What public registers say of a vehicle",
            ),
            Route(
                method="GET", path="/v1/appointments/{id}/checks", role=Role.READ, handler=self.of_appointment,
                result=result, summary="What public registers say of an appointment's vehicle",
            ),
        ]  # fmt: skip

    async def of_vehicle(self, call: Call) -> Answer:
        vehicle_id = call.params["id"]
        return answer(await self._db.read(lambda tx: self._page(tx, vehicles.get(tx, vehicle_id), None, call)))

    async def of_appointment(self, call: Call) -> Answer:
        appointment_id = call.params["id"]

        def read(tx: Tx) -> Page[CheckView]:
            visit = appointments.get(tx, appointment_id)
            vehicle = vehicles.find(tx, visit.vehicle_id) if visit.vehicle_id else None
            return Page([]) if vehicle is None else self._page(tx, vehicle, visit, call)

        return answer(await self._db.read(read))

    def _page(self, tx: Tx, vehicle: Vehicle, visit: Appointment | None, call: Call) -> Page[CheckView]:
        titles = {one.name: one.title for one in self._checks.registers()}
        found = [one for one in vehicle_checks.of_vehicle(tx, vehicle.id) if one.source in titles]
        zone = self._zone(visit.site if visit is not None else None)
        return Page([_view(one, titles[one.source], vehicle, visit, zone, call.language) for one in found])


def _view(
    check: Check, title: str, vehicle: Vehicle, visit: Appointment | None, zone: ZoneInfo, language: str
) -> CheckView:
    facts = check.facts or Facts()
    is_same_plate = dutch_key(vehicle.plate) == check.plate
    found = remarks(title, facts, vehicle, visit, zone) if is_same_plate else ()
    return CheckView(
        source=check.source,
        title=title,
        plate=check.plate,
        asked_at=check.asked_at,
        at=check.at,
        known=check.is_known,
        make=facts.make,
        model=facts.model,
        fuel=facts.fuel,
        first_registration=facts.first_registration,
        inspection_due=facts.inspection_due,
        flags=list(facts.flags),
        filled=[name for name in FILLED if name in check.filled and str(getattr(vehicle, name)) == check.filled[name]],
        remarks=[Remark(kind, text.render(language)) for kind, text in found],
    )


def remarks(
    title: str, facts: Facts, vehicle: Vehicle, visit: Appointment | None = None, zone: ZoneInfo | None = None
) -> Iterator[tuple[Kind, Text]]:
    """What the workshop should know of the vehicle, and of the `visit`, in the time zone of its site."""
    if is_other_make(vehicle.make, facts.make):
        yield (
            "wrong_plate",
            N_(
                "Perhaps the wrong plate: by {partner} it belongs to a {theirs}, in the book it is a {ours}.",
                partner=title, theirs=facts.make, ours=vehicle.make,
            ),
        )  # fmt: skip
    for flag in facts.flags:
        yield flag, _FLAGS[flag](title)
    due = vehicle.inspection_due or facts.inspection_due
    if visit is not None and zone is not None and is_inspection_due(due, visit.collection, zone):
        yield "inspection_due", N_("The inspection (APK) is due on {day}: suggest it for this visit.", day=due)


FILLED = ("make", "model", "fuel", "first_registration", "inspection_due")

_FLAGS = {
    "open_recall": lambda title: N_("A recall is open, by {partner}.", partner=title),
    "odometer_illogical": lambda title: N_("The odometer readings aren't plausible, by {partner}.", partner=title),
    "exported": lambda title: N_("Registered as exported, by {partner}.", partner=title),
    "not_insured": lambda title: N_("Not insured, by {partner}.", partner=title),
}
