"""The terminal UI on a real terminal: time to the first picture and memory against a bare Textual app, bytes and time a
key, at 100,000 appointments."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from bench.daemon import daemon
from bench.dealership import dealership
from bench.figures import Figure, at_most, fact, median, percentile
from bench.processes import cpu_ms, megabytes
from bench.pty_terminal import Terminal, terminal

BARE = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("here I am")

Bare().run(mouse=False)
"""
DOWN, PAGE_DOWN, HOME, ENTER, ESCAPE = b"\x1b[B", b"\x1b[6~", b"\x1b[H", b"\r", b"\x1b"
SCREENS = (b"\x1bOQ", b"\x1bOR", b"\x1bOS", b"\x1b[15~", b"\x1b[17~", b"\x1b[18~", b"\x1b[19~", b"\x1bOP")
"""F2 to F8, and F1."""


async def run(quick: bool) -> list[Figure]:
    size, rounds, keys, idle = (1_000, 2, 10, 5) if quick else (100_000, 9, 60, 60)
    with tempfile.TemporaryDirectory(prefix="wtpd-bench-") as scratch:
        bare = Path(scratch) / "bare.py"
        bare.write_text(BARE)
        async with dealership(size) as place:
            folder = place.path.parent
            await place.db.close()
            async with daemon(folder) as running:
                command = (sys.executable, "-m", "wtpd", "tui", "--lang", "en", "--socket", str(running.socket))
                figures = await asyncio.to_thread(_start, (sys.executable, str(bare)), command, rounds, size)
                for columns, lines in ((80, 24), (120, 40)):
                    figures += await asyncio.to_thread(_keys, command, columns, lines, keys)
                figures += await asyncio.to_thread(_idle, command, idle)
    return figures


def _start(bare: tuple[str, ...], command: tuple[str, ...], rounds: int, size: int) -> list[Figure]:
    """In turns."""
    times: dict[str, list[float]] = {"bare": [], "frame": [], "data": []}
    memory: dict[str, list[float]] = {"bare": [], "tui": []}
    for _ in range(rounds):
        with terminal(bare, 80, 24) as shown:
            times["bare"].append(shown.until(b"here I am"))
            shown.quiet(0.5)
            memory["bare"].append(megabytes(shown.pid))
        with terminal(command, 80, 24) as shown:
            times["frame"].append(shown.until(b"Overview"))
            times["data"].append(shown.until(b"superservice/rostock"))
            shown.quiet(0.5)
            memory["tui"].append(megabytes(shown.pid))
    least = median(times["bare"])
    more = median(memory["tui"]) - median(memory["bare"])
    return [
        fact("a bare Textual app: visible", least * 1000, "ms", note=f", {median(memory['bare']):.0f} MB"),
        at_most(f"visible, {size:,} appointments", median(times["frame"]) / least, 2, "×"),
        fact("… with the daemon's data", median(times["data"]) / least, "×"),
        at_most("RSS above the bare app's", more, 10, "MB"),
    ]


def _keys(command: tuple[str, ...], columns: int, lines: int, keys: int) -> list[Figure]:
    where = f" at {columns}×{lines}"
    with terminal(command, columns, lines) as shown:
        shown.until(b"superservice/rostock")
        shown.quiet(0.5)
        opened = len(shown.seen)
        switches = [shown.press(key, quiet=0.4).size for key in SCREENS * 2][len(SCREENS) :]
        _search(shown)
        moves = [shown.press(DOWN) for _ in range(keys)]
        within = [move for move in moves if move.size < 2 * median([one.size for one in moves])]  # no turn of the page
        shown.press(HOME)
        before = cpu_ms(shown.pid)
        pages = [shown.press(PAGE_DOWN).size for _ in range(4)]
        page_cpu = (cpu_ms(shown.pid) - before) / len(pages)
        shown.press(b":", quiet=0.2)
        letters = [shown.press(bytes((letter,))).size for letter in b"privacyov"]
        took = [move.last * 1000 for move in within]
    return [
        fact(f"opened{where}", opened, "B"),
        at_most(f"a move{where}", median([move.size for move in within]), 400, "B"),
        at_most(f"… until its last byte is here, p50{where}", percentile(took, 50), 10, "ms"),
        at_most(f"… p95{where}", percentile(took, 95), 50, "ms"),
        at_most(f"a page{where}", max(pages), 7000, "B", note=f", {page_cpu:.0f} ms of CPU"),
        fact(f"another screen{where}, most / median", max(switches), "B", note=f" / {median(switches):,.0f} B"),
        fact(f"a letter typed into the palette{where}", median(letters), "B"),
    ]


def _search(shown: Terminal) -> None:
    """A list of 200 among all appointments."""
    shown.press(SCREENS[0], quiet=0.4)
    shown.press(b"/", quiet=0.4)
    shown.press(b"nachname1" + ENTER, quiet=0.6)
    shown.until(b"found" if b"found" in shown.seen else b"newest")


def _idle(command: tuple[str, ...], seconds: int) -> list[Figure]:
    with terminal(command, 80, 24) as shown:
        shown.until(b"superservice/rostock")
        shown.quiet(2)
        before = cpu_ms(shown.pid)
        size = shown.watch(seconds)
        cpu = (cpu_ms(shown.pid) - before) * 60 / seconds
    return [fact("idle, overview with its clocks", size * 60 / seconds, "B/min", note=f", {cpu:.0f} ms of CPU/min")]
