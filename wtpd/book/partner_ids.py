"""Partners' own ids of what the book keeps (spec: planner.md, 8)."""

from __future__ import annotations

from wtpd.book import limits
from wtpd.book.checks import reject
from wtpd.errors import Problem, Refused
from wtpd.store import appointments, customers, erased, partner_records, vehicles
from wtpd.store.database import Tx
from wtpd.store.partner_records import PartnerRecord
from wtpd.texts import N_

_TEXTS = {"connector": limits.SIGN, "company": limits.SIGN, "partner_id": limits.LINE}


def keep(tx: Tx, record: PartnerRecord) -> PartnerRecord:
    """Insert or replace. Raises `Invalid` for a text that can't be kept or a record that isn't there, and `Refused` of
    kind `erased` for the id of a person who was erased."""
    problems = [
        problem
        for name, longest in _TEXTS.items()
        for problem in limits.text(name, getattr(record, name), longest, required=name != "company")
    ]
    problems += [*limits.text("version", record.version, limits.LINE)]
    problems += [*limits.text("content_hash", record.content_hash, limits.LINE)]
    if not problems and not _is_there(tx, record):
        problems.append(Problem("record_id", N_("There is no record {id}.", id=record.record_id[:64])))
    reject(problems)
    if record.kind == "customer" and erased.is_erased_at_partner(tx, record):
        raise Refused(N_("This person was erased; the partner's data aren't taken over."), kind="erased")
    return partner_records.put(tx, record)


def _is_there(tx: Tx, record: PartnerRecord) -> bool:
    if record.kind == "customer":
        customer = customers.find(tx, record.record_id)
        return customer is not None and not customer.erased
    find = vehicles.find if record.kind == "vehicle" else appointments.find
    return find(tx, record.record_id) is not None
