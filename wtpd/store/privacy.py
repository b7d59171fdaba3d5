"""Everything held on one person: given out, or blanked everywhere (spec: planner.md, rule 5; GDPR, articles 15, 17).

Whoever adds a table that can hold a person's data adds it here; a test looks for the person's words in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from wtpd.clock import iso
from wtpd.planner.changes import json_value
from wtpd.planner.customer import Customer
from wtpd.planner.plates import formatted, plate_key
from wtpd.planner.vehicle import Vehicle
from wtpd.store import (
    appointments,
    attention,
    calls,
    contracts,
    customers,
    erased,
    history,
    messages,
    partner_records,
    pushed,
    rentals,
    search,
    vehicle_checks,
    vehicles,
)
from wtpd.store.database import Tx, from_json, to_json
from wtpd.store.inbox import Inbox

_FREE_TEXT = ("notes", "dms_notes", "cancellation_reason", "vehicle.plate")
"""Fields of an appointment's history that can hold anything about anybody, beside all `customer.…`."""

_NOTES = ("notes", "dms_notes", "cancellation_reason")
_MOST_LISTED = 100
_ANSWER_TO_A_LIST = b'"unchanged":'
"""What every answer to an import has in it; its warnings quote rows of the list."""

_ADDRESSES = ("email", "phone", "mobile", "business_email", "business_phone", "business_mobile")


def export(tx: Tx, customer_id: str) -> dict[str, Any]:
    """As JSON values: the customer, vehicles, visits with their history and contract, messages in quarantine, what was
    exchanged with partners, and to whom the data were given. Raises `NotFound`."""
    customer = customers.get(tx, customer_id)
    visits = appointments.of_customer(tx, customer_id)
    cars = {car.id: car for car in vehicles.of_customer(tx, customer_id)}
    cars |= vehicles.many(tx, [visit.vehicle_id for visit in visits if visit.vehicle_id])
    return {
        "customer": json_value(customer),
        "vehicles": [json_value(car) for car in cars.values()],
        "vehicle_checks": [msgspec.to_builtins(one) for car in cars for one in vehicle_checks.of_vehicle(tx, car)],
        "appointments": [
            {
                **json_value(visit),
                "history": [json_value(entry) for entry in history.of(tx, visit.id)],
                "contract": _contract(tx, visit.id),
            }
            for visit in visits
        ],
        "messages": [
            from_json(row[name]) for row in _messages(tx, _ids(visits)) for name in ("payload", "edited") if row[name]
        ],
        "partner_records": [json_value(record) for record in _partner_records(tx, customer_id, visits, cars)],
        "exchanged": messages.export(tx, [visit.id for visit in visits]),
        "rentals": [
            {
                **msgspec.to_builtins(one),
                "calls": [call.body for call, _, _ in calls.of_subject(tx, one.id)],
            }
            for one in rentals.of_customer(tx, customer_id)
        ],
        "given_to": [dict(row) for row in _recipients(tx, _ids(visits))],
    }


@dataclass(frozen=True, slots=True)
class Traces:
    """Where the whole book was searched for a person, up to the entry `history` of the history. `visits`: appointments
    that were the person's at any time; `named_in`: appointments of others whose notes seem to name the person."""

    visits: tuple[str, ...]
    named_in: tuple[str, ...]
    history: int
    words: tuple[str, ...] = ()
    """What nobody else's records say, to be looked for in the file afterwards."""
    packed: tuple[bytes, ...] = ()
    """As `words`: bytes of messages, which are kept deflated."""
    pushed: tuple[int, ...] = ()
    """Bodies that partners' programs sent, and that name the person."""
    pushed_until: int = 0
    """The newest body that was looked at."""


def look(tx: Tx, customer: Customer) -> Traces:
    """Search the whole book, which takes a while in a large one; it needs no write transaction."""
    row = tx.one("SELECT coalesce(max(id), 0) AS newest FROM history")
    visits = _visits(tx, customer.id, 0)
    named_in = tuple(_named_in(tx, customer, visits))
    newest = int(row["newest"]) if row else 0
    packed = tuple(messages.samples(tx, visits))
    words = tuple(_own_words(tx, customer, visits))
    until = pushed.newest_id(tx)
    bodies = tuple(pushed.telling(tx, _needles(tx, customer, visits)))
    return Traces(tuple(visits), named_in, newest, words, packed, bodies, until)


