"""A line of the log in words: as a row of the table, and as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wtpd.client import Json
from wtpd.dates import show_time
from wtpd.texts import N_
from wtpd.tui.page import Page
from wtpd.tui.widgets.lines import Span
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Column

LEVELS: Mapping[str, tuple[str, str]] = {
    "debug": ("planner", "dim"),
    "info": ("idle", ""),
    "warning": ("warn", "warn"),
    "error": ("bad", "bad"),
    "critical": ("bad", "bad"),
}
"""Glyph and tint of each level."""


def columns(page: Page) -> Sequence[Column]:
    def sign(line: Json) -> Span:
        glyph, tint = LEVELS[line["level"]]
        return getattr(page.session.glyphs, glyph), tint

    def when(line: Json) -> str:
        zone = _zone(page)
        local = page.formats.local(line["at"], zone)
        if local.date() == page.formats.today(zone):
            return show_time(local, seconds=True)
        return page.formats.moment(line["at"], zone)

    def message(line: Json) -> Span:
        return page.session.privacy.hide_in(line["message"]), LEVELS[line["level"]][1]

    return (
        Column("", sign, width=2),
        Column(N_("when"), when, width=12),
        Column(N_("channel"), lambda line: line["channel"] or "", width=22, from_width=110),
        Column(N_("line"), message),
    )


def write_line(sheet: Sheet, page: Page, line: Json) -> None:
    """All that it says."""
    privacy = page.session.privacy
    sheet.fact(N_("when"), page.formats.exact(line["at"], _zone(page)))
    sheet.fact(N_("level"), (line["level"], LEVELS[line["level"]][1]))
    sheet.fact(N_("channel"), line["channel"])
    sheet.fact(N_("part of wtpd"), line["logger"])
    sheet.fact(N_("appointment"), line["appointment_id"])
    for name, value in line["fields"].items():
        sheet.fact(name, privacy.hide_field(name, privacy.hide_in(str(value))))
    sheet.heading(N_("The line"))
    for one in privacy.hide_in(line["message"]).splitlines():
        sheet.text(one.lstrip(), indent=len(one) - len(one.lstrip()))


def _zone(page: Page) -> str | None:
    """The clock on which the other screens show times, too."""
    return page.session.zone(page.session.site)
