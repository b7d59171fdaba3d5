"""What a partner's answer means for ledger, outbox and trace. Plain functions inside a transaction."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, replace
from datetime import timedelta

from wtpd.channel.errors import PartnerBroken, PartnerError, Transient, in_its_words, stumbled
from wtpd.channel.spec import ChannelSpec
from wtpd.clock import full_jitter
from wtpd.errors import Invalid, WtpdError
from wtpd.sync import listing, numbers
from wtpd.sync.apply import Applied, attempt, quarantine, sentence
from wtpd.sync.fetch import Fetched
from wtpd.sync.intents import Encode, Planned, list_doubles, next_intent
from wtpd.sync.ports import Answered, Incoming, Intent, Link, Receipt, Session
from wtpd.texts import N_, Text

_log = logging.getLogger(__name__)

Answer = Receipt | PartnerError | Text
"""How a call ended in this run; a text, or `Transient`, is a reason to try this one again later."""

RETRY, RETRY_CAP = 2.0, 300.0
"""Seconds of backoff for a single appointment."""
PATIENCE = 3
"""Failures of one appointment after which a person should know."""
KEEPS_CHANGING = N_("the partner says each time that it has changed there meanwhile (412)")


@dataclass(slots=True)
class Believed:
    """Appointments that the partner has in an older state than the ledger says (`older`), or no longer (`missing`).
    `surprises`: those of them, and of others in another state than ours, that show that it was put back."""

    older: int = 0
    missing: int = 0
    surprises: int = 0
    is_compared: bool = False
    """The partner's feed was read from its beginning just now, or is about to be."""


def settle(session: Session, spec: ChannelSpec, planned: Planned, answer: Answer, chance: random.Random) -> None:
    """The call is over for this run. Raises `Invalid` if the answer contradicts the ledger."""
    if planned.intent is not None:
        session.messages.answered(planned.intent, as_answered(answer))
        if isinstance(answer, Receipt):
            accept(session, spec, planned.intent, answer)
    else:
        session.messages.looked(planned.channel, planned.appointment_id, "look", as_answered(answer))
    if isinstance(answer, Text | Transient):
        wait = full_jitter(planned.attempts + 1, base=RETRY, cap=RETRY_CAP, chance=chance)
        session.outbox.defer(
            planned.channel, planned.appointment_id, session.now + timedelta(seconds=wait), str(answer)
        )
        if answer == KEEPS_CHANGING or isinstance(answer, PartnerBroken) or planned.attempts + 1 > PATIENCE:
            _list_trouble(session, planned, _said(answer))
    elif isinstance(answer, PartnerError):
        session.outbox.reject(planned.channel, planned.appointment_id, _said(answer))


def _list_trouble(session: Session, planned: Planned, reason: Text | str) -> None:
    """It is tried again; but a person should know that it isn't there yet."""
    session.attention.add(
        "keeps_refusing",
        channel=planned.channel,
        appointment_id=planned.appointment_id,
        data={"reason": reason},
        once=f"{planned.channel}:{planned.appointment_id}",
    )


def give_up(session: Session, planned: Planned, error: Exception) -> None:
    """Its answer was odd: somebody must look."""
    reason = sentence(error) if isinstance(error, WtpdError) else stumbled(error)
    if not isinstance(error, WtpdError):
        _log.warning("%s: an answer couldn't be kept", planned.channel, exc_info=error)
    if planned.intent is not None:
        session.messages.answered(planned.intent, Answered(outcome="failed", error=reason))
    session.outbox.reject(planned.channel, planned.appointment_id, reason)


def accept(session: Session, spec: ChannelSpec, intent: Intent, receipt: Receipt) -> None:
    """The partner took it: both sides agree on the fields that it says it holds now, unless the feed told something
    newer already. Raises `Invalid` if the partner says that it is another appointment of ours."""
    link = session.links.link_at(intent.channel, intent.account, receipt.partner_id)
    held = receipt.held
    if link is not None and link.appointment_id != intent.appointment_id:
        is_about_it = held is not None and (held.partner_id, held.our_id) == (receipt.partner_id, intent.appointment_id)
        if held is None or not is_about_it or numbers.is_same(link, held):
            raise Invalid(
                N_("The partner's {number} is linked with another appointment already.", number=receipt.partner_id)
            )
        numbers.release(session, link)  # it was emptied, and counts from the beginning
        link = None
    if link is not None and held is not None and numbers.is_another(link, held):
        raise numbers.used_again(receipt.partner_id)
    if link is not None and held is not None and intent.operation == "create" and not numbers.is_same(link, held):
        session.links.release(link)  # it had the same number before the partner was emptied
        link = None
    fresh = link is None
    if link is None:
        link = Link(
            channel=intent.channel,
            account=intent.account,
            partner_id=receipt.partner_id,
            appointment_id=intent.appointment_id,
            version=0,
            base={},
            made=numbers.made_of(held) if held is not None else None,
        )
    if intent.operation == "cancel":
        version = max(link.version, receipt.version)
        session.links.put_link(replace(link, version=version, base={}, apart={}, tombstone=True))
    elif not link.tombstone and receipt.version > link.version:
        _take_over(session, spec, link, intent, receipt)
    if fresh or receipt.links:
        session.book.attach(intent.channel, intent.appointment_id, receipt.partner_id, receipt.links)
    session.outbox.settle(intent.channel, intent.appointment_id)