def _needles(tx: Tx, customer: Customer, visits: Sequence[str]) -> pushed.Needles:
    contacts = customers.contacts_of(tx, [customer.id])[customer.id]
    words = _Words(customer, contacts, _plates(tx, visits, _lonely_cars(tx, customer.id)))
    return pushed.Needles(words.exact, [name for name in (customer.first_name, customer.last_name) if name])


def _own_words(tx: Tx, customer: Customer, visits: Sequence[str]) -> Iterator[str]:
    """The words that tell the person, without those that another customer has too."""
    contacts: Iterable[str] = sorted(customers.contacts_of(tx, [customer.id])[customer.id])
    mine = customer
    if any(other.id != customer.id for other in customers.by_contacts(tx, list(contacts))):
        contacts = ()
        mine = replace(mine, email="", phone="", mobile="", business_email="", business_phone="", business_mobile="")
    if any(one.id != customer.id for one in customers.by_name(tx, customer.first_name, customer.last_name, "")):
        mine = replace(mine, first_name="", last_name="")
    words = _Words(mine, contacts, _plates(tx, visits, _lonely_cars(tx, customer.id)))
    return iter(words.exact)


def erase(tx: Tx, customer: Customer, actor: str, traces: Traces | None = None) -> None:
    """Blank the person everywhere, history included, and leave a record that it happened. The links of the visits are
    closed, so that no partner's message brings the person back; keyed hashes stay, so that no old list does
    (`wtpd.store.erased`). The caller sees to it that no visit lies ahead, and calls `wtpd.store.cleaning.clean` after
    the commit. `traces`: what `look` found shortly before, so that the writer isn't held for it."""
    number = tx.run(
        "INSERT INTO erasure (customer_id, at, actor) VALUES (?, ?, ?)", (customer.id, iso(tx.now), actor)
    ).lastrowid
    traces = look(tx, customer) if traces is None else traces
    visits = list(dict.fromkeys((*traces.visits, *_visits(tx, customer.id, traces.history))))
    bodies = [*traces.pushed, *pushed.telling(tx, _needles(tx, customer, visits), traces.pushed_until)]
    pushed.erase(tx, bodies)
    lonely = _lonely_cars(tx, customer.id)
    contacts = customers.contacts_of(tx, [customer.id])[customer.id]
    known_at = partner_records.of(tx, "customer", [customer.id])
    erased.remember(tx, customer, contacts, [car.vin for car in lonely], known_at)
    partner_records.remove(tx, "customer", customer.id)
    for rental in rentals.forget_person(tx, customer.id):
        calls.erase(tx, rental)
    words = _Words(customer, contacts, _plates(tx, visits, lonely))
    for visit in visits:
        _blank_history(tx, visit, words)
    _blank_visits(tx, visits, words)
    _blank_sync(tx, visits)
    plates = _plates(tx, visits, lonely)
    bare = ["".join(sign for sign in plate if sign.isalnum()).upper() for plate in plates]  # as registers are asked
    subjects = [*plates, *bare, *(car.vin for car in lonely if car.vin)]
    messages.erase(tx, visits, lambda text: any(word in text for word in words.exact), subjects)
    _blank_answers(tx, customer, visits, words)
    _blank_mails(tx, words)
    cars = _blank_vehicles(tx, customer.id)
    customers.update(tx, Customer(id=customer.id, origin=customer.origin, erased=True, version=customer.version + 1))
    search.forget(tx, customer.id, cars)
    tx.run("UPDATE erasure SET done = 1 WHERE id = ?", (number,))
    for visit in traces.named_in[:_MOST_LISTED]:
        attention.add(tx, "named_in_note", appointment_id=visit, data={"customer": customer.id}, once=visit)


