"""The book for what partners push: persons and vehicles under the partner's own ids (`wtpd.connectors.receiver`)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from wtpd.book import customers as customer_rules
from wtpd.book import vehicles as vehicle_rules
from wtpd.book.partner_records import Origin, resolve
from wtpd.connectors.receiver import Result
from wtpd.planner.changes import json_value
from wtpd.planner.customer import Customer
from wtpd.planner.vehicle import Vehicle
from wtpd.store import attention, customers, erased, partner_records, vehicles
from wtpd.store.database import Tx, to_json
from wtpd.store.partner_records import Kind, PartnerRecord

_NOT_THEIRS = {"id", "number", "origin", "locked_by", "permissions", "erased", "version", "odometer_source"}
_ROLES = ("driver", "owner", "contractor")


class PushPort:
    """One transaction; `connector` sends for `site`. A person who was erased isn't brought back."""

    def __init__(self, tx: Tx, connector: str, site: str) -> None:
        self._tx = tx
        self._connector = connector
        self._source = Origin(connector, f"dms:{connector}", {}, site)

    def customer(self, partner_id: str, customer: Customer, *, company: str = "") -> Result:
        asked = _given(customer)
        record = self._record("customer", partner_id, company, asked)
        before = partner_records.find(self._tx, self._connector, company, "customer", partner_id)
        if before is not None and before.content_hash == record.content_hash:
            return "unchanged"
        if erased.is_erased_at_partner(self._tx, record):
            return "unchanged"
        known = customers.find(self._tx, before.record_id) if before is not None else None
        if known is None or known.erased:
            found = resolve(self._tx, None, None, asked, {}, self._source)
            known = found.customer
            self._list(found.unmatched)
        elif known.locked_by in (None, self._connector):
            after = replace(known, **asked)
            customer_rules.check(after, strict=False)
            known = customer_rules.put(self._tx, known, after)
        if known is None:  # nothing in it that tells anybody
            return "unchanged"
        partner_records.put(self._tx, replace(record, record_id=known.id))
        return "accepted"

    def vehicle(
        self, partner_id: str, vehicle: Vehicle, *, company: str = "", people: Mapping[str, str] | None = None
    ) -> Result:
        asked = _given(vehicle)
        people = {role: who for role, who in (people or {}).items() if role in _ROLES}
        record = self._record("vehicle", partner_id, company, {**asked, **people})
        before = partner_records.find(self._tx, self._connector, company, "vehicle", partner_id)
        if before is not None and before.content_hash == record.content_hash:
            return "unchanged"
        known = vehicles.find(self._tx, before.record_id) if before is not None else None
        if known is None:
            found = resolve(self._tx, None, None, {}, asked, self._source)
            known = found.vehicle
            self._list(found.unmatched)
        else:
            after = vehicle_rules.with_reading(self._tx, known, replace(known, **asked), asked, self._connector)
            vehicle_rules.check(after)
            known = vehicle_rules.put(self._tx, known, after)
        if known is None:
            return "unchanged"
        roles: dict[str, Any] = {role: self._ours(who, company) for role, who in people.items()}
        vehicle_rules.put(self._tx, known, replace(known, **{role: who for role, who in roles.items() if who}))
        partner_records.put(self._tx, replace(record, record_id=known.id))
        return "accepted"

    def _record(self, kind: Kind, partner_id: str, company: str, asked: Mapping[str, Any]) -> PartnerRecord:
        content = to_json({name: json_value(value) for name, value in asked.items()})
        return PartnerRecord(
            connector=self._connector,
            company=company,
            kind=kind,
            partner_id=partner_id,
            record_id="",
            content_hash=hashlib.sha256(content.encode()).hexdigest(),
        )

    def _ours(self, partner_id: str, company: str) -> str | None:
        found = partner_records.find(self._tx, self._connector, company, "customer", partner_id)
        return found.record_id if found is not None else None

    def _list(self, unmatched: tuple[tuple[str, str, tuple[str, ...]], ...]) -> None:
        for kind, ours, candidates in unmatched:
            attention.add(
                self._tx, "unmatched", data={"what": kind, "created": ours, "candidates": list(candidates)}, once=ours
            )


def _given(record: Customer | Vehicle) -> dict[str, Any]:
    """What the partner has a value for; a blank takes nothing away."""
    values = {one.name: getattr(record, one.name) for one in fields(record) if one.name not in (*_NOT_THEIRS, *_ROLES)}
    return {name: value.strip() if isinstance(value, str) else value for name, value in values.items() if value}
