"""F2: the day of a site, its week, and the search over all days."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import config_text, running_daemon
from tests.support.tui import Tui, opened
from tests.support.tui_desk import NOW, Desk, desk_of, only_reads
from tests.support.unix_http import UnixHttp
from wtpd.connectors.actions import Action, ActionField, Asked, Done, Fact
from wtpd.connectors.manifest import Manifest
from wtpd.connectors.registry import Registry
from wtpd.texts import N_
from wtpd.tui.glyphs import ASCII, UNICODE, Glyphs
from wtpd.tui.terminal import Mode

TWO = {"rostock": None, "guestrow": None}


@asynccontextmanager
async def reception(folder: Path, wanted: str = "Monday, 1 March 2027", **options: Any) -> AsyncIterator[Tui]:
    async with opened(folder / "api.sock", now=lambda: NOW, **options) as tui:
        await tui.press("f2")
        await tui.until(wanted)
        yield tui


async def search(tui: Tui, text: str) -> None:
    await tui.press("slash")
    await tui.until("Plate, VIN, name or number")
    await tui.paste(text)
    await tui.press("enter")


async def test_the_day_by_time_with_who_comes_with_what(desk: Desk, tmp_path: Path) -> None:
    await desk.car()
    await desk.visit("HRO-B 2", "Busch", "10:30", courtesy_car="EW1", transport_option="courtesy_car")
    await desk.visit("HRO-A 1", "Ahrens", "08:00", customer_waiting=True, transport_option="waiting")
    async with reception(tmp_path) as tui:
        text = await tui.until("HRO-B 2")
        rows = [line.split() for line in text.splitlines() if "HRO-" in line]
        assert [row[0] for row in rows] == ["08:00", "10:30"]
        assert "Ahrens" in " ".join(rows[0]) or "Axel" in rows[0]
        assert "waits" in rows[0]
        assert "EW1" in rows[1]
        assert "Hauptun" in text
        assert "○ scheduled" in text
        assert "Autohaus Rostock Monday, 1 March 2027 2 appointments today" in tui.flat


async def test_the_load_of_the_day_is_held_against_the_limit(desk: Desk, tmp_path: Path) -> None:
    await desk.book(units=24)
    async with reception(tmp_path) as tui:
        text = await tui.until("24/48 AW")
        assert "Karosserie" in text
        assert "0/20 AW" in text
        assert "▲" not in text.splitlines()[2]
        await desk.book(units=30, over=True)
        text = await tui.until("54/48 AW ▲")
        assert "▒" in text.splitlines()[2]


async def test_the_load_fits_again_after_the_terminal_was_small_and_wide(desk: Desk, tmp_path: Path) -> None:
    await desk.book(units=24)
    async with reception(tmp_path) as tui:
        for width, height, shown in ((60, 17, "60×17"), (123, 40, "24/48 AW"), (80, 24, "24/48 AW")):
            await tui.pilot.resize_terminal(width, height)
            await tui.until(shown)
        await tui.until("0/20 AW")


@pytest.mark.parametrize(("signs", "shown"), [(UNICODE, " ←→ Day "), (ASCII, " <> Day ")])
async def test_arrows_and_brackets_turn_the_days(tmp_path: Path, signs: Glyphs, shown: str) -> None:
    async with desk_of(tmp_path), reception(tmp_path) as tui:
        tui.app.session.glyphs = signs
        tui.app.redraw_bars()
        await tui.until(lambda: shown in tui.text)
        await tui.press("greater_than_sign")
        await tui.until("Tuesday, 2 March 2027")
        await tui.press("less_than_sign", "left")
        await tui.until("Sunday, 28 February 2027")


async def test_a_closed_day_says_why(tmp_path: Path) -> None:
    async with desk_of(tmp_path), reception(tmp_path) as tui:
        await tui.press("left")
        await tui.until("Sunday, 28 February 2027")
        assert "Nothing is planned on this weekday." in tui.flat
        assert "No appointments on this day." in tui.flat


async def test_app_dealer_and_too_much_are_marked_and_the_signs_explained(desk: Desk, tmp_path: Path) -> None:
    await desk.visit(units=60, over=True)
    async with reception(tmp_path) as tui:
        row = next(line for line in (await tui.until("HRO-AL 17")).splitlines() if "HRO-AL 17" in line)
        assert row.rstrip().endswith("▲")
        await tui.press("question_mark")
        await tui.until("Everywhere")
        await tui.press("end")
        text = await tui.until("The signs")
        assert "over the load limit" in text
        assert "MyNISSAN app" in text
        assert "SUPERSERVICE" in text


async def test_keys_go_through_the_days(desk: Desk, tmp_path: Path) -> None:
    await desk.visit("HRO-B 2", day="2027-03-02")
    async with reception(tmp_path) as tui:
        assert " t " not in tui.lines[-2]
        await tui.press("right")
        await tui.until("Tuesday, 2 March 2027")
        await tui.until("HRO-B 2")
        assert " t Today" in tui.lines[-2]
        await tui.press("left", "left")
        await tui.until("Sunday, 28 February 2027")
        await tui.press("t")
        await tui.until("Monday, 1 March 2027")


@pytest.mark.parametrize(
    ("language", "typed", "shown"),
    [
        ("en", "24/12/2026", "Thursday, 24 December 2026"),
        ("en", "2026-12-24", "Thursday, 24 December 2026"),
        ("de", "24.12.2026", "Donnerstag, 24. Dezember 2026"),
        ("de", "8.3.", "Montag, 8. März 2027"),
        ("nl", "8-3-2027", "maandag 8 maart 2027"),
        ("en", "+3", "Thursday, 4 March 2027"),
    ],
)
async def test_a_date_is_typed_as_people_write_it(tmp_path: Path, language: str, typed: str, shown: str) -> None:
    first = {"en": "Monday, 1 March", "de": "Montag, 1. März", "nl": "maandag 1 maart"}[language]
    async with desk_of(tmp_path), reception(tmp_path, first, language=language) as tui:
        await tui.press("d")
        await tui.until(lambda: tui.app.screen is not tui.app.page)
        await tui.paste(typed)
        await tui.press("enter")
        await tui.until(shown)


async def test_what_is_no_day_stays_in_the_form_with_a_hint(tmp_path: Path) -> None:
    async with desk_of(tmp_path), reception(tmp_path) as tui:
        await tui.press("d")
        await tui.until("Go to a day")
        await tui.paste("soon")
        await tui.press("enter")
        await tui.until("“soon” is no day; write 01/03")
        await tui.press("escape")
        await tui.until("Monday, 1 March 2027")


async def test_the_next_site(tmp_path: Path) -> None:
    async with desk_of(tmp_path, TWO) as desk:
        await desk.visit("GÜ-A 1", site="guestrow")
        async with reception(tmp_path) as tui:
            await tui.press("s")
            await tui.until("Autohaus Guestrow")
            await tui.until("GÜ-A 1")
            await tui.press("s")
            await tui.until("Autohaus Rostock")


async def test_one_of_many_sites_is_chosen(tmp_path: Path) -> None:
    async with desk_of(tmp_path, {**TWO, "wismar": None}), reception(tmp_path) as tui:
        await tui.press("s")
        await tui.until("Which site?")
        await tui.press("end", "enter")
        await tui.until("Autohaus Wismar Monday")


async def test_a_single_site_has_no_key_for_others(tmp_path: Path) -> None:
    async with desk_of(tmp_path), reception(tmp_path) as tui:
        assert " s Site" not in tui.lines[-2]


async def test_cancelled_ones_can_be_hidden(desk: Desk, tmp_path: Path) -> None:
    await desk.visit("HRO-A 1")
    await desk.cancel(await desk.visit("HRO-B 2"))
    async with reception(tmp_path) as tui:
        text = await tui.until("HRO-B 2")
        assert "✖ cancelled" in text
        assert "1 appointment " in text
        await tui.press("c")
        await tui.until_gone("HRO-B 2")
        assert "(without cancelled)" in tui.text
        await tui.press("c")
        await tui.until("HRO-B 2")


async def test_it_follows_what_others_do_and_the_cursor_stays_on_its_appointment(desk: Desk, tmp_path: Path) -> None:
    await desk.visit("HRO-A 1", start="09:00")
    second = await desk.visit("HRO-B 2", start="10:00")
    async with reception(tmp_path) as tui:
        await tui.until("HRO-B 2")
        await tui.press("down")
        await desk.visit("HRO-C 3", start="08:00")
        await tui.until("HRO-C 3")
        await desk.change(second, status="arrived")
        await tui.until("arrived")
        table = tui.app.page.query_one("Table")
        assert (table.cursor, table.row["id"]) == (2, second["id"])


async def test_only_what_is_seen_is_fetched(desk: Desk, tmp_path: Path) -> None:
    """Three hundred appointments on a day: the table holds a page of them, and the last are there when they are
    looked at."""
    for number in range(220):
        await desk.book(f"{7 + number // 30:02d}:{number % 30:02d}", units=0, notes=str(number))
    async with reception(tmp_path) as tui:
        await tui.until("220 appointments")
        table = tui.app.page.query_one("Table")
        assert len(table._pages) == 1
        await tui.press("end")
        await tui.until(lambda: table.row is not None and table.row["notes"] == "219")


async def test_enter_opens_the_appointment_and_escape_comes_back(desk: Desk, tmp_path: Path) -> None:
    await desk.visit()
    async with reception(tmp_path) as tui:
        await tui.until("HRO-AL 17")
        await tui.press("enter")
        await tui.until("drop-off")
        await tui.press("escape")
        await tui.until("Monday, 1 March 2027")


async def test_privacy_hides_who_comes(desk: Desk, tmp_path: Path) -> None:
    await desk.visit()
    async with reception(tmp_path, size=(200, 40)) as tui:
        await tui.until("HRO-AL 17")
        await tui.press("f9")
        await tui.until_gone("HRO-AL 17")
        assert "Lübs" not in tui.text
        assert "•••" in tui.text


async def test_a_wide_terminal_shows_more(desk: Desk, tmp_path: Path) -> None:
    await desk.visit()
    async with reception(tmp_path, size=(200, 40)) as tui:
        text = await tui.until("HRO-AL 17")
        assert "Leaf" in text
        assert "telephone" in text


async def test_without_unicode_the_same_is_said_in_ascii(desk: Desk, tmp_path: Path) -> None:
    await desk.visit(units=60, over=True)
    async with reception(tmp_path, mode=Mode(utf8=False)) as tui:
        text = await tui.until("HRO-AL 17")
        assert "Luebs" in text or "Axel L" in text
        assert text.isascii()


# The week


async def test_the_week_has_a_line_for_each_day(desk: Desk, tmp_path: Path) -> None:
    await desk.visit("HRO-B 2", day="2027-03-03", units=50, over=True)
    async with reception(tmp_path) as tui:
        await tui.press("w")
        text = await tui.until("Week 9, 01/03 to 07/03/2027")
        lines = {line.split()[0]: line for line in text.splitlines() if "/03 " in line[:12]}
        assert list(lines) == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        assert "1 " in lines["Wed"]
        assert "50/48 AW ▲" in lines["Wed"]
        assert "Nothing is planned" in lines["Sun"]
        await tui.press("down", "down", "enter")
        await tui.until("Wednesday, 3 March 2027")
        await tui.until("HRO-B 2")


async def test_weeks_on_and_back_and_escape_leaves_the_day_as_it_was(tmp_path: Path) -> None:
    async with desk_of(tmp_path), reception(tmp_path) as tui:
        await tui.press("w")
        await tui.until("Week 9,")
        await tui.press("right")
        await tui.until("Week 10, 08/03")
        await tui.press("left", "left")
        await tui.until("Week 8, 22/02")
        await tui.press("t")
        await tui.until("Week 9,")
        await tui.press("escape")
        await tui.until("Monday, 1 March 2027")


async def test_the_week_follows_what_others_book(tmp_path: Path) -> None:
    async with desk_of(tmp_path) as desk, reception(tmp_path) as tui:
        await tui.press("w")
        await tui.until("0 appointments")
        await desk.book(day="2027-03-05")
        await tui.until("1 appointment")


# The search


@pytest.mark.parametrize("typed", ["HRO-AL 17", "hroal17", "Lübs", "SJNFXYJCNPB607554", "40815"])
async def test_found_by_plate_vin_name_or_number_on_any_day(desk: Desk, tmp_path: Path, typed: str) -> None:
    customer = await desk.customer(last_name="Lübs")
    vehicle = await desk.vehicle("HRO-AL 17", vin="SJNFXYJCNPB607554", owner=customer["id"])
    who = {"customer_id": customer["id"], "vehicle_id": vehicle["id"], "work_order": "40815"}
    await desk.book(day="2027-03-02", **who)
    await desk.book(day="2027-05-10", **who)
    async with reception(tmp_path) as tui:
        await search(tui, typed)
        text = await tui.until("2 appointments found")
        days = [line.split()[0] for line in text.splitlines() if "HRO-AL 17" in line and line[2] == "/"]
        assert days == ["10/05", "02/03"]
        await tui.press("enter")
        await tui.until("drop-off Mon 10/05 09:00")
        await tui.press("escape")
        await tui.until("2 appointments found")
        await tui.press("escape")
        await tui.until("Monday, 1 March 2027")


async def test_when_nothing_is_found_it_says_what_to_do_next(desk: Desk, tmp_path: Path) -> None:
    await desk.visit()
    async with reception(tmp_path) as tui:
        await search(tui, "ZZ 999")
        await tui.until("Nothing is found for “ZZ 999”.")
        assert "No DMS is connected from which it could be imported." in tui.flat
        await tui.press(*["backspace"] * 6)
        await tui.paste("HRO-AL")
        await tui.press("enter")
        await tui.until("1 appointment found")
        await tui.press("slash")
        await tui.until(lambda: tui.app.focused is not None and tui.app.focused.value == "HRO-AL")


async def test_the_days_of_a_daemon_that_is_away_are_there_when_it_comes_back(tmp_path: Path) -> None:
    async with desk_of(tmp_path) as desk:
        await desk.visit("HRO-B 2", day="2027-03-02")
    async with running_daemon(tmp_path, "") as daemon, reception(tmp_path) as tui:
        await daemon.stop()
        await tui.until("no connection, trying again")
        await tui.press("right")
        assert "Monday, 1 March 2027" in tui.text
        async with running_daemon(tmp_path, ""):
            await tui.until("Tuesday, 2 March 2027")
            await tui.until("HRO-B 2")


async def test_one_who_only_reads_sees_it_all(tmp_path: Path) -> None:
    """Nothing on this screen changes anything, so no key of it is in parentheses."""
    async with desk_of(tmp_path), reception(tmp_path) as tui:
        only_reads(tui)
        await tui.pilot.pause()
        assert "(" not in tui.lines[-2]


async def test_what_isnt_found_is_imported_where_a_connector_offers_it(tmp_path: Path) -> None:
    """No DMS is built in yet; one whose import books an appointment stands for it."""
    names = ("site", "department", "drop_off", "collection", "work_order")

    async def book(asked: Asked) -> Done:
        made = await UnixHttp(tmp_path / "api.sock").post("/v1/appointments", {"interventions": [], **asked.values})
        return Done(facts=(Fact(name="order", label=N_("order"), value=made.json["work_order"]),))

    action = Action(
        name="import",
        label=N_("Import by the order number"),
        on="search",
        handler=book,
        fields=tuple(ActionField(name=name, label=N_(name), required=True) for name in names),
    )
    dms = Manifest(name="mydms", title="My DMS", actor="MYDMS", actions=(action,))
    order = {
        "site": "rostock", "department": "Werkstatt", "drop_off": "2027-03-02T08:00:00Z",
        "collection": "2027-03-02T16:00:00Z", "work_order": "40815",
    }  # fmt: skip
    text = config_text(sites={"rostock": None}).replace("modules: [online_booking]\n", "")
    async with running_daemon(tmp_path, text, registry=Registry({"mydms": dms})), reception(tmp_path) as tui:
        await search(tui, "40815")
        await tui.until("i imports it from My DMS.")
        await tui.press("i")
        await tui.until("My DMS: Import by the order number")
        for name, value in order.items():
            tui.app.screen.filling(name).put(value)
        await tui.press("enter")
        await tui.until(lambda: "order    " in tui.text and "40815" in tui.text)
        await tui.press("escape")
        await tui.until("1 appointment found")
