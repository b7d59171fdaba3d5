"""The columns of the reception view: an appointment in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.cells import GONE, customer_cell, origin_cell, plate_cell, status_cell, word, work_of
from wtpd.tui.glyphs import Glyphs
from wtpd.tui.page import Page
from wtpd.tui.widgets.lines import Cell, Span, spans
from wtpd.tui.widgets.table import Column
from wtpd.words import TRANSPORT

TRANSPORT_SHORT: Mapping[str, Text] = {
    "waiting": N_("waits"),
    "courtesy_car": N_("car"),
    "rental_car": N_("rental"),
    "collection_delivery": N_("fetch"),
    "shuttle": N_("shuttle"),
}
"""Of the transport options, for a narrow column."""
WIDE = 120
Json = Mapping[str, Any]


def columns(
    page: Page, when: Callable[[Json], Cell], when_width: int, title: Text, *, less_from: int = 0
) -> Sequence[Column]:
    """`when`: the cell of the time, under `title`, as wide as given. `less_from`: advisor and
    transport are shown only in a table at least that wide."""
    glyphs = page.session.glyphs
    cells: list[Column] = [
        Column(title, when, width=when_width),
        Column("", lambda one: origin_cell(one["origin"], glyphs), width=2),
        Column(N_("plate"), lambda one: plate_cell(one, page.hide), width=11),
        Column(N_("customer"), lambda one: customer_cell(one, page.hide), share=4),
        Column(N_("telephone"), lambda one: page.hide((one["customer"] or {}).get("phone")), width=16, from_width=160),
        Column(N_("model"), lambda one: str((one["vehicle"] or {}).get("model") or ""), width=14, from_width=140),
        Column(N_("work"), work_of, share=5),
        Column(N_("AW"), lambda one: page.formats.number(one["labour_units"]), width=5, right=True, from_width=WIDE),
        Column(N_("adv."), lambda one: one["advisor"] or "", width=5, from_width=less_from),
        Column(N_("transp."), _short_transport, width=7, from_width=less_from),
        Column(N_("status"), lambda one: status_cell(one, glyphs), width=13),
        Column("", lambda one: (glyphs.warn, "warn") if one["over_limit"] else "", width=1),
    ]
    return [_dimmed(column) for column in cells]


def legend(glyphs: Glyphs) -> list[Span]:
    """What the signs in a line say."""
    return [
        (f"{glyphs.app} {say(N_('MyNISSAN app'))}", "accent"),
        ("   ", ""),
        (f"{glyphs.dealer} SUPERSERVICE", "accent"),
        ("   ", ""),
        (f"{glyphs.dms} DMS", ""),
        ("   ", ""),
        (f"{glyphs.warn} {say(N_('over the load limit'))}", "warn"),
    ]


def _short_transport(one: Json) -> Cell:
    """The courtesy car's sign says more than that there is one."""
    option = one["transport_option"]
    if one["courtesy_car"]:
        return str(one["courtesy_car"])
    if option == "none":
        return ""
    return say(TRANSPORT_SHORT[option]) if option in TRANSPORT_SHORT else word(TRANSPORT, option)


def _dimmed(column: Column) -> Column:
    """Those that don't come are there, but don't catch the eye."""

    def cell(one: Json) -> Cell:
        shown = column.cell(one)
        return [(text, "dim") for text, _ in spans(shown)] if one["status"] in GONE else shown

    return Column(
        column.title, cell, width=column.width, right=column.right, from_width=column.from_width, share=column.share
    )
