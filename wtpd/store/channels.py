"""The channels: one connector at one site each, with the mapping in force (spec: superservice.md, config.md).

`Channels` is the `ChannelPort` of the sync engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from wtpd.channel.spec import ChannelSpec
from wtpd.clock import iso
from wtpd.errors import NotFound
from wtpd.store import attention, runs
from wtpd.store.damage import from_iso
from wtpd.store.database import Tx, from_json, to_json
from wtpd.store.outbox import signal
from wtpd.sync.ports import Cancellations, Halt, Published, RunRecord
from wtpd.texts import N_, Text

_DAYS = msgspec.json.Decoder(dict[str, str])
_CANCELLATIONS = msgspec.json.Decoder(list[Cancellations])


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """Which department of which site a channel connects, under which number."""

    channel: str
    connector: str
    site: str
    department: str
    account: str
    active: bool


def mapped(tx: Tx, channel: str) -> Mapped | None:
    """The mapping in force of the channel `superservice/rostock`, or None if there is no such channel."""
    row = tx.one("SELECT id, connector, site, department, account, active FROM channel WHERE id = ?", (channel,))
    return _mapped(row) if row else None


def all_mapped(tx: Tx) -> list[Mapped]:
    rows = tx.all("SELECT id, connector, site, department, account, active FROM channel ORDER BY id")
    return [_mapped(row) for row in rows]


def put(tx: Tx, spec: ChannelSpec) -> None:
    """Take the mapping of `spec` into force. If it is another one than before, or the channel wasn't active, the
    outbox is filled with everything linked that must leave (or may have changed meanwhile) and everything in the
    department that isn't linked yet."""
    before = tx.one("SELECT scope, account, active, confirmed FROM channel WHERE id = ?", (spec.id,))
    scope = _scope(spec.department, spec.account)
    if before and before["scope"] == scope and before["active"]:
        return
    cancels = preview(tx, spec.id, spec.site, spec.department, spec.account).cancels
    is_meant = cancels <= MANY or (before is not None and before["confirmed"] == scope)
    tx.run(
        """INSERT INTO channel (id, connector, site, department, account, active, scope)
           VALUES (:id, :connector, :site, :department, :account, 1, :scope)
           ON CONFLICT (id) DO UPDATE SET department = :department, account = :account, active = 1, scope = :scope,
             leaving = :leaving, confirmed = ''""",
        {
            "id": spec.id, "connector": spec.connector, "site": spec.site, "department": spec.department,
            "account": spec.account, "scope": scope, "leaving": 0 if is_meant else cancels,
        },
    )  # fmt: skip
    _forget_old_mapping(tx, spec, other_account=before is not None and before["account"] != spec.account)
    _fill_outbox(tx, spec, linked_too=before is not None and not before["active"])


def seat(tx: Tx, channel: str, connector: str, site: str) -> None:
    """Make room for a channel that exchanges no appointments, where there is none yet, so that a pause can be kept. It
    stays inactive: nothing is sent by it. `site` is empty for the channel of the whole box."""
    tx.run(
        """INSERT INTO channel (id, connector, site, department, account, active) VALUES (?, ?, ?, '', '', 0)
           ON CONFLICT DO NOTHING""",
        (channel, connector, site),
    )


def halt_of(tx: Tx, channel: str) -> Halt:
    """What the channel waits for; nothing, if it isn't known here."""
    return Halt() if mapped(tx, channel) is None else Channels(tx).halt(channel)


def confirm(tx: Tx, channel: str, department: str, account: str) -> None:
    """Somebody means what this mapping would cancel at the partner; it comes into force next."""
    tx.run("UPDATE channel SET confirmed = ? WHERE id = ?", (_scope(department, account), channel))


def deactivate(tx: Tx, channel: str) -> None:
    """The channel isn't configured any more. Nothing is cancelled at the partner; links stay."""
    tx.run("UPDATE channel SET active = 0 WHERE id = ?", (channel,))


