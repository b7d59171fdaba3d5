"""How `wtpd demo` runs and what it prints; apart from the command, so that help doesn't load it."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from wtpd import language
from wtpd.demo.compare import Comparison
from wtpd.demo.demo import Outcome, run
from wtpd.demo.partner import PARTNER
from wtpd.demo.processes import command
from wtpd.demo.report import Report, Step
from wtpd.demo.settings import LOGIN
from wtpd.texts import N_, Text
from wtpd.tui.terminal import Terminal, as_started

if TYPE_CHECKING:
    from wtpd.cli.console import Console

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that end the demo with all that it started; SIGHUP comes when its terminal is closed."""
STOPPED = tuple(128 + number for number in STOPS)
"""Exit codes after one of them, as shells give them."""
MOST_DIFFERENCES = 20
"""Differences that are listed; the others are counted."""


def play(console: Console, folder: Path, *, keeps: bool, serve: bool, look: bool) -> int:
    """The whole demo in `folder`, which is kept afterwards if `keeps`; the exit code. `serve` leaves it running until
    Ctrl-C, `look` until Enter."""
    stops: list[signal.Signals] = []
    try:
        return asyncio.run(_play(console, folder, stops, keeps=keeps, serve=serve, look=look))
    except (asyncio.CancelledError, KeyboardInterrupt):
        if keeps:
            console.note(N_("Stopped. What it made is in {folder}", folder=str(folder)))
        else:
            console.note(N_("Stopped."))
        return 128 + (stops[0] if stops else signal.SIGINT)


async def _play(
    console: Console, folder: Path, stops: list[signal.Signals], *, keeps: bool, serve: bool, look: bool
) -> int:
    """`stops` gets the signals that came."""
    quiet = console.json
    report = Report() if quiet else Report(lambda text: None, lambda step: _tell(console, step))

    async def finished(outcome: Outcome) -> None:
        stays = outcome.running and (serve or (look and not quiet))
        _end(console, outcome, report, stays=stays, keeps=keeps or stays or not outcome.ok)
        if stays and serve:
            if not quiet:
                console.note(N_("Everything runs until Ctrl-C."))
            await _until_stopped()
        elif stays:
            await _let_look(console, outcome)

    main = asyncio.current_task()
    assert main is not None

    def stop(number: signal.Signals) -> None:
        stops.append(number)
        if len(stops) == 1:  # a second Ctrl-C doesn't disturb the clearing up
            main.cancel()

    loop = asyncio.get_running_loop()
    for number in STOPS:  # until the loop is closed, so that none comes between
        loop.add_signal_handler(number, stop, number)
    outcome = await run(folder, report, language=language.current(), now=datetime.now(UTC), finished=finished)
    return 0 if outcome.ok else 1


async def _until_stopped() -> None:
    """While serving, Ctrl-C and a stop are the normal end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


async def _let_look(console: Console, outcome: Outcome) -> None:
    """Somebody sits there: let them look around first, in the terminal UI where it can be shown."""
    if not sys.stdout.isatty() or Terminal.of(console.environment).dumb:
        await _until_enter(console)
        return
    console.note(N_("Everything still runs, in the terminal UI. q there ends it and the demo."))
    tui = await asyncio.create_subprocess_exec(
        *command("tui", "--socket", str(outcome.socket), "--lang", language.current(), ends_by=signal.SIGTERM),
        env=as_started(os.environ),
    )
    try:
        await tui.wait()
    finally:
        if tui.returncode is None:
            tui.terminate()
            await tui.wait()


async def _until_enter(console: Console) -> None:
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


def _end(console: Console, outcome: Outcome, report: Report, *, stays: bool, keeps: bool) -> None:
    """`stays`: everything goes on running; `keeps`: the folder is there afterwards."""
    console.answer(outcome.for_programs(report), lambda: _sum_up(console, outcome, stays, keeps))
    sys.stdout.flush()


def _sum_up(console: Console, outcome: Outcome, stays: bool, keeps: bool) -> None:
    console.line()
    if outcome.failure is not None:
        console.line(outcome.failure, colour="red", bold=True)
    elif outcome.comparison is not None:
        _verdict(console, outcome.comparison)
    if keeps:
        for label, value in _where(outcome, stays):
            console.line(f"{language.say(label) + ':':<10} {value}")


def _program() -> str:
    """wtpd as it was called, so that the line can be copied: it needn't be on the path."""
    return "wtpd" if shutil.which("wtpd") or Path(sys.argv[0]).name != "wtpd" else shlex.quote(sys.argv[0])


def _where(outcome: Outcome, stays: bool) -> Iterator[tuple[Text, str]]:
    """What there is to look at. Only the folder and what is in it if daemon and sandbox have ended."""
    yield N_("Folder"), str(outcome.folder)
    if stays:
        yield N_("API"), f"WTPD_SOCKET={shlex.quote(str(outcome.socket))} {_program()} status"
        yield N_("Sandbox"), f"{outcome.sandbox}/_sandbox/{PARTNER}/state"
        yield N_("Login"), f"client_id={LOGIN['client_id']} client_secret={LOGIN['client_secret']}"
    if outcome.comparison is not None:
        yield N_("Mails"), f"{outcome.folder / 'mails'} ({outcome.mails})"
    yield N_("Log"), str(outcome.folder / "daemon.log")


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
