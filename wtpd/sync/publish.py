"""Tells the partner what can be booked, and only what changed since the last time (superservice.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import msgspec
import uuid_utils

from wtpd.channel.spec import ChannelSpec
from wtpd.sync.ports import DayOffer, Partner, Published, Session, Transactions

Offers = Callable[[Session, Sequence[date]], Sequence[DayOffer]]
"""What can be booked on these days, in a read transaction."""

DAYS_A_CALL = 100

_encode = msgspec.json.Encoder(order="deterministic").encode


class Publisher:
    """Knows which days may have changed. At the start and when a new day begins it looks at all of them; what the
    partner was told is kept as a hash for each day, so that a day that is as it was isn't told again."""

    def __init__(self, spec: ChannelSpec, partner: Partner, transactions: Transactions, offers: Offers) -> None:
        self._spec = spec
        self._partner = partner
        self._transactions = transactions
        self._offers = offers
        self._zone = ZoneInfo(spec.zone)
        self._today: date | None = None
        self._touched: set[str] = set()

    def touch(self, day: str) -> None:
        """What can be booked on `day` (RFC 3339; `*`: any day) may be another now."""
        self._touched.add(day)

    def is_due(self, now: datetime) -> bool:
        return bool(self._touched) or self._today != now.astimezone(self._zone).date()

    def is_all_due(self, now: datetime) -> bool:
        """Every day of the horizon is due, as after a change of advisors or cars."""
        return "*" in self._touched or self._today != now.astimezone(self._zone).date()

    async def publish(self, now: datetime) -> int:
        """Tell what changed; gives the number of days. What couldn't be told stays due."""
        days = self._days(now.astimezone(self._zone).date())
        today, touched = self._today, self._touched
        self._today, self._touched = now.astimezone(self._zone).date(), set()
        try:
            return await self._publish(days)
        except BaseException:
            self._today = today
            self._touched |= touched
            raise

    def _days(self, today: date) -> list[date]:
        horizon = [today + timedelta(days=number) for number in range(self._spec.horizon_days)]
        if self._today != today or "*" in self._touched:
            return horizon
        return [day for day in horizon if day.isoformat() in self._touched]

    async def _publish(self, days: Sequence[date]) -> int:
        if not days:
            return 0
        changed = await self._transactions.read(partial(self._changed, days))
        for start in range(0, len(changed), DAYS_A_CALL):
            await self._tell(changed[start : start + DAYS_A_CALL])
        return len(changed)

    async def _tell(self, offers: Sequence[DayOffer]) -> None:
        hashes = {offer.day.isoformat(): _hash(offer) for offer in offers}
        key = await self._transactions.write(partial(self._begin, hashes))
        await self._partner.publish(self._spec.account, offers, key)
        signs = {str(each["id"]) for offer in offers for each in (*offer.advisors, *offer.courtesy_cars)}
        await self._transactions.write(partial(self._told, hashes, signs))

    def _changed(self, days: Sequence[date], session: Session) -> list[DayOffer]:
        told = session.channels.published(self._spec.id).days
        return [offer for offer in self._offers(session, days) if told.get(offer.day.isoformat()) != _hash(offer)]

    def _begin(self, hashes: Mapping[str, str], session: Session) -> str:
        """The key is on disk before the call; the same call that wasn't answered keeps its key."""
        published = session.channels.published(self._spec.id)
        if published.key and dict(published.calling) == dict(hashes):
            return published.key
        key = str(uuid_utils.uuid7())
        session.channels.set_published(self._spec.id, Published(days=published.days, key=key, calling=hashes))
        return key

    def _told(self, hashes: Mapping[str, str], signs: Set[str], session: Session) -> None:
        """Days that are over are forgotten. What the partner refused is sent again if advisors or cars were published
        that it didn't know before."""
        known = session.channels.signs(self._spec.id)
        if not signs <= known:
            session.channels.set_signs(self._spec.id, known | signs)
            session.outbox.retry_all(self._spec.id)
        today = session.now.astimezone(self._zone).date().isoformat()
        days = {**session.channels.published(self._spec.id).days, **hashes}
        kept = {day: value for day, value in days.items() if day >= today}
        session.channels.set_published(self._spec.id, Published(days=kept))


def _hash(offer: DayOffer) -> str:
    return hashlib.blake2b(_encode(offer), digest_size=8).hexdigest()
