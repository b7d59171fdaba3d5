"""Answers that arrive after their screen was left, and mistakes of our own: neither ends the app, and no sentence that
was said meanwhile is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.dom import DOMNode

from tests.support import showcase
from tests.support.daemon import config_text, running_daemon
from tests.support.tui import Tui, nothing_logged, opened
from wtpd.client.http import Http
from wtpd.client.wire import Answer
from wtpd.tui.background import background
from wtpd.tui.page import Page
from wtpd.tui.screens.appointment import open_appointment
from wtpd.tui.screens.customers.page import open_customer
from wtpd.tui.screens.mapping.versions import Versions
from wtpd.tui.screens.overview.runs import RunsPage
from wtpd.tui.screens.reception.search import Search
from wtpd.tui.screens.reception.week import Week
from wtpd.tui.widgets.table import Table
from wtpd.words import SCREENS


class LateHttp(Http):
    """Answers reach whoever asked when the widgets of the screen `left` have gone, and its work isn't cancelled yet."""

    left: DOMNode | None = None
    late = 0

    async def send(self, *args: Any, **options: Any) -> Answer:
        answer = await super().send(*args, **options)
        screen = LateHttp.left
        if screen is not None:
            LateHttp.late += 1
            while screen.query("*"):
                await asyncio.sleep(0)
        return answer


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> type[LateHttp]:
    monkeypatch.setattr("wtpd.client.client.Http", LateHttp)
    LateHttp.left, LateHttp.late = None, 0
    return LateHttp


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[tuple[Tui, dict[str, str]]]:
    clock = showcase.clock()
    async with running_daemon(folder, showcase.settings(), clock=clock, free_of=showcase.free_of) as daemon:
        ids = await showcase.fill(daemon)
        ids["customer"] = (await daemon.http.get("/v1/customers?limit=1")).json["items"][0]["id"]
        ids["channel"] = await daemon.channel()
        async with opened(folder / "api.sock", now=clock.now) as tui:
            yield tui, ids


OPENERS: dict[str, Callable[[Tui, dict[str, Any]], object]] = {
    "versions": lambda tui, ids: tui.app.push_screen(Versions()),
    "runs": lambda tui, ids: tui.app.push_screen(RunsPage(ids["channel"])),
    "week": lambda tui, ids: tui.app.push_screen(Week("rostock", showcase.MORNING.date())),
    "search": lambda tui, ids: tui.app.push_screen(Search()),
    "customer": lambda tui, ids: open_customer(tui.app, ids["customer"]),
    **{
        f"appointment_{section}": lambda tui, ids, section=section: open_appointment(tui.app, ids["Krüger"], section)
        for section in ("data", "history", "trace", "mobility")
    },
}


def ask_for_everything(page: Page) -> None:
    """All that the screen fetches by itself."""
    page.reload()
    for table in page.query(Table):
        table.post_message(Table.Moved(table, table.row))


@pytest.mark.parametrize("name", OPENERS)
async def test_an_answer_that_comes_after_its_screen_was_left_harms_nobody(
    tmp_path: Path, late: type[LateHttp], name: str
) -> None:
    async with house(tmp_path) as (tui, ids):
        await tui.until(lambda: tui.app.page is not None and tui.app.page.loaded)
        below = tui.app.page
        OPENERS[name](tui, ids)
        await tui.until(lambda: tui.app.page is not below)
        page = tui.app.page
        assert page is not None
        if name != "search":  # which has nothing to ask for before somebody types
            await tui.until(lambda: page.loaded)
        await tui.pilot.pause()
        late.left = page
        ask_for_everything(page)
        if name != "search":
            await tui.until(lambda: late.late)
        page.dismiss()
        await tui.until(lambda: tui.app.page is below)
        await tui.until(lambda: not page.is_running)
        late.left = None
        await tui.press("f8")  # and it goes on
        await tui.until(lambda: tui.app.current_mode == "trace")


@pytest.mark.parametrize("name", SCREENS)
async def test_an_answer_that_comes_after_the_app_ended_harms_nobody(
    tmp_path: Path, late: type[LateHttp], name: str
) -> None:
    async with house(tmp_path) as (tui, _):
        await tui.press(f"f{list(SCREENS).index(name) + 1}")
        await tui.until(lambda: tui.app.current_mode == name and tui.app.page is not None and tui.app.page.loaded)
        page = tui.app.page
        assert page is not None
        await tui.pilot.pause()
        late.left = page
        ask_for_everything(page)
        if name not in ("customers", "trace"):  # which have nothing to ask for before somebody types
            await tui.until(lambda: late.late)
        tui.app.exit(0)
    assert tui.app.return_code == 0
    assert not tui.app.failure


async def test_the_difference_of_a_version_may_come_too_late(tmp_path: Path, late: type[LateHttp]) -> None:
    async with house(tmp_path) as (tui, _):
        await tui.press("f3")
        await tui.until(lambda: tui.app.current_mode == "mapping" and tui.app.page is not None and tui.app.page.loaded)
        versions = Versions()
        tui.app.push_screen(versions)
        await tui.until(lambda: versions.loaded)
        late.left = versions
        background(versions, partial(versions._fetch, 1), "diff")
        await tui.until(lambda: late.late)
        await tui.press("escape")
        await tui.until(lambda: not versions.is_running)


