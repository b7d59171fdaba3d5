"""F7: the daemon's log, live: follow, stand still, choose, search, open what a line speaks of."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.tui import Tui, opened
from wtpd.client import Json
from wtpd.tui.screens.appointment.page import AppointmentPage
from wtpd.tui.screens.log import Log
from wtpd.tui.screens.log.lines import MOST, PART, PARTS, Filter, Lines

LOG = logging.getLogger("wtpd.test")
SITES = {"rostock": "00123", "wismar": "00456"}
BOOKING = {
    "site": "rostock",
    "department": "Werkstatt",
    "drop_off": "2027-03-01T07:00:00Z",
    "collection": "2027-03-01T15:00:00Z",
}


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


@asynccontextmanager
async def log(folder: Path, **options: Any) -> AsyncIterator[tuple[RunningDaemon, Tui]]:
    """The screen, once it has its first lines."""
    async with (
        running_daemon(folder, config_text(sites=SITES)) as daemon,
        opened(folder / "api.sock", **options) as tui,
    ):
        await tui.press("f7")
        await tui.until("is ready after")
        yield daemon, tui


def page(tui: Tui) -> Log:
    found = tui.app.page
    assert isinstance(found, Log)
    return found


def held(tui: Tui) -> list[Json]:
    """The lines that are here, oldest first."""
    lines = page(tui)._lines
    return lines.all if lines else []


def write(count: int, text: str = "line", **fields: str) -> None:
    for number in range(count):
        LOG.info("%s %d", text, number, extra={name.upper(): value for name, value in fields.items()})


async def test_new_lines_come_by_themselves_at_the_bottom(tmp_path: Path) -> None:
    async with log(tmp_path) as (_, tui):
        await tui.until("● follows")
        write(50)
        await tui.until("line 49")
        lines = [line for line in tui.lines if " line " in line]
        assert lines[-1].split()[-1] == "49", "the newest below"


async def test_going_up_stops_it_and_end_goes_on(tmp_path: Path) -> None:
    async with log(tmp_path) as (_, tui):
        write(50)
        await tui.until("line 49")
        await tui.press("up", "up")
        await tui.until("‖ stands still; End follows")
        write(30, "later")
        await tui.until(lambda: len(held(tui)) > 80)
        await tui.pilot.pause()
        assert "later" not in tui.text, "what is read stays where it is"
        await tui.press("end")
        await tui.until("● follows")
        await tui.until("later 29")
        write(1, "at last")
        await tui.until("at last 0")


async def test_f_stops_and_goes_on(tmp_path: Path) -> None:
    async with log(tmp_path) as (_, tui):
        await tui.press("f")
        await tui.until("stands still")
        write(50)
        await tui.until(lambda: len(held(tui)) > 50)
        await tui.pilot.pause()
        assert "line 49" not in tui.text
        await tui.press("f")
        await tui.until("line 49")


async def test_only_warnings_only_errors(tmp_path: Path) -> None:
    async with log(tmp_path) as (_, tui):
        LOG.warning("a warning")
        LOG.error("an error")
        await tui.until("an error")
        await tui.press("l")
        await tui.until("warnings and errors")
        await tui.until_gone("is ready after")
        assert "▲" in next(line for line in tui.lines if "a warning" in line)
        await tui.press("l")
        await tui.until("errors only")
        await tui.until_gone("a warning")
        assert "an error" in tui.text
        write(3)
        LOG.error("another error")
        await tui.until("another error")
        assert "line 2" not in tui.text, "live lines are chosen, too"


async def test_of_one_site(tmp_path: Path) -> None:
    async with log(tmp_path) as (_, tui):
        write(1, "rostock says", connector="superservice", site="rostock")
        write(1, "wismar says", connector="superservice", site="wismar")
        await tui.until("wismar says")
        await tui.press("s")
        await tui.until("Lines of which site?")
        await tui.press("down", "down", "enter")
        await tui.until_gone("rostock says")
        assert "Autohaus Wismar" in tui.text
        assert "wismar says" in tui.text


async def test_search_for_words_and_give_it_up(tmp_path: Path) -> None:
    async with log(tmp_path) as (_, tui):
        write(1, "the blue one")
        write(1, "the red one")
        await tui.until("the red one")
        await tui.press("slash")
        await tui.type("BLUE one")
        await tui.press("enter")
        await tui.until_gone("the red one")
        assert "the blue one" in tui.text
        assert "/BLUE one" in tui.text
        await tui.press("slash")
        await tui.type(" xyz")
        await tui.press("enter")
        await tui.until("No such line.")
        await tui.press("escape")
        await tui.until("the red one")


async def test_all_lines_again_empties_the_search_too(tmp_path: Path) -> None:
    async with log(tmp_path) as (_, tui):
        await tui.press("slash")
        await tui.type("xyz")
        await tui.press("enter")
        await tui.until("No such line.")
        await tui.press("colon")
        await tui.type("show all lines")
        await tui.press("enter")
        await tui.until("is ready after")
        await tui.press("slash")
        await tui.until("Words that stand in the line")


async def test_words_that_are_looked_for_are_hidden_too(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text(sites=SITES)), opened(tmp_path / "api.sock") as tui:
        await tui.press("f9", "f7")
        await tui.until("is ready after")
        await tui.press("slash")
        await tui.type("luebs")
        await tui.until("•••••")
        assert "luebs" not in tui.text
        await tui.press("enter")
        await tui.until("No such line.")
        assert "luebs" not in tui.text


async def test_a_line_opens_the_appointment_that_it_speaks_of(tmp_path: Path) -> None:
    async with log(tmp_path) as (daemon, tui):
        booked = (await daemon.http.post("/v1/appointments", BOOKING)).json
        write(1, "look here", appointment=booked["id"])
        await tui.until("look here")
        await tui.until("d Details")
        await tui.press("enter")
        await tui.until(lambda: isinstance(tui.app.screen, AppointmentPage))


async def test_any_other_line_is_shown_with_its_fields(tmp_path: Path) -> None:
    async with log(tmp_path) as (_, tui):
        write(1, "look here\n  and there", run="manual", connector="superservice", site="rostock")
        await tui.until("look here")
        assert "d Details" not in tui.lines[-2]
        await tui.press("enter")
        await tui.until("run manual")
        await tui.until("channel superservice/rostock")
        await tui.until("wtpd.test")
        await tui.press("escape")
        await tui.until(lambda: tui.app.screen is page(tui))


async def test_older_lines_come_when_one_goes_up_to_them(tmp_path: Path) -> None:
    async with log(tmp_path) as (_, tui):
        await tui.press("f1")
        write(450)
        await tui.press("f7")
        await tui.until("line 449")
        assert "line 0" in [line["message"] for line in held(tui)], "what came meanwhile has no gap"
        page(tui)._lines = None
        page(tui).reload()
        await tui.until(lambda: len(held(tui)) == PART)
        await tui.press("home")
        await tui.until(lambda: held(tui)[0]["message"] == "line 50")
        assert page(tui).query_one("Table").row["message"] == "line 250", "the cursor stays on its line"  # type: ignore[attr-defined]


async def test_after_a_flood_or_a_long_time_away_it_begins_anew(tmp_path: Path) -> None:
    async with log(tmp_path) as (_, tui):
        await tui.press("f1")
        await tui.until(lambda: tui.app.current_mode == "overview")
        write(2500)
        await tui.press("f7")
        await tui.until("line 2499")
        assert len(held(tui)) < 2000


async def test_the_stream_ends_when_another_screen_is_looked_at(tmp_path: Path) -> None:
    async with log(tmp_path) as (_, tui):
        shown = page(tui)
        assert shown._stream is not None
        await tui.press("f1")
        await tui.until(lambda: shown._stream is None)
        write(1, "meanwhile")
        await tui.press("f7")
        await tui.until("meanwhile 0")


async def test_lines_go_on_after_a_restart_of_the_daemon(tmp_path: Path) -> None:
    async with log(tmp_path) as (daemon, tui):
        await daemon.stop()
        await tui.until("no connection")
        async with running_daemon(tmp_path, ""):
            await tui.until(lambda: tui.flat.count("is ready after") == 2)
            write(1, "back again")
            await tui.until("back again 0")


async def test_what_tells_who_somebody_is_is_hidden(tmp_path: Path) -> None:
    async with log(tmp_path) as (_, tui):
        LOG.info("mail to axel.luebs@example.org about HRO-AL 17, SJNFLKWT9X1458220, 0151 85641177; 22 fetched")
        await tui.until("axel.luebs@example.org")
        await tui.press("f9")
        await tui.until("mail to •••••••• about ••••••••, ••••••••, ••••••••")
        assert "22 fetched" in tui.text


# The window of lines, without a screen


class Written:
    """A log of lines 1 to `last`, asked as the daemon's is."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.asked = 0

    async def ask(self, *, limit: int, before: str | None = None, **_: Any) -> Json:
        self.asked += 1
        newest = int(before) - 1 if before else self.last
        oldest = max(1, newest - limit + 1)
        items = [{"id": number} for number in range(newest, oldest - 1, -1)]
        return {"items": items, "next_cursor": str(oldest) if oldest > 1 else None}


