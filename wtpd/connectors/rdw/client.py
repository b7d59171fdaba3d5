"""The calls to RDW's open data. Raises the errors of `wtpd.channel.errors`.

During an outage RDW answers 200 and no rows for every plate. So a plate is unknown only if the canary, a plate that is
always known, is known at that moment; else nothing can be said.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wtpd.channel.errors import NeedsToken, NotAllowed, PartnerBroken, PartnerError, RateLimited, Transient
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.connectors.kit.values import WireError
from wtpd.connectors.rdw import wire
from wtpd.texts import N_

_log = logging.getLogger(__name__)

CANARY = "6TJR64"
"""A plate that RDW's own examples show."""
SIZE_LIMIT = 1024 * 1024

Rows = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Answered:
    """The rows about a vehicle; `vehicle` None: RDW doesn't know the plate."""

    vehicle: Mapping[str, str] | None
    fuels: Rows
    recalls: Rows


class Rdw:
    """`canary`: in capitals without hyphens."""

    def __init__(self, http: PartnerHttp, canary: str = CANARY) -> None:
        self._http = http
        self._canary = canary
        self._known = ""
        self._reported: set[str] = set()
        self._away: set[str] = set()

    async def look_up(self, plate: str, token: str = "") -> Answered:
        """What RDW says of the plate (in capitals without hyphens); nothing but the plate is sent. Raises `Transient`
        if RDW knows no plate at all."""
        found = await self._rows(wire.VEHICLES, plate, token)
        if not found:
            await self._check_canary(plate, token)
            return Answered(None, [], [])
        vehicle = found[0]
        self._known = plate
        self._report(wire.missing(vehicle))
        fuels = await self._rows_beside(wire.FUELS, plate, token)
        recalls = await self._rows_beside(wire.RECALLS, plate, token) if wire.may_have_recalls(vehicle) else []
        return Answered(vehicle, fuels, recalls)

    async def canary(self, token: str = "") -> tuple[str, str]:
        """The canary and its make. Raises `Transient` if RDW doesn't know it."""
        found = await self._rows(wire.VEHICLES, self._canary, token)
        if not found:
            raise _outage(self._canary)
        return self._canary, found[0].get("merk", "")

    async def close(self) -> None:
        await self._http.aclose()

    async def _check_canary(self, plate: str, token: str) -> None:
        """Raises `Transient` unless another plate is known now. Plates that were known a while ago count, too: the
        canary may have been scrapped."""
        for other in (self._canary, self._known):
            if other and other != plate and await self._rows(wire.VEHICLES, other, token):
                return
        raise _outage(self._canary)

    async def _rows_beside(self, path: str, plate: str, token: str) -> Rows:
        """Rows of a data set that only completes the vehicle's: one that is away doesn't withhold make, APK date and
        flags."""
        try:
            return await self._rows(path, plate, token)
        except (RateLimited, NeedsToken, NotAllowed):
            raise
        except PartnerError as error:
            if path not in self._away:
                _log.warning("RDW answers about vehicles, but not at %s: %s", path, error)
            self._away.add(path)
            return []

    async def _rows(self, path: str, plate: str, token: str) -> Rows:
        headers = {wire.TOKEN_HEADER: token} if token else None
        try:
            answer = await self._http.request("GET", path, params=wire.query(plate), headers=headers)
        except NotAllowed as error:
            if not token:
                raise
            reason = N_("RDW doesn't accept the app token. Enter another one, or remove it: RDW answers without, too.")
            raise NeedsToken(str(error), status=error.status, reason=reason) from None
        found = _read(answer.json, path, plate)
        self._away.discard(path)
        return found

    def _report(self, names: tuple[str, ...]) -> None:
        """Say once of each field that it is missing: RDW may have renamed it."""
        new = [name for name in names if name not in self._reported]
        if new:
            self._reported.update(new)
            _log.warning("RDW's answers lack fields that every vehicle has: %s. Renamed?", ", ".join(new))


def _read(answer: Any, path: str, plate: str) -> Rows:
    try:
        return wire.rows(answer, plate)
    except WireError as error:
        raise PartnerBroken(f"GET {path}: {error}") from None


def _outage(canary: str) -> Transient:
    reason = N_("it knows no plate at the moment, not even {canary}, which is always known", canary=canary)
    return Transient(f"no rows, not even for the canary {canary}", reason=reason)
