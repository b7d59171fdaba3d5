"""Figures of the book for the screens. What concerns a day is asked from the day's side: it has some dozens of
appointments, while thousands may wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from wtpd.clock import iso
from wtpd.planner.resources import Period
from wtpd.store.appointments import LIVE
from wtpd.store.database import Tx


def waiting_on(tx: Tx, channel: str, site: str, day: Period) -> int:
    """Appointments of the day that the channel has to send."""
    row = tx.one(
        """SELECT count(*) AS n FROM appointment a
           WHERE a.site = ? AND a.drop_off >= ? AND a.drop_off < ? AND EXISTS (
             SELECT 1 FROM outbox o WHERE o.channel = ? AND o.appointment_id = a.id AND o.rejected IS NULL)""",
        (site, iso(day.start), iso(day.end), channel),
    )
    return int(row["n"]) if row else 0


def listed_on(tx: Tx, days: Mapping[str, Period]) -> dict[str, int]:
    """Appointments of the day at each site for which something is to be decided, by kind."""
    found: dict[str, int] = {}
    for site, day in days.items():
        rows = tx.all(
            """SELECT x.kind, count(DISTINCT a.id) AS n
               FROM appointment a CROSS JOIN attention x ON x.appointment_id = a.id AND x.resolved_at IS NULL
               WHERE a.site = ? AND a.drop_off >= ? AND a.drop_off < ? GROUP BY x.kind""",
            (site, iso(day.start), iso(day.end)),
        )
        for row in rows:
            found[row["kind"]] = found.get(row["kind"], 0) + row["n"]
    return found


def upcoming(tx: Tx, site: str, start: datetime, departments: Sequence[str]) -> dict[str, int]:
    """How many appointments are still to come at a site, by department, of `departments` and of any other that the book
    has. Counting known ones needs no sorting."""
    counts = "".join(f", count(*) FILTER (WHERE department = ?{place})" for place in range(3, 3 + len(departments)))
    which = f"FROM main.appointment INDEXED BY appointment_by_day WHERE site = ?1 AND drop_off >= ?2 AND {LIVE}"
    whole, *known = tx.one(f"SELECT count(*){counts} {which}", (site, iso(start), *departments)) or (0,)
    found = {name: count for name, count in zip(departments, known, strict=True) if count}
    if whole != sum(known):
        rows = tx.all(f"SELECT department, count(*) AS n {which} GROUP BY department", (site, iso(start)))
        found = {row["department"]: row["n"] for row in rows}
    return found
