"""What a person decides about the things listed for attention (sync.md, 3 and 4). Each runs in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from wtpd.channel.spec import ChannelSpec
from wtpd.errors import Invalid, Problem, Refused
from wtpd.sync.apply import apply_item
from wtpd.sync.plan import CANCELLED, resembles
from wtpd.sync.ports import FIELDS, Case, Incoming, Session, Unreadable
from wtpd.texts import N_
from wtpd.words import field_name

Choice = Literal["ours", "theirs", "both", "own", "done"]

Parse = Callable[[Any], Incoming | Unreadable]
"""Reads a kept message again; the connector's business."""


def resolve(session: Session, number: int, choice: Choice, *, by: str, value: str | None = None) -> None:
    """Close an entry. For a conflict, `ours` puts our value back into the book and sends it (cancels it there again,
    if it was brought back to life there), `theirs` lets the partner's stand; of a text, `both` puts ours behind the
    partner's, and `own` puts `value` in place of both. Every other entry is just `done`. Raises `NotFound`, `Refused`
    if it is closed already, `Invalid` for a text that can't stand there."""
    case = _open_case(session, number)
    if choice == "ours":
        _put_ours_back(session, case, by)
    elif choice in ("both", "own"):
        _put_text(session, case, choice, value, by)
    elif choice == "theirs" and case.kind != "conflict":
        raise Refused(N_("Only a conflict has two sides to choose from."))
    elif case.kind in ("quarantine", "rejected", "mass_cancellation") or case.data.get("stopped"):
        raise Refused(N_("This entry can be retried or discarded, but not just closed."))
    session.attention.resolve(number, by=by, resolution=choice)


def retry(
    session: Session,
    number: int,
    spec: ChannelSpec,
    parse: Parse,
    *,
    by: str,
    edited: Mapping[str, Any] | None = None,
) -> None:
    """Try a kept message or a refused call again. A message that still can't be applied stays in quarantine; what is
    wrong with it is raised. `edited` is applied in place of the message, which stays kept as it came."""
    case = _open_case(session, number)
    if case.kind == "rejected" and case.channel and case.appointment_id and edited is None:
        session.outbox.retry(case.channel, case.appointment_id)
        session.attention.resolve(number, by=by, resolution="retried")
    elif case.kind == "quarantine":
        _apply_kept(session, case, spec, parse, by, edited)
    elif edited is not None:
        raise Refused(N_("Only a message in quarantine can be edited."))
    else:
        raise Refused(N_("There is nothing to try again."))


def _apply_kept(
    session: Session, case: Case, spec: ChannelSpec, parse: Parse, by: str, edited: Mapping[str, Any] | None
) -> None:
    kept = session.inbox.get(int(case.data["inbox"]))
    original = parse(kept.payload)
    item = original if edited is None else parse(edited)
    if isinstance(item, Unreadable):
        raise Invalid(N_("The message still can't be read: {reason}", reason=item.reason))
    if edited is not None:
        _check_edited(case, original, item)
    with session.savepoint():
        done = apply_item(session, replace(spec, account=kept.account), item, is_new=True)
    if done.appointment_id is not None and session.links.link_of(spec.id, done.appointment_id) is not None:
        session.outbox.look(spec.id, done.appointment_id)  # the message may be old; what is there now may be another
    elif done.appointment_id is None:  # cancelled before it ever was ours; if the partner was restored, it may live
        session.links.rewind(spec.id, kept.account)
    session.inbox.supersede_earlier(kept.id, by=by)
    session.inbox.close(kept.id, "applied", by=by, edited=edited)


def _check_edited(case: Case, original: Incoming | Unreadable, edited: Incoming) -> None:
    """It must still be about the same appointment in the same state there: another number would change a stranger's
    appointment, a higher version would make wtpd ignore what the partner says next."""
    partner_id = case.data.get("partner_id") or original.partner_id
    if partner_id is not None and edited.partner_id != partner_id:
        raise Refused(
            N_("The edited message is about {other}, not about {partner_id}.", other=edited.partner_id,
               partner_id=partner_id),
            kind="other-appointment",
        )  # fmt: skip
    if isinstance(original, Incoming) and edited.version != original.version:
        raise Refused(
            N_("The edited message must stay at version {version}.", version=original.version), kind="other-version"
        )


def discard(session: Session, number: int, *, by: str) -> None:
    """Give up a kept message or a refused call; both stay as they are on their side."""
    case = _open_case(session, number)
    if case.kind == "quarantine":
        session.inbox.close(int(case.data["inbox"]), "discarded", by=by)
    elif case.kind == "rejected" and case.channel and case.appointment_id:
        session.attention.resolve(number, by=by, resolution="discarded")
    else:
        raise Refused(N_("There is nothing to discard."))


def _open_case(session: Session, number: int) -> Case:
    case = session.attention.get(number)
    if not case.open:
        raise Refused(N_("This has been decided already."))
    return case


def _put_ours_back(session: Session, case: Case, by: str) -> None:
    if case.kind != "conflict" or case.channel is None or case.appointment_id is None:
        raise Refused(N_("Only a conflict has two sides to choose from."))
    field = case.data["field"]
    if field == CANCELLED and case.data.get("theirs") is False:
        _cancel_again(session, case.channel, case.appointment_id, case)
        return
    if field == CANCELLED:
        raise Refused(N_("A cancelled appointment stays cancelled; make a new one if it is needed again."))
    _set(session, case.channel, case.appointment_id, field, case.data["ours"], by)


def _put_text(session: Session, case: Case, choice: Choice, value: str | None, by: str) -> None:
    """A third way out of a conflict about a text."""
    field = str(case.data.get("field", ""))
    if case.kind != "conflict" or case.channel is None or case.appointment_id is None or FIELDS.get(field) != "text":
        raise Refused(N_("Only a conflict about a text can be settled with both texts or another one."))
    if choice == "both":
        texts = [case.data["theirs"], case.data["ours"]]
        value = ("\n" if field == "notes" else " ").join(text for text in texts if text)
    if value is None:
        raise Invalid(N_("Say the text."), problems=[Problem("value", N_("This is needed."))])
    _set(session, case.channel, case.appointment_id, field, value, by)


def _set(session: Session, channel: str, appointment_id: str, field: str, value: Any, by: str) -> None:
    ours = session.book.update(channel, appointment_id, {field: value}, actor=by, links={})
    if ours.cancelled:
        raise Refused(N_("The appointment is cancelled meanwhile; nothing can be put back."), kind="cancelled")
    if not resembles(value, ours.fields[field]):
        text = N_("Our value can't be had any more: {field}. Change the appointment instead.", field=field_name(field))
        raise Refused(text, kind="not-possible")
    session.outbox.mark(channel, appointment_id)


def _cancel_again(session: Session, channel: str, appointment_id: str, case: Case) -> None:
    """It is open for one more call, which closes it."""
    link = session.links.link_at(channel, str(case.data["account"]), str(case.data["partner_id"]))
    if link is None or session.links.link_of(channel, appointment_id) is not None:
        raise Refused(N_("It was booked there anew; cancel this one at the partner."))
    session.links.put_link(replace(link, apart={}, tombstone=False))
    session.outbox.mark(channel, appointment_id)
