"""The dry run: says what a run would do, field by field, and writes nothing on either side (sync.md, 12)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial
from typing import Any

from wtpd.channel.spec import ChannelSpec
from wtpd.errors import Unavailable, WtpdError
from wtpd.sync.apply import UNHANDLED, apply_item, ours_of, sentence
from wtpd.sync.intents import Encode, plan_batch
from wtpd.sync.plan import CANCELLED, CancelHere, Conflict, CreateHere, UpdateHere, plan
from wtpd.sync.ports import (
    Fields,
    Incoming,
    Intent,
    Partner,
    PlannedChange,
    RunRecord,
    Session,
    Transactions,
    Unreadable,
)  # fmt: skip
from wtpd.texts import Text

MOST = 2000
"""Messages, and outbox rows, that a dry run looks at."""


class _Undo(Exception):
    """Carries the result out of a transaction that must leave nothing behind."""

    def __init__(self, changes: list[PlannedChange], *, truncated: bool) -> None:
        super().__init__("a dry run leaves nothing behind")
        self.changes = changes
        self.truncated = truncated


async def dry_run(spec: ChannelSpec, partner: Partner, transactions: Transactions, record: RunRecord) -> None:
    """Fill `record` with what a run would do now. Fetches the feed without moving its cursor, and carries everything
    out in a transaction that is undone."""
    items: list[Incoming | Unreadable] = []
    cursor = await transactions.read(lambda session: session.links.cursor(spec.id, spec.account))
    more = True
    while more and len(items) < MOST:
        page = await partner.changes(spec.account, cursor, wait=0, limit=spec.page_size)
        items += page.items
        cursor, more = page.cursor, page.more
    record.fetched = len(items)
    try:
        await transactions.write(partial(_play, spec, partner.encode, items))
    except _Undo as played:
        record.planned = played.changes
        record.truncated = more or played.truncated
    record.conflicts = sum(change.action == "conflict" for change in record.planned)
    record.quarantined = sum(change.action == "quarantine" for change in record.planned)


def _play(spec: ChannelSpec, encode: Encode, items: Sequence[Incoming | Unreadable], session: Session) -> None:
    changes: list[PlannedChange] = []
    for item in items:
        changes += _take(spec, session, item)
    batch = plan_batch(session, spec, 0, MOST, encode)
    changes += [_give(session, planned.intent) for planned in batch.planned if planned.intent is not None]
    raise _Undo(changes, truncated=batch.more)


def _take(spec: ChannelSpec, session: Session, item: Incoming | Unreadable) -> list[PlannedChange]:
    """What a message would do here; it is carried out as well, since later ones build on it."""
    reason: Text | str
    if isinstance(item, Incoming):
        try:
            with session.savepoint():
                changes = _received(spec, session, item)
                done = apply_item(session, spec, item)
            if done.conflicts and not changes:
                change = partial(PlannedChange, side="here", action="conflict", appointment_id=None)
                changes = [change(partner_id=item.partner_id, fields={CANCELLED: (True, False)}, detail="ours")]
            return changes
        except Unavailable:
            raise
        except (WtpdError, sqlite3.IntegrityError) as error:
            reason = sentence(error) if isinstance(error, WtpdError) else UNHANDLED
    else:
        reason = item.reason
    return [
        PlannedChange(side="here", action="quarantine", appointment_id=None, partner_id=item.partner_id, detail=reason)
    ]


def _received(spec: ChannelSpec, session: Session, item: Incoming) -> list[PlannedChange]:
    link = session.links.link_at(spec.id, spec.account, item.partner_id)
    known = link.appointment_id if link is not None else item.our_id
    ours = ours_of(session, spec, known) if known else None
    sent = session.outbox.intent_of(spec.id, ours.appointment_id) if ours is not None else None
    here = ours.fields if ours is not None else {}
    change = partial(
        PlannedChange,
        side="here",
        appointment_id=ours.appointment_id if ours is not None else None,
        partner_id=item.partner_id,
    )
    changes = []
    for action in plan(link, ours, item, sent):
        match action:
            case CreateHere():
                changes.append(change(action="create", fields=_changes({}, item.fields)))
            case UpdateHere(fields):
                changes.append(change(action="update", fields=_changes(here, fields)))
            case CancelHere():
                changes.append(change(action="cancel", detail=item.reason or ""))
            case Conflict(field, _, mine, theirs, stands):
                changes.append(change(action="conflict", fields={field: (mine, theirs)}, detail=stands))
    return changes


def _give(session: Session, intent: Intent) -> PlannedChange:
    link = session.links.link_of(intent.channel, intent.appointment_id)
    return PlannedChange(
        side="there",
        action=intent.operation,
        appointment_id=intent.appointment_id,
        partner_id=intent.partner_id,
        fields=_changes(link.base if link is not None else {}, intent.fields),
        detail=intent.reason or "",
    )


def _changes(before: Fields, after: Fields) -> dict[str, tuple[Any, Any]]:
    """Old and new value of each field that isn't as it was; of a new appointment, those that aren't blank."""
    return {
        name: (before.get(name), value)
        for name, value in after.items()
        if value != before.get(name) and (before or value)
    }
