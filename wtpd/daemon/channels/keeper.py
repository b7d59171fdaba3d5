"""When channels may work: once plates and numbers have the keys by which partners' messages are matched, and while the
box has room for what they bring."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from wtpd.book.book import Book
from wtpd.daemon.failures import Failures
from wtpd.daemon.fleet import Fleet
from wtpd.errors import WtpdError
from wtpd.store import rekeying
from wtpd.store.database import Database, Tx
from wtpd.texts import N_

log = logging.getLogger(__name__)


class Keeper:
    """`refusal`: why nothing new can be kept just now; `wake` is called when that may have changed."""

    def __init__(
        self,
        db: Database,
        book: Book,
        fleet: Fleet,
        failures: Failures,
        *,
        refusal: Callable[[], WtpdError | None],
        wake: Callable[[], None],
    ) -> None:
        self._db = db
        self._book = book
        self._fleet = fleet
        self._failures = failures
        self._refusal = refusal
        self._wake = wake
        self._keys_due = asyncio.Event()
        self._box_changed = asyncio.Event()

    def box_changed(self) -> None:
        """There may be more or less room than before."""
        self._box_changed.set()

    async def look_at_keys(self) -> None:
        """Before anything else: are numbers and plates read as in the countries of the sites?"""

        def work(tx: Tx) -> bool:
            self._book.keep_countries(tx)
            return rekeying.make_some(tx)

        if await self._db.write(work):
            self._keys_due.set()

    async def take_countries(self) -> None:
        """The sites may be in other countries now."""
        await self._db.write(self._book.keep_countries)
        self._keys_due.set()

    def start_channels(self) -> None:
        """Begin with the partners; while keys are due, the channels begin when those are made."""
        if not self._keys_due.is_set():
            self._fleet.start()

    async def keep_keys(self) -> None:
        """Make keys whenever they are due; until cancelled."""
        while True:
            await self._keys_due.wait()
            self._keys_due.clear()
            try:
                await rekeying.make_due_keys(self._db)
            except WtpdError as error:
                log.error("Keys of numbers and plates couldn't be made for the sites' countries: %s", error)
            self._fleet.start()

    async def keep_in_bounds(self) -> None:
        """Channels make runs only while there is room for what they bring; mails go out all the same. Until
        cancelled."""
        while True:
            await self._box_changed.wait()
            self._box_changed.clear()
            self._wake()
            try:
                await self.hold_or_go_on()
                self._failures.succeeded("channels: hold")
            except Exception as error:
                self._failures.failed("channels: hold", N_("Holding or resuming the connectors"), error)

    async def hold_or_go_on(self) -> None:
        """Is there room for what channels bring?"""
        refusal = self._refusal()
        await self._fleet.hold(refusal.text if refusal is not None else None)
