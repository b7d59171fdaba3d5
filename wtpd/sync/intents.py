"""Intents: which call to the partner is due for an appointment, and what its answer means for the ledger. Plain
functions inside a transaction."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import uuid_utils

from wtpd.sync.apply import ours_of
from wtpd.sync.plan import CancelThere, CreateThere, UpdateThere, plan
from wtpd.sync.ports import Intent, Link, Ours, Receipt, Session
from wtpd.sync.spec import ChannelSpec

_log = logging.getLogger(__name__)

MISHAP = timedelta(minutes=5)
"""An appointment that our own code stumbles over is tried again after this."""


@dataclass(frozen=True, slots=True)
class Planned:
    """An intent that is on disk, and how often it failed before. `begun`: it was stored earlier, so a call whose answer
    was lost may have reached the partner."""

    intent: Intent
    attempts: int
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """What to send for some rows of the outbox; `last` is the last row's number, `more`: there may be others."""

    planned: Sequence[Planned]
    last: int
    more: bool


def plan_batch(session: Session, spec: ChannelSpec, after: int, limit: int) -> Batch:
    """Decide what to send for the next rows of the outbox behind row `after`, and store it. Rows for which nothing is
    left to be sent are done."""
    planned: list[Planned] = []
    rows = session.outbox.pending(spec.id, after=after, limit=limit)
    for row in rows:
        intent = row.intent  # begun before and never answered: repeated as it is
        if intent is None:
            try:
                intent = next_intent(session, spec, row.appointment_id, row.link)
            except sqlite3.Error:
                raise
            except Exception as error:  # raised while it decides; nothing was written yet
                _log.exception("an appointment couldn't be planned", extra={"CHANNEL": spec.id})
                session.outbox.defer(spec.id, row.appointment_id, session.now + MISHAP, type(error).__name__)
        if intent is not None:
            planned.append(Planned(intent, row.attempts, begun=row.intent is not None))
    return Batch(planned, rows[-1].seq if rows else after, len(rows) == limit)


def next_intent(session: Session, spec: ChannelSpec, appointment_id: str, link: Link | None) -> Intent | None:
    """The next call that is due for the appointment, stored; None, and the row is done, if there is none."""
    ours = ours_of(session, spec, appointment_id)
    for action in plan(link, ours, None):
        intent = _intent(spec, ours, link, action) if ours is not None else None
        if intent is None:
            continue
        session.outbox.store_intent(intent)
        if ours is not None and intent.operation == "cancel" and ours.present:
            session.outbox.mark(spec.id, appointment_id)  # it is sent again afterwards, under its new number
        return intent
    session.outbox.done(spec.id, appointment_id)
    return None


def accept(session: Session, intent: Intent, receipt: Receipt) -> None:
    """The partner took it: both sides agree on what was sent, unless the feed told us something newer already. Raises
    ValueError if the partner says that it is another appointment of ours."""
    link = session.links.link_at(intent.channel, intent.account, receipt.partner_id)
    if link is not None and link.appointment_id != intent.appointment_id:
        raise ValueError(f"the partner's {receipt.partner_id} is linked with another appointment")
    fresh = link is None
    if link is None:
        link = Link(
            channel=intent.channel,
            account=intent.account,
            partner_id=receipt.partner_id,
            appointment_id=intent.appointment_id,
            version=0,
            base={},
        )
    if intent.operation == "cancel":
        session.links.put_link(replace(link, version=max(link.version, receipt.version), base={}, tombstone=True))
    elif not link.tombstone and receipt.version > link.version:
        session.links.put_link(replace(link, version=receipt.version, base=intent.full))
    if fresh or receipt.links:
        session.book.attach(intent.channel, intent.appointment_id, receipt.partner_id, receipt.links)
    session.outbox.settle(intent.channel, intent.appointment_id)


def _intent(spec: ChannelSpec, ours: Ours, link: Link | None, action: object) -> Intent | None:
    common = Intent(
        channel=spec.id,
        account=link.account if link is not None else ours.account,
        appointment_id=ours.appointment_id,
        key=str(uuid_utils.uuid7()),
        operation="create",
        fields=ours.fields,
        full=ours.fields,
        partner_id=link.partner_id if link is not None else None,
        expected_version=link.version if link is not None else None,
    )
    match action:
        case CreateThere():
            return common
        case UpdateThere(fields) if link is not None:
            return replace(common, operation="update", fields=fields, full={**link.base, **fields})
        case CancelThere():
            return replace(common, operation="cancel", fields={}, full={}, reason=ours.reason)
    return None
