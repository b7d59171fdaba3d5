"""Implausibly many cancellations at once stop a channel, and somebody is asked (sync.md, 6).

They are counted over an hour and not over one answer: a partner that goes mad tells it in as many answers as it likes.
The count is kept on disk, so that a restart doesn't forget it.
"""

from __future__ import annotations

from datetime import timedelta

from wtpd.channel.spec import ChannelSpec
from wtpd.sync.ports import Session
from wtpd.sync.records import Cancellations
from wtpd.texts import N_

MANY = 20
"""Cancellations that are always plausible; above, no more than a fifth of what is linked and to come."""
WINDOW = timedelta(hours=1)


class MassCancellation(Exception):
    """The partner cancels implausibly much; nothing of this answer was applied."""

    def __init__(self, cancelled: int, linked: int) -> None:
        super().__init__(f"{cancelled} cancellations of {linked} linked appointments")
        self.cancelled = cancelled
        self.linked = linked
        self.reason = N_("{cancelled} of {linked} appointments would be cancelled", cancelled=cancelled, linked=linked)


class MassDeparture(MassCancellation):
    """Another department or number would cancel many appointments at the partner, and nobody has confirmed that it is
    meant: somebody may have mistyped a digit."""


class PartnerRestored(Exception):
    """The partner was restored from a backup or emptied: many of our appointments are missing there, or older than we
    know them. A person decides whether ours are sent again."""

    def __init__(self, missing: int, older: int) -> None:
        super().__init__(f"the partner lost data: {missing} appointments are missing, {older} are older than here")
        self.missing = missing
        self.older = older
        self.reason = N_(
            "{missing} appointments are missing there, {older} are older than here", missing=missing, older=older
        )


def check_departure(session: Session, spec: ChannelSpec) -> None:
    """Raises `MassDeparture`."""
    leaving = session.channels.leaving(spec.id)
    if leaving:
        raise MassDeparture(leaving, leaving)


def count(session: Session, spec: ChannelSpec, cancelled: int, ahead: int, *, trusting: bool) -> None:
    """Count what an answer cancelled, `ahead` of it still to come. `trusting` lets it through and forgets what came
    before. Raises `MassCancellation`."""
    if trusting:
        session.channels.set_cancellations(spec.id, ())
        return
    if not cancelled:
        return
    recent = [each for each in session.channels.cancellations(spec.id) if abs(session.now - each.at) < WINDOW]
    this_minute = session.now.replace(second=0, microsecond=0)
    if recent and recent[-1].at == this_minute:
        last = recent.pop()
        cancelled, ahead = cancelled + last.cancelled, ahead + last.ahead
    recent.append(Cancellations(at=this_minute, cancelled=cancelled, ahead=ahead))
    _check(session, spec, sum(each.cancelled for each in recent), sum(each.ahead for each in recent))
    session.channels.set_cancellations(spec.id, recent)


def _check(session: Session, spec: ChannelSpec, cancelled: int, ahead: int) -> None:
    """The links count what is still linked, so what was cancelled meanwhile is added again."""
    if cancelled <= MANY:
        return
    linked = session.links.live_links(spec.id, spec.account, session.now) + ahead
    if cancelled * 5 > linked:
        raise MassCancellation(cancelled, linked)
