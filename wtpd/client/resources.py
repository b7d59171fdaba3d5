"""The parts of the API, one class each; the methods are its routes (spec: api.md)."""

from __future__ import annotations

import builtins
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from wtpd.client.http import LONG, MERGE_PATCH, Http, Json


class Resource:
    """A part of the API; `path` is where it begins."""

    def __init__(self, http: Http, path: str) -> None:
        self._http = http
        self._path = path

    def _of(self, *parts: str) -> str:
        return "/".join((self._path, *(quote(part, safe="") for part in parts)))


class Collection(Resource):
    """Records that are listed, made and changed alike: advisors, courtesy cars, closures, customers, vehicles."""

    async def list(self, **query: Any) -> Json:
        """`{"items": […], "next_cursor": …}`"""
        page: Json = await self._http.get(self._path, **query)
        return page

    async def all(self, **query: Any) -> AsyncIterator[Json]:
        """Every record that fits, page by page."""
        cursor = None
        while True:
            page = await self.list(**query, cursor=cursor)
            for record in page["items"]:
                yield record
            cursor = page.get("next_cursor")
            if cursor is None:
                return

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
        found: list[Json] = []
        cursor = None
        while True:
            page = await self._http.get(self._of(appointment_id, "history"), cursor=cursor)
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    async def trace(self, appointment_id: str) -> builtins.list[Json]:
        """Its way between the book and its partners, oldest first: each step in a sentence."""
        return items(await self._http.get(self._of(appointment_id, "trace")))

    async def send(self, appointment_id: str, channel: str | None = None) -> builtins.list[Json]:
        """Send it to its partners again, or by one `channel`: `state` is `queued` or `equal`."""
        return items(await self._http.post(self._of(appointment_id, "send"), _given(channel=channel)))

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
        body = _given(vin=vin, restriction=restriction, refresh=refresh or None, **order)
        found: Json = await self._http.post("/v1/identifications", body, patience=LONG)
        return found

    async def checks(self, vehicle_id: str) -> builtins.list[Json]:
        """What public registers say of it."""
        return items(await self._http.get(self._of(vehicle_id, "checks")))

    async def identification(self, vehicle_id: str) -> Json:
        """What it was identified as: `source`, `code`, …; raises `ApiProblem` `not-identified`."""
        known: Json = await self._http.get(self._of(vehicle_id, "identification"))
        return known


class Connectors(Resource):
    async def list(self) -> builtins.list[Json]:
        """Each with its channels: site, state, since, last success, next run, waiting, conflicts, quarantined."""
        return items(await self._http.get(self._path))

    async def sync(self, connector: str, *, site: str | None = None, dry_run: bool = False) -> builtins.list[Json]:
        """A run now at every site, or at `site`: the records, with `dry_run` of what it would do, field by field."""
        return items(await self._post(connector, "sync", site=site, dry_run=dry_run or None))

    async def pause(self, connector: str, *, site: str | None = None) -> builtins.list[Json]:
        """The channels as they are then."""
        return items(await self._post(connector, "pause", site=site))

    async def resume(
        self, connector: str, *, site: str | None = None, accept_cancellations: bool = False
    ) -> builtins.list[Json]:
        """`accept_cancellations` takes the mass cancellation that stopped it as meant."""
        accept = accept_cancellations or None
        return items(await self._post(connector, "resume", site=site, accept_cancellations=accept))

    async def resync(self, connector: str, *, site: str | None = None) -> builtins.list[Json]:
        """A run that reads the partner's whole feed again: the records."""
        return items(await self._post(connector, "resync", site=site))

    async def send_rejected(self, connector: str, *, site: str | None = None) -> builtins.list[Json]:
        """Send everything again that the partner refused: how many appointments, by channel."""
        return items(await self._post(connector, "send-rejected", site=site))

    async def verify(self, connector: str, *, site: str | None = None, compare: bool = False) -> builtins.list[Json]:
        """Ask the partner who we are there; `compare`: hold the book against the partner, field by field."""
        return items(await self._post(connector, "verify", site=site, compare=compare or None))

    async def act(
        self,
        connector: str,
        action: str,
        fields: Mapping[str, Any] | None = None,
        *,
        on: str = "",
        confirmed: bool = False,
    ) -> Json:
        """Have a connector do one of the `actions()` to the record with the id `on`: `remarks`, `facts`, `filled`,
        `differing` and `data`. With `candidates` nothing was done; the field `choose` says which one is meant."""
        body = _given(on=on or None, fields=_given(**(fields or {})), confirmed=confirmed or None)
        done: Json = await self._http.post(self._of(connector, "actions", action), body, patience=LONG)
        return done

    async def runs(
        self, connector: str | None = None, *, site: str | None = None, limit: int | None = None
    ) -> builtins.list[Json]:
        return items(await self._http.get("/v1/runs", connector=connector, site=site, limit=limit))

    async def _post(self, connector: str, act: str, **body: Any) -> Any:
        return await self._http.post(self._of(connector, act), _given(**body), patience=LONG)


