"""Notices another program that writes for our dealer number, and ends the ping-pong with it (sync.md, 14)."""

from __future__ import annotations

from dataclasses import replace

from wtpd.sync.plan import ROUNDS, US
from wtpd.sync.ports import Incoming, Link, Session


def count(session: Session, link: Link, item: Incoming, *, is_remembered: bool) -> Link:
    """The link with its rounds counted: a round is a write of ours that a write under our label follows which isn't
    ours. `is_remembered`: the item shows a stored call of ours."""
    if is_remembered:
        return replace(link, wrote=True)
    if item.changed_by != US:
        return replace(link, wrote=False, rounds=0)
    rounds = link.rounds + link.wrote
    if rounds >= ROUNDS > link.rounds:
        session.attention.add(
            "second_writer",
            channel=link.channel,
            appointment_id=link.appointment_id,
            data={"dealer_number": link.account, "partner_id": link.partner_id},
            once=f"{link.channel}:{link.account}",
        )
    return replace(link, wrote=False, rounds=rounds)
