"""Lists for attention what a person should see of one appointment, and closes entries that have settled themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wtpd.channel.spec import ChannelSpec
from wtpd.sync.ports import Incoming, Link, Session


def settle_conflicts(session: Session, channel: str, appointment_id: str, fields: Iterable[str], *, by: str) -> None:
    """The fields were changed after both sides differed about them, so nothing is left to decide (sync.md, 24)."""
    for name in session.attention.disputed(channel, appointment_id) & set(fields):
        session.attention.resolve_once(
            "conflict", conflict_name(channel, appointment_id, name), by=by, resolution="changed"
        )


def conflict_name(channel: str, appointment_id: str, name: str) -> str:
    """The name of the entry about one field, of which one is open at a time."""
    return f"{channel}:{appointment_id}:{name}"


def alive_name(channel: str, account: str, partner_id: str) -> str:
    """The name of the entry about an appointment that is cancelled here and live there."""
    return f"{channel}:{account}:{partner_id}"


def gone_there(session: Session, link: Link) -> None:
    """One that was live there though it is cancelled here isn't there any more: nothing is left to decide."""
    name = alive_name(link.channel, link.account, link.partner_id)
    session.attention.resolve_once("conflict", name, by=link.channel, resolution="gone")


def odd_values(session: Session, spec: ChannelSpec, appointment_id: str, item: Incoming) -> None:
    """Codes that we have no word for, and odd values that were left out."""
    for kind, key, values in (("unknown_code", "code", item.unknown), ("dropped_value", "value", item.dropped)):
        for name, value in values.items():
            session.attention.add(
                kind,
                channel=spec.id,
                appointment_id=appointment_id,
                data={"field": name, key: value, "partner_id": item.partner_id},
                once=f"{spec.id}:{appointment_id}:{name}",
            )


def shortened(
    session: Session,
    channel: str,
    appointment_id: str,
    partner_id: str,
    sent: Mapping[str, Any],
    held: Mapping[str, Any],
) -> None:
    """Texts that the partner keeps shorter than they were sent. Another spelling alone isn't listed."""
    for name, ours in sent.items():
        theirs = held.get(name, ours)
        if isinstance(ours, str) and isinstance(theirs, str) and len(_letters(theirs)) < len(_letters(ours)):
            session.attention.add(
                "shortened",
                channel=channel,
                appointment_id=appointment_id,
                data={"field": name, "ours": ours, "theirs": theirs, "partner_id": partner_id},
                once=conflict_name(channel, appointment_id, name),
            )


def possible_doubles(session: Session, spec: ChannelSpec, appointment_ids: Sequence[str]) -> None:
    """Other appointments that may be the same visit, made through another interface (sync.md, 25). Each pair is listed
    once; nothing is merged."""
    for appointment_id, other in session.book.possible_doubles(appointment_ids):
        first, second = sorted((appointment_id, other))
        session.attention.add_new(
            "possible_double",
            channel=spec.id,
            appointment_id=appointment_id,
            data={"other": other},
            once=f"{first}:{second}",
        )


def _letters(text: str) -> str:
    return "".join(each for each in text if each.isalnum())


def restored(session: Session, channel: str, *, missing: int, older: int) -> None:
    """The partner has lost appointments, or has them in an older state; they are sent again."""
    session.attention.add(
        "partner_restored",
        channel=channel,
        appointment_id=None,
        data={"missing": missing, "older": older, "stopped": False},
        once=channel,
    )