def erase_notes(tx: Tx, visit: str, actor: str) -> None:
    """Blank the notes of an appointment in its history and in what was exchanged about it, because they name somebody
    who was erased; the appointment's own notes are blank already."""
    number = tx.run(
        "INSERT INTO erasure (customer_id, at, actor) VALUES (?, ?, ?)", (visit, iso(tx.now), actor)
    ).lastrowid
    for row in tx.all("SELECT id, changes FROM history WHERE appointment_id = ?", (visit,)):
        changes = {
            name: {side: _without_notes(name, value) for side, value in change.items()}
            for name, change in from_json(row["changes"]).items()
        }
        tx.run("UPDATE history SET changes = ? WHERE id = ?", (to_json(changes), row["id"]))
    messages.erase(tx, [visit], lambda _: False)
    tx.run("UPDATE idempotency SET body = x'' WHERE appointment_id = ?", (visit,))
    tx.run("UPDATE erasure SET done = 1 WHERE id = ?", (number,))
    for row in tx.all("SELECT id FROM attention WHERE kind = 'named_in_note' AND appointment_id = ?", (visit,)):
        attention.resolve(tx, row["id"], by=actor, resolution="erased")


def words_of_notes(tx: Tx, visit: str) -> list[str]:
    """The texts that `erase_notes` blanks."""
    visits = appointments.many(tx, [visit])
    texts = [getattr(one, name) for one in visits for name in _NOTES]
    texts += [work.description for one in visits for work in one.interventions]
    for row in tx.all("SELECT changes FROM history WHERE appointment_id = ?", (visit,)):
        changes = from_json(row["changes"])
        texts += [side for name in _NOTES for side in changes.get(name, {}).values()]
    return [text for text in dict.fromkeys(texts) if text]


def erasures(tx: Tx, *, limit: int = 100) -> list[Mapping[str, Any]]:
    """The records of erasures, newest first: customer id, at, actor, and when the file was written again (`cleaned_at`,
    NULL: not yet)."""
    sql = "SELECT customer_id, at, actor, cleaned_at FROM erasure ORDER BY id DESC LIMIT ?"
    return [dict(row) for row in tx.all(sql, (limit,))]


def _partner_records(
    tx: Tx, customer_id: str, visits: Sequence[Any], cars: Mapping[str, Vehicle]
) -> Iterator[partner_records.PartnerRecord]:
    yield from partner_records.of(tx, "customer", [customer_id])
    yield from partner_records.of(tx, "vehicle", list(cars))
    yield from partner_records.of(tx, "order", [visit.id for visit in visits])


class _Words:
    """What tells the person: full name, company, customer number, addresses, plates of cars that are nobody else's."""

    def __init__(self, customer: Customer, contacts: Iterable[str], plates: Iterable[str]) -> None:
        own = [customer.company, *(getattr(customer, name) for name in _ADDRESSES), *plates]
        own += [number for key in contacts if key.startswith("+") for number in (key, f"00{key[1:]}")]
        if customer.first_name and customer.last_name:
            own += [f"{customer.first_name} {customer.last_name}", f"{customer.last_name}, {customer.first_name}"]
        self.exact = list(dict.fromkeys(word.strip() for word in own if len(word.strip()) > 2))
        """For looking in messages; a surname alone would hit others, so it is used for this person's visits only."""
        self._telling = [word.casefold() for word in (*self.exact, customer.last_name) if len(word.strip()) > 2]

    def tell(self, text: str) -> bool:
        lower = text.casefold()
        return any(word in lower for word in self._telling)

    def blanked(self, value: Any) -> Any:
        """A JSON value without the texts in which the person occurs."""
        if isinstance(value, str):
            return "" if self.tell(value) else value
        if isinstance(value, list):
            return [self.blanked(each) for each in value]
        if isinstance(value, dict):
            return {name: self.blanked(each) for name, each in value.items()}
        return value


def _visits(tx: Tx, customer_id: str, after: int) -> list[str]:
    """The customer's visits, and those that once were, as the history says behind its entry `after`."""
    rows = tx.all(
        """SELECT id FROM appointment WHERE customer_id = :id
           UNION SELECT appointment_id FROM history WHERE id > :after AND instr(changes, :id)
           UNION SELECT appointment_id FROM courtesy_contract WHERE customer_id = :id""",
        {"id": customer_id, "after": after},
    )
    return [row["id"] for row in rows]


