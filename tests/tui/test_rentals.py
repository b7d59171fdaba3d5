"""The rental of an appointment on its page: a real daemon, the real sandbox of Carloop."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.daemon.test_rentals import MORNING, appointment, house, rent
from tests.support.tui import opened
from tests.support.tui_desk import NOW
from wtpd.tui.screens.appointment import open_appointment


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_the_appointment_shows_its_rental_and_how_it_fits(tmp_path: Path, size: tuple[int, int]) -> None:
    async with house(tmp_path) as (daemon, _):
        visit = await appointment(daemon.http)
        async with opened(tmp_path / "api.sock", now=lambda: NOW, size=size) as tui:
            await tui.press("f2")
            await tui.until(lambda: tui.app.current_mode == "reception" and tui.app.page.loaded)
            open_appointment(tui.app, visit, "mobility")
            await tui.until("No rental car is booked for this appointment.")
            assert "Carloop isn't connected" not in tui.flat
            booked = (await rent(daemon.http, visit)).json
            await tui.until("state reserved")  # it follows the rental by itself
            assert f"plate {booked['car']['plate']}" in tui.flat
            assert booked["number"] in tui.flat
            assert f"price €{booked['price']['gross']}" in tui.flat
            early = (MORNING + timedelta(hours=4)).isoformat()
            assert (await daemon.http.post(f"/v1/rentals/{booked['id']}/end", {"end": early})).status == 200
            await tui.until("The rental ends before the collection")
