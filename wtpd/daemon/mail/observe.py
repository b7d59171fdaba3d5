"""What is wrong now, as the book and the channels know it, in the form in which mails are decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from wtpd.channel.health import Condition, State
from wtpd.clock import from_iso
from wtpd.daemon.mail.incidents import Finding
from wtpd.daemon.mail.wording import show_moment
from wtpd.store.database import Tx
from wtpd.store.mail import Incident
from wtpd.texts import N_, Text

ATTENTION = ("rental_missing", "rental_double", "conflict", "quarantine", "rejected", "car_open", "over_limit")
"""The kinds of attention that are mailed; the others only show on the screens."""

_URGENT = ("rental_missing", "rental_double")

LISTED = 10
"""Appointments that are named in a mail, at most."""

_STATES: Mapping[State, tuple[str, int]] = {
    State.RETRYING: ("failing", 1),
    State.LIMITED: ("limited", 1),
    State.CONFIG_ERROR: ("config_error", 2),
    State.STOPPED: ("mass_cancellation", 3),
    State.NEEDS_TOKEN: ("needs_token", 4),
    State.NOT_COVERED: ("not_covered", 4),
}
"""The states that are mailed, and how bad they are; a worse one is news."""

_IN = "(" + ", ".join(f"'{kind}'" for kind in ATTENTION) + ")"

_OPEN = f"""
  SELECT a.id, a.kind, a.at, a.channel, a.appointment_id, coalesce(nullif(c.site, ''), p.site) AS site
  FROM attention a LEFT JOIN channel c ON c.id = a.channel LEFT JOIN appointment p ON p.id = a.appointment_id
  WHERE a.resolved_at IS NULL AND a.kind IN {_IN}"""


def channel_trouble(channel: str, condition: Condition, *, title: str) -> Finding | None:
    """A channel that doesn't work; None if it does. `title` is the connector's. One that is paused, or is starting
    only, says neither: what was mailed about it stands."""
    if condition.state == State.HEALTHY:
        return None
    state, news = _STATES.get(condition.state, ("failing", 1))
    return Finding(
        site=channel.partition("/")[2],
        kind="channel",
        subject=channel,
        since=condition.since,
        facts={"title": title, "state": state, "error": _kept(condition.reason)},
        news=news,
        urgent=condition.state in (State.STOPPED, State.NEEDS_TOKEN, State.NOT_COVERED),
        known=condition.state in _STATES,
    )


def config_trouble(since: datetime, reason: Text | None = None, *, held: bool = False) -> Finding:
    """The settings file is broken since then, or `held`: it waits for a confirmation. `reason` is the first error in
    it, or what it lacks."""
    kind = "config_held" if held else "config"
    return Finding(site="", kind=kind, subject="wtpd.yaml", since=since, facts={"error": _kept(reason)}, urgent=held)


def disk_trouble(since: datetime) -> Finding:
    return Finding(site="", kind="disk", subject="disk", since=since, urgent=True)


def listener_trouble(since: datetime, reason: Text) -> Finding:
    """Partners' programs can't reach the box over the local network."""
    return Finding(site="", kind="listener", subject="listener", since=since, facts={"error": _kept(reason)})


def damage_trouble(since: datetime) -> Finding:
    return Finding(site="", kind="damage", subject="database", since=since, urgent=True)


def expiry_trouble(channel: str, *, title: str, days: int, hint: int, since: datetime) -> Finding:
    """The credentials expire in `days` days; it is worse news at each `hint` (14, 7 or 1)."""
    return Finding(
        site=channel.partition("/")[2],
        kind="expiry",
        subject=channel,
        since=since,
        facts={"title": title, "days": days},
        news=100 - hint,
        urgent=True,
    )


def login_trouble(provider: str, scope: str, *, title: str, since: datetime, expired: bool = False) -> Finding:
    """An entry of the credential store that its provider refuses, or that has expired. One for an office concerns its
    site, any other the box."""
    level, _, identity = scope.partition(":")
    return Finding(
        site=identity if level == "office" else "",
        kind="login",
        subject=f"{provider}/{scope}",
        since=since,
        facts={"title": title, "scope": scope, "state": "expired" if expired else "refused"},
        urgent=True,
    )


def key_trouble(since: datetime, reason: Text) -> Finding:
    """The key of the credential store can't be opened."""
    return Finding(site="", kind="key", subject="key", since=since, facts={"error": _kept(reason)})


def attention_troubles(tx: Tx) -> list[Finding]:
    """What waits for a decision: one trouble for each site and kind."""
    rows = tx.all(
        f"""SELECT kind, site, count(*) AS n, min(at) AS first, max(id) AS newest FROM ({_OPEN})
            WHERE site IS NOT NULL GROUP BY kind, site""",
    )
    return [
        Finding(
            site=row["site"],
            kind=row["kind"],
            subject=row["kind"],
            since=from_iso(row["first"]),
            facts={"count": row["n"]},
            news=row["newest"],
            urgent=row["kind"] in _URGENT,
        )
        for row in rows
    ]


def touched(tx: Tx, incident: Incident, *, zone: str, language: str, show_names: bool) -> Sequence[Text | str]:
    """Lines that say how many appointments an incident touches, and which. Names and plates only if wanted."""
    if incident.kind == "channel":
        row = tx.one("SELECT count(*) AS n FROM outbox WHERE channel = ?", (incident.subject,))
        return [N_("Appointments waiting to be sent: {count}", count=row["n"])] if row and row["n"] else []
    if incident.kind not in ATTENTION:
        return []
    rows = tx.all(
        f"""SELECT o.id, p.drop_off, p.department, c.company, c.first_name, c.last_name, v.plate
            FROM ({_OPEN}) o LEFT JOIN appointment p ON p.id = o.appointment_id
            LEFT JOIN customer c ON c.id = p.customer_id LEFT JOIN vehicle v ON v.id = p.vehicle_id
            WHERE o.kind = :kind AND o.site = :site ORDER BY o.id DESC LIMIT {LISTED + 1}""",
        {"kind": incident.kind, "site": incident.site},
    )
    lines: list[Text | str] = [_line(row, show_names, zone, language) for row in rows[:LISTED]]
    if len(rows) > LISTED:
        lines.append(N_("… and {count} more", count=incident.facts["count"] - LISTED))
    return lines


def _line(row: Any, show_names: bool, zone: str, language: str) -> Text | str:
    if row["drop_off"] is None:
        return N_("entry {id}, without an appointment", id=row["id"])
    moment = show_moment(from_iso(row["drop_off"]), zone, language)
    words = [f"{moment}, {row['department']}"]
    if show_names:
        name = row["company"] or " ".join(filter(None, (row["first_name"], row["last_name"])))
        words += [part for part in (row["plate"], name) if part]
    return N_("entry {id}: {appointment}", id=row["id"], appointment=", ".join(words))


def _kept(text: Text | None) -> Mapping[str, Any] | None:
    """A text as JSON values, for `wtpd.store.attention.text`."""
    return text.as_json() if text is not None else None