class Attention(Resource):
    async def list(
        self, *, kind: str | None = None, state: str | None = None, most: int | None = None
    ) -> builtins.list[Json]:
        """The newest first, not more than about `most`; `state` is `open`, `resolved` or `all`."""
        found: builtins.list[Json] = []
        cursor = None
        while True:
            page = await self._http.get(self._path, kind=kind, state=state, cursor=cursor, limit=500)
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None or (most is not None and len(found) >= most):
                return found

    async def get(self, entry: int) -> Json:
        """With the partner's message as it came, if it is one in quarantine."""
        one: Json = await self._http.get(self._of(str(entry)))
        return one

    async def resolve(self, entry: int, choice: str, *, value: str | None = None) -> Json:
        """`choice`: `ours` puts our value back and sends it, `theirs` leaves the partner's, `done` closes it; of a text
        `both` keeps both, and `own` puts `value` there."""
        return await self._act(entry, "resolve", _given(choice=choice, value=value))

    async def retry(self, entry: int, *, message: Mapping[str, Any] | None = None) -> Json:
        """Apply or send it again; `message` is what is applied instead of the original of one in quarantine."""
        return await self._act(entry, "retry", {"message": dict(message)} if message is not None else None)

    async def discard(self, entry: int) -> Json:
        return await self._act(entry, "discard")

    async def _act(self, entry: int, act: str, body: Mapping[str, Any] | None = None) -> Json:
        decided: Json = await self._http.post(self._of(str(entry), act), body)
        return decided


class Mails(Resource):
    """Status mails that aren't sent."""

    async def list(self) -> builtins.list[Json]:
        """Waiting and refused ones, newest first."""
        found: builtins.list[Json] = []
        cursor = None
        while True:
            page = await self._http.get(self._path, cursor=cursor, limit=500)
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    async def retry(self, number: int | None = None, *, to: str | None = None) -> int:
        """Try one now, to another address if `to` is given, or all; how many."""
        if number is None:
            return int((await self._http.post(self._of("retry")))["count"])
        return int((await self._http.post(self._of(str(number), "retry"), {"to": to} if to else {}))["count"])

    async def dismiss(self, number: int | None = None) -> int:
        """Give up one, or all refused ones; how many."""
        where = self._of("dismiss") if number is None else self._of(str(number), "dismiss")
        return int((await self._http.post(where))["count"])

    async def test(self, site: str, address: str | None = None) -> Json:
        """A mail now, to the site's status address or to `address`: `ok`, and the dialogue with the mail server."""
        body = {"site": site} | ({"address": address} if address else {})
        tested: Json = await self._http.post(self._of("test"), body, patience=LONG)
        return tested


class Credentials(Resource):
    """Write-only: what is stored never comes back. `scope`: `general`, `office:<id>`, `assessor:<id>`, `user:<id>`."""

    async def list(self) -> builtins.list[Json]:
        return items(await self._http.get(self._path))

    async def set(
        self,
        provider: str,
        scope: str,
        fields: Mapping[str, str],
        *,
        expires_at: str | None = None,
        force: bool = False,
    ) -> Json:
        """Try them at the partner, then store them: `entry`, `tested` and `detail`. `force` stores them untried if the
        partner can't be reached."""
        body = _given(fields=dict(fields), expires_at=expires_at, force=force or None)
        stored: Json = await self._http.put(self._of(provider, scope), body, patience=LONG)
        return stored

    async def remove(self, provider: str, scope: str) -> None:
        await self._http.send("DELETE", self._of(provider, scope))

    async def test(
        self, provider: str, scope: str, *, fields: Mapping[str, str] | None = None, site: str | None = None
    ) -> Json:
        """Try what is stored, or `fields` before they are; `ok`, and who we are there or why they don't work."""
        body = _given(fields=None if fields is None else dict(fields), site=site)
        tested: Json = await self._http.post(self._of(provider, scope, "test"), body, patience=LONG)
        return tested

    async def explain(self, provider: str, **order: str | None) -> Json:
        """Which entry an order would use and why; `order`: `office`, `assessor`, `user`."""
        explained: Json = await self._http.get(self._of(provider, "explain"), **order)
        return explained

    async def reveal(self, provider: str, scope: str) -> Json:
        """The fields of one entry, where the settings allow it; audited."""
        revealed: Json = await self._http.post(self._of(provider, scope, "reveal"))
        return revealed

    async def reveal_for(self, provider: str, **order: str | None) -> Json:
        """As `reveal`, of the entry that serves an order."""
        revealed: Json = await self._http.post(self._of(provider, "reveal"), _given(**order))
        return revealed

    async def audit(self, *, limit: int | None = None, cursor: str | None = None) -> Json:
        """Who did what, the newest first: a page."""
        page: Json = await self._http.get(self._of("audit"), limit=limit, cursor=cursor)
        return page

    async def rotate_key(self) -> Json:
        """Seal everything with a new key."""
        rotated: Json = await self._http.post(self._of("rotate-key"), patience=LONG)
        return rotated

    async def start_over(self) -> Json:
        """Give up what a lost key had sealed; `lost` must be entered again."""
        lost: Json = await self._http.post(self._of("start-over"))
        return lost


