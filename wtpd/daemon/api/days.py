"""Days of a site as moments in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from wtpd.book.book import Book
from wtpd.daemon.api.errors import wrong
from wtpd.daemon.api.shapes import YEARS
from wtpd.texts import N_

DEFAULT_ZONE = "Europe/Berlin"


def zone_of(book: Book, site: str | None) -> ZoneInfo:
    """The time zone of a site; of the first one if none is named."""
    names = [plan.zone for (name, _), plan in book.plans.items() if site in (None, name)]
    return ZoneInfo(names[0] if names else DEFAULT_ZONE)


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a local day; days of 23 and 25 hours are right."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def check_days(first: date, last: date, *, at_most: int) -> None:
    """Raises `Invalid` for days in the wrong order, too many of them, or outside this age."""
    for name, day in (("from", first), ("to", last)):
        if day.year not in YEARS:
            raise wrong(name, N_("This date is out of range."))
    if last < first:
        raise wrong("to", N_("The last day lies before the first."))
    if last - first >= timedelta(days=at_most):
        raise wrong("to", N_("At most {days} days at a time.", days=at_most))
