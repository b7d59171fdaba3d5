"""Asks public registers about the vehicles of coming visits, by their plates, a few at a time.

A register that can't be reached or asks to wait is left alone for a while, with increasing delay; what it said before
stays. Nothing but the plate is sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from wtpd.book import vehicle_checks as use_cases
from wtpd.book.book import Book
from wtpd.channel.errors import NeedsToken, PartnerError, RateLimited, why
from wtpd.clock import Clock
from wtpd.config.model import Config
from wtpd.connectors.manifest import Manifest
from wtpd.daemon.channels.asked import Failing
from wtpd.daemon.failures import Failures
from wtpd.daemon.identification import VehicleData
from wtpd.errors import Unavailable, WtpdError
from wtpd.planner.plates import dutch_key
from wtpd.secrets.resolve import Order
from wtpd.store import vehicle_checks
from wtpd.store.database import Database, Tx
from wtpd.texts import N_, Text
from wtpd.vehicle_data.checks import Check, Visit, is_due, soonest

log = logging.getLogger(__name__)

FIRST = 20.0
"""Seconds after the start."""
EVERY = 60.0
"""Seconds from one look at the coming visits to the next."""
BETWEEN = 0.25
"""Seconds between two vehicles: registers share a limit among all who ask."""
AT_ONCE = 200
"""Vehicles in one round."""
AHEAD = timedelta(days=60)
WAIT, WAIT_CAP = 60.0, 3600.0
"""Seconds after a failure; doubled each time up to the cap."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A register can't be used since `since`; `until`: it isn't asked before."""

    since: datetime
    until: datetime
    failures: int
    reason: Text
    is_limit: bool
    """It only asks us to wait."""


