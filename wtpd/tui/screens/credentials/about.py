"""What is to be read beside the rows of the credentials: what is wrong, and how old and how good an entry is."""

from __future__ import annotations

from wtpd.language import say
from wtpd.texts import N_
from wtpd.tui.formats import Formats
from wtpd.tui.glyphs import Glyphs
from wtpd.tui.screens.credentials.rows import Row, result_word, setting_of
from wtpd.tui.widgets.sheet import Sheet


def write_lost(sheet: Sheet, lost: str, glyphs: Glyphs) -> None:
    """`lost`: what the daemon says of a lost key, if it is."""
    if lost:
        sheet.text(f"{glyphs.bad} {lost}", "bad")
        sheet.text(N_("Or press s to start over: what the lost key had sealed is given up and entered again."))


def write_row(sheet: Sheet, row: Row, heading: str, formats: Formats, *, zone: str | None, told: str) -> None:
    """`zone`: in which the day ends on which the entry does. `told`: what was said when it was stored just now."""
    sheet.heading(heading)
    if row.problem is not None:
        sheet.text(str(row.problem["text"]), "bad")
    if row.entry is None:
        wanted = ", ".join(str(field["label"]) for field in row.provider["fields"] if field["required"])
        sheet.text(N_("Nothing is stored. Enter or e enters it; the provider wants: {fields}.", fields=wanted))
    else:
        entry = row.entry
        entered = N_("{when} by {who}", when=formats.moment(entry["set_at"]), who=entry["set_by"])
        sheet.fact(N_("Tried just now"), told)
        sheet.fact(N_("Entered"), entered)
        sheet.fact(N_("Last used"), formats.moment(entry["last_used_at"]) or say(N_("not yet")))
        sheet.fact(N_("Last result"), result_word(entry["last_result"]))
        ends = entry["expires_at"]
        sheet.fact(N_("Good until"), formats.day(formats.local(ends, zone).date()) if ends else "")
    sheet.fact(N_("In force"), setting_of(row.provider))
