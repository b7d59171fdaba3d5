"""Appointments from rows. What a list says anew is the truth, blank cells included. What it said the same way the last
time it was imported is no news: if desk or partner changed that since, theirs stands. Nor is an appointment set back
that went on in the book: a status moves forwards, one that was cancelled stays so, and one whose customer was erased
isn't filled again. The load limit doesn't count for what was booked elsewhere, but it is flagged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from wtpd.book.draft import Draft
from wtpd.book.importing.bulk import PARTNER, in_portions
from wtpd.book.importing.files import Row, Source
from wtpd.book.importing.mapping import Format, fold
from wtpd.book.importing.session import COLUMN_OF, Counts, Session
from wtpd.book.importing.works import Usual, WrongField, completed, interventions
from wtpd.errors import WtpdError
from wtpd.planner.appointment import FREE, Appointment, Status, TransportOption
from wtpd.planner.changes import diff, json_value, merged
from wtpd.planner.periods import local_moment
from wtpd.planner.plates import plate_key, same_plate
from wtpd.planner.vehicle import Vehicle
from wtpd.store import history, vehicles
from wtpd.texts import N_

_BLANK = {field.name: json_value(field.default) for field in fields(Appointment) if field.default is not MISSING}
"""What a field is that nobody filled: the history of a new appointment doesn't tell of it."""

_ONWARDS = (Status.SCHEDULED, Status.ARRIVED, Status.IN_WORK, Status.READY, Status.COMPLETED)


@dataclass(frozen=True, slots=True)
class Visit:
    """A row that makes sense. `fields`: values of `Appointment` for the columns the list has."""

    row: Row
    status: Status | None
    fields: Mapping[str, Any]

    @property
    def reference(self) -> str:
        return str(self.row.values["reference"])


def put_visits(session: Session, rows: Iterable[Row], usual: Usual, counts: Counts, form: Format) -> None:
    """Put each row that makes sense. A car can be free once a later row has moved another visit, so what wants it is
    tried again at the end."""
    lendings, again = Lendings(), []
    for portion in in_portions(rows):
        session.expect(portion)
        for row in portion:
            visit = _visit(session, row, usual)
            if visit is None:
                continue
            lendings.add(visit)
            if not session.findings.count and not _put(session, visit, counts, form, last=False):
                again.append(visit)
    lendings.refuse_double(session)
    session.expect([visit.row for visit in again])
    for visit in again:
        if not session.findings.count:
            _put(session, visit, counts, form, last=True)


def _put(session: Session, visit: Visit, counts: Counts, form: Format, *, last: bool) -> bool:
    """Whether it's done with."""
    try:
        before = session.bulk.by_reference(visit.reference)
        after = _create(session, visit, form) if before is None else _change(session, visit, before, form)
        _raise_odometer(session, visit)
    except WtpdError as error:
        if error.kind == "car-taken" and not last:
            return False
        session.failed(visit.row, error)
        return True
    counts.count(before, after)
    if after.over_limit and (before is None or not before.over_limit):
        session.over_limit += 1
    return True


def _raise_odometer(session: Session, visit: Visit) -> None:
    """The reading of a visit is the vehicle's, if it is higher; it is never set back."""
    km, vehicle_id = visit.row.values.get("odometer_km"), visit.fields.get("vehicle_id")
    if km is None or vehicle_id is None:
        return
    vehicle = vehicles.get(session.tx, vehicle_id)
    day = min(visit.fields["drop_off"].date(), session.tx.now.date())
    if vehicle.odometer_km is None or km > vehicle.odometer_km:
        reading = {"odometer_km": km, "odometer_date": day}
        session.bulk.change_vehicle(vehicle, reading)
    elif km < vehicle.odometer_km and vehicle.odometer_date is not None and day > vehicle.odometer_date:
        session.findings.look(
            visit.row.place("odometer_km"),
            N_("{km} km are fewer than the vehicle had before ({known} km); the higher reading stays",
               km=km, known=vehicle.odometer_km),
        )  # fmt: skip