def _take_over(session: Session, spec: ChannelSpec, link: Link, intent: Intent, receipt: Receipt) -> None:
    """A value that the partner made of ours (shortened, normalised) is an agreed difference: ours stays here. A field
    that we didn't send and that changed with it is a change there like any other."""
    held = receipt.held
    kept = {name: value for name, value in link.apart.items() if name not in intent.fields}
    if held is None:
        session.links.put_link(replace(link, version=receipt.version, base=intent.full, apart=kept, wrote=True))
        return
    made = {name: held.fields[name] for name in intent.fields if name in held.fields}
    apart = {name: value for name, value in intent.fields.items() if made.get(name, value) != value}
    base = {**intent.full, **made}
    written = replace(link, version=receipt.version, base=base, apart=kept | apart, wrote=True)
    others = any(intent.full.get(name, value) != value for name, value in held.fields.items() if name not in made)
    if others and receipt.version > 1:
        session.links.put_link(replace(written, version=receipt.version - 1))
        attempt(session, replace(spec, account=intent.account), held)
    else:
        session.links.put_link(written)
    if apart:
        listing.shortened(session, intent.channel, intent.appointment_id, receipt.partner_id, apart, made)


def merge(
    session: Session, spec: ChannelSpec, planned: Planned, fetched: Fetched, encode: Encode, believed: Believed
) -> tuple[Applied, Intent | None]:
    """Take over what changed there, and decide anew what is left to be sent."""
    if planned.intent is not None and fetched.refusal is not None:
        session.messages.answered(planned.intent, replace(as_answered(fetched.refusal), error=""))
        if not planned.begun:  # nothing there can be the work of a call that was refused
            session.outbox.drop_intent(planned.channel, planned.appointment_id)
    if planned.overtaken is not None:
        session.messages.answered(planned.overtaken, _outcome(planned.overtaken, fetched.theirs))
    _believe(session, planned, fetched.theirs, believed)
    if believed.surprises and not believed.is_compared:  # with it, so that a crash doesn't forget it
        session.links.rewind(spec.id, spec.account)
        believed.is_compared = True
    done = Applied()
    if fetched.theirs is not None:
        there = replace(spec, account=planned.account)
        facts = replace(fetched.facts, at={**fetched.facts.at, fetched.theirs.partner_id: fetched.theirs})
        done, trouble = attempt(session, there, fetched.theirs, facts)
        if trouble is not None:
            quarantine(session, there, fetched.theirs, trouble, planned.appointment_id)
            session.outbox.reject(planned.channel, planned.appointment_id, trouble)
            _keep_look(session, planned, fetched.theirs, is_same=False)
            return done, None
    session.outbox.drop_intent(planned.channel, planned.appointment_id)
    if not session.outbox.is_waiting(planned.channel, planned.appointment_id):
        _keep_look(session, planned, fetched.theirs, is_same=False)
        return done, None  # only a person knows how it goes on
    link = session.links.link_of(planned.channel, planned.appointment_id)
    intent = next_intent(session, spec, planned.appointment_id, link, encode)
    if intent is not None:
        list_doubles(session, spec, [intent])
    _keep_look(session, planned, fetched.theirs, is_same=intent is None and not done.applied)
    return done, intent


def _outcome(overtaken: Intent, theirs: Incoming | None) -> Answered:
    """Of a call that isn't repeated: it was taken if the partner has an appointment with our id."""
    if theirs is None or overtaken.operation != "create" or theirs.our_id != overtaken.appointment_id:
        return Answered(outcome="refused")
    return Answered(outcome="ok", partner_id=theirs.partner_id, version=theirs.version)


def _keep_look(session: Session, planned: Planned, theirs: Incoming | None, *, is_same: bool) -> None:
    """If somebody had asked for it."""
    if theirs is None:
        session.messages.looked(planned.channel, planned.appointment_id, "gone", Answered(outcome="ok"))
        return
    answer = Answered(outcome="ok", partner_id=theirs.partner_id, version=theirs.version)
    session.messages.looked(planned.channel, planned.appointment_id, "same" if is_same else "differs", answer)


def as_answered(answer: Answer) -> Answered:
    """For the trace."""
    if isinstance(answer, Text):
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


def _said(answer: PartnerError | Text) -> Text | str:
    """The partner's own sentence, if there is one; else ours."""
    return answer if isinstance(answer, Text) else in_its_words(answer)


def _believe(session: Session, planned: Planned, theirs: Incoming | None, believed: Believed) -> None:
    """What was fetched is what the partner has, whatever the ledger says. Where it isn't newer than what we know, it
    lost or never got what we agreed on (it was restored, or emptied): the ledger forgets that, so that ours is sent
    again."""
    link = session.links.link_of(planned.channel, planned.appointment_id)
    if link is None:
        return
    is_before = theirs is not None and theirs.partner_id == link.partner_id and numbers.is_before(link, theirs)
    if theirs is None or theirs.partner_id != link.partner_id or (is_before and theirs.cancelled):
        believed.missing += theirs is None or is_before
        believed.surprises += 1
        session.links.put_link(replace(link, base={}, apart={}, tombstone=True))
        return
    if not is_before and (theirs.version > link.version or numbers.is_another(link, theirs)):
        return  # an ordinary change, to be merged; or another appointment's
    is_older = is_before or theirs.version < link.version
    differs = {name for name, value in theirs.fields.items() if link.base.get(name) != value}
    is_twin = not is_older and bool(differs) and planned.intent is None
    believed.older += is_older
    believed.surprises += is_older or (is_twin and bool(differs & link.base.keys()))
    if theirs.cancelled:
        session.links.put_link(replace(link, version=theirs.version - 1))
    elif is_older or is_twin:
        base = {**link.base, **theirs.fields}
        apart = {name: value for name, value in link.apart.items() if link.base.get(name) == base[name]}
        made = numbers.made_of(theirs) if is_before else link.made
        session.links.put_link(replace(link, version=theirs.version, base=base, apart=apart, made=made))
