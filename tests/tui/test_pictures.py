"""Every screen as it is drawn: in three languages, at 80×24 and at 120×40, compared with the pictures kept beside this
file. `pytest tests/tui/test_pictures.py --snapshot-update` makes them anew; look at them before they are kept."""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.image import SVGImageSnapshotExtension

from tests.support import showcase
from tests.support.daemon import running_daemon
from tests.support.tui import Tui, opened
from wtpd.clock import iso
from wtpd.tui.screens.appointment import open_appointment
from wtpd.tui.screens.appointment.page import SECTIONS
from wtpd.words import SCREENS

ENDLESS = ("live", "lines", "keyboard")
"""Groups of workers that listen for as long as the screen is there."""


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("language", ["de", "en", "nl"])
async def test_the_screens(tmp_path: Any, snapshot: SnapshotAssertion, language: str, size: tuple[int, int]) -> None:
    clock = showcase.clock()
    async with running_daemon(tmp_path, showcase.settings(), clock=clock, free_of=showcase.free_of) as daemon:
        ids = await showcase.fill(daemon)
        async with opened(tmp_path / "api.sock", language=language, size=size, now=clock.now) as tui:
            for number, name in enumerate(SCREENS, start=1):
                await tui.press(f"f{number}")
                await tui.until(lambda name=name: tui.app.current_mode == name)
                await _settled(tui)
                assert tui.svg == snapshot(name=name, extension_class=SVGImageSnapshotExtension)
            for section in SECTIONS:
                await tui.press("f2")
                await _settled(tui)
                open_appointment(tui.app, ids["Krüger"], section)
                await tui.until(lambda: tui.app.page is not None and tui.app.page.NAME == "reception")
                await _settled(tui)
                name = f"appointment_{section}"
                assert tui.svg == snapshot(name=name, extension_class=SVGImageSnapshotExtension)
                await tui.press("escape")


async def _settled(tui: Tui) -> None:
    """Until the screen has loaded and nothing is under way; what differs from run to run is made alike."""
    await tui.pilot.pause()
    await tui.until(lambda: tui.app.page is not None and tui.app.page.loaded)
    await tui.until(lambda: not [one for one in tui.app.workers if one.group not in ENDLESS])
    await tui.pilot.pause(0.3)
    page: Any = tui.app.page
    if page.NAME == "overview":
        page._status["disk"]["database"] = 1_000_000
    elif page.NAME == "log":
        for line in page._lines.all:
            line["at"] = iso(showcase.MORNING)
    page.draw()
    await tui.pilot.pause()
