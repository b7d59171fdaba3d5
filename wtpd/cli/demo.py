"""`wtpd demo`: a dealership with two sites for a minute, and the proof at the end."""

from __future__ import annotations

import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wtpd import language
from wtpd.cli.command import command, option
from wtpd.cli.extras import DEMO, need
from wtpd.network_words import of_system
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.cli.console import Console

INTERRUPTED = 128 + signal.SIGINT


@command(
    "demo",
    N_(
        "Play a dealership: sandbox partner, daemon and mail server in one folder, bookings on both sides, a conflict, "
        "a full day, a crash; then compare both sides. Exit code 0 if they agree."
    ),
    example="wtpd demo\nwtpd demo --serve --dir ./demo",
)
@option(
    "--dir",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    about=N_("Folder for all of it, kept afterwards (a temporary one)."),
)
@option("--serve", is_flag=True, about=N_("Leave everything running until Ctrl-C, and say where."))
@option("--no-tui", is_flag=True, about=N_("On a terminal too, only report and end."))
def demo(console: Console, folder: Path | None, serve: bool, no_tui: bool) -> int:
    need(*DEMO)
    from wtpd.cli.demo_run import STOPPED, play

    place = _own(folder) if folder is not None else Path(tempfile.mkdtemp(prefix="wtpd-demo-"))
    look = console.interactive and not no_tui and not serve
    code = INTERRUPTED
    try:
        code = play(console, place, keeps=folder is not None, serve=serve, look=look)
    finally:
        # A temporary folder stays only where it can tell what went wrong.
        if folder is None and code in (0, *STOPPED):
            shutil.rmtree(place, ignore_errors=True)
    return code


def _own(folder: Path) -> Path:
    """The folder that was asked for; it must be empty, since the demo always begins at the beginning."""
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        text = N_("{folder} can't be used: {reason}", folder=str(folder), reason=of_system(error))
        raise click.BadParameter(language.say(text), param_hint="--dir") from error
    if not is_empty:
        text = N_("{folder} isn't empty; the demo wants a folder of its own.", folder=str(folder))
        raise click.BadParameter(language.say(text), param_hint="--dir")
    return folder
