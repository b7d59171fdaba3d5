"""Takes what the partner says into the book, inside one transaction with the feed's cursor (sync.md, 3)."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from wtpd.channel.spec import ChannelSpec
from wtpd.errors import Invalid, Unavailable, WtpdError
from wtpd.sync import listing, mass_change_guard, numbers, writers
from wtpd.sync.facts import NO_FACTS, Facts, Questions, Unanswered
from wtpd.sync.plan import (
    CANCELLED,
    ROUNDS,
    US,
    Action,
    Agree,
    Ask,
    CancelHere,
    Conflict,
    CreateHere,
    PassBy,
    Question,
    UpdateHere,
    is_ours,
    plan,
)
from wtpd.sync.ports import Answered, Decision, Incoming, Intent, Link, Ours, Page, Session, Taken, Unreadable
from wtpd.texts import N_, Text

_log = logging.getLogger(__name__)

UNHANDLED = N_("wtpd couldn't handle this message; the journal says why.")


@dataclass(slots=True)
class Applied:
    """What was done: items taken over, conflicts listed, items put into quarantine; `cancelled` here, and how many of
    those were still to come."""

    applied: int = 0
    conflicts: int = 0
    quarantined: int = 0
    cancelled: int = 0
    cancelled_ahead: int = 0
    released: int = 0
    """Linked appointments whose number there stands for another one of ours by now, so that they are sent again."""
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
        self.released += other.released


def apply_page(
    session: Session,
    spec: ChannelSpec,
    start: str | None,
    page: Page,
    *,
    trusting: bool = False,
    facts: Facts = NO_FACTS,
    moves: bool = True,
) -> Applied:
    """Apply a page of the feed that was asked for behind the cursor `start`. `moves`: the cursor moves with it, as with
    the last piece of a page. `trusting` lets any number of cancellations through, and of ours that must be sent again.
    Raises `MassCancellation` and `PartnerRestored`, and `Unanswered` if more facts are needed first."""
    if session.links.cursor(spec.id, spec.account) != start:
        return Applied(dropped=True)
    waiting = session.inbox.waiting(spec.id) if page.items else frozenset()
    done, questions = Applied(), Questions(facts)
    for item in page.items:
        done.add(_apply_or_quarantine(session, spec, item, questions, waiting=item.partner_id in waiting))
    if questions.live or questions.at:
        raise Unanswered(questions.live, questions.at)
    if done.released > mass_change_guard.MANY and not trusting:
        raise mass_change_guard.PartnerRestored(done.released, 0)
    mass_change_guard.count(session, spec, done.cancelled, done.cancelled_ahead, trusting=trusting)
    if moves and page.cursor != start:
        session.links.set_cursor(spec.id, spec.account, page.cursor)
    return done


def apply_item(
    session: Session, spec: ChannelSpec, item: Incoming, facts: Facts = NO_FACTS, *, is_new: bool = False
) -> Applied:
    """Merge one appointment of the partner with ours, and keep for the trace what became of it. `is_new`: a person says
    that the partner has used the number again. Raises what the book raises; the caller undoes it then."""
    return _taken(session, spec, item, Questions(facts), is_new=is_new)


def _taken(
    session: Session, spec: ChannelSpec, item: Incoming, questions: Questions, *, is_new: bool = False
) -> Applied:
    done = _merge(session, spec, item, questions, is_new=is_new)
    session.messages.received(spec.id, item, Taken(decision=done.decision, appointment_id=done.appointment_id))
    return done


def _merge(session: Session, spec: ChannelSpec, item: Incoming, questions: Questions, *, is_new: bool) -> Applied:
    link = session.links.link_at(spec.id, spec.account, item.partner_id)
    released = 0
    if link is not None and not numbers.is_same(link, item):
        if numbers.is_before(link, item):
            if not link.tombstone:  # late; or the partner was put back to a state in which it had that one
                session.outbox.look(spec.id, link.appointment_id)
            return Applied(decision="late", appointment_id=link.appointment_id or None)
        if not is_new and numbers.is_past(link, item, questions):
            return Applied(decision="late", appointment_id=link.appointment_id or None)
        if not is_new and item.our_id != link.appointment_id and not numbers.holds_ours(session, spec, item, questions):
            raise numbers.used_again(item.partner_id)
        numbers.release(session, link)
        released = int(not link.tombstone and item.our_id != link.appointment_id)
        link = None
    if link is None and (mine := session.links.elsewhere(spec.id, spec.account, item.partner_id)) is not None:
        return Applied(decision="late", appointment_id=mine)  # of the site that had this number before
    if link is not None and (risen := _risen(link, item, questions)) is not None:
        item = risen
    elif link is not None and item.version <= link.version:
        _doubt(session, link, item, questions)
        is_echo = item.version == link.version and item.changed_by == US and not link.passed_by
        return Applied(decision="echo" if is_echo else "late", appointment_id=link.appointment_id or None)
    if link is not None and link.passed_by:
        link = None  # changed there, and still cancelled; or live there again, which books it
    if link is not None and link.tombstone:
        return _closed(session, spec, link, item)
    ours = _known(session, spec, link, item, questions)
    sent = session.outbox.intent_of(spec.id, ours.appointment_id) if ours is not None else None
    if link is not None:
        link = writers.count(session, link, item, is_remembered=is_ours(item, sent))
    successor = None
    cancels = sent is not None and sent.operation == "cancel"
    if ours is not None and item.cancelled and item.changed_by == US and not ours.cancelled and not cancels:
        successor = questions.live_of(ours.appointment_id)
    work = _Work(session, spec, item, link, ours)
    for action in plan(link, ours, item, sent, successor=successor.partner_id if successor is not None else None):
        work.carry_out(action)
    done = work.finish(sent)
    done.released = released
    if done.decision == "create" and done.appointment_id is not None:
        questions.made.add(done.appointment_id)
    return done


class _Work:
    """Carries out the plan for one item."""

    def __init__(
        self, session: Session, spec: ChannelSpec, item: Incoming, link: Link | None, ours: Ours | None
    ) -> None:
        self._session = session
        self._spec = spec
        self._item = item
        self._link = link
        self._ours = ours
        self._is_known = ours is not None
        self._asked: Mapping[str, Any] = {}
        self._done = Applied()

    def carry_out(self, action: Action) -> None:
        session, spec, item, done = self._session, self._spec, self._item, self._done
        match action:
            case CreateHere():
                self._asked = item.fields
                self._ours = _within(session.book.create(spec.id, item, actor=spec.actor), spec)
                done.applied, done.decision = 1, "create"
                listing.possible_doubles(session, spec, [self._ours.appointment_id])
            case PassBy(version):
                session.links.pass_by(spec.id, spec.account, item.partner_id, version)
        if self._ours is not None:
            self._carry_out(action, self._ours)

    def _carry_out(self, action: Action, ours: Ours) -> None:
        session, spec, item, done = self._session, self._spec, self._item, self._done
        match action:
            case UpdateHere(fields):
                self._asked = fields
                changed = session.book.update(spec.id, ours.appointment_id, fields, actor=spec.actor, links=item.links)
                self._ours = _within(changed, spec)
                done.applied, done.decision = 1, "update"
                listing.settle_conflicts(session, spec.id, ours.appointment_id, fields, by=spec.actor)
            case CancelHere():
                done.cancelled, done.applied, done.decision = 1, 1, "cancel"
                done.cancelled_ahead = int(ours.upcoming)
                self._ours = session.book.cancel(spec.id, ours.appointment_id, actor=spec.actor, reason=item.reason)
            case Conflict():
                done.conflicts += _list_conflict(session, spec, ours, item, action)
            case Ask(question):
                done.conflicts += 1
                _list_question(session, spec, ours, item, question)
            case Agree():
                _agree(session, spec, ours, item, self._link, action, self._asked)
                if self._is_known and (self._link is None or item.links):
                    session.book.attach(spec.id, ours.appointment_id, item.partner_id, item.links)

    def finish(self, sent: Intent | None) -> Applied:
        done, ours = self._done, self._ours
        done.appointment_id = ours.appointment_id if ours is not None else None
        if ours is not None and sent is not None and done.applied:
            self._session.outbox.mark(self._spec.id, ours.appointment_id)  # the answer to the call isn't the end of it
        if self._item.changed_by == US and done.decision == "none" and not done.conflicts:
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


def attempt(
    session: Session, spec: ChannelSpec, item: Incoming, facts: Facts = NO_FACTS, *, questions: Questions | None = None
) -> tuple[Applied, Text | None]:
    """`apply_item`, whose trouble is its own: it is undone then, and said. Raises only what isn't the item's fault."""
    trouble: Text
    try:
        with session.savepoint():
            return _taken(session, spec, item, questions or Questions(facts)), None
    except Unavailable:
        raise
    except WtpdError as error:
        trouble = sentence(error)
    except Exception as error:
        if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
            raise  # the disk's trouble, not the item's
        _log.exception("a message couldn't be handled", extra={"CHANNEL": spec.id})
        trouble = UNHANDLED
    return Applied(quarantined=1), trouble


def _apply_or_quarantine(
    session: Session, spec: ChannelSpec, item: Incoming | Unreadable, questions: Questions, *, waiting: bool
) -> Applied:
    """What can't be applied is kept whole, and the page goes on."""
    if isinstance(item, Unreadable):
        quarantine(session, spec, item, item.reason)
        return Applied(quarantined=1)
    done, trouble = attempt(session, spec, item, questions=questions)
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
    if isinstance(item, Incoming):
        numbers.doubt(session, spec, item)


