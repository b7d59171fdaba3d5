"""The table: what is seen is what was fetched, and the cursor stays where its reader left it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.app import App, ComposeResult

from wtpd.client import Unreachable
from wtpd.tui.crash import Mishaps
from wtpd.tui.glyphs import UNICODE, Glyphs
from wtpd.tui.widgets.pages import PAGE, PAGES
from wtpd.tui.widgets.table import Column, Table

Row = dict[str, Any]


class Bench(App[None]):
    mishaps = Mishaps(lambda: (), lambda *_: None)
    glyphs: Glyphs = UNICODE

    def compose(self) -> ComposeResult:
        yield Table(
            [
                Column("Number", lambda row: str(row["id"]), width=8, right=True),
                Column("Name", lambda row: (row["name"], "ok")),
                Column("Only wide", lambda row: "wide", width=10, from_width=100),
            ],
            key=lambda row: row["id"],
            empty="Nothing is here. Press n for a new one.",
        )

    @property
    def table(self) -> Table:
        return self.query_one(Table)

    @property
    def lines(self) -> list[str]:
        return ["".join(part.text for part in strip).rstrip() for strip in self.screen._compositor.render_strips()]


@asynccontextmanager
async def shown(
    rows: Sequence[Row] | None = None, size: tuple[int, int] = (60, 11)
) -> AsyncIterator[tuple[Bench, Any]]:
    app = Bench()
    async with app.run_test(size=size) as pilot:
        if rows is not None:
            app.table.show(rows)
        await pilot.pause()
        yield app, pilot


def rows(count: int) -> list[Row]:
    return [{"id": number, "name": f"row {number}"} for number in range(count)]


class Source:
    """Rows by number, as a server with as many as `total` would give them."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.asked: list[int] = []
        self.down = False

    async def fetch(self, offset: int, limit: int) -> tuple[list[Row], int]:
        if self.down:
            raise Unreachable("socket", "down")
        self.asked.append(offset)
        return [{"id": n, "name": f"row {n}"} for n in range(offset, min(offset + limit, self.total))], self.total


@asynccontextmanager
async def served(source: Source) -> AsyncIterator[tuple[Bench, Any]]:
    async with shown() as (app, pilot):
        await app.table.serve(source.fetch)
        yield app, pilot


async def at_the_end(pilot: Any) -> None:
    await pilot.press("end")
    await pilot.pause()


async def test_it_shows_heading_rows_and_cursor() -> None:
    async with shown(rows(3)) as (app, _):
        assert app.lines[0].split() == ["Number", "Name"]
        assert app.lines[1].split() == ["0", "row", "0"]
        assert app.table.row == {"id": 0, "name": "row 0"}


async def test_wide_terminals_get_more_columns() -> None:
    async with shown(rows(1), size=(120, 11)) as (app, _):
        assert "wide" in app.lines[1]


async def test_an_empty_one_says_what_to_do() -> None:
    async with shown([]) as (app, pilot):
        assert "Press n for a new one." in "\n".join(app.lines)
        await pilot.press("down", "enter", "end", "pageup")
        assert app.table.row is None


@pytest.mark.parametrize(
    ("keys", "row"),
    [
        (["down"], 1),
        (["down", "down", "up"], 1),
        (["pagedown"], 9),
        (["end"], 249),
        (["end", "home"], 0),
        (["up"], 0),
        (["end", "down"], 249),
        (["end", "pageup"], 240),
    ],
)
async def test_keys_move_the_cursor_and_it_is_always_in_view(keys: list[str], row: int) -> None:
    async with shown(rows(250)) as (app, pilot):
        await pilot.press(*keys)
        await pilot.pause()
        assert app.table.row["id"] == row
        assert any(line.split()[:1] == [str(row)] for line in app.lines[1:])


async def test_the_view_jumps_by_a_page() -> None:
    async with shown(rows(100)) as (app, pilot):
        await pilot.press(*["down"] * 10)
        await pilot.pause()
        assert app.lines[1].split()[0] == "10"  # ten rows are seen: the eleventh is the first of the next page


async def test_rows_loaded_anew_leave_the_cursor_on_its_row() -> None:
    async with shown(rows(20)) as (app, pilot):
        await pilot.press(*["down"] * 5)
        app.table.show([{"id": -1, "name": "new"}, *rows(20)])
        assert app.table.row["id"] == 5
        app.table.show(rows(3))
        assert app.table.row["id"] == 2


async def test_of_a_hundred_thousand_rows_only_the_seen_are_fetched() -> None:
    source = Source(100_000)
    async with served(source) as (app, pilot):
        await at_the_end(pilot)
        assert app.table.row["id"] == 99_999
        assert app.lines[-1].split()[0] == "99999"
        assert source.asked == [0, 99_900]


async def test_pages_far_away_are_let_go_and_fetched_again() -> None:
    source = Source(100_000)
    async with served(source) as (app, pilot):
        for page in range(1, PAGES + 2):
            app.table.move_to(page * PAGE)
            await pilot.pause()
        await pilot.press("home")
        await pilot.pause()
        assert app.table.row["id"] == 0
        assert source.asked.count(0) == 2


async def test_a_page_that_cannot_be_fetched_is_asked_for_again_later() -> None:
    source = Source(1000)
    async with served(source) as (app, pilot):
        source.down = True
        await at_the_end(pilot)
        assert app.table.row is None
        source.down = False
        app.table.redraw()
        await pilot.pause()
        await pilot.pause()
        assert app.table.row["id"] == 999


async def test_served_anew_with_fewer_rows_it_stands_on_the_last() -> None:
    source = Source(1000)
    async with served(source) as (app, pilot):
        await at_the_end(pilot)
        source.total = 130
        await app.table.serve(source.fetch)
        await pilot.pause()
        assert app.table.row["id"] == 129


async def test_a_key_pressed_while_it_is_served_anew_counts() -> None:
    source = Source(1000)
    async with served(source) as (app, pilot):
        asked, answer = asyncio.Event(), asyncio.Event()

        async def slowly(offset: int, limit: int) -> tuple[list[Row], int]:
            asked.set()
            await answer.wait()
            return await source.fetch(offset, limit)

        serving = asyncio.create_task(app.table.serve(slowly))
        await asked.wait()
        await pilot.press("down", "down")
        answer.set()
        await serving
        assert app.table.row["id"] == 2


async def test_rows_that_went_meanwhile_leave_the_cursor_on_the_last_one() -> None:
    source = Source(1000)
    async with served(source) as (app, pilot):
        source.total = 130
        await at_the_end(pilot)
        await pilot.pause()
        assert (app.table.cursor, app.table.total) == (129, 130)
        assert app.table.row["id"] == 129
        assert app.lines[-1].split()[0] == "129"


async def test_texts_that_would_steer_the_terminal_are_harmless() -> None:
    async with shown([{"id": 1, "name": "evil \x1b[2J\x07 name\nnext"}]) as (app, _):
        assert "\x1b" not in "".join(app.lines)
        assert "evil" in app.lines[1]


async def test_what_is_too_long_is_cut_with_a_sign_and_wide_letters_keep_the_columns() -> None:
    async with shown([{"id": 1, "name": "漢字" * 40}], size=(30, 5)) as (app, _):
        assert app.lines[1].endswith("…")
