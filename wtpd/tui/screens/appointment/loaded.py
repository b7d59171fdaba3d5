"""What the appointment page has fetched, and how a value of it reads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wtpd.client import ApiProblem, Client, Json
from wtpd.tui.cells import BLANK, name_of, reading
from wtpd.tui.formats import Formats
from wtpd.tui.privacy import Privacy
from wtpd.tui.session import Session

ROLES = ("driver", "owner", "contractor")
OFF = frozenset({"disabled", "not_mapped", "not_available", "not_licensed"})
"""States of channels that aren't in use."""


@dataclass(slots=True)
class Loaded:
    """`one`: the appointment. The rest is fetched when a section needs it."""

    session: Session
    one: Json
    sections: set[str] = field(default_factory=set)
    """Those whose data were fetched."""
    customer: Json | None = None
    vehicle: Json | None = None
    people: dict[str, str] = field(default_factory=dict)
    """Names of customers by id: of the appointment's, and of those who have a role for its vehicle."""
    advisors: dict[str, str] = field(default_factory=dict)
    car: Json | None = None
    connectors: list[Json] | None = None
    mobility: Json | None = None
    """The rentals, where a partner rents out cars."""
    history: list[Json] = field(default_factory=list)
    trace: list[Json] = field(default_factory=list)
    known_as: list[Json] = field(default_factory=list)
    """The partners' numbers of customer, vehicle and order."""
    actions: list[Json] = field(default_factory=list)
    checks: list[Json] = field(default_factory=list)
    """What public registers say of the vehicle."""

    @property
    def zone(self) -> str | None:
        return self.session.zone(self.one["site"])

    @property
    def formats(self) -> Formats:
        return self.session.formats

    @property
    def privacy(self) -> Privacy:
        return self.session.privacy

    @property
    def is_cancelled(self) -> bool:
        return bool(self.one["status"] == "cancelled")

    @property
    def rents_out(self) -> bool:
        """A rental partner is connected and isn't switched off."""
        return any(
            channel["state"] not in OFF
            for one in self.connectors or ()
            if "rentals" in one["capabilities"]
            for channel in one["channels"]
        )

    def value(self, name: str, value: Any) -> str:
        """A field's value as people read it; names for ids, and what is personal hidden."""
        if value is not None and name in ("customer_id", "customer"):
            return self.privacy.hide(self.people.get(str(value), str(value)))
        if value is not None and name == "vehicle_id":
            vehicle = self.one["vehicle"] or {}
            known = vehicle.get("id") == value
            return self.privacy.hide((vehicle["plate"] or vehicle["vin"] or value) if known else value)
        if value and name == "cancellation_reason":
            return self.privacy.hide(value)
        if name == "advisor" and value in self.advisors:
            return self.advisors[value]
        text = reading(name, value, self.formats, self.zone)
        return text if text == BLANK else self.privacy.hide_field(name, text)

    def moment(self, name: str) -> str:
        """A time of the appointment with its weekday: `Mo 07.12. 08:00`."""
        given = self.one[name]
        if not given:
            return ""
        day = self.formats.local(given, self.zone).date()
        return f"{self.formats.weekday(day)} {self.formats.moment(given, self.zone)}"


async def fetch(api: Client, loaded: Loaded, section: str) -> None:
    """What a section shows beside the appointment itself. Raises `ClientError`."""
    await asyncio.gather(_advisors(api, loaded), _checks(api, loaded), _FETCHES.get(section, _nothing)(api, loaded))
    loaded.sections.add(section)


async def _nothing(api: Client, loaded: Loaded) -> None:
    """Data and work stand in the appointment."""


async def _advisors(api: Client, loaded: Loaded) -> None:
    if loaded.one["advisor"] and loaded.one["advisor"] not in loaded.advisors:
        found = await api.advisors.list(site=loaded.one["site"])
        loaded.advisors = {one["id"]: f"{one['name']} ({one['id']})" for one in found["items"]}


async def _checks(api: Client, loaded: Loaded) -> None:
    loaded.checks = await api.appointments.checks(loaded.one["id"]) if loaded.one["vehicle_id"] else []


async def _customer(api: Client, loaded: Loaded) -> None:
    actions, _, _ = await asyncio.gather(api.actions(), _master_data(api, loaded), _partner_numbers(api, loaded))
    loaded.actions = [one for one in actions if one["on"] in ("vehicle", "customer", "appointment")]


async def _mobility(api: Client, loaded: Loaded) -> None:
    car = loaded.one["courtesy_car"]
    loaded.car = await _known(api.courtesy_cars.get(car) if car else None)
    loaded.connectors = await api.connectors.list()
    loaded.mobility = await api.rentals.of(loaded.one["id"]) if loaded.rents_out else None


async def _history(api: Client, loaded: Loaded) -> None:
    loaded.history = (await api.appointments.history(loaded.one["id"]))[::-1]


async def _trace(api: Client, loaded: Loaded) -> None:
    loaded.trace = await api.appointments.trace(loaded.one["id"])


_FETCHES: Mapping[str, Callable[[Client, Loaded], Awaitable[None]]] = {
    "customer": _customer,
    "mobility": _mobility,
    "history": _history,
    "trace": _trace,
}


async def _master_data(api: Client, loaded: Loaded) -> None:
    """Customer, vehicle, and the names of those who have a role for it."""
    customer_id, vehicle_id = loaded.one["customer_id"], loaded.one["vehicle_id"]
    loaded.customer, loaded.vehicle = await asyncio.gather(
        _known(api.customers.get(customer_id) if customer_id else None),
        _known(api.vehicles.get(vehicle_id) if vehicle_id else None),
    )
    if loaded.customer:
        loaded.people[loaded.customer["id"]] = name_of(loaded.customer) or BLANK
    vehicle = loaded.vehicle or {}
    await _learn(api, loaded, (vehicle[role] for role in ROLES if vehicle.get(role)))


async def _partner_numbers(api: Client, loaded: Loaded) -> None:
    kinds = (("order", "id"), ("customer", "customer_id"), ("vehicle", "vehicle_id"))
    calls = [api.partner_records(kind, loaded.one[name]) for kind, name in kinds if loaded.one[name]]
    loaded.known_as = [one for found in await asyncio.gather(*calls) for one in found]


async def _learn(api: Client, loaded: Loaded, ids: Iterable[str]) -> None:
    unknown = sorted({one for one in ids if one not in loaded.people})
    for found in await asyncio.gather(*(_known(api.customers.get(one)) for one in unknown)):
        if found is not None:
            loaded.people[found["id"]] = name_of(found) or BLANK


async def _known(call: Any) -> Json | None:
    """None for what isn't there any more."""
    if call is None:
        return None
    try:
        found: Json = await call
    except ApiProblem as problem:
        if problem.status == 404:
            return None
        raise
    return found
