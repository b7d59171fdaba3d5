"""`wtpd tui`: the terminal UI."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wtpd import language
from wtpd.cli.command import command, option
from wtpd.texts import N_, Text

if TYPE_CHECKING:
    from wtpd.cli.console import Console

USAGE, NOT_REACHABLE = 2, 3


@command(
    "tui",
    N_(
        "Open the terminal UI: overview, reception, mapping, credentials, attention, customers, log and trace. "
        "It works over ssh and in 80×24; --check tells what this terminal can do."
    ),
    example="wtpd tui\nwtpd tui --check\nwtpd tui --ascii --lang nl",
)
@option("--check", is_flag=True, about=N_("Only say what this terminal can do and which mode follows."))
@option(
    "--theme",
    type=click.Choice(["auto", "dark", "light"]),
    default="auto",
    about=N_("Ground of the terminal; by itself as far as the terminal tells it."),
)
@option("--ascii", "ascii_only", is_flag=True, about=N_("Plain ASCII only, umlauts in two letters."))
@option("--mouse", is_flag=True, about=N_("Use the mouse; the terminal then no longer marks and copies with it."))
@option("--initials", metavar="XX", default="", about=N_("Who you are, where several people share a login."))
def tui(console: Console, check: bool, theme: str, ascii_only: bool, mouse: bool, initials: str) -> int:
    from wtpd.tui.terminal import Terminal, as_started

    terminal = Terminal.of(as_started(console.environment))
    mode = terminal.mode(theme=theme, ascii_only=ascii_only)  # type: ignore[arg-type] # click has checked it
    if check:
        from wtpd.cli.tui_check import show

        return show(console, terminal, mode)
    if terminal.dumb or not (sys.stdin.isatty() and sys.stdout.isatty()):
        console.note(_no_terminal(terminal.dumb))
        return USAGE
    if Path(console.socket).exists() and not os.access(console.socket, os.R_OK | os.W_OK):
        console.note(
            N_(
                "You may not use {socket}. Members of the group wtpd may read, of wtpd-admin change.",
                socket=console.socket,
            )
        )
        return NOT_REACHABLE
    from wtpd.tui.start import Options, start

    chosen = language.current() if _language_given(console) else None
    return start(Options(socket=console.socket, mode=mode, language=chosen, mouse=mouse, initials=initials))


def _no_terminal(dumb: bool) -> Text:
    if dumb:
        return N_("This terminal (TERM) can't show pages. Use wtpd status, wtpd appointments and so on: wtpd --help")
    return N_("wtpd tui wants a terminal. For scripts there are wtpd status, wtpd appointments and so on: wtpd --help")


def _language_given(console: Console) -> bool:
    """By --lang here or before the command, or WTPD_LANG; else the house's language comes first."""
    if console.environment.get("WTPD_LANG"):
        return True
    ctx: click.Context | None = click.get_current_context()
    while ctx is not None:
        if ctx.get_parameter_source("lang") == click.core.ParameterSource.COMMANDLINE:
            return True
        ctx = ctx.parent
    return False