def _named_in(tx: Tx, customer: Customer, own: Sequence[str]) -> Iterator[str]:
    """Appointments of others with the person's surname or company as a word of their notes, newest first; not where
    the customer of the appointment has that name too."""
    name = (customer.last_name or customer.company).strip()
    if len(name) < 3:
        return
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
    patterns = [
        "%" + form.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        for form in {name, name.upper(), name.lower()}
    ]
    found = " OR ".join(
        "a.notes || ' ' || a.dms_notes LIKE ? ESCAPE '\\' OR a.interventions LIKE ? ESCAPE '\\'" for _ in patterns
    )
    rows = tx.all(
        f"""SELECT a.id, a.notes || ' ' || a.dms_notes AS notes, a.interventions, c.last_name, c.company
            FROM appointment a LEFT JOIN customer c ON c.id = a.customer_id WHERE {found} ORDER BY a.id DESC""",
        [pattern for pattern in patterns for _ in range(2)],
    )
    for row in rows:
        named = word.search(row["notes"]) or word.search(" ".join(_texts(from_json(row["interventions"]))))
        theirs = {(row["last_name"] or "").casefold(), (row["company"] or "").casefold()}
        if named and row["id"] not in own and name.casefold() not in theirs:
            yield row["id"]


def _texts(value: Any) -> Iterator[str]:
    """Every text within a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _plates(tx: Tx, visits: Sequence[str], lonely: Iterable[Vehicle]) -> list[str]:
    """Plates by which the person can be found, as they are and as they were, in every usual way of writing."""
    plates = {car.plate for car in lonely if car.plate}
    if plates:
        for visit in visits:
            for row in tx.all("SELECT changes FROM history WHERE appointment_id = ?", (visit,)):
                change = from_json(row["changes"]).get("vehicle.plate", {})
                plates |= {change[side] for side in ("old", "new") if change.get(side)}
    return [way for plate in plates for way in dict.fromkeys((plate, formatted(plate), plate_key(plate)))]


def _blank_history(tx: Tx, visit: str, words: _Words) -> None:
    for row in tx.all("SELECT id, changes FROM history WHERE appointment_id = ?", (visit,)):
        changes = {
            name: {
                side: _emptied(value) if _is_personal(name) else words.blanked(value) for side, value in change.items()
            }
            for name, change in from_json(row["changes"]).items()
        }
        tx.run("UPDATE history SET changes = ? WHERE id = ?", (to_json(changes), row["id"]))


def _is_personal(field: str) -> bool:
    return field.startswith("customer.") or field in _FREE_TEXT


def _without_notes(field: str, value: Any) -> Any:
    if field == "interventions" and isinstance(value, list):
        return [{**work, "description": ""} for work in value]
    return _emptied(value) if field in _NOTES else value


def _emptied(value: Any) -> Any:
    return "" if isinstance(value, str) else value


def _blank_visits(tx: Tx, visits: Sequence[str], words: _Words) -> None:
    for visit in visits:
        row = tx.one("SELECT interventions FROM appointment WHERE id = ?", (visit,))
        work = to_json(words.blanked(from_json(row["interventions"]))) if row else "[]"
        tx.run(
            """UPDATE appointment SET notes = '', dms_notes = '', cancellation_reason = NULL, interventions = ?
               WHERE id = ?""",
            (work, visit),
        )
        tx.run("UPDATE courtesy_contract SET customer_id = NULL, customer = 'null' WHERE appointment_id = ?", (visit,))


def _blank_sync(tx: Tx, visits: Sequence[str]) -> None:
    for row in _messages(tx, to_json(list(visits))):
        _blank_message(tx, row["id"])
    for visit in visits:
        tx.run("UPDATE link SET base = '{}', tombstone = 1 WHERE appointment_id = ?", (visit,))
        tx.run("DELETE FROM outbox WHERE appointment_id = ?", (visit,))


def _blank_message(tx: Tx, number: int) -> None:
    tx.run("UPDATE inbox SET payload = 'null', edited = NULL, reason = '' WHERE id = ?", (number,))
    Inbox(tx).close(number, "discarded", by="erasure")
    _blank_attention(tx, "kind = 'quarantine' AND once = 'inbox:' || ?", number)


def _blank_answers(tx: Tx, customer: Customer, visits: Sequence[str], words: _Words) -> None:
    """Attention, quarantine, answers to repeated requests."""
    for visit in visits:
        _blank_attention(tx, "appointment_id = ?", visit)
        tx.run("UPDATE idempotency SET body = x'' WHERE appointment_id = ?", (visit,))
    tx.run("UPDATE idempotency SET body = x'' WHERE instr(body, ?)", (_ANSWER_TO_A_LIST,))
    for word in (customer.id, *words.exact):
        _blank_attention(tx, "instr(data, ?)", word)
        tx.run("UPDATE idempotency SET body = x'' WHERE instr(body, CAST(? AS BLOB))", (word,))
        for row in tx.all("SELECT id FROM inbox WHERE instr(payload, :word) OR instr(edited, :word)", {"word": word}):
            _blank_message(tx, row["id"])


def _blank_attention(tx: Tx, which: str, value: str | int) -> None:
    """There is nothing left to decide about."""
    for row in tx.all(f"SELECT id FROM attention WHERE {which}", (value,)):
        tx.run("UPDATE attention SET data = ? WHERE id = ?", (_ERASED, row["id"]))
        attention.resolve(tx, row["id"], by="erasure", resolution="erased")


def _blank_mails(tx: Tx, words: _Words) -> None:
    """What was sent isn't needed any more; what waits with the person in it isn't sent."""
    import email.policy

    tx.run("UPDATE mail SET message = x'' WHERE sent_at IS NOT NULL")
    for row in tx.all("SELECT id, message FROM mail WHERE sent_at IS NULL"):
        message = email.message_from_bytes(row["message"], policy=email.policy.default)
        parts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
        if any(words.tell(text) for text in (str(message["subject"]), *parts)):
            tx.run("DELETE FROM mail WHERE id = ?", (row["id"],))


_ERASED = to_json({"erased": True})


def _cars(tx: Tx, customer_id: str) -> dict[str, Vehicle]:
    """The cars that the person has a role for or came with."""
    cars = {car.id: car for car in vehicles.of_customer(tx, customer_id)}
    visits = appointments.of_customer(tx, customer_id)
    return cars | vehicles.many(tx, [visit.vehicle_id for visit in visits if visit.vehicle_id])


def _lonely_cars(tx: Tx, customer_id: str) -> list[Vehicle]:
    """Those of them that are nobody else's."""
    return [car for car in _cars(tx, customer_id).values() if _is_lonely(tx, car, customer_id)]