def mark_restored(tx: Tx) -> None:
    """The database is an older copy of itself: the first run of each channel reads the partner's whole feed, reconciles
    by version, and reports what it found."""
    tx.run("UPDATE channel SET restored = 1")


def resync(tx: Tx, channel: str) -> None:
    """The channel's feed is read from its beginning next."""
    tx.run(
        "DELETE FROM feed WHERE channel = :id AND account = (SELECT account FROM channel WHERE id = :id)",
        {"id": channel},
    )


@dataclass(frozen=True, slots=True)
class Effect:
    """What a mapping does: appointments still to come that are cancelled at the partner (`cancels`), past ones whose
    link is closed silently (`unlinks`), and appointments still to come that are sent (`sends`)."""

    cancels: int
    unlinks: int
    sends: int


def preview(tx: Tx, channel: str, site: str, department: str, account: str) -> Effect:
    """What a mapping would do."""
    values = {
        "channel": channel, "site": site, "department": department, "account": account, "now": iso(tx.now),
    }  # fmt: skip
    leaving = tx.one(
        f"""SELECT count(*) FILTER (WHERE collection > :now) AS ahead,
                   count(*) FILTER (WHERE collection <= :now) AS past FROM ({_LEAVING}) WHERE status <> 'cancelled'""",
        values,
    )
    sends = tx.one(f"SELECT count(*) AS n FROM ({_JOINING})", values)
    return Effect(
        int(leaving["ahead"] if leaving else 0), int(leaving["past"] if leaving else 0), int(sends["n"] if sends else 0)
    )


MANY = 20
"""A mapping that cancels more than these at the partner must be confirmed (config.md)."""


def _scope(department: str, account: str) -> str:
    return f"{department}\n{account}"


def _forget_old_mapping(tx: Tx, spec: ChannelSpec, *, other_account: bool) -> None:
    """What the channel waited for because of the mapping it had before. Another account was told nothing yet, and may
    well take the credentials that the first one refused."""
    waited = ["mapping"]
    if other_account:
        tx.run("UPDATE channel SET published = '{}', publishing = '{}', signs = '[]' WHERE id = ?", (spec.id,))
        tx.run("DELETE FROM feed WHERE channel = ? AND account = ?", (spec.id, spec.account))  # of the last time
        waited.append("needs_token")
    tx.run(
        """UPDATE channel SET stopped = NULL, halted_at = NULL
           WHERE id = ? AND stopped IN (SELECT value FROM json_each(?))""",
        (spec.id, to_json(waited)),
    )
    attention.resolve_once(tx, "mass_cancellation", f"{spec.id}:mapping", by=spec.id, resolution="another mapping")


_LEAVING = """
  SELECT a.id, a.status, a.collection FROM link l JOIN appointment a ON a.id = l.appointment_id
  WHERE l.channel = :channel AND NOT l.tombstone
    AND (a.site <> :site OR a.department <> :department OR l.account <> :account)"""

# What an import is still bringing in is told to every channel once all of it is there (`wtpd.store.imports`).
_JOINING = """
  SELECT a.id, a.collection, a.drop_off FROM appointment a
  WHERE a.site = :site AND a.department = :department AND a.status <> 'cancelled'
    AND a.collection > :now
    AND NOT EXISTS (SELECT 1 FROM import_pending WHERE id = a.id)
    AND NOT EXISTS (SELECT 1 FROM link WHERE channel = :channel AND appointment_id = a.id AND NOT tombstone
                    AND account = :account)"""

_LINKED = "SELECT appointment_id AS id FROM link WHERE channel = :channel AND NOT tombstone"


def _fill_outbox(tx: Tx, spec: ChannelSpec, *, linked_too: bool) -> None:
    """What is still to come is sent, soonest first; what is past and was never sent stays here."""
    values = {
        "channel": spec.id, "site": spec.site, "department": spec.department, "account": spec.account,
        "now": iso(tx.now),
    }  # fmt: skip
    soonest = " ORDER BY drop_off"
    for select in (_LINKED if linked_too else f"SELECT id FROM ({_LEAVING})", f"SELECT id FROM ({_JOINING}){soonest}"):
        tx.run(
            f"""INSERT INTO outbox (channel, appointment_id, marked_version, marked_at)
                SELECT :channel, id, 1, :now FROM ({select}) WHERE true
                ON CONFLICT (channel, appointment_id)
                DO UPDATE SET marked_version = marked_version + 1, rejected = NULL, not_before = NULL""",
            values,
        )
    tx.signal(signal(spec.id))