class Configuration(Resource):
    async def get(self) -> tuple[Json, str]:
        """The file's text, the values in force with their origin, its errors if it is broken; and the ETag."""
        response = await self._http.send("GET", self._path)
        return response.json(), response.headers.get("etag", "")

    async def schema(self) -> Json:
        schema: Json = await self._http.get(self._of("schema"))
        return schema

    async def check(self, text: str) -> Json:
        checked: Json = await self._http.post(self._of("check"), {"text": text})
        return checked

    async def change(self, changes: Sequence[Mapping[str, Any]], *, etag: str, preview: bool = False) -> Json:
        """`changes`: `{"path": "sites.rostock.status_mail", "value": …}`; the answer holds the diff."""
        query = {"preview": preview or None}
        changed: Json = await self._http.patch(self._path, [*changes], etag=etag, query=query)
        return changed

    async def history(self) -> builtins.list[Json]:
        return items(await self._http.get(self._of("history")))

    async def diff(self, version: int | None = None) -> Json:
        """What changed since `version`."""
        diff: Json = await self._http.get(self._of("diff"), version=version)
        return diff

    async def rollback(
        self, version: int, *, confirm: int | None = None, preview: bool = False, etag: str | None = None
    ) -> tuple[Json, str]:
        """What going back to `version` does, or with `preview` would do, and the ETag of the file. `etag`: only if the
        file is still that; `confirm`: the number of appointments meant, where it is more than 20."""
        body = {"version": version} | ({"confirm": confirm} if confirm is not None else {})
        response = await self._http.send(
            "POST", self._of("rollback"), body=body, query={"preview": preview or None},
            headers={"If-Match": etag} if etag else None,
        )  # fmt: skip
        return response.json(), response.headers.get("etag", "")

    async def accept(self, etag: str) -> Json:
        """Confirm the held file with this `etag` (`held.etag` of `get`)."""
        answer: Json = await self._http.post(self._of("accept"), {"etag": etag})
        return answer


class Mappings(Resource):
    async def list(self) -> builtins.list[Json]:
        return items(await self._http.get(self._path))

    async def current(self) -> tuple[builtins.list[Json], str]:
        """As `list`, with the ETag of the settings, for `set`."""
        response = await self._http.send("GET", self._path)
        return items(response.json()), response.headers.get("etag", "")

    async def coverage(self) -> builtins.list[Json]:
        """Every site and department with its coming appointments and who serves it; first those that nobody serves."""
        return items(await self._http.get(self._of("coverage")))

    async def set(
        self,
        site: str,
        partner: str,
        *,
        department: str,
        dealer_number: str,
        status_mail: str | None = None,
        unverified: bool = False,
        confirm: int | None = None,
        preview: bool = False,
        etag: str = "",
    ) -> Json:
        """Change which department a partner serves, and under which number; `status_mail` that of the site with it.
        `preview` only says what it would do (`cancels`, `sends`, `diff`); more than 20 cancellations need `confirm` =
        that many. With `etag` it is refused (`version-mismatch`, fact `diff`) if the settings were changed since."""
        body = _given(
            department=department,
            dealer_number=dealer_number,
            status_mail=status_mail,
            confirm=confirm,
            unverified=unverified or None,
        )
        query = {"preview": preview or None}
        headers = {"If-Match": etag} if etag else {}
        response = await self._http.send(
            "PUT", self._of(site, partner), query=query, body=body, headers=headers, patience=LONG
        )
        answer: Json = response.json()
        return answer


def _given(**values: Any) -> Json:
    """Without what wasn't given."""
    return {name: value for name, value in values.items() if value is not None}


def items(answer: Any) -> list[Json]:
    """The records of an answer, be it a page or a bare list."""
    found: list[Json] = answer if isinstance(answer, list) else answer["items"]
    return found
