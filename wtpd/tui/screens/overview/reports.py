"""What there is to read on the overview: what a run did, a dry run field by field, who we are at a partner, the box."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_, N_n, Text
from wtpd.tui.cells import reading
from wtpd.tui.page import Page
from wtpd.tui.widgets.sheet import Sheet
from wtpd.words import CUSTOMER, VEHICLE, field_name

COUNTS: Mapping[str, Text] = {
    "fetched": N_("fetched"),
    "applied": N_("applied"),
    "sent": N_("sent"),
    "published": N_("published"),
    "conflicts": N_("conflicts"),
    "quarantined": N_("quarantined"),
}
ACTIONS: Mapping[tuple[str, str], Text] = {
    ("here", "create"): N_("book here"),
    ("here", "update"): N_("change here"),
    ("here", "cancel"): N_("cancel here"),
    ("here", "conflict"): N_("conflict"),
    ("here", "quarantine"): N_("put into quarantine"),
    ("there", "create"): N_("book at the partner"),
    ("there", "update"): N_("change at the partner"),
    ("there", "cancel"): N_("cancel at the partner"),
    ("there", "publish"): N_("publish what can be booked"),
}
"""What a run would do, by side and action."""
FACTS: Mapping[str, Text] = {"brand": N_("brand"), "rights": N_("rights")}
LIFE: Mapping[str, Text] = {
    "starting": N_("starting"),
    "ready": N_("in service"),
    "reloading": N_("reading its settings"),
    "stopping": N_("stopping"),
}


_COUNTED: Mapping[str, Callable[[int], Text]] = {
    "fetched": lambda n: N_n("{count} fetched", "{count} fetched", count=n),
    "applied": lambda n: N_n("{count} applied", "{count} applied", count=n),
    "sent": lambda n: N_n("{count} sent", "{count} sent", count=n),
    "published": lambda n: N_n("{count} published", "{count} published", count=n),
    "conflicts": lambda n: N_n("{count} conflict", "{count} conflicts", count=n),
    "quarantined": lambda n: N_n("{count} in quarantine", "{count} in quarantine", count=n),
}


def counted(run: Json) -> str:
    """`3 fetched, 2 applied`: what a run did."""
    parts = [say(text(run[name])) for name, text in _COUNTED.items() if run[name]]
    return ", ".join(parts) or say(N_("nothing new on either side"))


def write_plan(sheet: Sheet, page: Page, run: Json, known: Mapping[str, Json]) -> None:
    """A dry run. `known`: appointments by id, as the API gives them."""
    steps = run["steps"]
    if run["error"]:
        sheet.text(run["error"], "bad")
        return
    if not steps:
        sheet.text(N_("Both sides agree; there is nothing to do."), "ok")
        return
    sheet.text(N_n("A run would take one step. Nothing was written.",
                   "A run would take {count} steps. Nothing was written.", count=len(steps)))  # fmt: skip
    for step in steps:
        _write_step(
            sheet, page, step, known.get(step["appointment_id"] or ""), page.session.zone(site_of(run["channel"]))
        )
    if run["truncated"]:
        sheet.text(N_("There is more to do; a dry run looks at the first ones only."), "dim")


def _write_step(sheet: Sheet, page: Page, step: Json, appointment: Json | None, zone: str | None) -> None:
    done = ACTIONS.get((step["side"], step["action"]), step["action"])
    which = named(page, appointment, zone) if appointment else str(step["partner_id"] or step["appointment_id"] or "")
    detail = f" ({page.hide(step['detail'])})" if step["detail"] else ""
    sheet.heading(f"{say(done)[:1].upper()}{say(done)[1:]}: {which}{detail}")
    for name, change in step["changes"].items():
        old, new = (_value(page, name, change[side], zone) for side in ("old", "new"))
        sheet.fact(_label(name), f"{old} {page.session.glyphs.to} {new}")


def named(page: Page, appointment: Json, zone: str | None) -> str:
    """An appointment as people speak of it: plate, name, time."""
    plate = (appointment.get("vehicle") or {}).get("plate")
    name = (appointment.get("customer") or {}).get("name")
    parts = [page.hide(plate), page.hide(name), page.formats.moment(appointment["drop_off"], zone)]
    return ", ".join(one for one in parts if one)


def _value(page: Page, field: str, value: Any, zone: str | None) -> str:
    return page.session.privacy.hide_field(field, reading(field, value, page.formats, zone))


def write_verified(sheet: Sheet, page: Page, found: Sequence[Json], known: Mapping[str, Json]) -> None:
    """Who we are at the partner, and with a comparison what differs. `known`: appointments by id."""
    for one in found:
        sheet.heading(page.session.site_name(one["site"]))
        if one["error"]:
            sheet.text(one["error"], "bad")
        sheet.fact(N_("dealer number"), one["account"])
        sheet.fact(N_("known there as"), one["name"])
        for name, value in one["facts"].items():
            sheet.fact(FACTS.get(name, name), value)
        for missing in one["missing"]:
            sheet.text(missing, "bad")
        if one["compared"] is not None:
            _write_comparison(sheet, page, one, known)


def _write_comparison(sheet: Sheet, page: Page, one: Json, known: Mapping[str, Json]) -> None:
    differences, zone = one["differences"], page.session.zone(one["site"])
    compared = N_n("1 appointment compared, field by field.", "{count} appointments compared, field by field.",
                   count=one["compared"])  # fmt: skip
    sheet.text(compared)
    if not differences:
        sheet.text(N_("No difference: both sides agree."), "ok")
        return
    sheet.text(N_n("1 difference:", "{count} differences:", count=len(differences)), "bad")
    last = None
    for each in differences:
        which = each["appointment_id"] or each["partner_id"]
        if which != last:
            sheet.heading(named(page, known[which], zone) if which in known else str(which))
            last = which
        ours, theirs = (_value(page, each["field"] or "", each[side], zone) for side in ("ours", "theirs"))
        on_its_way = N_("on its way")
        waits = f" ({say(on_its_way)})" if each["waiting"] else ""
        sheet.fact(_difference(each["field"]), say(N_("here {ours}, there {theirs}", ours=ours, theirs=theirs)) + waits)


def _difference(field: str | None) -> Text | str:
    return N_("appointment") if field == "appointment" else _label(field or "")


def _label(path: str) -> Text | str:
    """Of a customer's or vehicle's field without the record, so that it fits."""
    record, _, rest = path.partition(".")
    words = {"customer": CUSTOMER, "vehicle": VEHICLE}.get(record, {})
    return words.get(rest) or field_name(path)


def write_box(sheet: Sheet, page: Page, status: Json) -> None:
    """How the machine and the daemon are."""
    formats, disk, mail, clock = page.formats, status["disk"], status["mail"], status["clock"]
    sheet.fact(N_("box"), status["box"])
    sheet.fact(N_("version"), status["version"])
    sheet.fact(N_("daemon"), LIFE.get(status["state"], status["state"]))
    sheet.fact(N_("runs for"), formats.span(status["uptime"]))
    sheet.fact(N_("disk free"), formats.size(disk["free"]))
    sheet.fact(N_("database"), formats.size(disk["database"]))
    sheet.fact(N_("clock"), clock_words(page, clock))
    sheet.fact(N_("mails waiting"), str(mail["waiting"]))
    sheet.fact(N_("oldest waiting"), formats.ago(mail["oldest"]))
    sheet.fact(N_("mails refused"), str(mail["refused"]) if mail["refused"] else None)
    sheet.fact(N_("last mail sent"), formats.ago(mail["last_sent"]))
    sheet.fact(N_("mail server"), (mail["error"], "bad") if mail["error"] else None)
    if (door := status["listener"]) is not None:
        sheet.fact(N_("listener"), f"{door['address']} {door['port']}")
        sheet.fact(N_("its fingerprint"), door["fingerprint"] or (say(N_("doesn't listen")), "bad"))
    for error in status["config_errors"]:
        sheet.text(error["message"], "bad")


def clock_words(page: Page, clock: Json) -> str:
    if clock["jumped_at"]:
        return say(N_("jumped {ago}", ago=page.formats.ago(clock["jumped_at"])))
    return say(N_("set by the network") if clock["synchronised"] else N_("nobody says whether it is right"))


def write_channel(sheet: Sheet, page: Page, channel: Json) -> None:
    """How one channel is, in words."""
    if channel["reason"]:
        sheet.text(channel["reason"])
    if channel["error"] and channel["error"] not in (channel["reason"] or ""):
        sheet.text(channel["error"], "bad")
    sheet.fact(N_("site"), page.session.site_name(channel["site"]))
    sheet.fact(N_("dealer number"), channel["account"])
    sheet.fact(N_("department"), channel["department"])
    sheet.fact(N_("so since"), page.formats.ago(channel["since"]))
    sheet.fact(N_("last success"), page.formats.ago(channel["last_success"]))
    sheet.fact(N_("refused there"), str(channel["rejected"]) if channel["rejected"] else None)


def site_of(channel: str) -> str:
    """The site in a channel's name."""
    return channel.partition("/")[2]
