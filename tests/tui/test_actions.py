"""What connectors offer, done from a page: asked, filled in, chosen among several, and shown. With DAT's sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.dat import IDENTIFICATION, SAMPLE_VIN, TWO_HITS, UNKNOWN
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.tui import Tui, opened
from tests.support.tui_desk import Desk
from wtpd.connectors.actions import Action, Asked, Done, Remark
from wtpd.connectors.manifest import Manifest
from wtpd.connectors.registry import Registry, load
from wtpd.texts import N_
from wtpd.tui.screens.customers.page import CustomerPage, open_customer
from wtpd.tui.widgets.form import Form

LOGIN = {"customer_number": "1234567", "user_name": "sandbox", "password": "sandbox-secret"}


@asynccontextmanager
async def garage(
    folder: Path, vin: str, *, login: bool = True, **vehicle: Any
) -> AsyncIterator[tuple[RunningDaemon, Sandbox, Tui, Any]]:
    """The page of a customer who drives a car with this VIN, at a box that may ask DAT."""
    async with running_sandbox(folder / "sandbox") as sandbox:
        more = f"connectors:\n  dat:\n    address: {sandbox.partner('dat')}\n    connect_timeout: 2s\n"
        async with running_daemon(folder, config_text(sites={"rostock": None}, more=more)) as daemon:
            if login:
                assert (await daemon.enter_credentials("dat", **LOGIN)).status == 200
            desk = Desk(daemon.http)
            one = await desk.customer()
            car = await desk.vehicle("HRO-AL 17", owner=one["id"], vin=vin, make="", model="", **vehicle)
            async with opened(folder / "api.sock") as tui:
                open_customer(tui.app, one["id"])
                await tui.until(lambda: isinstance(tui.app.page, CustomerPage) and tui.app.page.loaded)
                yield daemon, sandbox, tui, car


async def start(tui: Tui, action: str = "Identify by the VIN") -> None:
    """Up to the form of an action, with the price agreed to."""
    await tui.press("a")
    await tui.until(f"DAT: {action} (HRO-AL 17)")
    await tui.press(*(["down"] if action == "Value" else []), "enter")
    await tui.until("DAT takes money" if action != "Value" else "DAT may take money")
    await tui.press("enter")
    await tui.until(lambda: isinstance(tui.app.screen, Form))


async def model_of(daemon: RunningDaemon, car: Any) -> tuple[str, str]:
    found = (await daemon.http.get(f"/v1/vehicles/{car['id']}")).json
    return found["make"], found["model"]


async def test_a_vehicle_is_identified_and_what_was_filled_in_is_shown(tmp_path: Path) -> None:
    async with garage(tmp_path, SAMPLE_VIN) as (daemon, _sandbox, tui, car):
        await start(tui)
        assert "Number of the candidate" not in tui.box, "asked for only if there are several"
        await tui.press("f2")
        await tui.until("✓ make: Volkswagen was filled in")
        await tui.press("escape")
        await tui.until("Volkswagen Passat Variant")
        assert await model_of(daemon, car) == ("Volkswagen", "Passat Variant")


async def test_one_of_several_candidates_is_chosen_and_costs_nothing_more(tmp_path: Path) -> None:
    async with garage(tmp_path, TWO_HITS) as (daemon, sandbox, tui, car):
        await start(tui)
        await tui.press("f2")
        await tui.until("It may be each of these. Which one is it?")
        assert await model_of(daemon, car) == ("", "")
        await tui.press("down", "enter")
        await tui.until("was filled in")
        make, model = await model_of(daemon, car)
        assert make
        assert model
        assert (await sandbox.control.requests(partner="dat", path=IDENTIFICATION))["total"] == 1


async def test_choosing_none_leaves_the_vehicle_as_it_is(tmp_path: Path) -> None:
    async with garage(tmp_path, TWO_HITS) as (daemon, _sandbox, tui, car):
        await start(tui)
        await tui.press("f2")
        await tui.until("Which one is it?")
        await tui.press("escape")
        await tui.until(lambda: isinstance(tui.app.screen, CustomerPage))
        assert await model_of(daemon, car) == ("", "")


async def test_an_unknown_vin_is_said(tmp_path: Path) -> None:
    async with garage(tmp_path, UNKNOWN) as (_daemon, _sandbox, tui, _car):
        await start(tui)
        await tui.press("f2")
        await tui.until("DAT knows nothing of it; nothing was filled in.")


async def test_a_refusal_stays_in_the_form_with_what_was_typed(tmp_path: Path) -> None:
    async with garage(tmp_path, SAMPLE_VIN) as (_daemon, _sandbox, tui, _car):
        await start(tui)
        form = tui.app.screen
        assert isinstance(form, Form)
        form.filling("vin").put("kurz")
        await tui.press("f2")
        await tui.until(f"This vehicle's VIN is {SAMPLE_VIN}, not KURZ.")
        assert form.filling("vin").value == "kurz"


async def test_a_value_is_shown_in_the_readers_money_and_days_as_they_are_typed_here(tmp_path: Path) -> None:
    async with garage(tmp_path, SAMPLE_VIN, odometer_km=43000) as (_daemon, _sandbox, tui, _car):
        await start(tui)
        await tui.press("f2")
        await tui.until("was filled in")
        await tui.press("escape")
        await start(tui, "Value")
        form = tui.app.screen
        assert isinstance(form, Form)
        form.filling("first_registration").put("17.5.2021")
        await tui.press("f2")
        await tui.until("sales price with VAT")
        assert "€" in tui.text
        assert "43,000" in tui.text
        assert "17/05/2021" in tui.text
        assert "The prices are without extras" not in tui.text


async def test_nothing_is_asked_before_the_price_is_agreed_to(tmp_path: Path) -> None:
    async with garage(tmp_path, SAMPLE_VIN) as (_daemon, sandbox, tui, _car):
        await tui.press("a")
        await tui.until("What shall be done?")
        await tui.press("enter")
        await tui.until("DAT takes money")
        await tui.press("n")
        await tui.until(lambda: isinstance(tui.app.screen, CustomerPage))
        assert (await sandbox.control.requests(partner="dat", path=IDENTIFICATION))["total"] == 0


async def test_what_cant_be_done_now_says_why(tmp_path: Path) -> None:
    async with garage(tmp_path, SAMPLE_VIN, login=False) as (_daemon, _sandbox, tui, _car):
        await tui.press("a")
        await tui.until("no credentials of DAT yet")
        await tui.press("enter")
        await tui.until(lambda: isinstance(tui.app.screen, CustomerPage))
        await tui.until("no credentials of DAT yet: wtpd")


async def test_the_palette_offers_them_by_name(tmp_path: Path) -> None:
    async with garage(tmp_path, SAMPLE_VIN) as (_daemon, _sandbox, tui, _car):
        await tui.press("ctrl+p")
        await tui.until("What do you want to do?")
        await tui.type("identify")
        await tui.until("DAT: Identify by the VIN (HRO-AL 17)")
        await tui.press("enter")
        await tui.until("DAT takes money")


async def test_what_a_connector_offers_by_itself_is_in_the_palette_of_the_overview(tmp_path: Path) -> None:
    async def tidy(asked: Asked) -> Done:
        return Done(remarks=(Remark(text=N_("Tidied up.")),))

    button = Action(name="tidy", label=N_("Tidy up"), on="connector", handler=tidy)
    third = Manifest(name="third", title="Third", actor="THIRD", actions=(button,))
    registry = Registry({**load().manifests, "third": third})
    text = config_text(sites={"rostock": None})
    async with running_daemon(tmp_path, text, registry=registry), opened(tmp_path / "api.sock") as tui:
        await tui.until(lambda: tui.app.page.loaded)
        await tui.press("ctrl+p")
        await tui.until("What do you want to do?")
        await tui.type("tidy")
        await tui.until("Third: Tidy up")
        await tui.press("enter")
        await tui.until("Tidied up.")
