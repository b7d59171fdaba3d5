"""Reads the partner's change feed and applies it page by page (sync.md, 3, 13, 16, 17 and 22).

From the beginning, a *replay*, an item may be older than a later one: then only the newest state of each appointment is
applied, and what is linked here and isn't there any more, or is older there, is looked up. The newest states are found
by reading the feed twice, but not where nothing was ever linked and no item has an id of ours: there an older state
can't meet anything newer of ours.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from wtpd.channel.errors import PartnerBroken, Rejected, TooLarge
from wtpd.channel.spec import ChannelSpec
from wtpd.sync import listing, numbers
from wtpd.sync.apply import Applied, apply_page, quarantine
from wtpd.sync.facts import NO_FACTS, Facts, Unanswered
from wtpd.sync.fetch import GONE, look
from wtpd.sync.mass_change_guard import MANY, PartnerRestored
from wtpd.sync.ports import Incoming, Link, Page, Partner, Published, RunRecord, Session, Transactions, Unreadable
from wtpd.texts import N_

_log = logging.getLogger(__name__)

T = TypeVar("T")

REFUSED = (400, *GONE)
"""With these the partner says that it doesn't know the cursor (any more)."""
STALE = 20
"""Pages in a row behind new cursors that bring nothing new, until the run is given up."""
PAGES = 1000
"""Pages that one run reads, so that sending isn't held up for ever."""
CHECKED_AT_ONCE = 8
LOOKUPS = 50
"""Rounds of lookups for one piece of a page, until the run is given up; two or three are usual."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A page that a long poll brought, asked for behind the cursor `start`."""

    start: str | None
    page: Page


@dataclass(slots=True)
class _Pass:
    """One reading of the feed. `seen`: the newest version of each appointment, by the partner's number, and by number
    and time of creation, since the number may have been used again."""

    seen: dict[str, int] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    pages: int = 0
    stale: int = 0

    def note(self, page: Page) -> None:
        """Raises `PartnerBroken` if the feed makes no progress."""
        is_new = False
        for item in page.items:
            if isinstance(item, Incoming):
                for name in (item.partner_id, _name(item.partner_id, item.created_at)):
                    is_new = is_new or item.version > self.seen.get(name, 0)
                    self.seen[name] = max(item.version, self.seen.get(name, 0))
            else:
                said = f"{item.partner_id} {item.raw!r:.200}"
                is_new = is_new or said not in self.others
                self.others.add(said)
        self.pages += 1
        self.stale = 0 if is_new else self.stale + 1
        if self.stale > STALE:
            raise PartnerBroken("the feed brings the same changes again and again behind new cursors")


@dataclass(slots=True)
class _Progress:
    """How far a replay is. A run that ends in between, since the partner wants to be left alone for a while, is gone on
    with by the next one, if the feed stands at `cursor` still. `seen` as in `_Pass`; `checked`: the partner's numbers
    that were looked up; `gone`: closed links whose appointment was live there, and isn't there any more."""

    cursor: str | None = None
    seen: dict[str, int] = field(default_factory=dict)
    checked: set[str] = field(default_factory=set)
    missing: list[Link] = field(default_factory=list)
    older: list[Link] = field(default_factory=list)
    gone: list[Link] = field(default_factory=list)

    def newest_of(self, link: Link) -> int:
        made = link.made.at if link.made is not None else ""
        return self.seen.get(_name(link.partner_id, made) if made else link.partner_id, 0)

    def note_linked(self, link: Link, now: Incoming | None) -> None:
        if now is None:
            self.missing.append(link)
        elif now.version < link.version or now.partner_id != link.partner_id:
            self.older.append(link)

    def note_closed(self, link: Link, now: Incoming | None) -> None:
        if now is None or now.partner_id != link.partner_id or numbers.is_another(link, now):
            self.gone.append(link)


