"""Partners, credentials, mails and settings through the API, one class each; the methods are its routes (api.md)."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any

from wtpd.client.http import LONG, Json
from wtpd.client.resource import Resource, given, items


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
        body = given(on=on or None, fields=given(**(fields or {})), confirmed=confirmed or None)
        done: Json = await self._http.post(self._of(connector, "actions", action), body, patience=LONG)
        return done

    async def runs(
        self, connector: str | None = None, *, site: str | None = None, limit: int | None = None
    ) -> builtins.list[Json]:
        return items(await self._http.get("/v1/runs", connector=connector, site=site, limit=limit))

    async def _post(self, connector: str, act: str, **body: Any) -> Any:
        return await self._http.post(self._of(connector, act), given(**body), patience=LONG)


class Attention(Resource):
    async def list(
        self, *, kind: str | None = None, state: str | None = None, most: int | None = None
    ) -> builtins.list[Json]:
        """The newest first, not more than about `most`; `state` is `open`, `resolved` or `all`."""
        found: builtins.list[Json] = []
        async for page in self._pages(self._path, kind=kind, state=state, limit=500):
            found += page
            if most is not None and len(found) >= most:
                break
        return found

    async def get(self, entry: int) -> Json:
        """With the partner's message as it came, if it is one in quarantine."""
        one: Json = await self._http.get(self._of(str(entry)))
        return one

    async def resolve(self, entry: int, choice: str, *, value: str | None = None) -> Json:
        """`choice`: `ours` puts our value back and sends it, `theirs` leaves the partner's, `done` closes it; of a text
        `both` keeps both, and `own` puts `value` there."""
        return await self._act(entry, "resolve", given(choice=choice, value=value))

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
        return [mail async for page in self._pages(self._path, limit=500) for mail in page]

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
        body = given(fields=dict(fields), expires_at=expires_at, force=force or None)
        stored: Json = await self._http.put(self._of(provider, scope), body, patience=LONG)
        return stored

    async def remove(self, provider: str, scope: str) -> None:
        await self._http.send("DELETE", self._of(provider, scope))

    async def test(
        self, provider: str, scope: str, *, fields: Mapping[str, str] | None = None, site: str | None = None
    ) -> Json:
        """Try what is stored, or `fields` before they are; `ok`, and who we are there or why they don't work."""
        body = given(fields=None if fields is None else dict(fields), site=site)
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
        revealed: Json = await self._http.post(self._of(provider, "reveal"), given(**order))
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
        body = given(
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
