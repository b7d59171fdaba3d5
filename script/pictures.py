"""Draws the screens of the terminal UI as SVG; called by script/pictures. The pictures load nothing from elsewhere."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot

from wtpd import language as speech
from wtpd.client import Client
from wtpd.texts import LANGUAGES, load_catalogues
from wtpd.tui.app import WtpdApp
from wtpd.tui.formats import Formats
from wtpd.tui.session import Session

WIDE, LEAST = (120, 40), (80, 24)
FONT = '"DejaVu Sans Mono", "Cascadia Mono", Menlo, Consolas, monospace'
MOST_DAYS = 7


@dataclass(frozen=True)
class Picture:
    """`keys` are pressed on the screen of the app's start; `work`: first go to the next day with appointments."""

    name: str
    keys: Sequence[str] = ()
    size: tuple[int, int] = WIDE
    work: bool = False


NAME = "mentzel"
"""A customer of the demo whose appointment was changed on both sides."""

PICTURES = (
    Picture("overview"),
    Picture("overview-80x24", size=LEAST),
    Picture("reception", ["f2"], work=True),
    Picture("reception-80x24", ["f2"], size=LEAST, work=True),
    Picture("appointment", ["f2", "enter"], work=True),
    Picture("mapping", ["f3"]),
    Picture("mapping-form", ["f3", "e"]),
    Picture("credentials", ["f4"]),
    Picture("attention", ["f5"]),
    Picture("customers", ["f6", *NAME, "enter"]),
    Picture("log", ["f7"]),
    Picture("trace", ["f8", *NAME, "enter", "enter"]),
    Picture("palette", ["colon"]),
    Picture("help", ["question_mark"], size=LEAST),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/pictures", description=__doc__)
    parser.add_argument("--socket", type=Path, help="socket of a daemon that runs already (else the demo is played)")
    parser.add_argument("--lang", choices=LANGUAGES, default="en")
    parser.add_argument("--to", type=Path, default=Path("docs/pictures"), help="folder of the pictures (docs/pictures)")
    given = parser.parse_args()
    load_catalogues()
    speech.use(given.lang)
    drawn = asyncio.run(draw(given.socket, given.lang))
    given.to.mkdir(parents=True, exist_ok=True)
    for name, svg in drawn.items():
        (given.to / f"{name}.svg").write_text(svg)
    return 0


async def draw(socket: Path | None, language: str) -> dict[str, str]:
    """Each picture by its name."""
    async with _demo(language) if socket is None else contextlib.nullcontext(socket) as path:
        return {picture.name: await _svg(path, language, picture) for picture in PICTURES}


@contextlib.asynccontextmanager
async def _demo(language: str) -> AsyncIterator[Path]:
    """The demo, played and left running; its socket."""
    with tempfile.TemporaryDirectory(prefix="wtpd-pictures-") as folder:
        command = ("-m", "wtpd", "--lang", language, "demo", "--serve", "--json", "--dir", f"{folder}/demo")
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        assert process.stdout is not None
        try:
            told = b""
            while line := await process.stdout.readline():
                told += line
                if line == b"}\n":
                    break
            yield Path(json.loads(told)["socket"])
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            await process.wait()


async def _svg(socket: Path, language: str, picture: Picture) -> str:
    app = WtpdApp(Session(Client(str(socket), language=language), Formats(language)))
    async with app.run_test(size=picture.size) as pilot:
        await _settled(pilot)
        for place, key in enumerate(picture.keys):
            await pilot.press(key)
            if len(key) > 1 or key not in NAME:
                await _settled(pilot)
            if picture.work and place == 0:
                await _to_work(pilot)
        return _without_the_web(app.export_screenshot(title="wtpd", simplify=True))


async def _settled(pilot: Pilot[int]) -> None:
    """What was asked for is there: the screen stays as it is for a moment."""
    before, same = "", 0
    while same < 3:
        await pilot.pause(0.2)
        same = same + 1 if _text(pilot) == before else 0
        before = _text(pilot)


async def _to_work(pilot: Pilot[int]) -> None:
    """To the next day that has something in it; weekends have not."""
    for _ in range(MOST_DAYS):
        if re.search(r"\d\d:\d\d", _text(pilot)):
            return
        await pilot.press("right")
        await _settled(pilot)


def _text(pilot: Pilot[int]) -> str:
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def _without_the_web(svg: str) -> str:
    """With fonts that are there, instead of one that is fetched; and the same each time: the demo's ports are not."""
    svg = re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family:\s*(?:Fira Code|arial)[^;]*;", f"font-family: {FONT};", svg)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:40000", svg)
    return re.sub(r"terminal-\d+", "terminal", svg)


if __name__ == "__main__":
    sys.exit(main())
