"""The records of the book through the API, one class each; the methods are its routes (spec: api.md)."""

from __future__ import annotations

import builtins
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

from wtpd.client.http import LONG, MERGE_PATCH, Json
from wtpd.client.resource import Resource, given, items


class Collection(Resource):
    """Records that are listed, made and changed alike: advisors, courtesy cars, closures, customers, vehicles."""

    async def list(self, **query: Any) -> Json:
        """`{"items": […], "next_cursor": …}`"""
        page: Json = await self._http.get(self._path, **query)
        return page

    async def all(self, **query: Any) -> AsyncIterator[Json]:
        """Every record that fits, page by page."""
        async for page in self._pages(self._path, **query):
            for record in page:
                yield record

    async def get(self, record_id: str) -> Json:
        record: Json = await self._http.get(self._of(record_id))
        return record

    async def create(self, record: Mapping[str, Any], *, key: str | None = None) -> Json:
        made: Json = await self._http.post(self._path, dict(record), key=key)
        return made

    async def change(self, record_id: str, changes: Mapping[str, Any], *, version: int) -> Json:
        """Merge patch; raises `ApiProblem` `version-mismatch` if somebody was faster."""
        changed: Json = await self._http.patch(self._of(record_id), dict(changes), etag=f'"{version}"')
        return changed


class Closures(Collection):
    async def remove(self, closure_id: str) -> None:
        await self._http.send("DELETE", self._of(closure_id))


class Appointments(Collection):
    """`list` knows `offset`, `count=True` (then `total` is in the answer), `customer_id` and `vehicle_id` beside days.
    `allow_over_limit` books although the day is full; without it `ApiProblem` tells the figures."""

    async def create(
        self, record: Mapping[str, Any], *, key: str | None = None, allow_over_limit: bool = False
    ) -> Json:
        return await self._write("POST", self._path, record, key=key, allow_over_limit=allow_over_limit)

    async def change(
        self, record_id: str, changes: Mapping[str, Any], *, version: int, allow_over_limit: bool = False
    ) -> Json:
        path = self._of(record_id)
        return await self._write("PATCH", path, changes, version=version, allow_over_limit=allow_over_limit)

    async def cancel(self, appointment_id: str, *, version: int, reason: str | None = None) -> Json:
        return await self._write("POST", self._of(appointment_id, "cancel"), {"reason": reason}, version=version)

    async def checks(self, appointment_id: str) -> builtins.list[Json]:
        """What public registers say of its vehicle, with remarks about this visit."""
        return items(await self._http.get(self._of(appointment_id, "checks")))

    async def erase_notes(self, appointment_id: str) -> Json:
        """Blank its notes, in the history too, because they name somebody who was erased."""
        blanked: Json = await self._http.post(self._of(appointment_id, "erase-notes"))
        return blanked

    async def undo(
        self,
        appointment_id: str,
        entry: int,
        *,
        version: int,
        preview: bool = False,
        allow_over_limit: bool = False,
        key: str | None = None,
    ) -> Json:
        """Take one entry of the history back: the appointment as it is then; `built-upon` says who changed the same
        fields since. `preview` only says what it would do: `possible` or the `reason` why not, `changes`, `cancels`,
        `sends`, and `consequences` in sentences."""
        path = self._of(appointment_id, "undo")
        body = {"entry": entry}
        return await self._write(
            "POST", path, body, key=key, version=version, allow_over_limit=allow_over_limit, preview=preview
        )

    async def _write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        *,
        key: str | None = None,
        version: int | None = None,
        allow_over_limit: bool = False,
        preview: bool = False,
    ) -> Json:
        """Every write to an appointment carries a key, so that it is repeated when its answer got lost."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        if method == "PATCH":
            headers["Content-Type"] = MERGE_PATCH
        query = {"allow_over_limit": allow_over_limit or None, "preview": preview or None}
        response = await self._http.send(method, path, query=query, body=dict(body), headers=headers)
        record: Json = response.json()
        return record

    async def history(self, appointment_id: str) -> builtins.list[Json]:
        """Who changed what and when, oldest first."""
        pages = self._pages(self._of(appointment_id, "history"))
        return [entry async for page in pages for entry in page]

    async def trace(self, appointment_id: str) -> builtins.list[Json]:
        """Its way between the book and its partners, oldest first: each step in a sentence."""
        return items(await self._http.get(self._of(appointment_id, "trace")))

    async def send(self, appointment_id: str, channel: str | None = None) -> builtins.list[Json]:
        """Send it to its partners again, or by one `channel`: `state` is `queued` or `equal`."""
        return items(await self._http.post(self._of(appointment_id, "send"), given(channel=channel)))

    async def contract(self, appointment_id: str) -> str:
        """The courtesy-car contract as plain text."""
        path = self._of(appointment_id, "contract")
        return (await self._http.send("GET", path, headers={"Accept": "text/plain"})).text


class Customers(Collection):
    async def trace(self, customer_id: str) -> builtins.list[Json]:
        """What partners pushed of the person, oldest first."""
        return items(await self._http.get(self._of(customer_id, "trace")))

    async def export(self, customer_id: str) -> Json:
        """Everything held on one person."""
        held: Json = await self._http.get(self._of(customer_id, "export"))
        return held

    async def erase(self, customer_id: str) -> Json:
        erased: Json = await self._http.post(self._of(customer_id, "erase"))
        return erased


class Vehicles(Collection):
    """`order` in all: whom it is for, which decides whose login is used (`site`, `assessor`)."""

    async def trace(self, vehicle_id: str) -> builtins.list[Json]:
        """What partners pushed of it, oldest first."""
        return items(await self._http.get(self._of(vehicle_id, "trace")))

    async def identify(self, vin: str, *, restriction: str | None = None, refresh: bool = False, **order: Any) -> Json:
        """What a VIN stands for: `candidates`. May cost money if no answer is kept, or with `refresh`."""
        body = given(vin=vin, restriction=restriction, refresh=refresh or None, **order)
        found: Json = await self._http.post("/v1/identifications", body, patience=LONG)
        return found

    async def checks(self, vehicle_id: str) -> builtins.list[Json]:
        """What public registers say of it."""
        return items(await self._http.get(self._of(vehicle_id, "checks")))

    async def identification(self, vehicle_id: str) -> Json:
        """What it was identified as: `source`, `code`, …; raises `ApiProblem` `not-identified`."""
        known: Json = await self._http.get(self._of(vehicle_id, "identification"))
        return known