class Feed:
    """The feed of one channel. `unfinished`: a run has read as many pages as it may, and there are more.
    `replayed`: the last run read it from its beginning, and compared."""

    def __init__(self, spec: ChannelSpec, partner: Partner, transactions: Transactions) -> None:
        self._spec = spec
        self._partner = partner
        self._transactions = transactions
        self._limit = spec.page_size
        self._progress = _Progress()
        self.unfinished = False
        self.replayed = False

    async def receive(self, record: RunRecord, *, arrived: Arrived | None, trusting: bool) -> None:
        """Apply the feed to its end, or for a while. `trusting` lets many cancellations through, and sends our
        appointments again to a partner that lost them; else `MassCancellation` and `PartnerRestored` are raised. Raises
        the partner's errors."""
        self.unfinished = self.replayed = False
        self._limit = self._spec.page_size
        cursor, replay = await self._transactions.read(self._position)
        if arrived is not None:
            record.requests += 1
            if not replay:
                if not await self._apply(record, arrived, trusting) or not arrived.page.more:
                    return
                cursor = arrived.page.cursor
        try:
            await self._read_on(record, cursor, replay, trusting)
        except _Refused as refused:
            _log.warning("%s: the partner refuses the cursor (%s); the feed is read again", self._spec.id, refused)
            await self.rewind()
            await self._read_on(record, None, True, trusting)

    async def rewind(self) -> None:
        """Read the feed from its beginning next."""
        self._progress = _Progress()
        await self._transactions.write(lambda session: session.links.rewind(self._spec.id, self._spec.account))

    async def _read_on(self, record: RunRecord, cursor: str | None, replay: bool, trusting: bool) -> None:
        if replay and cursor != self._progress.cursor:
            self._progress = _Progress(cursor=cursor)
        passed = _Pass(seen=self._progress.seen) if replay else _Pass()
        newest: Mapping[str, int] | None = None
        has_links = replay and await self._transactions.read(self._has_links)
        while True:
            page = await self._page(cursor)
            if not page.items:
                if page.more:
                    raise PartnerBroken("an empty page of changes that says there are more")
                break  # nothing new: the cursor stays where it is, and nothing is written
            passed.note(page)
            if replay:
                if newest is None and (has_links or any(map(_has_our_id, page.items))):
                    newest = await self._newest(page)
                page = replace(page, items=_newest_of(page.items, passed.seen if newest is None else newest))
            if not await self._apply(record, Arrived(cursor, page), trusting):
                return
            self._progress.cursor = page.cursor
            if not page.more or page.cursor == cursor:
                break
            cursor = page.cursor
            if passed.pages >= PAGES:
                self.unfinished = True
                return
        if replay:
            await self._compare(page.cursor, trusting)

    async def _page(self, cursor: str | None) -> Page:
        """Asks for fewer changes while the answer is too large. Raises `_Refused` if the cursor isn't known."""
        while True:
            try:
                return await self._partner.changes(self._spec.account, cursor, wait=0, limit=self._limit)
            except Rejected as error:
                if cursor is None or error.status not in REFUSED:
                    raise
                raise _Refused(str(error)) from None
            except TooLarge:
                if self._limit == 1:
                    await self._transactions.write(partial(_list_too_large, self._spec, cursor))
                    raise
                self._limit = max(1, self._limit // 2)

    async def _newest(self, page: Page) -> Mapping[str, int]:
        """The newest version of each appointment in this page and those behind it."""
        passed = _Pass()
        passed.note(page)
        while page.more and page.items:
            cursor = page.cursor
            page = await self._page(cursor)
            passed.note(page)
            if page.cursor == cursor:
                break
        return passed.seen

    async def _apply(self, record: RunRecord, arrived: Arrived, trusting: bool) -> bool:
        """False if the page was dropped, because the feed stands elsewhere by now. A page with more items than were
        asked for is applied in pieces, each in its own transaction, so that no other writer waits long."""
        items, size = arrived.page.items, self._spec.page_size
        for start in range(0, max(1, len(items)), size):
            is_last = start + size >= len(items)
            cursor = arrived.page.cursor if is_last else arrived.start
            piece = replace(arrived.page, items=items[start : start + size], cursor=cursor or "")
            done = await self._apply_piece(arrived.start, piece, trusting, moves=is_last)
            if done.dropped:
                return False
            record.applied += done.applied
            record.conflicts += done.conflicts
            record.quarantined += done.quarantined
        record.fetched += len(items)
        return True

    async def _apply_piece(self, start: str | None, page: Page, trusting: bool, *, moves: bool) -> Applied:
        facts = NO_FACTS
        for _ in range(LOOKUPS):
            work = partial(
                apply_page, spec=self._spec, start=start, page=page, trusting=trusting, facts=facts, moves=moves
            )
            try:
                return await self._transactions.write(work)
            except Unanswered as questions:
                facts = await self._look_up(facts, questions)
        raise PartnerBroken("the same changes need one lookup after another")

    async def _look_up(self, facts: Facts, questions: Unanswered) -> Facts:
        account = self._spec.account
        at: dict[str, Incoming | None] = {}
        live = {each: await self._partner.find(account, each) for each in sorted(questions.live)}
        for partner_id in sorted(questions.at):
            try:
                at[partner_id] = await self._partner.get(account, partner_id)
            except Rejected as error:
                if error.status not in GONE:
                    raise
                at[partner_id] = None
        return Facts(live={**facts.live, **live}, at={**facts.at, **at})

    async def _compare(self, cursor: str, trusting: bool) -> None:
        """After a replay: look up the linked appointments, still to come, that the feed doesn't have or has in an older
        version than we know, and send those again that the partner really lost; look up as well those that are
        cancelled here and were live there. Raises `PartnerRestored`."""
        progress, last = self._progress, ""
        while links := await self._transactions.read(
            lambda session: session.links.links_ahead(self._spec.id, self._spec.account, last, 500)  # noqa: B023
        ):
            last = links[-1].partner_id
            odd = [
                link for link in links
                if link.partner_id not in progress.checked and progress.newest_of(link) < link.version
            ]  # fmt: skip
            await self._check(odd, progress.note_linked)
        closed = await self._transactions.read(
            lambda session: session.links.closed_but_live(self._spec.id, self._spec.account)
        )
        await self._check([link for link in closed if link.partner_id not in progress.checked], progress.note_closed)
        self._progress = _Progress()
        missing, older = progress.missing, progress.older
        if len(missing) + len(older) > MANY and not trusting:
            raise PartnerRestored(len(missing), len(older))
        await self._transactions.write(partial(_compared, self._spec, cursor, progress))
        self.replayed = True

    async def _check(self, links: Sequence[Link], note: Callable[[Link, Incoming | None], None]) -> None:
        """Some at once. What was answered is kept, though another lookup fails, whose error is raised."""
        for start in range(0, len(links), CHECKED_AT_ONCE):
            some = links[start : start + CHECKED_AT_ONCE]
            answers = await asyncio.gather(*map(self._now, some), return_exceptions=True)
            for link, now in zip(some, answers, strict=True):
                if not isinstance(now, BaseException):
                    self._progress.checked.add(link.partner_id)
                    note(link, now)
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer

    async def _now(self, link: Link) -> Incoming | None:
        return (await look(self._partner, link.account, link.appointment_id, link)).theirs

    def _has_links(self, session: Session) -> bool:
        return session.links.has_links(self._spec.id, self._spec.account)

    def _position(self, session: Session) -> tuple[str | None, bool]:
        channel, account = self._spec.id, self._spec.account
        return session.links.cursor(channel, account), session.links.is_replay(channel, account)


class _Refused(Exception):
    """The partner doesn't know the cursor."""


def _has_our_id(item: Incoming | Unreadable) -> bool:
    return isinstance(item, Incoming) and item.our_id is not None


def _newest_of(items: Sequence[Incoming | Unreadable], newest: Mapping[str, int]) -> Sequence[Incoming | Unreadable]:
    """Without items that a later one replaces."""
    return [
        item for item in items
        if not isinstance(item, Incoming)
        or item.version >= newest.get(_name(item.partner_id, item.created_at), 0)
    ]  # fmt: skip


def _name(partner_id: str, created_at: str) -> str:
    return f"{partner_id} {created_at}"


def _compared(spec: ChannelSpec, cursor: str, progress: _Progress, session: Session) -> None:
    missing, older = progress.missing, progress.older
    if session.links.cursor(spec.id, spec.account) is None:
        session.links.set_cursor(spec.id, spec.account, cursor)
    session.links.replayed(spec.id, spec.account)
    # Whatever made the feed begin again, on either side, what can be booked may be as old there: it is told once more.
    session.channels.set_published(spec.id, Published())
    session.channels.set_signs(spec.id, frozenset())
    for link in (*missing, *older):
        session.outbox.look(spec.id, link.appointment_id)
    if missing or older:
        listing.restored(session, spec.id, missing=len(missing), older=len(older))
    for link in progress.gone:
        session.links.put_link(replace(link, apart={}))
        listing.gone_there(session, link)


def _list_too_large(spec: ChannelSpec, cursor: str | None, session: Session) -> None:
    """Nobody can read that change, and those behind it wait."""
    reason = N_("One change is larger than wtpd reads.")
    item = Unreadable(partner_id=None, reason=reason, raw={"cursor": cursor})
    quarantine(session, spec, item, reason)
