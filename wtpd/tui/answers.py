"""What a connector did, as people read it: its answer in facts, and the candidates it offers to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.cells import reading
from wtpd.tui.privacy import PERSONAL
from wtpd.words import VEHICLE, field_name

if TYPE_CHECKING:
    from wtpd.tui.page import Page
    from wtpd.tui.widgets.sheet import Sheet

_TINTS: Mapping[str, str] = {"good": "ok", "warn": "warn"}


def candidate_line(candidate: Mapping[str, Any]) -> str:
    """`2  FORD  Focus  1.0 EcoBoost`: its number and what tells it from the others."""
    return f"{candidate['number']}  {candidate['label']}"


def write_answer(sheet: Sheet, page: Page, done: Json) -> None:
    """The answer on a sheet: what was filled in or differs, facts, and sentences."""
    for name, value in done["filled"].items():
        text = N_("{field}: {value} was filled in", field=_name(name), value=_shown(page, name, value))
        sheet.text(f"{page.session.glyphs.check} {say(text)}", "ok")
    for name, one in done["differing"].items():
        ours, theirs = (_shown(page, name, one[side]) for side in ("ours", "theirs"))
        text = N_(
            "{field}: {ours} stays, {partner} says {theirs}",
            field=_name(name), ours=ours, theirs=theirs, partner=done["title"],
        )  # fmt: skip
        sheet.text(f"{page.session.glyphs.warn} {say(text)}", "warn")
    for fact in done["facts"]:
        sheet.fact(fact["label"], _shown(page, fact["name"], fact["value"]))
    for remark in done["remarks"]:
        sheet.text(remark["text"], _TINTS.get(remark["tone"], ""))
    if not any(done[part] for part in ("filled", "differing", "facts", "remarks")):
        sheet.text(N_("Done."))


def _name(field: str) -> Text | str:
    """A field of the book as people call it."""
    return VEHICLE.get(field) or field_name(field)


def _shown(page: Page, name: str, value: Any) -> str:
    text = reading(name, value, page.formats)
    return page.hide(text) if name in PERSONAL else text
