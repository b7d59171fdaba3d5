"""Everything held on one person: given out, or blanked everywhere (spec: planner.md, rule 5; GDPR, articles 15, 17).

Whoever adds a table that can hold a person's data adds it here; a test looks for the person's words in the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from wtpd.clock import iso
from wtpd.planner.changes import json_value
from wtpd.planner.customer import Customer
from wtpd.planner.vehicle import Vehicle
from wtpd.store import appointments, attention, contracts, customers, history, messages, search, vehicles
from wtpd.store.database import Tx, from_json, to_json
from wtpd.store.inbox import Inbox

_FREE_TEXT = ("notes", "cancellation_reason", "vehicle.plate")
"""Fields of an appointment's history that can hold anything about anybody, beside all `customer.…`."""

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
        "exchanged": messages.export(tx, [visit.id for visit in visits]),
        "given_to": [dict(row) for row in _recipients(tx, _ids(visits))],
    }


def erase(tx: Tx, customer: Customer, actor: str) -> None:
    """Blank the person everywhere, history included, and leave a record that it happened. The links of the visits are
    closed, so that no partner's message brings the person back. The caller sees to it that no visit lies ahead."""
    number = tx.run(
        "INSERT INTO erasure (customer_id, at, actor) VALUES (?, ?, ?)", (customer.id, iso(tx.now), actor)
    ).lastrowid
    visits = _visits(tx, customer.id)
    words = _Words(customer)
    for visit in visits:
        _blank_history(tx, visit, words)
    _blank_visits(tx, visits, words)
    _blank_sync(tx, visits)
    messages.erase(tx, visits, lambda text: any(word in text for word in words.exact))
    _blank_answers(tx, customer, visits, words)
    _blank_mails(tx, words)
    cars = _blank_vehicles(tx, customer.id)
    customers.update(tx, Customer(id=customer.id, origin=customer.origin, erased=True, version=customer.version + 1))
    search.forget(tx, customer.id, cars)
    tx.run("UPDATE erasure SET done = 1 WHERE id = ?", (number,))
    tx.scrub = True


def erasures(tx: Tx, *, limit: int = 100) -> list[Mapping[str, Any]]:
    """The records of erasures, newest first: customer id, at, actor."""
    return [
        dict(row) for row in tx.all("SELECT customer_id, at, actor FROM erasure ORDER BY id DESC LIMIT ?", (limit,))
    ]


class _Words:
    """What tells the person: full name, company, addresses."""

    def __init__(self, customer: Customer) -> None:
        telling = [customer.last_name, customer.company, *(getattr(customer, name) for name in _ADDRESSES)]
        self._telling = [word.casefold() for word in telling if len(word.strip()) > 2]
        self.exact = [word for word in telling if len(word.strip()) > 2]
        """For looking in messages; a surname alone would hit others, so it is used for this person's visits only."""
        if customer.last_name in self.exact:
            self.exact.remove(customer.last_name)

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


def _visits(tx: Tx, customer_id: str) -> list[str]:
    """The customer's visits, and those that once were."""
    rows = tx.all(
        """SELECT id FROM appointment WHERE customer_id = :id
           UNION SELECT appointment_id FROM history WHERE instr(changes, :id)
           UNION SELECT appointment_id FROM courtesy_contract WHERE customer_id = :id""",
        {"id": customer_id},
    )
    return [row["id"] for row in rows]


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


def _emptied(value: Any) -> Any:
    return "" if isinstance(value, str) else value


def _blank_visits(tx: Tx, visits: Sequence[str], words: _Words) -> None:
    for visit in visits:
        row = tx.one("SELECT interventions FROM appointment WHERE id = ?", (visit,))
        work = to_json(words.blanked(from_json(row["interventions"]))) if row else "[]"
        tx.run(
            "UPDATE appointment SET notes = '', cancellation_reason = NULL, interventions = ? WHERE id = ?",
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


def _blank_vehicles(tx: Tx, customer_id: str) -> list[str]:
    """The person is nobody's driver, owner or contractor any more; a car that is nobody else's loses its plate, by
    which its holder can be found. The VIN stays: it names the car, which goes on to others."""
    cars = {car.id: car for car in vehicles.of_customer(tx, customer_id)}
    visits = appointments.of_customer(tx, customer_id)
    cars |= vehicles.many(tx, [visit.vehicle_id for visit in visits if visit.vehicle_id])
    for car in cars.values():
        after = _without(car, customer_id)
        others = {visit.customer_id for visit in appointments.of_vehicle(tx, car.id)} - {customer_id, None}
        if not others and not (after.driver or after.owner or after.contractor):
            after = replace(after, plate="")
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
