"""The listener's parts of the API: the door itself, its tokens, and what came in by it."""

from __future__ import annotations

import builtins

from wtpd.client.http import Http, Json
from wtpd.client.resource import Resource, items


class Listener(Resource):
    """The door on the local network. What came in stands at `/v1/pushed`."""

    def __init__(self, http: Http) -> None:
        super().__init__(http, "/v1/listener")

    async def get(self) -> Json:
        found: Json = await self._http.get(self._path)
        return found

    async def renew(self) -> Json:
        """Replace its own certificate."""
        found: Json = await self._http.post(self._of("renew"))
        return found

    async def received(self, *, limit: int = 50, key: str | None = None) -> builtins.list[Json]:
        """The newest bodies, without their records; with `key` those in which the record of that number wasn't simply
        accepted."""
        return items(await self._http.get("/v1/pushed", limit=limit, key=key))

    async def body(self, number: int) -> Json:
        """One body, with the records that weren't simply accepted."""
        found: Json = await self._http.get(f"/v1/pushed/{number}")
        return found

    async def apply(self, number: int) -> None:
        """Apply a failed or unreadable body again."""
        await self._http.post(f"/v1/pushed/{number}/apply")

    async def dismiss(self, number: int) -> None:
        await self._http.post(f"/v1/pushed/{number}/dismiss")


class Tokens(Resource):
    """Tokens of programs on the local network."""

    async def list(self) -> builtins.list[Json]:
        return items(await self._http.get(self._path))

    async def create(
        self,
        *,
        connector: str,
        site: str,
        name: str,
        dealer_number: str | None = None,
        addresses: builtins.list[str] | None = None,
        days: int | None = None,
    ) -> Json:
        """`{"token": …}`: it is told this once."""
        given = {"dealer_number": dealer_number, "addresses": addresses or None, "days": days}
        body = {"connector": connector, "site": site, "name": name}
        made: Json = await self._http.post(
            self._path, {**body, **{key: value for key, value in given.items() if value is not None}}
        )
        return made

    async def revoke(self, token: str) -> Json:
        found: Json = await self._http.post(self._of(token, "revoke"))
        return found
