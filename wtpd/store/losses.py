"""How many appointments hang on what a new configuration would drop."""

from __future__ import annotations

from dataclasses import dataclass

from wtpd.clock import iso
from wtpd.store.appointments import LIVE
from wtpd.store.database import Tx


@dataclass(frozen=True, slots=True)
class Count:
    """Appointments still to come, and past ones."""

    coming: int
    past: int

    def __bool__(self) -> bool:
        return bool(self.coming or self.past)


def linked(tx: Tx, channel: str) -> Count:
    """Appointments that the channel has linked with the partner's."""
    row = tx.one(
        """SELECT count(*) AS n, coalesce(sum(a.drop_off >= :now), 0) AS coming
           FROM link l JOIN appointment a ON a.id = l.appointment_id WHERE l.channel = :channel AND NOT l.tombstone""",
        {"channel": channel, "now": iso(tx.now)},
    )
    return Count(row["coming"], row["n"] - row["coming"]) if row else Count(0, 0)


def booked(tx: Tx, site: str, department: str | None = None) -> Count:
    """Appointments to come of a site, or of one department of it."""
    where = "site = :site AND drop_off >= :now" + (" AND department = :department" if department is not None else "")
    row = tx.one(
        f"SELECT count(*) AS n FROM appointment INDEXED BY appointment_by_day WHERE {where} AND {LIVE}",
        {"site": site, "now": iso(tx.now), "department": department},
    )
    return Count(row["n"] if row else 0, 0)
