"""Platebook as a source of vehicle data. Raises the errors of `wtpd.channel.errors`; what is kept of an answer is its
JSON as it came."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

import msgspec

from wtpd.channel.errors import PartnerBroken
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.connectors.kit.values import WireError
from wtpd.connectors.manifest import Verified
from wtpd.vehicle_data.ports import Before, Traits
from wtpd.vehicle_data.records import Evaluation, Identity, Place, Query, Reply, Valuation
from wtpd_platebook import wire


class Platebook:
    traits = Traits(by_vin=True, kept=timedelta(days=1))

    def __init__(self, http: PartnerHttp) -> None:
        self._http = http

    def locale(self, place: Place) -> str:
        return "en"

    async def identify(self, secrets: Mapping[str, str], query: Query, place: Place, *, before: Before) -> Reply:
        await before()
        answer = await self._http.request("GET", "/vehicles", params={"vin": query.vin}, auth=secrets["token"])
        try:
            return Reply(wire.identity(answer.json), msgspec.json.encode(answer.json).decode())
        except WireError as error:
            raise PartnerBroken(f"GET /vehicles: {error}", status=answer.status) from None

    def read(self, text: str) -> Identity:
        return wire.identity(msgspec.json.decode(text))

    def read_raw(self, content: bytes, charset: str | None) -> Reply | None:
        return None  # `identify` never raises `UnreadAnswer`

    async def evaluate(self, secrets: Mapping[str, str], vehicle: Valuation, place: Place) -> Evaluation:
        raise NotImplementedError("Platebook values no vehicles")  # and its traits say so: nobody calls this

    async def is_refused(
        self, secrets: Mapping[str, str], place: Place, *, at: Literal["identification", "valuation"]
    ) -> bool:
        return True  # there is one ability only

    async def verify(self, secrets: Mapping[str, str], place: Place) -> Verified:
        answer = await self._http.request("GET", "/me", auth=secrets["token"])
        try:
            name = wire.owner(answer.json)
        except WireError as error:
            raise PartnerBroken(f"GET /me: {error}", status=answer.status) from None
        return Verified(account=name, name=name)

    async def close(self) -> None:
        await self._http.aclose()