class VehicleChecks:
    """`manifests`: all connectors; the registers among them know plates and want no login."""

    def __init__(
        self,
        manifests: Collection[Manifest],
        db: Database,
        book: Book,
        vehicle_data: VehicleData,
        config: Callable[[], Config],
        clock: Clock,
        failures: Failures,
    ) -> None:
        self._manifests = {one.name: one for one in manifests if one.vehicle_data is not None}
        self._db = db
        self._book = book
        self._vehicle_data = vehicle_data
        self._config = config
        self._clock = clock
        self._failures = failures
        self.on_change: Callable[[str, bool], None] = lambda connector, is_failing: None
        """Called when a register can't be asked any more, or can be again."""
        self.troubles: dict[str, Outage] = {}
        """By connector; for whoever shows or mails them."""
        self._tries: dict[tuple[str, str], int] = {}
        """By connector and vehicle: how often it was asked about in vain."""

    def failing(self, source: str) -> Failing | None:
        """Whether a register that is in use can't be asked, and since when."""
        trouble = self.troubles.get(source)
        return Failing(trouble.since, trouble.reason) if trouble is not None and not trouble.is_limit else None

    async def run(self) -> None:
        await self._clock.sleep(FIRST)
        while True:
            for manifest in self._manifests.values():
                try:
                    await self.round(manifest)
                    self._failures.succeeded(f"vehicle checks: {manifest.name}")
                except Exception as error:
                    what = N_("Checking the vehicles of coming visits")
                    self._failures.failed(f"vehicle checks: {manifest.name}", what, error)
            await self._clock.sleep(EVERY)

    async def round(self, manifest: Manifest) -> int:
        """Ask about the vehicles that are due; how many were answered. A vehicle that was asked about in vain comes
        last, so that one whose answer always fails holds nobody up."""
        trouble = self.troubles.get(manifest.name)
        sites = self.sites(manifest)
        if not sites:
            self.troubles.pop(manifest.name, None)
        if self._vehicle_data.is_paused(manifest.name):
            return 0
        if not sites or (trouble is not None and self._clock.now() < trouble.until):
            return 0
        answered = 0
        due = {(manifest.name, one[0].vehicle_id): one for one in await self._due(manifest, sites)}
        self._tries = {key: count for key, count in self._tries.items() if key in due or key[0] != manifest.name}
        for key in sorted(due, key=lambda one: self._tries.get(one, 0))[:AT_ONCE]:
            visit, check = due[key]
            if answered:
                await self._clock.sleep(BETWEEN)
            self._tries[key] = self._tries.get(key, 0) + 1
            is_old = check is not None  # an answer that is kept would be the same one
            try:
                await self.check(manifest.name, visit.vehicle_id, visit.plate, visit, refresh=is_old)
            except (PartnerError, WtpdError) as error:
                self._failed(manifest, error)
                return answered
            self._succeeded(manifest)
            del self._tries[key]
            answered += 1
        return answered

    async def check(
        self, source: str, vehicle_id: str, plate: str, visit: Visit | None = None, *, refresh: bool = True
    ) -> Check | None:
        """Ask about one vehicle now; None if its plate isn't of the register's form. Raises `Unavailable` and the
        partner's errors."""
        key = dutch_key(plate)
        if not key:
            return None
        order = Order(office=visit.site if visit is not None else None)
        found = await self._vehicle_data.identify_plate(key, order, source=source, refresh=refresh)
        candidate = next(iter(found.answer.candidates), None)
        actor = self._manifests[source].actor

        def work(tx: Tx) -> Check | None:
            return use_cases.record(
                self._book, tx, vehicle_id, key, candidate, source=source, actor=actor,
                appointment_id=visit.appointment_id if visit is not None else None,
            )  # fmt: skip

        return await self._db.write(work)

    def sites(self, manifest: Manifest) -> set[str]:
        """The sites that the register serves; none if it is switched off."""
        config = self._config()
        if not self._vehicle_data.is_register(manifest.name):
            return set()
        return {site.id for site in config.sites if not manifest.countries or site.country in manifest.countries}

    def registers(self, site: str | None = None) -> list[Manifest]:
        """Those that are in use, at the site or at any."""
        return [
            one for one in self._manifests.values() if (served := self.sites(one)) and (site is None or site in served)
        ]

    async def _due(self, manifest: Manifest, sites: set[str]) -> list[tuple[Visit, Check | None]]:
        now = self._clock.now()

        def read(tx: Tx) -> list[tuple[Visit, Check | None]]:
            coming = soonest(
                [one for one in vehicle_checks.visits(tx, sites, now, now + AHEAD) if dutch_key(one.plate)]
            )
            checks = vehicle_checks.of_vehicles(tx, coming, manifest.name)
            return [(visit, checks.get(vehicle)) for vehicle, visit in coming.items()]

        found = await self._db.read(read)
        return [(visit, check) for visit, check in found if is_due(check, visit.drop_off, now, self._zone(visit.site))]

    def _zone(self, site: str) -> ZoneInfo:
        found = next((one for one in self._config().sites if one.id == site), None)
        return ZoneInfo(found.time_zone if found is not None else "Europe/Amsterdam")

    def _failed(self, manifest: Manifest, error: PartnerError | WtpdError) -> None:
        if isinstance(error, Unavailable):  # switched off meanwhile, or stopping
            return
        before, now = self.troubles.get(manifest.name), self._clock.now()
        failures = 1 if before is None else before.failures + 1
        wait = min(WAIT_CAP, WAIT * 2 ** min(failures - 1, 10))
        if isinstance(error, RateLimited):
            wait = max(wait, error.retry_after)
        elif isinstance(error, NeedsToken):
            wait = WAIT_CAP
        until = now + timedelta(seconds=wait)
        is_limit = isinstance(error, RateLimited)
        since = before.since if before else now
        self.troubles[manifest.name] = Outage(since, until, failures, why(error), is_limit)
        if before is None:
            log.warning("%s can't be asked about vehicles: %s", manifest.title, error)
        if before is None or before.is_limit != is_limit:
            self.on_change(manifest.name, not is_limit)

    def _succeeded(self, manifest: Manifest) -> None:
        if self.troubles.pop(manifest.name, None) is not None:
            log.info("%s answers again", manifest.title)
            self.on_change(manifest.name, False)
