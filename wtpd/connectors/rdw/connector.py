"""RDW as a source of vehicle data. What is kept of an answer is its rows as they were read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

import msgspec

from wtpd.connectors.manifest import Access, Verified
from wtpd.connectors.rdw import wire
from wtpd.connectors.rdw.client import CANARY, SIZE_LIMIT, Answered, Rdw
from wtpd.connectors.rdw.settings import RdwSettings
from wtpd.planner.plates import plate_key
from wtpd.texts import N_
from wtpd.vehicle_data.ports import Before, Traits
from wtpd.vehicle_data.records import Evaluation, Identity, Place, Query, Reply, Valuation

_decode = msgspec.json.Decoder(Answered).decode


class RdwSource:
    traits = Traits(by_plate=True, is_public=True, keeps_unknown=False, kept=timedelta(days=7), zone="Europe/Amsterdam")

    def __init__(self, client: Rdw) -> None:
        self._client = client

    def locale(self, place: Place) -> str:
        return "NL"

    async def identify(self, secrets: Mapping[str, str], query: Query, place: Place, *, before: Before) -> Reply:
        await before()
        found = await self._client.look_up(query.plate, secrets.get("app_token", ""))
        return Reply(_identity(found), msgspec.json.encode(found).decode())

    def read(self, text: str) -> Identity:
        return _identity(_decode(text))

    def read_raw(self, content: bytes, charset: str | None) -> Reply | None:
        return None

    async def evaluate(self, secrets: Mapping[str, str], vehicle: Valuation, place: Place) -> Evaluation:
        raise NotImplementedError("RDW values no vehicles")

    async def is_refused(
        self, secrets: Mapping[str, str], place: Place, *, at: Literal["identification", "valuation"]
    ) -> bool:
        return True

    async def verify(self, secrets: Mapping[str, str], place: Place) -> Verified:
        canary, make = await self._client.canary(secrets.get("app_token", ""))
        return Verified(
            account=canary,
            name="RDW",
            facts={"canary": make},
            note=N_("RDW was asked for the plate {canary}, which is always known.", canary=canary),
        )

    async def close(self) -> None:
        await self._client.close()


def make(access: Access, address: str) -> RdwSource:
    settings = access.settings
    assert isinstance(settings, RdwSettings)
    canary = plate_key(settings.canary or CANARY, "NL")
    return RdwSource(Rdw(access.http(address, size_limit=SIZE_LIMIT), canary))


def _identity(found: Answered) -> Identity:
    if found.vehicle is None:
        return Identity(candidates=())
    return Identity(candidates=(wire.candidate(found.vehicle, found.fuels, found.recalls),))
