"""A partner's numbers: whether one still stands for the appointment that we linked with it (sync.md, 20)."""

from __future__ import annotations

from wtpd.sync.ports import Incoming, Link, Made, Session


def made_of(item: Incoming) -> Made:
    """The creation facts that the item tells."""
    return Made(our_id=item.our_id, by=item.created_by, at=item.created_at)


def is_same(link: Link, item: Incoming) -> bool:
    """Whether the item is about the appointment that was linked, as far as its creation facts tell."""
    made = link.made
    if made is None:
        return True  # linked before wtpd kept them
    if made.at and item.created_at and made.at != item.created_at:
        return False
    if made.by and item.created_by and made.by != item.created_by:
        return False
    if item.our_id is None:
        return made.our_id is None
    return item.our_id in (made.our_id, link.appointment_id)


def is_before(link: Link, item: Incoming) -> bool:
    """Whether the item is about an earlier one with our id, which the partner lost before it gave the number again to
    the one that is linked: we had booked it there anew."""
    made = link.made
    return made is not None and item.our_id == link.appointment_id and item.created_at < made.at


def release(session: Session, link: Link) -> None:
    """The partner has used the number again, so ours isn't there any more: it is sent under a new number."""
    session.links.release(link)
    if not link.tombstone:
        session.outbox.mark(link.channel, link.appointment_id)
