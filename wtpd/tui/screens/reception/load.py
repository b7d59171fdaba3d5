"""How full a department is on a day, as a bar with its figures; shared by day and week."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wtpd.language import say
from wtpd.texts import N_
from wtpd.tui.cells import load_bar
from wtpd.tui.session import Session
from wtpd.tui.widgets.lines import Span


def load_spans(session: Session, one: Mapping[str, Any], width: int) -> list[Span]:
    """`one`: a department of `GET /v1/reception`. `width`: of the bar alone; the figures follow it, with a sign where
    more is booked than the limit allows. A closed day says why instead."""
    number = session.formats.number
    if one["closed"]:
        units = N_("{units} AW", units=number(one["booked"]))
        booked = f"{say(units)}, " if one["booked"] else ""
        return [(f"{booked}{one['closed']}", "warn" if booked else "dim")]
    bar = load_bar(one["booked"], one["limit"], one["capacity"], width, session.glyphs)
    over = one["booked"] > one["limit"]
    figures = N_("{booked}/{limit} AW", booked=number(one["booked"]), limit=number(one["limit"]))
    sign = f" {session.glyphs.warn}" if over else ""
    return [*bar, (f" {say(figures)}{sign}", "warn" if over else "")]
