"""What changed at the partner is brought into our records (spec: carloop.md; the clerk's changes are the partner's)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from wtpd.calls.ports import Transactions
from wtpd.channel.errors import CursorRefused
from wtpd.errors import Refused
from wtpd.rentals.plan import merged
from wtpd.rentals.ports import RentalPartner, Secrets, Session
from wtpd.rentals.records import Rental, RentalPage, RentalRecord
from wtpd.rentals.review import review

_log = logging.getLogger(__name__)

LIMIT = 100
OVERLAP = timedelta(hours=1)
"""After a refused cursor the feed is read from the last good reading minus this (contract: carloop)."""
PAGES = 1000
"""A feed that doesn't end is left after so many pages, and read on next time."""


@dataclass(frozen=True, slots=True)
class Feed:
    """The changes of one partner. `actor`: author of what its clerks change."""

    connector: str
    title: str
    actor: str
    transactions: Transactions[Session]

    async def read(self, partner: RentalPartner, secrets: Secrets, scope: str) -> int:
        """Bring in all that changed for these credentials, which belong to `scope`; how many rentals differ. Raises
        the partner's errors."""
        known = await self.transactions.read(lambda session: session.rentals.cursor(self.connector, scope))
        cursor, since = (None, None) if known is None else (known[0] or None, known[1])
        taken = 0
        for _ in range(PAGES):
            try:
                page = await partner.changes(secrets, cursor, since if cursor is None else None, limit=LIMIT)
            except CursorRefused:
                if cursor is None:
                    raise
                _log.warning("%s refuses the cursor of its changes; they are read again", self.title)
                cursor, since = None, None if since is None else since - OVERLAP
                continue
            for number, reason in page.unreadable.items():
                _log.warning("%s: rental %s can't be read: %s", self.title, number, reason)
            taken += await self.transactions.write(partial(self._take_page, page=page, scope=scope))
            stuck = page.cursor == cursor
            cursor = page.cursor or cursor
            if not page.more or stuck:
                break
        return taken

    async def take(self, rental: Rental) -> None:
        """Bring in what was fetched about one rental."""
        await self.transactions.write(partial(self._take, rental=rental))

    async def review(self, appointment_id: str) -> None:
        """Look whether an appointment that was changed still fits its rental."""
        await self.transactions.write(lambda session: review(session, self.connector, appointment_id))

    def _take_page(self, session: Session, *, page: RentalPage, scope: str) -> int:
        taken = sum(self._take(session, rental=rental) for rental in page.rentals)
        if page.cursor:
            session.rentals.set_cursor(self.connector, scope, page.cursor)
        return taken

    def _take(self, session: Session, *, rental: Rental) -> bool:
        record = session.rentals.known(self.connector, rental.reference, rental.number)
        if record is None:
            return self._adopt(session, rental)
        after = merged(record, rental)
        if after == record:
            return False
        self._put(session, after, is_new=False, actor=self.actor if rental.by_partner else record.made_by)
        return True

    def _adopt(self, session: Session, rental: Rental) -> bool:
        """A rental that we don't know and that names an appointment of ours: our database was put back."""
        visit = session.visits.visit(rental.appointment) if rental.appointment else None
        if visit is None:
            return False
        empty = RentalRecord(
            id=rental.reference or f"{self.connector}-{rental.number}", reference=rental.reference or rental.number,
            appointment_id=visit.appointment_id, customer_id=visit.customer_id, site=visit.site,
            connector=self.connector, state=rental.state, start=rental.start, end=rental.end, car=rental.car,
            made_by=self.actor,
        )  # fmt: skip
        self._put(session, merged(empty, rental), is_new=True, actor=self.actor)
        return True

    def _put(self, session: Session, record: RentalRecord, *, is_new: bool, actor: str) -> None:
        write = session.rentals.add if is_new else session.rentals.put
        try:
            write(record, actor=actor)
        except Refused:  # the appointment holds another car: a person sees both
            write(replace(record, is_replaced=True), actor=actor)
            session.attention.add(
                "rental_double", channel=self.connector, appointment_id=record.appointment_id,
                data={"rental": record.id, "plate": record.car.plate, "number": record.number, "partner": self.title},
                once=record.appointment_id,
            )  # fmt: skip
        review(session, self.connector, record.appointment_id)
