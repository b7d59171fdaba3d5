"""How `wtpd demo` runs and what it prints; apart from the command, so that help doesn't load it."""

from __future__ import annotations

import asyncio
import contextlib
import os
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
from wtpd.demo.report import Report, Step
from wtpd.texts import N_, Text
from wtpd.tui.terminal import Terminal, as_started

if TYPE_CHECKING:
    from wtpd.cli.console import Console

STOPS = (signal.SIGTERM, signal.SIGHUP)
"""What ends it with all that it started; the second one comes when its terminal is closed."""
MOST_DIFFERENCES = 20
"""Differences that are listed; the others are counted."""


def play(console: Console, folder: Path, *, keeps: bool, serve: bool, look: bool) -> int:
    """The whole demo in `folder`, which is kept afterwards if `keeps`; the exit code. `serve` leaves it running until
    Ctrl-C, `look` until Enter."""
    try:
        return asyncio.run(_play(console, folder, keeps=keeps, serve=serve, look=look))
    except asyncio.CancelledError:
        console.note(N_("Stopped."))
        return 1


async def _play(console: Console, folder: Path, *, keeps: bool, serve: bool, look: bool) -> int:
    quiet = console.json
    report = Report() if quiet else Report(lambda text: None, lambda step: _tell(console, step))
    stop = asyncio.Event()

    async def finished(outcome: Outcome) -> None:
        _end(console, outcome, report, keeps=keeps or serve or look or not outcome.ok)
        if serve:
            if not quiet:
                console.note(N_("Everything runs until Ctrl-C."))
            with _signals(stop):
                await stop.wait()
        elif look and not quiet:
            await _let_look(console, outcome)

    main = asyncio.current_task()
    assert main is not None
    loop = asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, main.cancel)
    try:
        outcome = await run(folder, report, language=language.current(), now=datetime.now(UTC), finished=finished)
    finally:
        for number in STOPS:
            loop.remove_signal_handler(number)
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


async def _let_look(console: Console, outcome: Outcome) -> None:
    """Somebody sits there: let them look around first, in the terminal UI where it can be shown."""
    if not sys.stdout.isatty() or Terminal.of(console.environment).dumb:
        await _until_enter(console)
        return
    console.note(N_("Everything still runs, in the terminal UI. q there ends it and the demo."))
    tui = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wtpd", "tui", "--socket", str(outcome.socket), "--lang", language.current()),
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


def _program() -> str:
    """wtpd as it was called, so that the line can be copied: it needn't be on the path."""
    return "wtpd" if shutil.which("wtpd") or Path(sys.argv[0]).name != "wtpd" else sys.argv[0]


def _where(console: Console, outcome: Outcome) -> None:
    where: list[tuple[Text, str]] = [
        (N_("Folder"), str(outcome.folder)),
        (N_("API"), f"WTPD_SOCKET={outcome.socket} {_program()} status"),
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
