"""SUPERSERVICE's appointments in the sandbox: versions, and one live appointment per DMS id.

They are in memory; what is kept on disk is the feed, whose latest entries they are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from wtpd.clock import from_iso
from wtpd.connectors.kit.contract import Refusal
from wtpd.connectors.kit.sandbox_side import Host
from wtpd.connectors.superservice.sandbox_feed import Change, Feed
from wtpd.connectors.superservice.sandbox_rules import Rules

ZONE = ZoneInfo("Europe/Berlin")
"""The partner tells times as its dealers read them, with the offset."""
CANCELLED = "CANCELLED"

_BLANK = {
    "status": "BOOKED",
    "transport": {"option": "NONE", "loanCarId": None},
    "customerWaiting": False,
    "advisorId": None,
    "notes": "",
    "jobs": [],
    "customer": {
        **dict.fromkeys(("companyName", "salutation", "title", "firstName", "lastName"), ""),
        "address": dict.fromkeys(("street", "houseNumber", "postalCode", "city", "country"), ""),
        "contact": dict.fromkeys(
            ("email", "phone", "mobile", "businessEmail", "businessPhone", "businessMobile"), ""
        ),
    },
    "vehicle": {
        **dict.fromkeys(("registrationPlate", "vin", "make", "model", "fuel"), ""),
        **dict.fromkeys(("firstRegistration", "inspectionDue", "odometerKm")),
    },
}  # fmt: skip
_BLANK_JSON = msgspec.json.encode(_BLANK)
"""Decoded for each appointment, which is ten times as fast as a deep copy."""
_BLANK_JOB = {"code": "", "title": "", "description": "", "labourUnits": 0, "priceCents": None}
_KNOWN_CODES = {
    "status": frozenset({"BOOKED", "ARRIVED", "IN_WORKSHOP", "READY_FOR_COLLECTION", "COMPLETED", "NO_SHOW"}),
    "transport": frozenset({"NONE", "WAIT", "LOAN_CAR", "RENTAL", "PICKUP_DELIVERY", "SHUTTLE"}),
}

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """An appointment as it is now; `body` is its JSON."""

    dealer: str
    id: str
    dms_id: str | None
    version: int
    cancelled: bool
    body: msgspec.Raw

    def read(self) -> Body:
        body: Body = msgspec.json.decode(self.body)
        return body


class SandboxBook:
    """All dealers' appointments. Nothing here waits; whoever answers waits for `host.saved()` first."""

    def __init__(self, host: Host, feed: Feed, days: Days, rules: Rules) -> None:
        self._host = host
        self._feed = feed
        self._days = days
        self._rules = rules
        self.appointments: dict[str, Kept] = {}
        self._live: dict[tuple[str, str], str] = {}
        self._codes: dict[tuple[str, str], set[str]] = {}
        for change in feed.load():
            self._take(change)

    def get(self, dealer: str, partner_id: str) -> Kept:
        """Raises `Refusal` 404."""
        kept = self.appointments.get(partner_id)
        if kept is None or kept.dealer != dealer:
            raise Refusal(404, "appointment", "There is no such appointment")
        return kept

    def live(self, dealer: str, dms_id: str) -> Kept | None:
        partner_id = self._live.get((dealer, dms_id))
        return self.appointments[partner_id] if partner_id else None

    def create(self, dealer: str, given: Body, *, by: str, number: str | None = None) -> Kept:
        """`number`: an id that is used (again) instead of a new one. Raises `Refusal` 409 if there is a live one with
        this DMS id, 422 for what can't be."""
        dms_id = given.get("dmsAppointmentId")
        self._check_single(dealer, dms_id)
        partner_id = number or self._next_number()
        now = self._now()
        body = {
            "id": partner_id,
            "dealerNumber": dealer,
            "dmsAppointmentId": dms_id,
            "version": 1,
            **msgspec.json.decode(_BLANK_JSON),
            "createdBy": by,
            "changedBy": by,
            "createdAt": now,
            "changedAt": now,
            "cancellation": None,
            "links": {"menus": f"{self._host.address}/menus/{partner_id}"},
        }
        _merge(body, given)
        self._check(dealer, body, given, by)
        return self._record(body, by)

    def _next_number(self) -> str:
        number = len(self.appointments) + 1
        while (partner_id := f"A{number:07d}") in self.appointments:  # one was given by hand
            number += 1
        return partner_id

    def change(self, kept: Kept, patch: Body, *, by: str) -> Kept:
        """Apply a merge patch; one that changes nothing makes no version. Raises `Refusal` 422."""
        if kept.cancelled:
            raise Refusal(422, "appointment-cancelled", "The appointment is cancelled and can't be changed")
        body = kept.read()
        _merge(body, patch)
        self._check(kept.dealer, body, patch, by)
        _localise(body)
        self._rules.keep(body)
        return kept if body == kept.read() else self._next(body, by)

    def cancel(self, kept: Kept, reason: str, *, by: str, cause: str = CANCELLED) -> Kept:
        """Cancelling what is cancelled changes nothing."""
        if kept.cancelled:
            return kept
        body = kept.read()
        body["status"] = CANCELLED
        body["cancellation"] = {"reason": reason, "cause": cause, "cancelledAt": self._now()}
        return self._next(body, by)

    def reopen(self, kept: Kept, *, by: str) -> Kept:
        """Raises `Refusal` 409 if its DMS id has another live appointment meanwhile."""
        self._check_single(kept.dealer, kept.dms_id)
        body = kept.read()
        body["status"] = "BOOKED"
        body["cancellation"] = None
        return self._next(body, by)

    def change_unchecked(self, kept: Kept, patch: Body, *, by: str) -> Kept:
        """As `change`, past the partner's own rules: for codes that wtpd doesn't know."""
        body = kept.read()
        _merge(body, patch)
        return self._next(body, by)

    def put_broken(self, kept: Kept, patch: Body, *, by: str) -> Kept:
        """A new version, of which the feed shows something that breaks the contract."""
        now = self._next(kept.read(), by, in_feed=False)
        broken = now.read()
        _merge(broken, patch)
        self._feed.append(kept.dealer, kept.id, by, _raw(broken), in_feed=True, current=False)
        return now

    def _check_single(self, dealer: str, dms_id: str | None) -> None:
        if dms_id is not None and (there := self.live(dealer, dms_id)) is not None:
            raise Refusal(
                409, "duplicate", "There is a live appointment with this dmsAppointmentId", appointmentId=there.id
            )

    def _check(self, dealer: str, body: Body, given: Body, by: str) -> None:
        """The partner's rules beyond the contract's forms. The people there may use their own advisors and cars."""
        if from_iso(body["collectionTime"]) <= from_iso(body["dropOffTime"]):
            raise Refusal(422, "collection-not-after-drop-off", "The collection must be after the drop-off")
        if by == "dms":
            is_moved = "collectionTime" in given  # a visit that is over still gets its later states
            if self._rules.past and is_moved and from_iso(body["collectionTime"]) <= self._host.clock.now():
                raise Refusal(422, "appointment-past", "The collection is in the past")
            if self._rules.signs:
                self._check_signs(dealer, given)
        for kind, code in (("status", given.get("status")), ("transport", given.get("transport", {}).get("option"))):
            if code is not None and code not in _KNOWN_CODES[kind] | self._codes.get((dealer, kind), set()):
                raise Refusal(422, "unknown-code", f"{kind}: there is no such code")

    def _check_signs(self, dealer: str, given: Body) -> None:
        """Only advisors and cars are taken that the dealer has published; before its first publication any are."""
        known = self._days.signs(dealer)
        if known is None:
            return
        advisors, cars = known
        transport = given.get("transport", {})
        for kind, sign, signs in (
            ("advisorId", given.get("advisorId"), advisors),
            ("transport.loanCarId", transport.get("loanCarId"), cars),
        ):
            if sign is not None and sign not in signs:
                raise Refusal(422, "unknown-resource", f"{kind}: this sign was never published")

    def _next(self, body: Body, by: str, *, in_feed: bool = True) -> Kept:
        body["version"] += 1
        body["changedBy"] = by
        body["changedAt"] = self._now()
        return self._record(body, by, in_feed=in_feed)

    def _record(self, body: Body, by: str, *, in_feed: bool = True) -> Kept:
        _localise(body)
        self._rules.keep(body)
        change = self._feed.append(body["dealerNumber"], body["id"], by, _raw(body), in_feed=in_feed, current=True)
        self._take(change)
        return self.appointments[change.id]

    def _take(self, change: Change) -> None:
        if not change.current:
            return
        shown = msgspec.json.decode(change.body, type=_Shown)
        cancelled = shown.status == CANCELLED
        before = self.appointments.get(change.id)
        if before is not None and before.dms_id not in (None, shown.dms_id):  # its number was used again
            self._drop_live(before)
        self.appointments[change.id] = Kept(
            change.dealer, change.id, shown.dms_id, shown.version, cancelled, change.body
        )
        self._codes.setdefault((change.dealer, "transport"), set()).add(shown.transport.option)
        if not cancelled:
            self._codes.setdefault((change.dealer, "status"), set()).add(shown.status)
        if shown.dms_id is not None:
            key = (change.dealer, shown.dms_id)
            if not cancelled:
                self._live[key] = change.id
            else:
                self._drop_live(self.appointments[change.id])

    def _drop_live(self, kept: Kept) -> None:
        if kept.dms_id is not None and self._live.get((kept.dealer, kept.dms_id)) == kept.id:
            del self._live[kept.dealer, kept.dms_id]

    def _now(self) -> str:
        return self._host.clock.now().astimezone(ZONE).isoformat(timespec="seconds")


