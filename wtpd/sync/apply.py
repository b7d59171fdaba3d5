"""Takes what the partner says into the book, inside one transaction with the feed's cursor (sync.md, 3)."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from wtpd.clock import iso
from wtpd.errors import Invalid, Unavailable, WtpdError
from wtpd.sync import guard
from wtpd.sync.plan import CANCELLED, US, Agree, CancelHere, Conflict, CreateHere, UpdateHere, plan
from wtpd.sync.ports import Decision, Incoming, Link, Ours, Page, Session, Taken, Unreadable
from wtpd.sync.spec import ChannelSpec
from wtpd.texts import N_, Text

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Applied:
    """What was done: items taken over, conflicts listed, items put into quarantine; `cancelled` here, and how many of
    those were still to come."""

    applied: int = 0
    conflicts: int = 0
    quarantined: int = 0
    cancelled: int = 0
    cancelled_ahead: int = 0
    dropped: bool = False
    """The page doesn't start where the feed stands; nothing was done with it."""
    decision: Decision = "none"
    """Of one item, as is `appointment_id`; neither is added."""
    appointment_id: str | None = None

    def add(self, other: Applied) -> None:
        self.applied += other.applied
        self.conflicts += other.conflicts
        self.quarantined += other.quarantined
        self.cancelled += other.cancelled
        self.cancelled_ahead += other.cancelled_ahead


def apply_page(
    session: Session, spec: ChannelSpec, start: str | None, page: Page, *, trusting: bool = False
) -> Applied:
    """Apply a page of the feed that was asked for behind the cursor `start`. `trusting` lets any number of
    cancellations through. Raises `MassCancellation`."""
    if session.links.cursor(spec.id, spec.account) != start:
        return Applied(dropped=True)
    waiting = session.inbox.waiting(spec.id) if page.items else frozenset()
    done = Applied()
    for item in page.items:
        done.add(_apply_or_quarantine(session, spec, item, waiting=item.partner_id in waiting))
    guard.count(session, spec, done.cancelled, done.cancelled_ahead, trusting=trusting)
    if page.cursor != start:
        session.links.set_cursor(spec.id, spec.account, page.cursor)
    return done


def apply_item(session: Session, spec: ChannelSpec, item: Incoming) -> Applied:
    """Merge one appointment of the partner with ours, and keep for the trace what became of it. Raises what the book
    raises; the caller undoes it then."""
    done = _merge(session, spec, item)
    session.messages.received(spec.id, item, Taken(decision=done.decision, appointment_id=done.appointment_id))
    return done


def _merge(session: Session, spec: ChannelSpec, item: Incoming) -> Applied:
    link = session.links.link_at(spec.id, spec.account, item.partner_id)
    if link is not None and item.version <= link.version:
        is_echo = item.version == link.version and item.changed_by == US
        return Applied(decision="echo" if is_echo else "late", appointment_id=link.appointment_id)
    if link is not None and link.tombstone:
        return _closed(session, spec, link, item)
    ours = _known(session, spec, link, item)
    sent = session.outbox.intent_of(spec.id, ours.appointment_id) if ours is not None else None
    done, known = Applied(), ours is not None
    for action in plan(link, ours, item, sent):
        match action:
            case CreateHere():
                ours = _within(session.book.create(spec.id, item, actor=spec.actor), spec)
                done.applied, done.decision = 1, "create"
            case UpdateHere(fields) if ours is not None:
                ours = _within(
                    session.book.update(spec.id, ours.appointment_id, fields, actor=spec.actor, links=item.links), spec
                )
                done.applied, done.decision = 1, "update"
            case CancelHere() if ours is not None:
                done.cancelled, done.applied, done.decision = 1, 1, "cancel"
                done.cancelled_ahead = int(str(ours.fields.get("collection", "")) > iso(session.now))
                ours = session.book.cancel(spec.id, ours.appointment_id, actor=spec.actor, reason=item.reason)
            case Conflict() if ours is not None:
                done.conflicts += _list_conflict(session, spec, ours, item, action)
            case Agree() if ours is not None:
                _agree(session, spec, ours, item, link, action)
                if known and (link is None or item.links):
                    session.book.attach(spec.id, ours.appointment_id, item.partner_id, item.links)
    done.appointment_id = ours.appointment_id if ours is not None else None
    if item.changed_by == US and done.decision == "none" and not done.conflicts:
        done.decision = "echo"
    return done


def ours_of(session: Session, spec: ChannelSpec, appointment_id: str) -> Ours | None:
    """Our side of an appointment, with the fields that the partner keeps."""
    ours = session.book.ours(spec.id, appointment_id)
    return _within(ours, spec) if ours is not None else None


def sentence(error: WtpdError) -> Text:
    """What is wrong, with the first field that is."""
    if not error.problems:
        return error.text
    first = error.problems[0]
    return N_("{field}: {detail}", field=first.field, detail=first.text)


def _within(ours: Ours, spec: ChannelSpec) -> Ours:
    if not spec.fields or ours.fields.keys() <= spec.fields:
        return ours
    return replace(ours, fields={name: value for name, value in ours.fields.items() if name in spec.fields})


