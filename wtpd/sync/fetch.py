"""Asks the partner what it has of one appointment, when a call alone doesn't settle it."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

from wtpd.channel.errors import BrokenItem, Duplicate, PartnerError, Precondition, Rejected, why
from wtpd.sync import numbers
from wtpd.sync.facts import NO_FACTS, Facts
from wtpd.sync.plan import US
from wtpd.sync.ports import Incoming, Intent, Link, Partner
from wtpd.texts import N_

T = TypeVar("T")

GONE = (404, 410)


@dataclass(frozen=True, slots=True)
class Fetched:
    """The appointment as the partner has it; None: it isn't there (any more). `refusal` is the answer to the call that
    led to this. `facts`: other appointments that were looked up with it."""

    theirs: Incoming | None
    refusal: PartnerError | None = None
    facts: Facts = field(default=NO_FACTS)


async def after_refusal(partner: Partner, intent: Intent, refusal: PartnerError) -> Fetched:
    """It changed there, it is there already because an answer was lost, or it isn't there any more. Raises the
    partner's errors, and `BrokenItem` if the lookup is refused: the call isn't settled then."""
    if intent.partner_id is not None:
        theirs = await answered(_at(partner, intent.account, intent.partner_id))
        is_elsewhere = theirs is not None and theirs.our_id not in (None, intent.appointment_id)
        if theirs is None or is_elsewhere:
            theirs = await answered(partner.find(intent.account, intent.appointment_id))
        if theirs is None and not is_elsewhere and refusal.status not in GONE:
            raise refusal
        return await answered(_fetched(partner, intent.account, intent.appointment_id, theirs, refusal, intent))
    theirs = await answered(partner.find(intent.account, intent.appointment_id))
    if theirs is None:
        error = Rejected(
            f"{refusal}, but there is none with our id",
            status=refusal.status,
            reason=N_("it says that it has this appointment already, but can't find it"),
        )
        error.sent = refusal.sent
        raise error
    return Fetched(theirs, refusal)


async def answered(lookup: Awaitable[T]) -> T:
    """The result of a lookup that tells whether a stored call was taken. Refused, it tells nothing, and the call must
    not be forgotten: raises `BrokenItem`, with which both are tried again later."""
    try:
        return await lookup
    except (Rejected, Duplicate, Precondition) as error:
        raise BrokenItem(
            f"looking it up is refused: {error}",
            status=error.status,
            reason=N_("looking it up is refused: {reason}", reason=why(error)),
        ) from error


async def look(partner: Partner, account: str, appointment_id: str, link: Link | None) -> Fetched:
    """The appointment, looked for by the partner's number, if there is a link, and then by ours. Raises the partner's
    errors."""
    if link is None:
        return Fetched(await partner.find(account, appointment_id))
    theirs = await _at(partner, account, link.partner_id)
    if theirs is None or _is_elsewhere(link, theirs):
        theirs = await partner.find(account, appointment_id)
    return await _fetched(partner, account, appointment_id, theirs, None, None)


def _is_elsewhere(link: Link, theirs: Incoming) -> bool:
    """The number stands for another appointment by now, and an id of ours on either side of the change proves it: ours
    has another number, or isn't there any more. Without one, only a person can tell it from changed creation facts."""
    has_proof = theirs.our_id is not None or (link.made is not None and link.made.our_id is not None)
    return has_proof and numbers.is_another(link, theirs)


async def _at(partner: Partner, account: str, partner_id: str) -> Incoming | None:
    """A single 404 isn't believed: booking it a second time would be worse than asking once more."""
    for _ in range(2):
        try:
            return await partner.get(account, partner_id)
        except Rejected as error:
            if error.status not in GONE:
                raise
    return None


async def _fetched(
    partner: Partner,
    account: str,
    appointment_id: str,
    theirs: Incoming | None,
    refusal: PartnerError | None,
    intent: Intent | None,
) -> Fetched:
    """A cancellation under our label is one only if no other live appointment there has our id."""
    is_cancelling = intent is not None and intent.operation == "cancel"
    if theirs is None or not theirs.cancelled or theirs.changed_by != US or is_cancelling:
        return Fetched(theirs, refusal)
    return Fetched(theirs, refusal, Facts(live={appointment_id: await partner.find(account, appointment_id)}))
