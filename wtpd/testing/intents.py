"""What wtpd sends to a partner of appointments: one whole appointment, and the intents to create, change and cancel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wtpd.sync.ports import Intent

ACCOUNT = "00123"
"""Our number at the partner."""
CHANNEL = "partner/rostock"

FIELDS: Mapping[str, Any] = {
    "drop_off": "2027-03-01T07:00:00Z",
    "collection": "2027-03-01T15:30:00Z",
    "status": "scheduled",
    "transport_option": "courtesy_car",
    "courtesy_car": "EW1",
    "customer_waiting": False,
    "advisor": "SB1",
    "notes": "Schlüssel im Tresor; Räder eingelagert",
    "interventions": [
        {"code": "HU", "title": "Hauptuntersuchung", "description": "mit AU", "labour_units": 12, "price_cents": 14950},
        {"code": "", "title": "„Klappern“ hinten", "description": "", "labour_units": 2.5, "price_cents": None},
    ],
    "customer.company": "",
    "customer.salutation": "Herr",
    "customer.title": "Dr.",
    "customer.first_name": "Axel",
    "customer.last_name": "Lübs",
    "customer.street": "Bohnbachplatz",
    "customer.house_number": "142a",
    "customer.postcode": "18055",
    "customer.city": "Rostock",
    "customer.country": "DE",
    "customer.email": "axel.lübs@example.org",
    "customer.phone": "0381/602921",
    "customer.mobile": "0151 85641177",
    "customer.business_email": "",
    "customer.business_phone": "",
    "customer.business_mobile": "",
    "vehicle.plate": "HRO-AL 17",
    "vehicle.vin": "SJNFLKWT9X1458220",
    "vehicle.make": "NISSAN",
    "vehicle.model": "Leaf",
    "vehicle.fuel": "Elektro",
    "vehicle.first_registration": "2024-06-13",
    "vehicle.inspection_due": None,
    "vehicle.odometer_km": 35630,
}  # fmt: skip
"""A whole appointment of ours, as shared fields."""


def creation(our_id: str = "0193-a1", *, key: str | None = None, account: str = ACCOUNT, **changed: Any) -> Intent:
    """Return the intent to create an appointment at the partner; `changed` fields are named with `__` for the dot."""
    fields = {**FIELDS, **{name.replace("__", "."): value for name, value in changed.items()}}
    return Intent(
        channel=CHANNEL,
        account=account,
        appointment_id=our_id,
        key=key or f"create-{our_id}",
        operation="create",
        fields=fields,
        full=fields,
    )


def update(
    our_id: str, partner_id: str, version: int | None, *, key: str, account: str = ACCOUNT, **changed: Any
) -> Intent:
    """Return the intent to change fields of an appointment at the partner."""
    fields = {name.replace("__", "."): value for name, value in changed.items()}
    return Intent(
        channel=CHANNEL,
        account=account,
        appointment_id=our_id,
        key=key,
        operation="update",
        fields=fields,
        full={**FIELDS, **fields},
        partner_id=partner_id,
        expected_version=version,
    )


def cancellation(
    our_id: str,
    partner_id: str,
    version: int | None,
    *,
    key: str,
    account: str = ACCOUNT,
    reason: str | None = None,
) -> Intent:
    """Return the intent to cancel an appointment at the partner."""
    return Intent(
        channel=CHANNEL,
        account=account,
        appointment_id=our_id,
        key=key,
        operation="cancel",
        fields={},
        full={},
        partner_id=partner_id,
        expected_version=version,
        reason=reason,
    )
