"""The columns of the two tables of the overview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wtpd.client import Json
from wtpd.texts import N_
from wtpd.tui.cells import channel_cell
from wtpd.tui.page import Page
from wtpd.tui.widgets.lines import Span
from wtpd.tui.widgets.table import Column

GRAVE = frozenset(
    (
        "damage", "disk", "key", "credential.refused", "config", "config_held", "mass_cancellation",
        "credential.expired", "channel.needs_token",
        "channel.not_covered", "channel.stopped", "channel.config_error",
    )
)  # fmt: skip
"""Kinds of problems for which something stands still."""


def of_problems(page: Page) -> Sequence[Column]:
    def sign(one: Json) -> Span:
        glyphs = page.session.glyphs
        return (glyphs.bad, "bad") if one["kind"] in GRAVE else (glyphs.warn, "warn")

    return (
        Column("", sign, width=2),
        Column(N_("problem"), lambda one: one["text"]),
        Column(N_("since"), lambda one: page.formats.ago(one["since"]), width=14),
        Column(N_("today"), lambda one: _count(one["touches_today"]), width=6, right=True),
        Column(N_("in all"), lambda one: _count(one["touches"]), width=7, right=True, from_width=100),
    )


def of_channels(page: Page, busy: Mapping[str, str]) -> Sequence[Column]:
    """`busy`: what somebody at this terminal does with a channel just now."""

    def state(one: Json) -> Span:
        doing = busy.get(one["id"])
        return (
            (f"{page.session.glyphs.more} {doing}", "accent")
            if doing
            else channel_cell(one["state"], page.session.glyphs)
        )

    return (
        Column(N_("channel"), lambda one: one["id"]),
        Column(N_("site"), lambda one: page.session.site_name(one["site"]), width=22, from_width=110),
        Column(N_("state"), state, width=19),
        Column(N_("ok, ago"), lambda one: page.formats.away(one["last_success"]), width=8),
        Column(N_("next in"), lambda one: _until(page, one["next_run"]), width=8),
        Column(N_("wait"), lambda one: _count(one["waiting"], ""), width=5, right=True),
        Column(N_("confl."), lambda one: _count(one["conflicts"], "warn"), width=6, right=True),
        Column(N_("quar."), lambda one: _count(one["quarantined"], "warn"), width=5, right=True),
    )


def _until(page: Page, moment: str | None) -> str:
    """A run whose time has come is about to begin."""
    if moment is None or page.formats.is_past(moment):
        return ""
    return page.formats.away(moment)


def _count(count: int, tint: str = "strong") -> Span:
    return (str(count), tint) if count else ("", "")