class Channels:
    """`wtpd.sync.ports.ChannelPort` over one transaction."""

    __slots__ = ("_tx",)

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def halt(self, channel: str) -> Halt:
        row = self._row("SELECT paused_by, stopped, halted_at, halt_reason FROM channel WHERE id = ?", channel)
        since: datetime | None = from_iso(row["halted_at"]) if row["halted_at"] else None
        reason = Text.from_json(from_json(row["halt_reason"])) if row["halt_reason"] else None
        return Halt(paused_by=row["paused_by"], stopped=row["stopped"], since=since, reason=reason)

    def set_halt(self, channel: str, halt: Halt) -> None:
        self._tx.run(
            "UPDATE channel SET paused_by = ?, stopped = ?, halted_at = ?, halt_reason = ? WHERE id = ?",
            (
                halt.paused_by,
                halt.stopped,
                iso(halt.since) if halt.since else None,
                to_json(halt.reason.as_json()) if halt.reason else None,
                channel,
            ),
        )

    def tell_state(self, channel: str, state: str) -> None:
        self._tx.emit("channel.changed", id=channel, state=state)

    def cancellations(self, channel: str) -> Sequence[Cancellations]:
        return _CANCELLATIONS.decode(self._row("SELECT cancellations FROM channel WHERE id = ?", channel)[0])

    def set_cancellations(self, channel: str, cancellations: Sequence[Cancellations]) -> None:
        self._tx.run(
            "UPDATE channel SET cancellations = :new WHERE id = :id AND cancellations <> :new",
            {"new": to_json(list(cancellations)), "id": channel},
        )

    def leaving(self, channel: str) -> int:
        row = self._row("SELECT leaving FROM channel WHERE id = ?", channel)
        return int(row["leaving"])

    def let_leave(self, channel: str) -> None:
        self._tx.run("UPDATE channel SET leaving = 0 WHERE id = ? AND leaving > 0", (channel,))

    def restored(self, channel: str) -> int:
        return int(self._row("SELECT restored FROM channel WHERE id = ?", channel)["restored"])

    def set_restored(self, channel: str, state: int) -> None:
        self._tx.run("UPDATE channel SET restored = ? WHERE id = ?", (state, channel))

    def published(self, channel: str) -> Published:
        row = self._row("SELECT published, publishing FROM channel WHERE id = ?", channel)
        calling = _DAYS.decode(row["publishing"])
        return Published(days=_DAYS.decode(row["published"]), key=calling.pop("key", ""), calling=calling)

    def set_published(self, channel: str, published: Published) -> None:
        calling: Mapping[str, str] = {**published.calling, "key": published.key} if published.key else {}
        self._tx.run(
            "UPDATE channel SET published = ?, publishing = ? WHERE id = ?",
            (to_json(published.days), to_json(calling), channel),
        )

    def signs(self, channel: str) -> Set[str]:
        return frozenset(from_json(self._row("SELECT signs FROM channel WHERE id = ?", channel)["signs"]))

    def set_signs(self, channel: str, signs: Set[str]) -> None:
        self._tx.run("UPDATE channel SET signs = ? WHERE id = ?", (to_json(sorted(signs)), channel))

    def record(self, record: RunRecord) -> None:
        runs.add(self._tx, record)

    def _row(self, sql: str, channel: str) -> Any:
        row = self._tx.one(sql, (channel,))
        if row is None:
            raise NotFound(N_("There is no channel {channel}.", channel=channel))
        return row


def _mapped(row: Any) -> Mapped:
    return Mapped(
        channel=row["id"],
        connector=row["connector"],
        site=row["site"],
        department=row["department"],
        account=row["account"],
        active=bool(row["active"]),
    )