def _known(session: Session, spec: ChannelSpec, link: Link | None, item: Incoming, questions: Questions) -> Ours | None:
    """Our side of the partner's appointment: by link, else by our id, which it carries if a call of ours made it."""
    if link is not None:
        return ours_of(session, spec, link.appointment_id)
    ours = ours_of(session, spec, item.our_id) if item.our_id else None
    other = session.links.link_of(spec.id, ours.appointment_id) if ours is not None else None
    if ours is None or other is None:
        return ours
    if item.cancelled:  # a second one there that is gone already
        return None
    is_known, before = questions.now_at(other.partner_id)
    if is_known and (before is None or before.cancelled or numbers.is_another(other, before)):
        # given up there, or the number is another's; we don't remember it
        version = before.version if before is not None else other.version
        session.links.put_link(replace(other, version=version, base={}, apart={}, tombstone=True))
        return ours
    raise Invalid(
        N_("It carries the id of an appointment that is linked with {other} already.", other=other.partner_id)
    )


def _risen(link: Link, item: Incoming, questions: Questions) -> Incoming | None:
    """The appointment as the partner has it now, if it is live again under no higher version than its cancellation had:
    the partner was restored to a state before it."""
    newest = link.version - 1 if CANCELLED in link.apart else link.version
    if not link.tombstone or link.let_go or item.cancelled or item.version > newest:
        return None
    _, now = questions.now_at(item.partner_id)
    return now if now is not None and not now.cancelled and now.version <= newest else None