def _create(session: Session, visit: Visit, form: Format) -> Appointment:
    extra: dict[str, Any] = {}
    if _says_waiting(visit, form):
        extra = {"customer_waiting": True}
        if not visit.fields.get("courtesy_car"):
            extra["transport_option"] = TransportOption.WAITING
    draft = Draft(
        **{**extra, **visit.fields}, status=visit.status or Status.SCHEDULED, references={PARTNER: visit.reference}
    )
    is_plain = (
        draft.courtesy_car is None
        and not session.is_erased(draft.customer_id)
        and (draft.advisor is None or session.is_active_advisor(draft.advisor, draft.site))
    )
    return session.bulk.create_appointment(draft, is_plain=is_plain)


def _change(session: Session, visit: Visit, before: Appointment, form: Format) -> Appointment:
    if before.status is Status.CANCELLED:
        if visit.status not in (Status.CANCELLED, None):
            session.findings.look(visit.row.place("status"), N_("was cancelled meanwhile and stays so"))
        return before
    if visit.status is Status.CANCELLED and before.status is not Status.COMPLETED:
        session.bulk.others_change()
        return session.book.cancel(session.tx, before.id, author=session.author, expected_version=None)
    if session.is_erased(before.customer_id):
        session.findings.look(visit.row.place("reference"), N_("its customer was erased; it was left as it is"))
        return before
    changes = _news(session, visit, before)
    if _is_onwards(before.status, visit.status):
        changes["status"] = visit.status
    if (
        "courtesy_car" in changes
        and "transport_option" not in changes
        and before.courtesy_car != changes["courtesy_car"]
    ):
        lent = changes["courtesy_car"] is not None
        changes["transport_option"] = TransportOption.COURTESY_CAR if lent else TransportOption.NONE
    if merged(before, changes) == before:
        return before
    session.bulk.others_change()
    return session.book.change(
        session.tx, before.id, changes, author=session.author, expected_version=None, allow_over_limit=True
    )


def _news(session: Session, visit: Visit, before: Appointment) -> dict[str, Any]:
    """The list's fields without those that were changed here since it last said the same."""
    changes = dict(visit.fields)
    if "interventions" in changes:
        changes["interventions"] = completed(visit.row, changes["interventions"], before.interventions)
    differing = diff(before, merged(before, changes))
    if not differing:
        return changes
    said: dict[str, Any] = {}
    for entry in history.of(session.tx, before.id):
        if entry.channel == session.author.interface:
            said |= _BLANK if entry.action == "created" else {}
            said |= {name: change.new for name, change in entry.changes.items()}
    for name, change in differing.items():
        if name in said and said[name] == change.new:
            del changes[name]
            session.findings.look(
                visit.row.place(COLUMN_OF.get(name, name)), N_("was changed here since the last import and stays so")
            )
    return changes


def _is_onwards(before: Status, wanted: Status | None) -> bool:
    if wanted is Status.NO_SHOW:
        return before is Status.SCHEDULED
    return wanted in _ONWARDS and before in _ONWARDS and _ONWARDS.index(wanted) > _ONWARDS.index(before)


def _says_waiting(visit: Visit, form: Format) -> bool:
    return fold(visit.fields.get("notes", "")) in form.words["waiting_note"]


def _visit(session: Session, row: Row, usual: Usual) -> Visit | None:
    """The row with everything it names found; its problems are in the findings."""
    count = session.findings.count
    site = session.site(row)
    department = session.department(row, site) if site else None
    if not site or not department:
        return None
    zone = session.book.plans[site, department].zone
    fields: dict[str, Any] = {
        "site": site,
        "department": department,
        "drop_off": _moment(session, row, "drop_off", zone),
        "collection": _moment(session, row, "collection", zone),
        **_texts(row),
        **_people(session, row, site),
    }
    if fields["drop_off"] and fields["collection"] and fields["collection"] <= fields["drop_off"]:
        session.findings.wrong(row.place("collection"), N_("the collection isn't after the drop-off; check both"))
    if row.values.keys() & {"interventions", "codes", "titles"}:
        try:
            fields["interventions"] = interventions(row, usual)
        except WrongField as error:
            session.findings.wrong(row.place(error.field), error.text)
    status = Status(row.values["status"]) if row.values.get("status") else None
    return Visit(row, status, fields) if session.findings.count == count else None


