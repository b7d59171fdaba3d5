"""Compares the book with the partner, field by field, for `wtpd verify`. Reads only."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Any

from wtpd.channel.spec import ChannelSpec
from wtpd.sync.apply import ours_of
from wtpd.sync.ports import Incoming, Partner, Session, Transactions

PAGE = 500
MISSING = "appointment"
"""The field that is named when one side doesn't have the appointment at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that isn't the same on both sides. `field` is `appointment` if one side doesn't have it, `cancelled`
    if one side cancelled it. `waiting`: it is in the outbox, or not fetched yet, so it is on its way."""

    appointment_id: str | None
    partner_id: str | None
    field: str
    ours: Any
    theirs: Any
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many pairs were compared, and what differs."""

    compared: int
    differences: Sequence[Difference]


async def compare(spec: ChannelSpec, partner: Partner, transactions: Transactions) -> Comparison:
    """Read the partner's appointments from the beginning of its feed and hold each against the book. The newest state
    of each counts, however often it is in the feed."""
    differences: dict[str, Sequence[Difference]] = {}
    seen: dict[str, int] = {}
    cursor, more = None, True
    while more:
        page = await partner.changes(spec.account, cursor, wait=0, limit=PAGE)
        newest: dict[str, Incoming] = {}
        for item in page.items:
            if isinstance(item, Incoming) and item.version >= seen.get(item.partner_id, 0):
                seen[item.partner_id] = item.version
                newest[item.partner_id] = item
        found = await transactions.read(partial(_differences, spec, list(newest.values())))
        for partner_id, different in found.items():
            differences.pop(partner_id, None)
            if different:
                differences[partner_id] = different
        more = page.more and page.cursor != cursor
        cursor = page.cursor
    absent = await _absent(spec, transactions, seen.keys())
    return Comparison(len(seen), [each for group in differences.values() for each in group] + absent)


def _differences(spec: ChannelSpec, items: Sequence[Incoming], session: Session) -> dict[str, Sequence[Difference]]:
    return {item.partner_id: _differs(spec, session, item) for item in items}


def _differs(spec: ChannelSpec, session: Session, item: Incoming) -> Sequence[Difference]:
    link = session.links.link_at(spec.id, spec.account, item.partner_id)
    if link is None or link.tombstone:
        if item.cancelled:
            return ()
        differs = partial(Difference, appointment_id=link.appointment_id if link else None, partner_id=item.partner_id)
        if link is not None:
            ours = ours_of(session, spec, link.appointment_id)
            if ours is not None and ours.erased:
                return ()
            return [differs(field="cancelled", ours=True, theirs=False)]
        return [differs(field=MISSING, ours=None, theirs=item.version, waiting=True)]
    ours = ours_of(session, spec, link.appointment_id)
    if ours is None:
        return ()
    waiting = item.version > link.version or session.outbox.is_waiting(spec.id, link.appointment_id)
    differs = partial(
        Difference, appointment_id=link.appointment_id, partner_id=item.partner_id, waiting=waiting
    )  # fmt: skip
    if item.cancelled or not ours.present:
        gone = (not ours.present, item.cancelled)
        return [] if gone[0] == gone[1] else [differs(field="cancelled", ours=gone[0], theirs=gone[1])]
    return [
        differs(field=name, ours=here, theirs=item.fields[name])
        for name, here in ours.fields.items()
        if name in item.fields and item.fields[name] != here
    ]


async def _absent(spec: ChannelSpec, transactions: Transactions, seen: Set[str]) -> list[Difference]:
    """What is linked here and not in the feed at all, and what should be there and was never sent."""
    absent: list[Difference] = []
    last = ""
    while links := await transactions.read(
        lambda session: session.links.links_after(spec.id, spec.account, last, PAGE)  # noqa: B023 - read at once
    ):
        absent += [
            Difference(
                appointment_id=link.appointment_id, partner_id=link.partner_id, field=MISSING, ours=link.version,
                theirs=None,
            )
            for link in links
            if link.partner_id not in seen
        ]  # fmt: skip
        last = links[-1].partner_id
    unlinked = await transactions.read(lambda session: session.links.unlinked(spec.id, PAGE))
    return absent + [
        Difference(appointment_id=each, partner_id=None, field=MISSING, ours=True, theirs=None) for each in unlinked
    ]
