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

NAMES: Mapping[str, Text] = {
    "code": N_("code"),
    "source": N_("source"),
    "sales_cents": N_("sales price without VAT"),
    "sales_gross_cents": N_("sales price with VAT"),
    "purchase_cents": N_("purchase price without VAT"),
    "purchase_gross_cents": N_("purchase price with VAT"),
    "original_gross_cents": N_("price when new, with VAT"),
    "data_month": N_("data of"),
    "currency": N_("currency"),
    "extras": N_("extras"),
    "state": N_("state"),
    "detail": N_("detail"),
}
"""What answers of actions hold beside fields of the book."""


def candidates_of(answer: Mapping[str, Any]) -> list[Json]:
    """The candidates among which somebody must choose; none if one was chosen, or there is nothing to choose."""
    return [] if answer.get("chosen") is not None else _candidates(answer)


def candidate_line(candidate: Mapping[str, Any]) -> str:
    """`2  FORD  Focus  1.0 EcoBoost`: its number and what tells it from the others."""
    model = candidate.get("name") or candidate.get("model")
    told = [candidate.get("make"), model, candidate.get("variant"), candidate.get("code")]
    return "  ".join([str(candidate["number"]), *(str(part) for part in told if part)])


def write_answer(sheet: Sheet, page: Page, answer: Mapping[str, Any]) -> None:
    """The answer on a sheet: what was filled in or differs, else plain facts."""
    if "filled" in answer and "differing" in answer:
        _write_filled(sheet, page, answer)
        return
    facts = {name: value for name, value in answer.items() if _is_plain(value)}
    for name, value in facts.items():
        sheet.fact(name_of(name), _shown(page, name, value))
    if "extras" in answer and not answer["extras"]:
        sheet.text(N_("The prices are without extras."), "warn")
    if not facts:
        sheet.text(N_("Done."))


def name_of(field: str) -> Text | str:
    """A field of an answer as people call it."""
    if field in NAMES:
        return NAMES[field]
    if field in VEHICLE:
        return VEHICLE[field]
    named = field_name(field)
    return field.replace("_", " ") if named == field else named


def _write_filled(sheet: Sheet, page: Page, answer: Mapping[str, Any]) -> None:
    for name, value in answer["filled"].items():
        text = N_("{field}: {value} was filled in", field=name_of(name), value=_shown(page, name, value))
        sheet.text(f"{page.session.glyphs.check} {say(text)}", "ok")
    for name, one in answer["differing"].items():
        ours, theirs = (_shown(page, name, one[side]) for side in ("ours", "theirs"))
        text = N_("{field}: {ours} stays, the partner says {theirs}", field=name_of(name), ours=ours, theirs=theirs)
        sheet.text(f"{page.session.glyphs.warn} {say(text)}", "warn")
    if answer["filled"] or answer["differing"]:
        return
    if _candidates(answer):
        sheet.text(N_("The book says the same; nothing was filled in."))
    else:
        sheet.text(N_("The partner knows nothing of it; nothing was filled in."), "warn")


def _candidates(answer: Mapping[str, Any]) -> list[Json]:
    """They stand in the answer, or in a part of it."""
    for part in (answer, *answer.values()):
        if isinstance(part, dict) and isinstance(part.get("candidates"), list):
            return [one for one in part["candidates"] if isinstance(one, dict) and "number" in one]
    return []


def _shown(page: Page, name: str, value: Any) -> str:
    text = reading(name, value, page.formats)
    return page.hide(text) if name in PERSONAL else text


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and value != ""