def _texts(row: Row) -> dict[str, Any]:
    fields = {name: row.values[name] for name in ("notes",) if name in row.values}
    fields |= {name: row.values[name] or None for name in ("work_order", "dms_number") if name in row.values}
    fields |= {name: row.values[name] for name in ("transport_option", "customer_waiting") if row.values.get(name)}
    return fields


def _people(session: Session, row: Row, site: str) -> dict[str, Any]:
    """Customer, vehicle, advisor and courtesy car, which must all be known."""
    fields: dict[str, Any] = {}
    if "customer" in row.values:
        fields["customer_id"] = session.customer(row, "customer")
    if row.values.keys() & {"vin", "plate"}:
        fields["vehicle_id"] = _vehicle(session, row)
    if "advisor" in row.values:
        fields["advisor"] = session.resource(row, "advisor", "advisors", site)
    if "courtesy_car" in row.values:
        fields["courtesy_car"] = session.resource(row, "courtesy_car", "courtesy_cars", site)
    return fields


def _vehicle(session: Session, row: Row) -> str | None:
    vin, plate = row.values.get("vin", ""), row.values.get("plate", "")
    if not vin and not plate:
        return None
    found: list[Vehicle] = session.bulk.by_vin(vin) if vin else session.bulk.by_plate(plate)
    if len(found) != 1:
        if ("vehicles", vin or plate_key(plate)) not in session.findings.broken:
            text = (
                N_("{value} fits several vehicles; give the VIN", value=vin or plate)
                if found
                else N_("there is no vehicle {value}; import the vehicles first or along with it", value=vin or plate)
            )
            session.findings.wrong(row.place("vin" if vin else "plate"), text)
        return None
    if vin and plate and found[0].plate and not same_plate(plate, found[0].plate):
        session.findings.look(
            row.place("plate"),
            N_("{plate} isn't the plate of this VIN ({known}); the VIN counts", plate=plate, known=found[0].plate),
        )
    return found[0].id


def _moment(session: Session, row: Row, field: str, zone: str) -> datetime | None:
    """In UTC. A local time that comes twice is the first of the two; one that the clocks skip is a problem."""
    written: datetime = row.values[field]
    if written.tzinfo is not None:
        return written.astimezone(UTC)
    moment = local_moment(written.date(), written.time(), zone)
    if moment is None:
        session.findings.wrong(
            row.place(field),
            N_("{value} doesn't exist: the clocks are put forward in that hour", value=written),
        )
    elif written.replace(tzinfo=ZoneInfo(zone), fold=1).utcoffset() != moment.astimezone(ZoneInfo(zone)).utcoffset():
        session.findings.look(
            row.place(field),
            N_("{value} comes twice that night; the first was taken", value=written),
        )
    return moment


class Lendings:
    """Which rows lend which car when."""

    def __init__(self) -> None:
        self._by_car: dict[str, list[tuple[datetime, datetime, Source, int, str]]] = {}

    def add(self, visit: Visit) -> None:
        car = visit.fields.get("courtesy_car")
        if car and visit.status not in FREE:
            start, end = visit.fields["drop_off"], visit.fields["collection"]
            lending = (start, end, visit.row.source, visit.row.line, visit.reference)
            self._by_car.setdefault(car, []).append(lending)

    def refuse_double(self, session: Session) -> None:
        """A car that two rows lend at a time: both lines are named."""
        for car, lendings in self._by_car.items():
            lendings.sort(key=lambda each: each[0])
            latest = lendings[0]
            for lending in lendings[1:]:
                start, end, source, line, _ = lending
                if start < latest[1]:
                    session.findings.wrong(
                        Row(source, line, {}).place("courtesy_car"),
                        N_("{car} is lent at that time in line {line} ({file}, {reference}) too", car=car,
                           line=latest[3], file=latest[2].file, reference=latest[4]),
                    )  # fmt: skip
                if end > latest[1]:
                    latest = lending