async def window(last: int) -> tuple[Written, Lines]:
    written = Written(last)
    lines = Lines(written.ask, Filter())
    await lines.catch_up()
    return written, lines


def span(lines: Lines) -> tuple[int, int]:
    """The oldest and the newest line that are here; none is missing between them."""
    ids = [line["id"] for line in lines.all]
    assert ids == list(range(ids[0], ids[-1] + 1))
    return ids[0], ids[-1]


async def test_the_window_grows_at_both_ends_without_a_gap() -> None:
    written, lines = await window(1000)
    assert span(lines) == (1001 - PART, 1000)
    written.last = 1000 + 2 * PART
    await lines.catch_up()
    assert span(lines) == (1001 - PART, 1000 + 2 * PART)
    while lines.older is not None:
        assert await lines.go_back()
    assert span(lines) == (1, 1000 + 2 * PART)


async def test_nothing_new_costs_one_question() -> None:
    written, lines = await window(1000)
    written.asked = 0
    await lines.catch_up()
    assert written.asked == 1
    assert span(lines) == (1001 - PART, 1000)


async def test_what_is_too_far_away_begins_anew() -> None:
    written, lines = await window(1000)
    written.last += PARTS * PART
    await lines.catch_up()
    assert span(lines) == (written.last - PART + 1, written.last)


async def test_an_empty_log_gets_its_first_lines() -> None:
    written, lines = await window(0)
    assert not lines.all
    written.last = 3
    await lines.catch_up()
    assert span(lines) == (1, 3)


async def test_older_lines_that_come_too_late_leave_no_gap() -> None:
    _, lines = await window(1000)

    class Late(Written):
        async def ask(self, *, limit: int, before: str | None = None, **more: Any) -> Json:
            answer = await super().ask(limit=limit, before=before, **more)
            if before is not None:
                lines.all, lines.older = [{"id": 2000}], "2000"
            return answer

    lines._ask = Late(1000).ask
    assert not await lines.go_back()
    assert span(lines) == (2000, 2000)


async def test_of_too_many_lines_the_older_ones_are_asked_for_again() -> None:
    written, lines = await window(MOST + PART)
    while len(lines.all) <= MOST - PART:
        await lines.go_back()
    lines.trim()
    assert len(lines.all) > MOST // 2, "not too many"
    written.last += PART + 1
    await lines.catch_up()
    lines.trim()
    assert span(lines) == (written.last - MOST // 2 + 1, written.last)
    await lines.go_back()
    assert span(lines) == (written.last - MOST // 2 - PART + 1, written.last)