def _doubt(session: Session, link: Link, item: Incoming, questions: Questions) -> None:
    """A change of somebody there, not newer than what we know, may be late; or the partner was restored, and counts its
    versions from an older one, so that this change can have the very number of ours. Then the appointment is fetched
    and sent again."""
    if link.tombstone or not _differs(link, item) or (item.changed_by == US and item.version < link.version):
        return  # an older version of ours is ordinary: the feed tells of each
    is_known, now = questions.now_at(link.partner_id)
    if not is_known:
        return
    is_twin = now is not None and now.version == link.version and _differs(link, now)
    if now is None or now.version < link.version or is_twin:
        session.outbox.look(link.channel, link.appointment_id)
    if is_twin:  # a reading of the feed from its beginning counts only what is missing or older
        listing.restored(session, link.channel, missing=0, older=1)


def _differs(link: Link, item: Incoming) -> bool:
    return item.cancelled or any(link.base.get(name, value) != value for name, value in item.fields.items())


_HELD_OPEN = frozenset({"courtesy_car"})
"""Fields that the book may not be able to take over: the partner's value stays there until the desk decides."""


def _agree(
    session: Session,
    spec: ChannelSpec,
    ours: Ours,
    item: Incoming,
    before: Link | None,
    agreed: Agree,
    asked: Mapping[str, Any],
) -> None:
    """Write the link, and put into the outbox what is left to be sent: changes of ours, and what the book made
    different (a locked customer)."""
    base: Mapping[str, Any] = agreed.base
    if before is None and not agreed.closed:  # fields the partner doesn't deliver differ from nothing
        base = {**ours.fields, **base}
    rounds = before.rounds if before is not None else 0
    unequal = {name for name, value in ours.fields.items() if name in base and base[name] != value}
    apart = {name: value for name, value in agreed.apart.items() if name in unequal}
    open_now = unequal & asked.keys()
    if rounds < ROUNDS:
        open_now &= _HELD_OPEN - ours.owned
    apart |= {name: ours.fields[name] for name in open_now}
    link = Link(
        channel=spec.id,
        account=spec.account,
        partner_id=item.partner_id,
        appointment_id=ours.appointment_id,
        version=agreed.version,
        base=base,
        apart=_apart_for_good(item) if agreed.closed else apart,
        tombstone=agreed.closed,
        made=before.made if before is not None and before.made is not None else numbers.made_of(item),
        wrote=before is not None and before.wrote,
        rounds=rounds,
    )
    session.links.put_link(link)
    listing.odd_values(session, spec, ours.appointment_id, item)
    if any(plan(None if link.tombstone else link, ours, None)):
        session.outbox.mark(spec.id, ours.appointment_id)


