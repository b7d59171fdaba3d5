"""DAT as a source of vehicle data: its dossiers as neutral candidates, and what names a vehicle in a valuation.

What is kept of an answer is DAT's own `Identification` as JSON, so a later version can read more from it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import msgspec

from wtpd.connectors.dat import values
from wtpd.connectors.dat.client import ANSWER_LIMIT, Dat, login_of
from wtpd.connectors.dat.products import ADDRESS, DATECODE, FINANCE, named, split
from wtpd.connectors.dat.settings import DatSettings
from wtpd.connectors.dat.values import CODE_LENGTH, Dossier, Locale
from wtpd.connectors.dat.wire import FaultError, identification
from wtpd.connectors.kit.values import WireError
from wtpd.connectors.manifest import Access, Verified
from wtpd.errors import Refused
from wtpd.texts import N_
from wtpd.vehicle_data.ports import Before, Traits
from wtpd.vehicle_data.records import Candidate, Evaluation, Identity, Place, Query, Reply, Valuation

LIMIT = 24
"""Queries of one VIN on a day; the next one would lock it."""

_ASIDE = re.compile(r"(?<!\s)\s*\(.*")
"""DAT adds series and years to a model: `Passat Variant (3G5)(07.2014->)`."""

_decode = msgspec.json.Decoder(values.Identification).decode


class DatSource:
    traits = Traits(by_vin=True, values=True, kept=timedelta(days=30), limit_per_day=LIMIT, zone="Europe/Berlin")

    def __init__(self, client: Dat) -> None:
        self._client = client

    def locale(self, place: Place) -> str:
        found = _locale(place)
        return f"{found.language}-{found.country}/{found.market}"

    async def identify(self, secrets: Mapping[str, str], query: Query, place: Place, *, before: Before) -> Reply:
        found = await self._client.identify(
            login_of(secrets), query.vin, _locale(place), restriction=query.restriction, before=before
        )
        return await asyncio.to_thread(_reply, found)

    def read(self, text: str) -> Identity:
        return identity(_decode(text))

    def read_raw(self, content: bytes, charset: str | None) -> Reply | None:
        try:
            return _reply(identification(content, charset))
        except (WireError, FaultError):
            return None

    async def evaluate(self, secrets: Mapping[str, str], vehicle: Valuation, place: Place) -> Evaluation:
        return await self._client.evaluate(login_of(secrets), _valuation(vehicle), _locale(place))

    async def is_refused(
        self, secrets: Mapping[str, str], place: Place, *, at: Literal["identification", "valuation"]
    ) -> bool:
        return await self._client.is_wrong(login_of(secrets), _locale(place), refused_for=at)

    async def verify(self, secrets: Mapping[str, str], place: Place) -> Verified:
        return await self._client.verify(login_of(secrets), _locale(place))

    async def close(self) -> None:
        await self._client.close()


def make(access: Access) -> DatSource:
    """The source for the settings in force."""
    settings = access.settings
    assert isinstance(settings, DatSettings)
    address, by_address = split(settings.address or ADDRESS)
    wanted = settings.products
    product = named(wanted.identification) if wanted.identification else by_address or DATECODE
    valuation = named(wanted.valuation) if wanted.valuation else FINANCE
    http = access.http(address, size_limit=ANSWER_LIMIT)
    return DatSource(Dat(http, product, valuation=valuation, monotonic=access.clock.monotonic))


def identity(found: values.Identification) -> Identity:
    return Identity(candidates=tuple(candidate(one) for one in found.dossiers), is_partial=found.card, note=found.fault)


def candidate(dossier: Dossier) -> Candidate:
    """A dossier in neutral words; all that DAT said is in the details."""
    extras = dossier.extras
    return Candidate(
        make=dossier.manufacturer,
        model=_ASIDE.sub("", dossier.base_model) or dossier.model_group,
        name=dossier.base_model,
        variant=dossier.sub_model,
        vin=dossier.vin,
        code=" ".join(part for part in (dossier.datecode, dossier.container) if part),
        is_complete=dossier.is_complete,
        extras=len(extras),
        reference={
            "datecode": dossier.datecode,
            "container": dossier.container,
            "construction_time": dossier.construction_time,
            "extras": list(extras),
        },
        details=msgspec.to_builtins(dossier),
    )


def _reply(found: values.Identification) -> Reply:
    return Reply(identity(found), msgspec.json.encode(found).decode())


def _valuation(vehicle: Valuation) -> values.Valuation:
    wanted: Mapping[str, Any] = vehicle.reference
    code, time = wanted["datecode"], wanted["construction_time"]
    if time is None or not wanted["container"] or len(code) != CODE_LENGTH or code.endswith("0000"):
        raise Refused(
            N_("DAT couldn't identify this vehicle completely, so it can't be valued."), kind="not-identified"
        )
    return values.Valuation(
        datecode=code,
        container=wanted["container"],
        construction_time=time,
        mileage=vehicle.mileage,
        registered=vehicle.registered,
        extras=tuple(wanted.get("extras") or ()),
        vin=vehicle.vin,
        taxation=vehicle.taxation,
    )


def _locale(place: Place) -> Locale:
    return Locale.of(place.language, place.country)