def _is_lonely(tx: Tx, car: Vehicle, customer_id: str) -> bool:
    others = {visit.customer_id for visit in appointments.of_vehicle(tx, car.id)} - {customer_id, None}
    return not others and {car.driver, car.owner, car.contractor} <= {customer_id, None}


def _blank_vehicles(tx: Tx, customer_id: str) -> list[str]:
    """The person is nobody's driver, owner or contractor any more; a car that is nobody else's loses its plate, by
    which its holder can be found, and its notes. The VIN stays: it names the car, which goes on to others."""
    cars = _cars(tx, customer_id)
    for car in cars.values():
        after = _without(car, customer_id)
        if _is_lonely(tx, car, customer_id):
            after = replace(after, plate="", notes="")
        if after != car:
            vehicles.update(tx, replace(after, version=car.version + 1))
    return list(cars)


def _without(car: Vehicle, customer_id: str) -> Vehicle:
    roles: dict[str, Any] = {
        role: None for role in ("driver", "owner", "contractor") if getattr(car, role) == customer_id
    }
    return replace(car, **roles)


def _contract(tx: Tx, visit: str) -> Any:
    found = contracts.find(tx, visit)
    return None if found is None else json_value(found)


def _ids(visits: Sequence[Any]) -> str:
    return to_json([visit.id for visit in visits])


def _messages(tx: Tx, visits: str) -> list[Any]:
    return tx.all(
        """SELECT i.id, i.payload, i.edited
           FROM inbox i JOIN link l ON l.channel = i.channel AND l.partner_id = i.partner_id
           WHERE l.appointment_id IN (SELECT value FROM json_each(?)) ORDER BY i.id""",
        (visits,),
    )


def _recipients(tx: Tx, visits: str) -> list[Any]:
    return tx.all(
        """SELECT channel, partner_id, appointment_id FROM link
           WHERE appointment_id IN (SELECT value FROM json_each(?)) ORDER BY channel, partner_id""",
        (visits,),
    )
