"""Intents: which call to the partner is due for an appointment. Plain functions inside a transaction."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from wtpd.calls.keys import age, new_key
from wtpd.channel.errors import Rejected, in_its_words
from wtpd.channel.spec import ChannelSpec
from wtpd.sync import listing
from wtpd.sync.apply import ours_of
from wtpd.sync.plan import Action, Agree, CancelThere, CreateThere, LetGo, UpdateThere, plan
from wtpd.sync.ports import Answered, Intent, Link, Ours, Pending, Session

_log = logging.getLogger(__name__)

Encode = Callable[[Intent], str]
"""Makes the body of a call; `Partner.encode`."""

_NONE_MADE: Mapping[str, bool] = {}

MISHAP = timedelta(minutes=5)
"""An appointment that our own code stumbles over is tried again after this."""
KEPT_FOR = timedelta(hours=12)
"""After this a partner may have forgotten an idempotency key (the contract says a day)."""


@dataclass(frozen=True, slots=True)
class Planned:
    """An intent that is on disk, and how often it failed before. Without one, the partner's appointment is fetched
    first, under `account` by the `link` or, if there is none, by our id; `overtaken` is then a stored call that isn't
    repeated before that. `begun`: the intent was stored earlier, so a call whose answer was lost may have reached the
    partner."""

    channel: str
    account: str
    appointment_id: str
    attempts: int
    intent: Intent | None
    begun: bool = False
    link: Link | None = None
    overtaken: Intent | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What to send for some rows of the outbox; `last` is the last row's number, `more`: there may be others."""

    planned: Sequence[Planned]
    last: int
    more: bool


def plan_batch(
    session: Session,
    spec: ChannelSpec,
    after: int,
    limit: int,
    encode: Encode,
    made: Mapping[str, bool] = _NONE_MADE,
) -> Batch:
    """Decide the calls for the next rows of the outbox behind row `after`, and store them. Rows with nothing left to be
    sent are done. `made`: idempotency key → whether this process made the call without keeping an answer; a key
    missing from it belongs to a call that the previous process may have made."""
    rows = session.outbox.pending(spec.id, after=after, limit=limit)
    doubtful = session.inbox.waiting(spec.id) if any(row.link is not None for row in rows) else frozenset()
    rows = [
        replace(row, look=True) if row.link is not None and row.link.partner_id in doubtful else row for row in rows
    ]  # a message about its number couldn't be applied; it may stand for another appointment
    planned = [each for row in rows if (each := _planned(session, spec, row, encode, made)) is not None]
    list_doubles(session, spec, [each.intent for each in planned if each.intent is not None and not each.begun])
    return Batch(planned, rows[-1].seq if rows else after, len(rows) == limit)


def list_doubles(session: Session, spec: ChannelSpec, intents: Sequence[Intent]) -> None:
    """Of the appointments that are booked there with these calls."""
    booked = [intent.appointment_id for intent in intents if intent.operation == "create"]
    if booked:
        listing.possible_doubles(session, spec, booked)


def _planned(
    session: Session, spec: ChannelSpec, row: Pending, encode: Encode, made: Mapping[str, bool]
) -> Planned | None:
    intent = row.intent  # begun before and never answered: repeated byte for byte
    if intent is not None and made.get(intent.key, True):
        session.messages.unanswered(intent.key)
    must_look = row.look if intent is None else row.look or _is_doubtful(session, spec, row, intent)
    if must_look and (row.link is not None or intent is not None):
        account = row.link.account if row.link is not None else intent.account if intent is not None else spec.account
        return Planned(spec.id, account, row.appointment_id, row.attempts, None, link=row.link, overtaken=intent)
    if intent is None:
        if row.look:  # it was closed meanwhile
            session.messages.looked(spec.id, row.appointment_id, "gone", Answered(outcome="ok"))
        try:
            intent = next_intent(session, spec, row.appointment_id, row.link, encode)
        except sqlite3.Error:
            raise
        except Exception as error:  # raised while it decides; nothing was written yet
            _log.exception("an appointment couldn't be planned", extra={"CHANNEL": spec.id})
            session.outbox.defer(spec.id, row.appointment_id, session.now + MISHAP, type(error).__name__)
    if intent is None:
        return None
    return planned_of(intent, row.attempts, begun=row.intent is not None)


def _is_doubtful(session: Session, spec: ChannelSpec, row: Pending, intent: Intent) -> bool:
    """Repeating this `create` might book a second time: the appointment was linked, cancelled or moved since, or the
    partner may have forgotten the key. Other calls name the version that they change."""
    if intent.operation != "create":
        return False
    if row.link is not None or session.links.was_closed(spec.id, intent.account, row.appointment_id):
        return True
    ours = ours_of(session, spec, row.appointment_id)
    return ours is None or not ours.present or ours.account != intent.account or age(intent.key, session.now) > KEPT_FOR


def planned_of(intent: Intent, attempts: int, *, begun: bool = False) -> Planned:
    return Planned(intent.channel, intent.account, intent.appointment_id, attempts, intent, begun)


def next_intent(
    session: Session, spec: ChannelSpec, appointment_id: str, link: Link | None, encode: Encode
) -> Intent | None:
    """The next call that is due for the appointment, stored; None, and the row is done or refused, if there is none."""
    ours = ours_of(session, spec, appointment_id)
    for action in plan(link, ours, None) if ours is not None else ():
        if isinstance(action, Agree) and link is not None:
            link = replace(link, base=action.base, apart=action.apart)
            session.links.put_link(link)
        elif isinstance(action, LetGo) and link is not None:
            session.links.put_link(replace(link, base={}, apart={}, tombstone=True, let_go=True))
        intent = _intent(session.now, ours, link, action, spec.id) if ours is not None else None
        if ours is None or intent is None:
            continue
        return _stored(session, spec, ours, intent, encode)
    session.outbox.done(spec.id, appointment_id)
    return None


def _stored(session: Session, spec: ChannelSpec, ours: Ours, intent: Intent, encode: Encode) -> Intent | None:
    appointment_id = ours.appointment_id
    if intent.operation == "update" and (disputed := session.attention.disputed(spec.id, appointment_id)):
        who = session.book.last_actor(appointment_id)
        listing.settle_conflicts(session, spec.id, appointment_id, disputed & intent.fields.keys(), by=who)
    try:
        intent = replace(intent, body=encode(intent))
    except Rejected as error:
        session.messages.called(intent)
        reason = in_its_words(error)
        session.messages.answered(intent, Answered(outcome="refused", error=reason))
        session.outbox.reject(spec.id, appointment_id, reason)
        return None
    session.outbox.store_intent(intent)
    session.messages.called(intent)
    if intent.operation == "cancel" and ours.present:
        session.outbox.mark(spec.id, appointment_id)  # it is sent again afterwards, under its new number
    return intent


def _intent(now: datetime, ours: Ours, link: Link | None, action: Action, channel: str) -> Intent | None:
    common = Intent(
        channel=channel,
        account=link.account if link is not None else ours.account,
        appointment_id=ours.appointment_id,
        key=new_key(now),
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
        case CancelThere(left):
            return replace(common, operation="cancel", fields={}, full={}, reason=ours.reason, left=left)
    return None
