"""What is to be read about the mapping: what is wrong with the file, a row, the departments that nobody serves, and
what the partner said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_, N_n, Text
from wtpd.tui.cells import BLANK
from wtpd.tui.glyphs import Glyphs
from wtpd.tui.screens.account import write_account
from wtpd.tui.widgets.sheet import Sheet


def name_of(row: Json) -> Text:
    return N_("{partner} at {site}", partner=row["title"], site=row["site_name"])


def status_mail(row: Json) -> str:
    return row["status_mail"] or BLANK


def write_errors(sheet: Sheet, errors: Sequence[Json], file: str, glyphs: Glyphs, *, held: bool) -> None:
    """What is wrong with the file, if something is; `held`: it lacks something, and waits for a confirmation."""
    if not errors:
        return
    if held:
        sheet.text(N_("wtpd.yaml isn't in force; the last good settings stay in force:"), "warn")
        for error in errors:
            sheet.text(f"{glyphs.warn} {error['message']}", "warn")
        sheet.text(N_("Put back what is missing in {file}, or, if it is meant, press a to confirm it.", file=file))
        return
    sheet.text(N_("wtpd.yaml has errors; the last good settings stay in force:"), "bad")
    for error in errors:
        sheet.text(f"{glyphs.bad} {error['message']}", "bad")
    sheet.text(
        N_("Mend {file} with an editor; it is taken up by itself. Nothing is written into it until then.", file=file)
    )


def write_row(sheet: Sheet, row: Json, channel: Json | None) -> None:
    sheet.heading(name_of(row))
    reason = row["reason"] or (channel and channel["reason"])
    sheet.fact(N_("State"), (str(reason), "warn") if reason else "")
    sheet.fact(N_("Status mail"), status_mail(row))


def write_coverage(sheet: Sheet, coverage: Iterable[Json], titles: Mapping[str, str], glyphs: Glyphs) -> None:
    """`titles`: of the partners."""
    sheet.heading(N_("Departments with appointments to come"))
    coming = [one for one in coverage if one["upcoming"]]
    for one in coming:
        name = say(N_("{department}, {site}", department=one["department"], site=one["site_name"]))
        count = N_n(
            "{name}: 1 upcoming appointment, connected with {partners}",
            "{name}: {count} upcoming appointments, connected with {partners}",
            count=one["upcoming"], name=name,
            partners=", ".join(titles.get(each, each) for each in one["partners"]) or N_("nobody"),
        )  # fmt: skip
        sign, tint = (glyphs.ok, "") if one["partners"] else (glyphs.warn, "warn")
        sheet.text(f"{sign} {say(count)}", tint)
    if not coming:
        sheet.text(N_("There are none. As soon as there are, it is told here which of them no partner sees."), "dim")


def write_verified(sheet: Sheet, row: Json, found: Json, glyphs: Glyphs) -> None:
    """What the partner said to our dealer number."""
    number = row["dealer_number"]
    same = found["account"] == number
    if found["error"] and same:
        refused = N_("{partner} says no: {reason}", partner=row["title"], reason=found["error"])
        sheet.text(f"{glyphs.bad} {say(refused)}", "bad")
        sheet.fact(N_("Our dealer number"), number)
        return
    if same:
        known = N_("{partner} knows us under this dealer number.", partner=row["title"])
        sheet.text(f"{glyphs.ok} {say(known)}", "ok")
    else:
        text = N_(
            "Wrong dealer number: {partner} knows us as {found}, but the mapping has {number}.",
            partner=row["title"], found=found["account"], number=number,
        )  # fmt: skip
        sheet.text(f"{glyphs.bad} {say(text)}", "bad")
    write_account(sheet, found)