def attempt(session: Session, spec: ChannelSpec, item: Incoming) -> tuple[Applied, Text | None]:
    """`apply_item`, whose trouble is its own: it is undone then, and said. Raises only what isn't the item's fault."""
    trouble: Text
    try:
        with session.savepoint():
            return apply_item(session, spec, item), None
    except Unavailable:
        raise
    except WtpdError as error:
        trouble = sentence(error)
    except sqlite3.IntegrityError as error:
        trouble = N_("The book refuses it: {detail}", detail=str(error))
    except sqlite3.Error:
        raise  # the disk's trouble, not the item's
    except Exception:
        _log.exception("a message couldn't be handled", extra={"CHANNEL": spec.id})
        trouble = N_("wtpd couldn't handle this message; the journal says why.")
    return Applied(quarantined=1), trouble


def _apply_or_quarantine(session: Session, spec: ChannelSpec, item: Incoming | Unreadable, *, waiting: bool) -> Applied:
    """What can't be applied is kept whole, and the page goes on."""
    if isinstance(item, Unreadable):
        quarantine(session, spec, item, item.reason)
        return Applied(quarantined=1)
    done, trouble = attempt(session, spec, item)
    if trouble is not None:
        quarantine(session, spec, item, trouble)
    elif waiting:  # its state is whole, so it says all that an older message would have said
        session.inbox.supersede(spec.id, item.partner_id, item.version)
    return done


def quarantine(
    session: Session,
    spec: ChannelSpec,
    item: Incoming | Unreadable,
    reason: Text | str,
    appointment_id: str | None = None,
) -> None:
    """Keep a message that can't be applied. `appointment_id`: ours, if it is known which one it is about."""
    number = session.inbox.quarantine(spec.id, spec.account, item, reason)
    taken = Taken(decision="quarantine", appointment_id=appointment_id, inbox=number, reason=reason)
    session.messages.received(spec.id, item, taken)


def _known(session: Session, spec: ChannelSpec, link: Link | None, item: Incoming) -> Ours | None:
    """Our side of the partner's appointment: by link, else by our id, which it carries if a call of ours made it."""
    if link is not None:
        return ours_of(session, spec, link.appointment_id)
    ours = ours_of(session, spec, item.our_id) if item.our_id else None
    other = session.links.link_of(spec.id, ours.appointment_id) if ours is not None else None
    if other is not None:
        if item.cancelled:  # a second one there that is gone already
            return None
        raise Invalid(
            N_("It carries the id of an appointment that is linked with {other} already.", other=other.partner_id)
        )
    return ours


def _agree(session: Session, spec: ChannelSpec, ours: Ours, item: Incoming, before: Link | None, agreed: Agree) -> None:
    """Write the link, and put into the outbox what is left to be sent: changes of ours, and what the book made
    different (a car that is taken, a locked customer)."""
    base: Mapping[str, Any] = agreed.base
    if before is None and not agreed.closed:  # fields the partner doesn't deliver differ from nothing
        base = {**ours.fields, **base}
    link = Link(
        channel=spec.id,
        account=spec.account,
        partner_id=item.partner_id,
        appointment_id=ours.appointment_id,
        version=agreed.version,
        base=base,
        tombstone=agreed.closed,
    )
    session.links.put_link(link)
    for name, code in item.unknown.items():
        session.attention.add(
            "unknown_code",
            channel=spec.id,
            appointment_id=ours.appointment_id,
            data={"field": name, "code": code, "partner_id": item.partner_id},
            once=f"{spec.id}:{ours.appointment_id}:{name}",
        )
    if any(plan(None if link.tombstone else link, ours, None)):
        session.outbox.mark(spec.id, ours.appointment_id)


def _list_conflict(session: Session, spec: ChannelSpec, ours: Ours, item: Incoming, conflict: Conflict) -> int:
    """A field that only we may change isn't a conflict to decide: ours goes back, and somebody should know."""
    kind = "locked_customer" if conflict.field in ours.owned else "conflict"
    session.attention.add(
        kind,
        channel=spec.id,
        appointment_id=ours.appointment_id,
        data={
            "field": conflict.field,
            "base": conflict.base,
            "ours": conflict.ours,
            "theirs": conflict.theirs,
            "stands": conflict.stands,
            "partner_id": item.partner_id,
        },
        once=f"{spec.id}:{ours.appointment_id}:{conflict.field}",
    )
    return int(kind == "conflict")


def _closed(session: Session, spec: ChannelSpec, link: Link, item: Incoming) -> Applied:
    """A message about a pair that was closed, and newer than that. If it was brought back to life there, cancelled
    stands, and somebody must know, because a customer may come."""
    ours = ours_of(session, spec, link.appointment_id)
    done = Applied(appointment_id=link.appointment_id)
    if ours is None or ours.erased:
        return replace(done, decision="late")  # which keeps nothing of what it says
    session.links.put_link(replace(link, version=item.version))
    once = f"{spec.id}:{link.account}:{item.partner_id}"
    if item.cancelled:
        session.attention.resolve_once("conflict", once, by=spec.id, resolution="theirs")
        return done
    session.attention.add(
        "conflict",
        channel=spec.id,
        appointment_id=ours.appointment_id,
        data={
            "field": CANCELLED,
            "base": True,
            "ours": True,
            "theirs": False,
            "stands": "ours",
            "partner_id": item.partner_id,
            "account": link.account,
        },
        once=once,
    )
    done.conflicts = 1
    return done
