"""A partner's numbers: whether one still stands for the appointment that we linked with it (sync.md, 20)."""

from __future__ import annotations

from wtpd.channel.spec import ChannelSpec
from wtpd.errors import Invalid
from wtpd.sync import listing
from wtpd.sync.facts import Questions
from wtpd.sync.ports import Incoming, Link, Made, Session
from wtpd.texts import N_


def is_past(link: Link, item: Incoming, questions: Questions) -> bool:
    """Whether the item is about one that had the number once, and the linked one has it now."""
    is_earlier = link.made is not None and "" < item.created_at < link.made.at
    if not is_earlier and item.our_id != link.appointment_id:
        return False
    _, now = questions.now_at(item.partner_id)
    return now is not None and is_same(link, now)


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


def is_another(link: Link, item: Incoming) -> bool:
    """Whether the item is about another appointment than the linked one, and not about ours that was booked anew."""
    return item.our_id != link.appointment_id and not is_same(link, item)


def is_before(link: Link, item: Incoming) -> bool:
    """Whether the item is about an earlier one with our id, which the partner lost before it gave the number again to
    the one that is linked: we had booked it there anew."""
    made = link.made
    return made is not None and item.our_id == link.appointment_id and item.created_at < made.at


def used_again(partner_id: str) -> Invalid:
    """The error for an item that is about another appointment than the one linked with its number."""
    return Invalid(N_("The partner has used the number {number} again, for another appointment.", number=partner_id))


def release(session: Session, link: Link) -> None:
    """The partner has used the number again, so ours isn't there any more: it is sent under a new number."""
    session.links.release(link)
    if link.tombstone and link.apart:
        listing.gone_there(session, link)
    if not link.tombstone:
        session.outbox.mark(link.channel, link.appointment_id)


def holds_ours(session: Session, spec: ChannelSpec, item: Incoming, questions: Questions) -> bool:
    """The number of a linked appointment stands for another one of ours now: the partner was emptied and counts from
    the beginning, and we booked it there, but don't remember. A late message isn't enough; what is there now tells."""
    if item.our_id is None or session.book.ours(spec.id, item.our_id) is None:
        return False
    _, now = questions.now_at(item.partner_id)
    return now is not None and now.our_id == item.our_id


def doubt(session: Session, spec: ChannelSpec, item: Incoming) -> None:
    """The item doesn't fit the ledger, which may be wrong: where an id of ours can prove it, the partner is asked what
    it has of the appointments concerned."""
    link = session.links.link_at(spec.id, spec.account, item.partner_id)
    is_linked = link is not None and not link.tombstone and is_another(link, item)
    if link is not None and is_linked and (item.our_id or (link.made is not None and link.made.our_id)):
        session.outbox.look(spec.id, link.appointment_id)
    other = session.links.link_of(spec.id, item.our_id) if item.our_id and not item.cancelled else None
    if other is not None and other.partner_id != item.partner_id:
        session.outbox.look(spec.id, other.appointment_id)
