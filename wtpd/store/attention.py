"""What somebody has to decide or look at: conflicts, quarantine, cars left open, and so on.

Kinds: `conflict`, `quarantine`, `unmatched`, `car_open`, `over_limit`, `unknown_code`, `rejected`,
`mass_cancellation`, `locked_customer`; where knowledge is stale also `second_writer` (another program writes for the
dealer number), `possible_double` (possibly the same visit), `partner_restored` (the partner was restored or emptied),
`keeps_refusing` (one appointment can't be sent for a while), `shortened` (the partner shortened a text),
`dropped_value` (an odd optional value was left out), `database_restored` (the report after a restored database).
`wrong_plate`: by a public register the plate is of a car of another make. Of rental cars: `rental_mismatch` (it doesn't
fit its appointment), `rental_missing` (the customer has no car), `rental_double` (the customer has two), and
`rental_refused` (the partner refused what somebody asked for earlier).

`data` holds the facts as JSON values; a `Text` in it is kept so that it can be rendered in the reader's language
(`text`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wtpd.clock import iso
from wtpd.errors import NotFound
from wtpd.store.damage import from_iso
from wtpd.store.database import Tx, from_json, to_json
from wtpd.store.pages import fill
from wtpd.texts import N_, Text

KINDS = (
    "conflict", "quarantine", "unmatched", "car_open", "over_limit", "unknown_code", "rejected", "mass_cancellation",
    "locked_customer", "second_writer", "possible_double", "partner_restored", "keeps_refusing", "shortened",
    "dropped_value", "database_restored", "named_in_note", "plate_moved", "wrong_plate", "rental_mismatch",
    "rental_missing", "rental_double", "rental_refused",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """One entry; open while `resolved_at` is None."""

    id: int
    kind: str
    channel: str | None
    appointment_id: str | None
    at: datetime
    data: Mapping[str, Any]
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None


def add(
    tx: Tx,
    kind: str,
    *,
    channel: str | None = None,
    appointment_id: str | None = None,
    data: Mapping[str, Any],
    once: str | None = None,
) -> int:
    """List something for attention and return its id. `once` names it among its kind: while an entry of that name is
    open, its facts are brought up to date and no second one is made."""
    content = to_json({name: _stored(value) for name, value in data.items()})
    open_one = once and tx.one(
        "SELECT id, data FROM attention WHERE kind = ? AND once = ? AND resolved_at IS NULL", (kind, once)
    )
    if open_one:
        if open_one["data"] != content:
            tx.run("UPDATE attention SET data = ?, at = ? WHERE id = ?", (content, iso(tx.now), open_one["id"]))
        return int(open_one["id"])
    number = tx.run(
        "INSERT INTO attention (kind, channel, appointment_id, at, data, once) VALUES (?, ?, ?, ?, ?, ?)",
        (kind, channel, appointment_id, iso(tx.now), content, once),
    ).lastrowid
    tx.emit("attention.opened", id=number, kind=kind)
    return int(number or 0)


def get(tx: Tx, number: int) -> Attention:
    """Raises `NotFound`."""
    row = tx.one("SELECT * FROM attention WHERE id = ?", (number,))
    if row is None:
        raise NotFound(N_("There is no attention entry {id}.", id=number))
    return _attention(row)


def page(
    tx: Tx, *, kind: str | None = None, state: str = "open", after: int | None = None, limit: int = 100
) -> list[Attention]:
    """As `part`, without whether more follow."""
    return part(tx, kind=kind, state=state, after=after, limit=limit)[0]


def part(
    tx: Tx, *, kind: str | None = None, state: str = "open", after: int | None = None, limit: int = 100
) -> tuple[list[Attention], bool]:
    """Entries, newest first, older than the id `after`, and whether more follow. `state`: `open`, `resolved` or `all`.
    An entry counts with its appointment, which is read with it."""
    where = {
        "after": "id < :after" if after is not None else "",
        "state": {"open": "resolved_at IS NULL", "resolved": "resolved_at IS NOT NULL", "all": ""}[state],
        "kind": "kind = :kind" if kind is not None else "",
    }
    conditions = " AND ".join(condition for condition in where.values() if condition) or "true"
    rows = tx.run(
        f"""SELECT *, (SELECT length(interventions) FROM appointment WHERE id = appointment_id) AS work
            FROM attention WHERE {conditions} ORDER BY id DESC LIMIT :limit""",
        {"after": after, "kind": kind, "limit": limit + 1},
    )
    kept, more = fill(rows, limit, lambda row: len(row["data"]) + (row["work"] or 0))
    return [_attention(row) for row in kept], more


def of_appointment(tx: Tx, appointment_id: str, inbox: Sequence[int]) -> list[Attention]:
    """All entries about an appointment, and about these messages in quarantine, oldest first."""
    rows = tx.all(
        """SELECT * FROM attention WHERE appointment_id = ?
           UNION SELECT * FROM attention
             WHERE kind = 'quarantine' AND once IN (SELECT 'inbox:' || value FROM json_each(?))
           ORDER BY id""",
        (appointment_id, to_json(list(inbox))),
    )
    return [_attention(row) for row in rows]


def counts(tx: Tx) -> dict[str, int]:
    """How many are open, by kind."""
    return {
        row["kind"]: row["n"]
        for row in tx.all("SELECT kind, count(*) AS n FROM attention WHERE resolved_at IS NULL GROUP BY kind")
    }


def counts_of(tx: Tx, channel: str) -> dict[str, int]:
    """How many of one channel are open, by kind."""
    return {
        row["kind"]: row["n"]
        for row in tx.all(
            "SELECT kind, count(*) AS n FROM attention WHERE resolved_at IS NULL AND channel = ? GROUP BY kind",
            (channel,),
        )
    }


def resolve(tx: Tx, number: int, *, by: str, resolution: str) -> bool:
    """Close an entry; False if it was closed already."""
    row = tx.one(
        """UPDATE attention SET resolved_at = ?, resolved_by = ?, resolution = ?
           WHERE id = ? AND resolved_at IS NULL RETURNING id, kind""",
        (iso(tx.now), by, resolution, number),
    )
    if row:
        tx.emit("attention.resolved", id=row["id"], kind=row["kind"])
    return row is not None


def resolve_once(tx: Tx, kind: str, once: str, *, by: str, resolution: str) -> None:
    """Close the open entry of that name, if there is one."""
    row = tx.one("SELECT id FROM attention WHERE kind = ? AND once = ? AND resolved_at IS NULL", (kind, once))
    if row:
        resolve(tx, row["id"], by=by, resolution=resolution)


def was_listed(tx: Tx, kind: str, once: str) -> bool:
    """Whether there is an entry of that name, open or closed."""
    return tx.one("SELECT 1 FROM attention WHERE once = ? AND kind = ?", (once, kind)) is not None


def disputed(tx: Tx, channel: str, appointment_id: str) -> frozenset[str]:
    """The fields of an appointment with an open conflict at the channel."""
    rows = tx.all(
        """SELECT data ->> 'field' AS field FROM attention
           WHERE appointment_id = ? AND channel = ? AND kind = 'conflict' AND resolved_at IS NULL""",
        (appointment_id, channel),
    )
    return frozenset(row["field"] for row in rows)


def text(value: Any) -> Text:
    """A text as it was kept in `data`; a plain string is a sentence that isn't translated."""
    if isinstance(value, Mapping) and "msgid" in value:
        return Text.from_json(value)
    return Text(str(value).replace("{", "{{").replace("}", "}}"))


def _stored(value: Any) -> Any:
    return value.as_json() if isinstance(value, Text) else value


def _attention(row: Any) -> Attention:
    return Attention(
        id=row["id"],
        kind=row["kind"],
        channel=row["channel"],
        appointment_id=row["appointment_id"],
        at=from_iso(row["at"]),
        data=from_json(row["data"]),
        resolved_at=from_iso(row["resolved_at"]) if row["resolved_at"] else None,
        resolved_by=row["resolved_by"],
        resolution=row["resolution"],
    )
