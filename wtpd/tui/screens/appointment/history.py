"""Who changed what and when, and taking one of it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from wtpd.client import ApiProblem, ClientError, Json
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.page import sentence
from wtpd.tui.screens.appointment.loaded import Loaded
from wtpd.tui.screens.appointment.one import OneAppointment
from wtpd.tui.widgets.dialogs import Confirm, Read
from wtpd.tui.widgets.lines import Cell
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Column
from wtpd.words import field_name

ACTIONS: Mapping[str, Text] = {
    "created": N_("booked"),
    "changed": N_("changed"),
    "cancelled": N_("cancelled"),
}
CHANNELS: Mapping[str, Text] = {
    "desk": N_("at the desk"),
    "cli": N_("on the command line"),
    "api": N_("by a program"),
    "import": N_("by an import"),
}
"""Doors through which changes come."""


def columns(loaded: Callable[[], Loaded]) -> Sequence[Column]:
    """`loaded`: asked anew for each cell, since each load gives another."""
    return [
        Column(N_("when"), lambda one: loaded().formats.moment(one["at"], loaded().zone), width=16),
        Column(N_("who"), lambda one: one["actor"], width=14),
        Column(N_("what"), lambda one: summary(loaded(), one)),
    ]


def door(channel: str) -> str:
    """The door a change came through, in words."""
    kind, _, partner = channel.partition(":")
    if kind == "sync":
        return say(N_("from {partner}", partner=partner.upper()))
    return say(CHANNELS[channel]) if channel in CHANNELS else channel


def summary(loaded: Loaded, entry: Json) -> Cell:
    """One entry in one line."""
    if entry["undoes"] is not None:
        return [(say(N_("taken back:")), "accent"), (f" {_in_line(loaded, entry)}", "")]
    action = str(entry["action"])
    said = say(ACTIONS[action]) if action in ACTIONS else action
    if action == "changed":
        return _in_line(loaded, entry)
    reason = entry["changes"].get("cancellation_reason", {}).get("new")
    more = loaded.value("cancellation_reason", reason) if reason else door(entry["channel"])
    return [(said, "strong"), (f": {more}" if reason else f", {more}", "")]


def _in_line(loaded: Loaded, entry: Json) -> str:
    return "; ".join(change_lines(loaded, entry["changes"]))


def change_lines(loaded: Loaded, changes: Mapping[str, Any]) -> Iterable[str]:
    """`drop-off: 07.12. 08:00 → 07.12. 09:00`, one for each field."""
    to = loaded.session.glyphs.to
    for name, change in changes.items():
        old, new = (loaded.value(name, change[side]) for side in ("old", "new"))
        yield f"{say(field_name(name))}: {old} {to} {new}"


def write_entry(sheet: Sheet, loaded: Loaded, entry: Json) -> None:
    """One entry with all its fields."""
    sheet.fact(N_("when"), loaded.formats.exact(entry["at"], loaded.zone))
    sheet.fact(N_("who"), f"{entry['actor']}, {door(entry['channel'])}")
    action = str(entry["action"])
    sheet.fact(N_("what"), ACTIONS.get(action, action))
    if entry["undoes"] is not None:
        sheet.fact("", N_("takes an earlier change back"))
    sheet.fact(N_("version"), str(entry["version"]))
    sheet.line()
    for line in change_lines(loaded, entry["changes"]):
        sheet.text(line)


async def undo(page: OneAppointment, entry: Json) -> None:
    """Say what it would do, ask, and do it. Must run in a worker."""
    loaded = page.loaded_one
    version = loaded.one["version"]
    try:
        preview = await page.api.appointments.undo(page.appointment_id, entry["id"], version=version, preview=True)
    except ClientError as error:
        await _refused(page, error)
        return
    over = preview.get("kind") == "over-limit"
    if not preview["possible"] and not over:
        await page.wtpd.push_screen_wait(
            Read(N_("This can't be taken back"), lambda sheet: sheet.text(str(preview["reason"])))
        )
        return
    question = N_("Book over the limit?") if over else N_("Take this back?")
    lines = [*change_lines(loaded, preview["changes"]), *preview.get("consequences", ())]
    if over:
        lines.insert(0, str(preview["reason"]))
    if not await page.wtpd.push_screen_wait(Confirm(question, "\n".join(lines))):
        return
    try:
        await page.api.appointments.undo(page.appointment_id, entry["id"], version=version, allow_over_limit=over)
    except ClientError as error:
        await _refused(page, error)
        return
    page.tell(N_("It was taken back; the history keeps both."), "ok")
    page.reload()


async def _refused(page: OneAppointment, error: ClientError) -> None:
    if isinstance(error, ApiProblem) and error.kind == "version-mismatch":
        page.tell(N_("Somebody changed the appointment just now; look at it again first."), "bad")
    else:
        page.tell(sentence(error), "bad")
    page.reload()