class Days:
    """What the dealers said can be booked, by dealer and date."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._journal = host.journal("days")
        self.published: dict[str, dict[str, Body]] = {}
        self._signs: dict[str, tuple[set[str], set[str]]] = {}
        for key, value in self._journal.load():
            dealer, date = key.split(" ")
            self.published.setdefault(dealer, {})[date] = msgspec.json.decode(value)
            self._note_signs(dealer, self.published[dealer][date])

    def publish(self, dealer: str, days: Sequence[Body]) -> int:
        """Replace these days, and leave the others as they are. Raises `Refusal` 422; then nothing was changed."""
        _check_days(days)
        for day in days:
            self._note_signs(dealer, day)
            self.published.setdefault(dealer, {})[day["date"]] = day
            self._journal.put(f"{dealer} {day['date']}", msgspec.json.encode(day))
        return len(days)

    def signs(self, dealer: str) -> tuple[frozenset[str], frozenset[str]] | None:
        """Every advisor and every car that the dealer ever published; None before its first publication."""
        found = self._signs.get(dealer)
        return None if found is None else (frozenset(found[0]), frozenset(found[1]))

    def _note_signs(self, dealer: str, day: Body) -> None:
        advisors, cars = self._signs.setdefault(dealer, (set(), set()))
        advisors.update(one["advisorId"] for one in day["advisors"])
        cars.update(one["loanCarId"] for one in day["loanCars"])

    def free_slots(self, dealer: str) -> Iterator[str]:
        """The drop-off times published as free, from now on, in order."""
        now = self._host.clock.now()
        for _, day in sorted(self.published.get(dealer, {}).items()):
            for slot in day["dropOffSlots"]:
                if slot["places"] > 0 and from_iso(slot["time"]) > now:
                    yield slot["time"]

    def state(self) -> dict[str, list[Body]]:
        return {dealer: [day for _, day in sorted(days.items())] for dealer, days in self.published.items()}


def _check_days(days: Sequence[Body]) -> None:
    """The rules of the contract for a publication. Raises `Refusal` 422."""
    seen: set[str] = set()
    for day in days:
        date = day["date"]
        if date in seen:
            raise Refusal(422, "day-twice", f"{date} is given twice")
        seen.add(date)
        if day["remaining"] > day["capacity"]:
            raise Refusal(422, "remaining-above-capacity", f"{date}: more remains than there is")
        if any(from_iso(slot["time"]).astimezone(ZONE).date().isoformat() != date for slot in day["dropOffSlots"]):
            raise Refusal(422, "slot-on-another-day", f"{date}: a slot is on another day")
        spans = [*(one["present"] for one in day["advisors"]), *(one["free"] for one in day["loanCars"])]
        if any(from_iso(span["to"]) <= from_iso(span["from"]) for each in spans for span in each):
            raise Refusal(422, "span-reversed", f"{date}: a span ends before it begins")


class _ShownTransport(msgspec.Struct):
    option: str


class _Shown(msgspec.Struct):
    """What the book itself reads of an appointment."""

    version: int
    status: str
    transport: _ShownTransport
    dms_id: str | None = msgspec.field(name="dmsAppointmentId", default=None)


def _merge(target: Body, patch: Body) -> None:
    """RFC 7396, except that `null` blanks and doesn't remove: an answer has all members."""
    for name, value in patch.items():
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            _merge(target[name], value)
        elif name == "jobs" and isinstance(value, list):
            target[name] = [{**_BLANK_JOB, **job} for job in value]
        else:
            target[name] = value


def _localise(body: Body) -> None:
    for name in ("dropOffTime", "collectionTime"):
        with contextlib.suppress(ValueError, TypeError, AttributeError):  # an odd one that is played stays
            body[name] = from_iso(body[name]).astimezone(ZONE).isoformat(timespec="seconds")


def _raw(body: Body) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(body))