def _apart_for_good(item: Incoming) -> Mapping[str, Any]:
    """Of a closed pair: it is live there in this version, and somebody was told."""
    return {} if item.cancelled else {CANCELLED: True}


def _list_question(session: Session, spec: ChannelSpec, ours: Ours, item: Incoming, question: Question) -> None:
    """Nothing is sent about it until somebody changes it here."""
    intent = session.outbox.intent_of(spec.id, ours.appointment_id)
    if intent is not None:
        session.messages.answered(intent, Answered(outcome="refused"))
    session.outbox.done(spec.id, ours.appointment_id)
    session.attention.add(
        "database_restored",
        channel=spec.id,
        appointment_id=ours.appointment_id,
        data={"question": question, "partner_id": item.partner_id},
        once=f"{spec.id}:{ours.appointment_id}",
    )


def _list_conflict(session: Session, spec: ChannelSpec, ours: Ours, item: Incoming, conflict: Conflict) -> int:
    """A field that only we may change isn't a conflict to decide: ours goes back, and somebody should know."""
    kind = "locked_customer" if conflict.field in ours.owned else "conflict"
    is_live_there = conflict.field == CANCELLED and conflict.theirs is False
    once = listing.conflict_name(spec.id, ours.appointment_id, conflict.field)
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
        }
        | ({"account": spec.account} if is_live_there else {}),
        once=listing.alive_name(spec.id, spec.account, item.partner_id) if is_live_there else once,
    )
    return int(kind == "conflict")


def _closed(session: Session, spec: ChannelSpec, link: Link, item: Incoming) -> Applied:
    """A message about a pair that was closed, and newer than that. If it was brought back to life there, cancelled
    stands, and somebody must know, because a customer may come."""
    ours = ours_of(session, spec, link.appointment_id)
    done = Applied(appointment_id=link.appointment_id)
    if ours is None or ours.erased:
        return replace(done, decision="late")  # which keeps nothing of what it says
    session.links.put_link(replace(link, version=item.version, apart=_apart_for_good(item)))
    if item.cancelled:
        once = listing.alive_name(spec.id, link.account, item.partner_id)
        session.attention.resolve_once("conflict", once, by=spec.id, resolution="theirs")
    elif not link.let_go:
        alive = Conflict(CANCELLED, True, True, False, "ours")
        done.conflicts = _list_conflict(session, replace(spec, account=link.account), ours, item, alive)
    return done
