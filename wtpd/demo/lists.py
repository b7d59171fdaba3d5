"""The lists of the dealership that the demo imports, with its appointments moved so that they lie around today."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from importlib.resources import files

FILES = {
    "serviceberater.csv": "advisors",
    "ersatzwagen.csv": "courtesy_cars",
    "kunden.csv": "customers",
    "fahrzeuge.csv": "vehicles",
    "termine.csv": "appointments",
}
"""The lists, in the order in which they refer to each other, and what each holds."""
WRITTEN = date(2026, 11, 30)
"""The day on which the appointments were exported: some of them were over then, more were to come."""
_TIME = re.compile(rb";(\d\d\.\d\d\.\d{4})(?= \d\d:\d\d;)")


def lists(today: date) -> Mapping[str, bytes]:
    """Content of each file. The appointments are moved by whole weeks, so that days of the week stay as they were."""
    folder = files("wtpd.demo") / "autohaus"
    content = {name: (folder / name).read_bytes() for name in FILES}
    weeks = timedelta(weeks=round((today - WRITTEN).days / 7))
    content["termine.csv"] = _TIME.sub(lambda found: b";" + _moved(found[1], weeks), content["termine.csv"])
    return content


def _moved(day: bytes, by: timedelta) -> bytes:
    number, month, year = (int(part) for part in day.split(b"."))
    return f"{date(year, month, number) + by:%d.%m.%Y}".encode()
