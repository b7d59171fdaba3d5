"""Asks the partner what it has of one appointment, when a call alone doesn't settle it."""

from __future__ import annotations

from dataclasses import dataclass

from wtpd.sync.errors import PartnerError, Rejected
from wtpd.sync.ports import Incoming, Intent, Link, Partner

GONE = (404, 410)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the partner has; None: it is there no more. `refusal` is the answer to the call that led to this."""

    theirs: Incoming | None
    refusal: PartnerError | None = None


async def after_refusal(partner: Partner, intent: Intent, refusal: PartnerError) -> Fetched:
    """It changed there, or it is there already because an answer was lost. Raises the partner's errors."""
    theirs = (
        await partner.get(intent.account, intent.partner_id)
        if intent.partner_id is not None
        else await partner.find(intent.account, intent.appointment_id)
    )
    if theirs is None:
        error = Rejected(f"{refusal}, but there is none with our id", status=refusal.status)
        error.sent = refusal.sent
        raise error
    return Fetched(theirs, refusal)


async def look(partner: Partner, link: Link) -> Fetched:
    """What has become of a linked one, looked for by the partner's number and then by ours. Raises the partner's
    errors."""
    try:
        return Fetched(await partner.get(link.account, link.partner_id))
    except Rejected as error:
        if error.status not in GONE:
            raise
    return Fetched(await partner.find(link.account, link.appointment_id))
