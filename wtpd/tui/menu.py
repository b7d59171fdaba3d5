"""Everything that can be done, for the palette and for help."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from textual.binding import ActiveBinding

from wtpd.texts import N_, Text
from wtpd.tui.background import background
from wtpd.tui.keys import in_signs
from wtpd.tui.page import Page, page_of
from wtpd.tui.palette import Command
from wtpd.tui.shell import Shell
from wtpd.tui.widgets.sheet import Sheet
from wtpd.words import SCREENS


def commands(app: Shell) -> Iterable[Command]:
    """What the screen offers, then what goes everywhere."""
    page = page_of(app)
    if page is not None:
        yield from page.commands()
        for one in _keys(page):
            if one.node is not app:
                yield Command(
                    Text(one.binding.description), partial(_do, app, one), _shown(app, one), enabled=one.enabled
                )
    for number, name in enumerate(SCREENS, start=1):
        yield Command(SCREENS[name], partial(app.action_go_to, name), f"F{number}")
    for site in app.session.sites:
        yield Command(N_("Look at site {site}", site=site["name"]), partial(app.choose_site, site["id"]))
    yield Command(N_("Hide or show names and plates"), app.action_privacy, "F9")
    yield Command(N_("Draw the screen anew"), app.action_repaint, "Ctrl+L")
    yield Command(N_("Enter initials for the history"), app.action_initials)
    yield Command(N_("Help"), app.action_help, "?")
    yield Command(N_("Quit"), app.action_quit_wtpd, "q")


def write_help(sheet: Sheet, page: Page) -> None:
    sheet.heading(N_("Everywhere"))
    sheet.fact("F1 … F8, 1 … 8", N_("the screens, as the bottom line names them"))
    sheet.fact("Enter", N_("opens what the cursor stands on"))
    sheet.fact("Esc", N_("goes back"))
    sheet.fact("/", N_("searches on all days, or what this screen searches"))
    sheet.fact(":  Ctrl+P", N_("everything that can be done, by name"))
    sheet.fact("F9", N_("hides names, plates and numbers, or shows them"))
    sheet.fact("Ctrl+L", N_("draws the screen anew"))
    sheet.fact("q", N_("quits"))
    sheet.text(N_("Keys in parentheses are for members of the group wtpd-admin."), "dim")
    sheet.heading(page.title_text)
    for one in _keys(page):
        sheet.fact(_shown(page.wtpd, one), Text(one.binding.description))
    page.explain(sheet)


def _do(app: Shell, one: ActiveBinding) -> None:
    background(app, partial(app.run_action, one.binding.action, one.node), "command", exclusive=False)


def _keys(page: Page) -> Iterator[ActiveBinding]:
    """The keys that the key line names, each action once."""
    seen = set()
    for one in page.active_bindings.values():
        if one.binding.show and one.binding.description and one.binding.action not in seen:
            seen.add(one.binding.action)
            yield one


def _shown(app: Shell, one: ActiveBinding) -> str:
    return in_signs(one.binding.key_display or one.binding.key, app.glyphs)
