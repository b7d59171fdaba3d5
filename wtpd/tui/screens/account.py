"""Who we are at a partner, as it says itself."""

from __future__ import annotations

from collections.abc import Mapping

from wtpd.client import Json
from wtpd.texts import N_, Text
from wtpd.tui.widgets.sheet import Sheet

FACTS: Mapping[str, Text] = {
    "brand": N_("Brand"),
    "rights": N_("Rights"),
    "stations": N_("Stations"),
    "classes": N_("Vehicle classes"),
    "features": N_("Vehicle features"),
}
"""What partners tell of us, beside number and name."""


def write_account(sheet: Sheet, found: Json) -> None:
    """`found`: what the daemon says after it asked the partner, with account, name and facts."""
    sheet.fact(N_("Dealer number there"), found["account"])
    sheet.fact(N_("Name there"), found["name"])
    for name, value in found["facts"].items():
        sheet.fact(FACTS.get(name, name), str(value))
    for missing in found.get("missing", ()):
        sheet.text(missing, "bad")
