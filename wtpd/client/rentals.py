"""Rental cars out of an appointment, as the API has them."""

from __future__ import annotations

import builtins
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from wtpd.client.http import LONG, Http, Json
from wtpd.client.resource import Resource, items


class Rentals(Resource):
    """`book` and `rebook` may take as long as the partner does. Refusals are `ApiProblem`: `car-taken` and
    `end-collides` have `alternatives`, `price-changed` a `price`, `renter-refused` what the partner `said`."""

    def __init__(self, http: Http) -> None:
        super().__init__(http, "/v1/rentals")

    async def list(self, site: str | None = None) -> builtins.list[Json]:
        """Those that hold a car, soonest first."""
        return items(await self._http.get(self._path, site=site))

    async def terms(self, site: str) -> Json:
        """Stations, classes and features."""
        found: Json = await self._http.get(self._of("terms"), site=site)
        return found

    async def of(self, appointment_id: str) -> Json:
        """The mobility offer of an appointment."""
        found: Json = await self._http.get(_of_appointment(appointment_id))
        return found

    async def search(self, appointment_id: str, wish: Mapping[str, Any]) -> Json:
        found: Json = await self._http.post(f"{_of_appointment(appointment_id)}/search", _given(wish), patience=LONG)
        return found

    async def book(self, appointment_id: str, want: Mapping[str, Any], *, key: str | None = None) -> Json:
        return await self._ask(_of_appointment(appointment_id), _given(want), key or str(uuid.uuid4()))

    async def get(self, rental_id: str) -> Json:
        found: Json = await self._http.get(self._of(rental_id))
        return found

    async def change_end(self, rental_id: str, end: str) -> Json:
        return await self._ask(self._of(rental_id, "end"), {"end": end})

    async def cancel(self, rental_id: str, reason: str) -> Json:
        return await self._ask(self._of(rental_id, "cancel"), {"reason": reason})

    async def rebook(self, rental_id: str, want: Mapping[str, Any], *, key: str | None = None) -> Json:
        return await self._ask(self._of(rental_id, "rebook"), _given(want), key or str(uuid.uuid4()))

    async def withdraw(self, rental_id: str) -> Json:
        return await self._ask(self._of(rental_id, "withdraw"))

    async def refresh(self, rental_id: str) -> Json:
        return await self._ask(self._of(rental_id, "refresh"))

    async def _ask(self, path: str, body: Any = None, key: str | None = None) -> Json:
        found: Json = await self._http.post(path, body, key=key, patience=LONG)
        return found


def _of_appointment(appointment_id: str) -> str:
    return f"/v1/appointments/{quote(appointment_id, safe='')}/rentals"


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what wasn't said."""
    return {name: value for name, value in values.items() if value not in (None, (), [])}
