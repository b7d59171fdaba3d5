"""`wtpd undo`: take one entry of an appointment's history back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wtpd import language
from wtpd.cli.appointments import changes_of, entry_line, find_one, print_found
from wtpd.cli.command import argument, command, confirmed, option
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Json


@command(
    "undo",
    N_(
        "Take one entry of an appointment's history back: the last one, or ENTRY, its number in wtpd show. First shows "
        "what that does, and asks. WHAT as for show."
    ),
    example='wtpd undo "HRO-AB 123"\nwtpd undo "HRO-AB 123" 17 --yes',
)
@argument("what")
@argument("entry", required=False, type=int)
@option("--yes", is_flag=True, about=N_("Don't ask."))
@option("--allow-over-limit", "over", is_flag=True, about=N_("Although the day is full."))
def undo(console: Console, what: str, entry: int | None, yes: bool, over: bool) -> int:
    found = console.ask(lambda api: find_one(api, what))
    if len(found) != 1:
        console.answer(found, lambda: print_found(console, [one["appointment"] for one in found]))
        return 1
    record, history, zone = found[0]["appointment"], found[0]["history"], found[0]["zone"]
    number = entry if entry is not None else max(one["id"] for one in history)
    order = {"version": record["version"], "allow_over_limit": over}
    preview = console.ask(lambda api: api.appointments.undo(record["id"], number, preview=True, **order))
    if not preview["possible"]:
        console.answer(preview, lambda: _say_why(console, preview))
        return 1
    if not console.json:
        taken_back = next((one for one in history if one["id"] == number), None)
        _show(console, preview, taken_back, zone)
    if not yes and not confirmed(console, N_("Take it back?")):
        console.note(N_("Nothing was changed."))
        return 1
    answer = console.ask(lambda api: api.appointments.undo(record["id"], number, **order))
    console.answer(answer, lambda: console.line(N_("Taken back.")))
    return 0


def _show(console: Console, preview: Json, taken_back: Json | None, zone: str) -> None:
    if taken_back is not None:
        console.line(entry_line(taken_back, zone), bold=True)
    for line in changes_of(preview["changes"], zone):
        console.line(f"    {line}")
    for sentence in preview["consequences"]:
        console.line(sentence)


def _say_why(console: Console, preview: Json) -> None:
    console.note(preview["reason"])
    if preview["kind"] == "over-limit":
        console.note(language.say(N_("To do it all the same: --allow-over-limit")))
