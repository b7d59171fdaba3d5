"""Intents: which call to the partner is due for an appointment. Plain functions inside a transaction."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import uuid_utils

from wtpd.sync.apply import ours_of
from wtpd.sync.plan import CancelThere, CreateThere, UpdateThere, plan
from wtpd.sync.ports import Answered, Intent, Link, Ours, Pending, Session
from wtpd.sync.spec import ChannelSpec

_log = logging.getLogger(__name__)

_NONE_MADE: Mapping[str, bool] = {}

MISHAP = timedelta(minutes=5)
"""An appointment that our own code stumbles over is tried again after this."""


@dataclass(frozen=True, slots=True)
class Planned:
    """An intent that is on disk, and how often it failed before. Without one, what the partner has is fetched first,
    under `account` and the `link`. `begun`: it was stored earlier, so a call whose answer was lost may have reached the
    partner."""

    channel: str
    account: str
    appointment_id: str
    attempts: int
    intent: Intent | None
    begun: bool = False
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What to send for some rows of the outbox; `last` is the last row's number, `more`: there may be others."""

    planned: Sequence[Planned]
    last: int
    more: bool


def plan_batch(
    session: Session, spec: ChannelSpec, after: int, limit: int, made: Mapping[str, bool] = _NONE_MADE
) -> Batch:
    """Decide what to send for the next rows of the outbox behind row `after`, and store it. Rows for which nothing is
    left to be sent are done. `made` says of the calls that this process knows of, by key, whether one was made whose
    answer isn't kept; one that it doesn't know of was under way when the last process ended."""
    rows = session.outbox.pending(spec.id, after=after, limit=limit)
    planned = [each for row in rows if (each := _planned(session, spec, row, made)) is not None]
    return Batch(planned, rows[-1].seq if rows else after, len(rows) == limit)


def _planned(session: Session, spec: ChannelSpec, row: Pending, made: Mapping[str, bool]) -> Planned | None:
    intent = row.intent  # begun before and never answered: repeated as it is
    if intent is not None:
        if made.get(intent.key, True):
            session.messages.unanswered(intent.key)
    elif row.look and row.link is not None:
        return Planned(spec.id, row.link.account, row.appointment_id, row.attempts, None, link=row.link)
    else:
        if row.look:  # it was closed meanwhile
            session.messages.looked(spec.id, row.appointment_id, "gone", Answered(outcome="ok"))
        try:
            intent = next_intent(session, spec, row.appointment_id, row.link)
        except sqlite3.Error:
            raise
        except Exception as error:  # raised while it decides; nothing was written yet
            _log.exception("an appointment couldn't be planned", extra={"CHANNEL": spec.id})
            session.outbox.defer(spec.id, row.appointment_id, session.now + MISHAP, type(error).__name__)
    if intent is None:
        return None
    return planned_of(intent, row.attempts, begun=row.intent is not None)


def planned_of(intent: Intent, attempts: int, *, begun: bool = False) -> Planned:
    return Planned(intent.channel, intent.account, intent.appointment_id, attempts, intent, begun)


def next_intent(session: Session, spec: ChannelSpec, appointment_id: str, link: Link | None) -> Intent | None:
    """The next call that is due for the appointment, stored; None, and the row is done, if there is none."""
    ours = ours_of(session, spec, appointment_id)
    for action in plan(link, ours, None):
        intent = _intent(spec, ours, link, action) if ours is not None else None
        if intent is None:
            continue
        session.outbox.store_intent(intent)
        session.messages.called(intent)
        if ours is not None and intent.operation == "cancel" and ours.present:
            session.outbox.mark(spec.id, appointment_id)  # it is sent again afterwards, under its new number
        return intent
    session.outbox.done(spec.id, appointment_id)
    return None


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
