"""`wtpd demo`: a dealership with two sites for a minute, and the proof at the end."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wtpd.cli import language
from wtpd.cli.command import command, option
from wtpd.texts import N_, Text

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.demo.compare import Comparison
    from wtpd.demo.demo import Outcome
    from wtpd.demo.report import Report, Step

MOST_DIFFERENCES = 20
"""Differences that are listed; the others are counted."""


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
    place = _own(folder) if folder is not None else Path(tempfile.mkdtemp(prefix="wtpd-demo-"))
    look = console.interactive and not no_tui and not serve
    code = 1
    try:
        code = asyncio.run(_play(console, place, keeps=folder is not None, serve=serve, look=look))
    except asyncio.CancelledError:
        console.note(N_("Stopped."))
    finally:
        # A temporary folder stays where it can tell what went wrong.
        if folder is None and code == 0:
            shutil.rmtree(place)
    return code


def _own(folder: Path) -> Path:
    """The folder that was asked for; it must be empty, since the demo always begins at the beginning."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        text = N_("{folder} isn't empty; the demo wants a folder of its own.", folder=str(folder))
        raise click.BadParameter(language.say(text), param_hint="--dir")
    return folder


async def _play(console: Console, folder: Path, *, keeps: bool, serve: bool, look: bool) -> int:
    from wtpd.demo.demo import run
    from wtpd.demo.report import Report

    quiet = console.json
    report = Report() if quiet else Report(lambda text: None, lambda step: _tell(console, step))
    stop = asyncio.Event()

    async def finished(outcome: Outcome) -> None:
        _end(console, outcome, report, keeps=keeps or serve or look or not outcome.ok)
        if serve:
            with _signals(stop):
                await stop.wait()
        elif look and not quiet:
            await _until_enter(console)

    main = asyncio.current_task()
    assert main is not None
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, main.cancel)
    try:
        outcome = await run(folder, report, language=language.current(), now=datetime.now(UTC), finished=finished)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
    return 0 if outcome.ok else 1


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """While serving, Ctrl-C and a stop are the normal end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _until_enter(console: Console) -> None:
    """Somebody sits there: let them look around first."""
    console.note(N_("Everything still runs: look around in a second terminal. Enter ends it."))
    loop = asyncio.get_running_loop()
    typed = asyncio.Event()
    loop.add_reader(sys.stdin, typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin)


def _tell(console: Console, step: Step) -> None:
    console.line(f"{language.say(step.text)}  ({step.seconds:.1f} s)", bold=True)
    for finding in step.findings:
        console.line(f"  {language.say(finding)}")
    sys.stdout.flush()


def _end(console: Console, outcome: Outcome, report: Report, *, keeps: bool) -> None:
    console.answer(outcome.for_programs(report), lambda: _sum_up(console, outcome, keeps))
    sys.stdout.flush()


def _sum_up(console: Console, outcome: Outcome, keeps: bool) -> None:
    console.line()
    if outcome.failure is not None:
        console.line(outcome.failure, colour="red", bold=True)
    elif outcome.comparison is not None:
        _verdict(console, outcome.comparison)
    if keeps:
        _where(console, outcome)


def _where(console: Console, outcome: Outcome) -> None:
    where: list[tuple[Text, str]] = [
        (N_("Folder"), str(outcome.folder)),
        (N_("API"), f"wtpd --help; WTPD_SOCKET={outcome.socket} wtpd status"),
        (N_("Sandbox"), f"{outcome.sandbox}/_sandbox/superservice/state"),
        (N_("Mails"), f"{outcome.folder / 'mails'} ({outcome.mails})"),
        (N_("Log"), str(outcome.folder / "daemon.log")),
    ]
    for label, value in where:
        console.line(f"{language.say(label) + ':':<10} {value}")


def _verdict(console: Console, comparison: Comparison) -> None:
    if comparison.equal:
        text = N_("Both sides agree: {count} appointments, each once.", count=comparison.agreed)
        console.line(text, colour="green", bold=True)
        return
    console.line(N_("Both sides do NOT agree:"), colour="red", bold=True)
    for double in comparison.doubles:
        console.line(N_("  booked twice: {id}", id=double))
    for one in comparison.differences[:MOST_DIFFERENCES]:
        place = f"  {one.ours or '–'} / {one.theirs or '–'} {one.field}".rstrip()
        console.line(f"{place}: {one.our_value!r} ≠ {one.their_value!r}" if one.field else place)
    if len(comparison.differences) > MOST_DIFFERENCES:
        console.line(N_("  … {count} in all", count=len(comparison.differences)))
