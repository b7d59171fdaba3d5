"""Sending an appointment again because somebody asks for it (spec: tui.md, 8). Runs in one transaction.

The channel does the rest: it fetches what the partner has, merges, and sends what differs. Nothing is booked twice by
it: what is linked is held against the partner's own, and what isn't is made under our id, which the partner takes once.
"""

from __future__ import annotations

from typing import Literal

from wtpd.errors import Refused
from wtpd.sync.ports import Session
from wtpd.texts import N_

State = Literal["queued", "equal"]
"""It is on its way; or there is nothing to send, because neither side has it (any more)."""


def resend(session: Session, channel: str, appointment_id: str, *, by: str) -> State:
    """For a channel that the appointment belongs to. Raises `Refused` if its customer was erased."""
    ours = session.book.ours(channel, appointment_id)
    if ours is None or ours.erased:
        raise Refused(N_("Its customer was erased; nobody is told of it any more."), kind="erased")
    is_linked = session.links.link_of(channel, appointment_id) is not None
    if not ours.present and not is_linked:
        return "equal"
    session.outbox.look(channel, appointment_id)
    session.messages.asked(channel, appointment_id, "look" if is_linked else "anew", by=by)
    session.attention.resolve_once("rejected", f"{channel}:{appointment_id}", by=by, resolution="retried")
    return "queued"
