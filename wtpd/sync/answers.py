"""What a partner's answer means for ledger, outbox and trace. Plain functions inside a transaction."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from wtpd.clock import full_jitter
from wtpd.errors import WtpdError
from wtpd.sync.apply import Applied, attempt, quarantine, sentence
from wtpd.sync.errors import PartnerError, Transient
from wtpd.sync.fetch import Fetched
from wtpd.sync.intents import Planned, next_intent
from wtpd.sync.ports import Answered, Incoming, Intent, Link, Receipt, Session
from wtpd.sync.spec import ChannelSpec

Answer = Receipt | PartnerError | str
"""How a call ended in this run; a text, or `Transient`, is a reason to try this one again later."""

RETRY, RETRY_CAP = 2.0, 300.0
"""Seconds of backoff for a single appointment."""


def settle(session: Session, planned: Planned, answer: Answer, chance: random.Random) -> None:
    """The call is over for this run. Raises ValueError if the answer contradicts the ledger."""
    if planned.intent is not None:
        session.messages.answered(planned.intent, as_answered(answer))
        if isinstance(answer, Receipt):
            accept(session, planned.intent, answer)
    else:
        session.messages.looked(planned.channel, planned.appointment_id, "look", as_answered(answer))
    if isinstance(answer, str | Transient):
        wait = full_jitter(planned.attempts + 1, base=RETRY, cap=RETRY_CAP, chance=chance)
        session.outbox.defer(
            planned.channel, planned.appointment_id, session.now + timedelta(seconds=wait), str(answer)
        )
    elif isinstance(answer, PartnerError):
        session.outbox.reject(planned.channel, planned.appointment_id, _said(answer))


def give_up(session: Session, planned: Planned, error: Exception) -> None:
    """Its answer was odd: somebody must look."""
    if planned.intent is not None:
        session.messages.answered(planned.intent, Answered(outcome="failed", error=str(error)))
    reason = sentence(error) if isinstance(error, WtpdError) else str(error)
    session.outbox.reject(planned.channel, planned.appointment_id, reason)


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


def merge(session: Session, spec: ChannelSpec, planned: Planned, fetched: Fetched) -> tuple[Applied, Intent | None]:
    """Take over what changed there, and decide anew what is left to be sent."""
    if planned.intent is not None and fetched.refusal is not None:
        session.messages.answered(planned.intent, replace(as_answered(fetched.refusal), error=""))
    if planned.intent is None:
        _believe(session, planned, fetched.theirs)
    done = Applied()
    if fetched.theirs is not None:
        there = replace(spec, account=planned.account)
        done, trouble = attempt(session, there, fetched.theirs)
        if trouble is not None:
            quarantine(session, there, fetched.theirs, trouble, planned.appointment_id)
            session.outbox.reject(planned.channel, planned.appointment_id, trouble)
            _keep_look(session, planned, fetched.theirs, is_same=False)
            return done, None
    session.outbox.drop_intent(planned.channel, planned.appointment_id)
    link = session.links.link_of(planned.channel, planned.appointment_id)
    intent = next_intent(session, spec, planned.appointment_id, link)
    _keep_look(session, planned, fetched.theirs, is_same=intent is None and not done.applied)
    return done, intent


def _keep_look(session: Session, planned: Planned, theirs: Incoming | None, *, is_same: bool) -> None:
    """If somebody had asked for it."""
    if theirs is None:
        session.messages.looked(planned.channel, planned.appointment_id, "gone", Answered(outcome="ok"))
        return
    answer = Answered(outcome="ok", partner_id=theirs.partner_id, version=theirs.version)
    session.messages.looked(planned.channel, planned.appointment_id, "same" if is_same else "differs", answer)


def as_answered(answer: Answer) -> Answered:
    """For the trace."""
    if isinstance(answer, str):
        return Answered(outcome="failed", error=answer)
    if isinstance(answer, PartnerError):
        return Answered(
            outcome="failed" if isinstance(answer, Transient) else "refused",
            status=answer.status,
            error=_said(answer),
            sent=answer.sent,
        )
    return Answered(
        outcome="ok",
        partner_id=answer.partner_id,
        version=answer.version,
        status=answer.status,
        sent=answer.sent,
    )


def _said(error: PartnerError) -> str:
    """The partner's own sentence, if there is one."""
    return getattr(error, "detail", "") or str(error)


def _believe(session: Session, planned: Planned, theirs: Incoming | None) -> None:
    """What was fetched is what the partner has, whatever the ledger says. Where it isn't newer than what we know, it
    lost or never got what we agreed on: the ledger forgets that, so that ours is sent again."""
    link = session.links.link_of(planned.channel, planned.appointment_id)
    if link is None:
        return
    if theirs is None or theirs.partner_id != link.partner_id:
        session.links.put_link(replace(link, base={}, tombstone=True))
    elif theirs.version > link.version:
        return  # an ordinary change, to be merged
    elif theirs.cancelled:
        session.links.put_link(replace(link, version=theirs.version - 1))
    elif theirs.version < link.version or any(link.base.get(name) != value for name, value in theirs.fields.items()):
        session.links.put_link(replace(link, version=theirs.version, base={**link.base, **theirs.fields}))