async def test_work_that_is_left_is_cleaned_up_and_does_nothing_more(tmp_path: Path) -> None:
    """Also where it waits for several answers at once, or the answer is an error."""
    done: list[str] = []

    async def fails() -> None:
        raise ValueError("nobody asks any more")

    async def work(waited: Callable[[], Any]) -> None:
        try:
            while page.query("*"):
                await asyncio.sleep(0)
            await waited()
            done.append("went on")
        finally:
            done.append("cleaned up")

    async with running_daemon(tmp_path, config_text()), opened(tmp_path / "api.sock") as tui:
        for waited in (fails, lambda: asyncio.gather(fails(), fails())):
            page = Search()
            tui.app.push_screen(page)
            await tui.until(lambda page=page: tui.app.page is page)
            background(page, partial(work, waited), "test")
            await tui.press("escape")
            await tui.until(lambda: done)
            assert done == ["cleaned up"]
            done.clear()


async def test_a_mistake_in_the_background_is_logged_and_said_and_the_screen_goes_on(tmp_path: Path) -> None:
    async def work() -> None:
        raise KeyError("future")

    async with running_daemon(tmp_path, config_text()), opened(tmp_path / "api.sock") as tui:
        await tui.until(lambda: tui.app.page is not None and tui.app.page.loaded)
        for _ in range(2):  # logged once, however often it happens
            tui.app.message = ("", "")
            background(tui.app.page, work, "test")
            await tui.until("wtpd tui made a mistake and goes on; it stands in the system's log.")
        await tui.press("f2")
        await tui.until(lambda: tui.app.current_mode == "reception")
        await tui.press("f1")
        await tui.until(lambda: tui.app.current_mode == "overview")
        assert len(tui.mishaps) == 1
        assert "KeyError: 'future'" in tui.mishaps.pop()


async def test_a_mistake_over_an_event_leaves_the_stream_open(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()) as daemon, opened(tmp_path / "api.sock") as tui:
        await tui.press("f5")
        await tui.until(lambda: tui.app.current_mode == "attention" and tui.app.page.loaded)
        page, heard = tui.app.page, []

        def hear(event: Any) -> None:
            heard.append(event.kind)
            raise ValueError(event.kind)

        page.heard = hear
        for name in ("Lübs", "Kühn"):
            before = len(heard)
            reply = await daemon.http.post("/v1/customers", {"last_name": name})
            assert reply.status == 201
            await tui.until(lambda before=before: len(heard) > before)
        await tui.until("wtpd tui made a mistake and goes on")
        assert any("ValueError: customer.changed" in one for one in tui.mishaps)
        tui.mishaps.clear()


async def test_a_mistake_while_a_form_is_sent_leaves_the_form_as_it_was_typed(tmp_path: Path) -> None:
    from wtpd.tui.widgets.fields import Field
    from wtpd.tui.widgets.form import Form

    async def submit(values: Any) -> None:
        raise RuntimeError(f"choked on {values['name']}")

    async with running_daemon(tmp_path, config_text()), opened(tmp_path / "api.sock") as tui:
        form = Form("Who?", [Field(name="name", label="Name")], submit)
        tui.app.push_screen(form)
        await tui.until("Who?")
        await tui.type("Kassandra")
        await tui.press("enter")
        await tui.until(lambda: "made a mistake" in tui.box)
        assert "Kassandra" in tui.box
        assert form.values == {"name": "Kassandra"}
        (logged,) = tui.mishaps
        assert "RuntimeError: choked on ***" in logged, "nothing that was typed"
        tui.mishaps.clear()
        await tui.press("escape")
        await tui.until_gone("Who?")


async def test_an_outcome_said_while_its_screen_is_left_is_said_on_the_next_one(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()), opened(tmp_path / "api.sock") as tui:
        await tui.until(lambda: tui.app.page is not None and tui.app.page.loaded)
        page = tui.app.page
        await tui.press("f2")
        await tui.until(lambda: tui.app.current_mode == "reception")
        await tui.press("f1")
        await tui.until(lambda: tui.app.current_mode == "overview")

        async def work() -> None:
            tui.app.tell("It was saved.", "ok")

        worker = background(page, work, "test")
        await worker.wait()
        await tui.press("f2")
        await tui.until(lambda: tui.app.current_mode == "reception")
        await tui.until("It was saved.")
        await tui.press("down", "f1")
        await tui.until(lambda: tui.app.current_mode == "overview")
        await tui.until_gone("It was saved.")


async def test_a_sentence_about_a_screen_stays_on_it(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()), opened(tmp_path / "api.sock") as tui:
        await tui.press("ctrl+c")
        await tui.until("q quits; in a form Esc goes back first.")
        await tui.press("f2")
        await tui.until(lambda: tui.app.current_mode == "reception")
        await tui.until_gone("q quits; in a form")


async def test_what_is_logged_of_a_mistake_fails_a_test(tmp_path: Path) -> None:
    """The net under all tests of the terminal UI."""
    with pytest.raises(AssertionError, match="formatted"), nothing_logged():
        from wtpd.tui.crash import log

        log.error("a value can't be formatted")
