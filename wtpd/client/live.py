"""What goes on at the daemon: who else is there, its log, and what was said to partners and by them."""

from __future__ import annotations

import builtins
from contextlib import suppress

from wtpd.client.http import ClientError, Http, Json
from wtpd.client.resource import Resource


class Presence(Resource):
    def __init__(self, http: Http, path: str) -> None:
        super().__init__(http, path)
        self._last: dict[str, Json] = {}
        """What each client said last."""

    async def put(self, client: str, what: str | None, *, editing: bool = False) -> builtins.list[Json]:
        """Say where we are, e.g. `mapping/rostock/superservice`; answers who else is there: `who`, `editing`, `since`.
        `client` is the uuid that our event stream carries; the entry lives as long as that stream."""
        self._last[client] = body = {"what": what, "editing": editing}
        answer: Json = await self._http.put(self._of(client), body)
        others: builtins.list[Json] = answer["others"]
        return others

    async def again(self, client: str) -> None:
        """The daemon may be another one now, which doesn't know where we are; that it can't be told is no trouble."""
        known = self._last.get(client)
        if known is not None and known["what"] is not None:
            with suppress(ClientError):
                await self.put(client, **known)


class Log(Resource):
    async def list(
        self,
        *,
        level: str | None = None,
        connector: str | None = None,
        site: str | None = None,
        q: str | None = None,
        before: int | str | None = None,
        limit: int | None = None,
    ) -> Json:
        """The daemon's last log lines, the newest first: a page. `level` is the lowest one wanted (`info`, `warning`,
        `error`); `before` is `next_cursor` of the page above. Live: `events(kinds="log.line")`."""
        page: Json = await self._http.get(
            self._path, level=level, connector=connector, site=site, q=q, before=before, limit=limit
        )
        return page


class Messages(Resource):
    async def get(self, message: int) -> Json:
        """One message to a partner or from it, with its `payload`."""
        one: Json = await self._http.get(self._of(str(message)))
        return one
