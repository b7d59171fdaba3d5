"""Customers (F6): found while one types, and everything that can be done for one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.daemon import OFFLINE, RunningDaemon, config_text, running_daemon
from tests.support.hand_clock import HandClock
from tests.support.tui import Tui, opened
from tests.support.tui_desk import NOW, Desk, only_reads
from wtpd.planner.history import Author
from wtpd.store.database import Tx
from wtpd.store.partner_records import PartnerRecord
from wtpd.tui.screens.appointment import open_appointment
from wtpd.tui.screens.customers.page import CustomerPage
from wtpd.tui.widgets.bars import KeyBar
from wtpd.tui.widgets.form import Form
from wtpd.tui.widgets.sheet import Sheet


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[tuple[RunningDaemon, Desk]]:
    async with running_daemon(
        folder, config_text(sites={"rostock": None}, more=OFFLINE), clock=HandClock(NOW)
    ) as daemon:
        yield daemon, Desk(daemon.http)


@asynccontextmanager
async def looking(folder: Path, **options: Any) -> AsyncIterator[Tui]:
    async with opened(folder / "api.sock", now=lambda: NOW, **options) as tui:
        await tui.press("f6")
        await tui.until(lambda: tui.app.page.loaded)
        yield tui


@asynccontextmanager
async def page_of(folder: Path, customer: Any, **options: Any) -> AsyncIterator[Tui]:
    """The page of one customer."""
    async with looking(folder, **options) as tui:
        await tui.type(customer["last_name"])
        await tui.until(customer["first_name"])
        await tui.press("enter")
        await tui.until(lambda: isinstance(tui.app.page, CustomerPage) and tui.app.page.loaded)
        yield tui


def keys(tui: Tui) -> str:
    return "".join(text for text, _ in tui.app.screen.query_one(KeyBar).parts())


def sheet(tui: Tui) -> str:
    return " ".join(tui.app.page.query_one(Sheet).plain.split())


async def kept(desk: Desk, customer: Any) -> Any:
    return (await desk.http.get(f"/v1/customers/{customer['id']}")).json


async def from_dms(daemon: RunningDaemon, **fields: Any) -> Any:
    """A customer whose master data a DMS keeps."""
    parts = daemon.daemon.parts
    assert parts is not None
    author = Author(actor="Incadea", interface="dms:incadea")

    def work(tx: Tx) -> Any:
        values = {"first_name": "Dora", "last_name": "Messer", "locked_by": "incadea", **fields}
        return parts.book.create_customer(tx, values, author=author)

    made = await parts.db.write(work)
    return {"id": made.id, "first_name": made.first_name, "last_name": made.last_name}


# Search


async def test_customers_are_found_by_name_plate_telephone_and_number(tmp_path: Path) -> None:
    async with house(tmp_path) as (_daemon, desk):
        one = await desk.customer(city="Rostock", mobile="0171 7654321", number="10249")
        await desk.vehicle("HRO-AL 17", driver=one["id"], vin="SJNFAAZE1U0999777")
        await desk.customer(first_name="Bert", last_name="Sachs", city="Wismar")
        async with looking(tmp_path) as tui:
            await tui.until("Type a name, a plate, a telephone number or a customer number.")
            for typed in ("lubs", "hro-al 17", "01717654321", "10249", "U0999777", "rostock"):
                await tui.type(typed)
                line = await tui.until("Lübs, Axel Rostock 0171 7654321 10249 HRO-AL 17")
                assert "Sachs" not in line
                await tui.press(*["backspace"] * len(typed))
                await tui.until("Type a name")


async def test_who_isnt_found_is_told(tmp_path: Path) -> None:
    async with house(tmp_path) as (_daemon, desk):
        await desk.customer()
        async with looking(tmp_path) as tui:
            await tui.type("xyzzy")
            await tui.until("No customer is called that, has that number, or such a vehicle.")


async def test_keys_of_the_screens_go_on_when_the_list_has_the_cursor(tmp_path: Path) -> None:
    async with house(tmp_path) as (_daemon, desk):
        await desk.customer()
        async with looking(tmp_path) as tui:
            assert "/ Search" not in keys(tui), "it is text now"
            await tui.type("lubs")
            await tui.until("Lübs, Axel")
            await tui.press("down")
            await tui.until("/ Search")
            await tui.press("slash")
            await tui.until(lambda: "/ Search" not in keys(tui))
            await tui.press("escape", "1")
            await tui.until(lambda: tui.app.current_mode == "overview")


async def test_a_customer_kept_by_the_dms_carries_its_sign(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, _desk), looking(tmp_path) as tui:
        await from_dms(daemon)
        await tui.type("messer")
        await tui.until("■ Messer, Dora")
        await tui.until("■ kept by the DMS")


async def test_the_list_follows_changes(tmp_path: Path) -> None:
    async with house(tmp_path) as (_daemon, desk), looking(tmp_path) as tui:
        await tui.type("lubs")
        await tui.until("No customer is called that")
        await desk.customer()
        await tui.until("Lübs, Axel")


# The page of one


async def test_a_customer_with_permissions_vehicles_and_appointments(tmp_path: Path) -> None:
    async with house(tmp_path) as (_daemon, desk):
        permissions = {"email": {"allowed": True, "since": "2026-01-02", "source": "Formular"},
                       "sms": {"allowed": False, "since": "2026-01-03", "source": "Anruf"}}  # fmt: skip
        one = await desk.customer(email="axel@example.org", street="Am Markt", house_number="1", postcode="18055",
                                  city="Rostock", permissions=permissions)  # fmt: skip
        car = await desk.vehicle("HRO-AL 17", owner=one["id"], vin="SJNFAAZE1U0999777", inspection_due="2027-03-31")
        for day in ("2027-03-01", "2027-03-02", "2027-02-24"):
            await desk.book("09:00", day=day, customer_id=one["id"], vehicle_id=car["id"])
        async with page_of(tmp_path, one, size=(80, 30)) as tui:
            await tui.until("inspection due 31/03/2027 ▲")
            said = sheet(tui)
            assert "address Am Markt 1, 18055 Rostock" in said
            assert "HRO-AL 17 NISSAN Leaf SJNFAAZE1U0999777" in said
            assert "by e-mail ✓ yes, since 02/01/2026: Formular" in said
            assert "by SMS ✖ no, since 03/01/2026: Anruf" in said
            assert "not asked by telephone, by post, in the SiNNO app" in said
            assert "SiNNO isn't connected." in said
            days = [line[2:7] for line in tui.lines if "HRO-AL 17" in line and "Haupt" in line]
            assert days == ["02/03", "01/03", "24/02"], "the newest first"
            await tui.press("tab", "enter")
            await tui.until("Appointment")
            await tui.until("Tue 02/03 09:00")
            await tui.press("escape")
            await tui.until("inspection due")
            await tui.press("escape")
            await tui.until("Lübs, Axel")


async def test_contact_data_are_changed_and_a_refusal_keeps_what_was_typed(tmp_path: Path) -> None:
    async with house(tmp_path) as (_daemon, desk):
        one = await desk.customer(city="Rostock")
        async with page_of(tmp_path, one) as tui:
            await tui.press("e")
            await tui.until("Contact data")
            form = tui.app.screen
            assert isinstance(form, Form)
            form.filling("email").put("keine Adresse")
            form.filling("city").put("Wismar")
            await tui.press("f2")
            await tui.until("is no e-mail address")
            assert form.filling("city").value == "Wismar"
            form.filling("email").put("axel@example.org")
            await tui.press("f2")
            await tui.until("Saved.")
            await tui.until("Wismar")
        changed = await kept(desk, one)
        assert (changed["city"], changed["email"], changed["last_name"]) == ("Wismar", "axel@example.org", "Lübs")


async def test_a_customer_of_the_dms_cant_be_edited_and_says_where_it_can(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, _desk):
        one = await from_dms(daemon)
        async with page_of(tmp_path, one) as tui:
            await tui.until("Kept by incadea: these data can be changed only there.")
            assert "Edit" not in keys(tui)
            assert "p Permissions" in keys(tui), "consent is given to us"


async def test_a_permission_is_kept_with_day_and_source(tmp_path: Path) -> None:
    async with house(tmp_path) as (_daemon, desk):
        one = await desk.customer()
        async with page_of(tmp_path, one) as tui:
            await tui.press("p")
            await tui.until("Which permission was given or taken back?")
            await tui.press("down", "enter")
            await tui.until("how it was given")
            form = tui.app.screen
            assert isinstance(form, Form)
            await tui.press("f2")
            await tui.until("Source is missing.")
            form.filling("source").put("Anruf")
            form.filling("since").put("+1")
            await tui.press("f2")
            await tui.until("A permission can't be given in the future.")
            form.filling("since").put("28.2.2027")
            await tui.press("f2")
            await tui.until("✓ yes, since 28/02/2027: Anruf")
        assert (await kept(desk, one))["permissions"] == {
            "phone": {"allowed": True, "since": "2027-02-28", "source": "Anruf"}
        }


async def test_two_people_on_one_customer_dont_overwrite_each_other(tmp_path: Path) -> None:
    async with house(tmp_path) as (_daemon, desk):
        one = await desk.customer()
        async with page_of(tmp_path, one) as tui:
            await tui.press("e")
            await tui.until("Contact data")
            form = tui.app.screen
            assert isinstance(form, Form)
            reply = await desk.http.patch(f"/v1/customers/{one['id']}", {"city": "Wismar"}, version="*")
            assert reply.status == 200
            form.filling("city").put("Rostock")
            await tui.press("f2")
            await tui.until("meanwhile")
        assert (await kept(desk, one))["city"] == "Wismar"


# The person's rights


async def test_everything_held_is_shown_and_how_it_gets_into_a_file(tmp_path: Path) -> None:
    async with house(tmp_path) as (_daemon, desk):
        one = await desk.customer()
        async with page_of(tmp_path, one, size=(120, 40)) as tui:
            await tui.press("g")
            await tui.until("Show everything held on this person")
            await tui.press("enter")
            await tui.until('"last_name": "Lübs"')
            await tui.until(f"/v1/customers/{one['id']}/export")
            await tui.press("f9")
            await tui.until_gone("Lübs")


async def test_nobody_is_erased_while_an_appointment_lies_ahead(tmp_path: Path) -> None:
    async with house(tmp_path) as (_daemon, desk):
        one = await desk.customer()
        await desk.book("09:00", day="2027-03-09", customer_id=one["id"])
        async with page_of(tmp_path, one) as tui:
            await tui.press("g", "down", "enter")
            await tui.until("First complete or cancel what lies ahead: 09/03 09:00")
        assert not (await kept(desk, one))["erased"]


async def test_erasing_says_what_it_means_and_has_to_be_typed(tmp_path: Path) -> None:
    async with house(tmp_path) as (_daemon, desk):
        one = await desk.customer(number="4711")
        async with page_of(tmp_path, one) as tui:
            await tui.press("g", "down", "enter")
            await tui.until("Type 4711 to confirm it.")
            assert "It can't be undone." in tui.box
            await tui.press("enter")
            assert not (await kept(desk, one))["erased"]
            await tui.type("4711")
            await tui.press("enter")
            await tui.until("This person was erased; what is left tells nothing of them.")
            assert "Edit" not in keys(tui)
        assert (await kept(desk, one))["erased"]


# Who looks


async def test_privacy_hides_the_person(tmp_path: Path) -> None:
    async with house(tmp_path) as (_daemon, desk):
        one = await desk.customer(city="Rostock", mobile="0171 7654321", street="Am Markt")
        await desk.vehicle("HRO-AL 17", owner=one["id"])
        async with page_of(tmp_path, one) as tui:
            await tui.until("Am Markt")
            await tui.press("f9")
            await tui.until_gone("Am Markt")
            for word in ("Lübs", "Axel", "0171", "HRO-AL", "Rostock"):
                assert word not in tui.text
            await tui.press("e")
            await tui.until("press F9 first")
            await tui.press("escape")
            await tui.until("••••")
            assert "0171" not in tui.text


async def test_who_may_only_read_sees_it_before_pressing_a_key(tmp_path: Path) -> None:
    async with house(tmp_path) as (_daemon, desk):
        one = await desk.customer()
        async with page_of(tmp_path, one) as tui:
            only_reads(tui)
            await tui.until("(e Edit) (p Permissions)")


async def test_a_page_follows_what_concerns_its_customer(tmp_path: Path) -> None:
    async with house(tmp_path) as (_daemon, desk):
        one = await desk.customer()
        async with page_of(tmp_path, one) as tui:
            await tui.until("No appointments yet.")
            booked = await desk.book("09:00", day="2027-03-09", customer_id=one["id"])
            await tui.until("09/03 09:00")
            await desk.cancel(booked)
            await tui.until("cancelled")
            await desk.http.patch(f"/v1/customers/{one['id']}", {"city": "Wismar"}, version="*")
            await tui.until("Wismar")


async def test_what_a_dms_brings_is_shown_on_both_pages(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        dora = await from_dms(daemon, lease_company="Leasing Nord")
        car = await desk.vehicle(driver=dora["id"], engine_number="YD25-1", warranty_end="2028-03-01")
        visit = await desk.book(customer_id=dora["id"], vehicle_id=car["id"], dms_number="V-9")
        parts = daemon.daemon.parts
        assert parts is not None
        for kind, key, number in (("customer", dora["id"], "K9"), ("vehicle", car["id"], "F9"),
                                  ("order", visit["id"], "A9")):  # fmt: skip
            record = PartnerRecord(
                connector="incadea", company="NORD", kind=kind, partner_id=number, record_id=key  # type: ignore[arg-type]
            )  # fmt: skip
            await parts.db.write(lambda tx, record=record: parts.book.keep_partner_record(tx, record))  # type: ignore[misc]
        async with page_of(tmp_path, dora) as tui:
            assert "lease company Leasing Nord" in sheet(tui)
            assert "incadea number NORD K9" in sheet(tui)
            assert "warranty until 01/03/2028" in sheet(tui)
            await tui.press("f9")
            await tui.until(lambda: "K9" not in sheet(tui))
        async with opened(tmp_path / "api.sock", now=lambda: NOW) as tui:
            open_appointment(tui.app, visit["id"], "customer")
            await tui.until("At partners")
            told = " ".join(tui.text.split())
            assert "order incadea NORD A9" in told
            assert "vehicle incadea NORD F9" in told
            assert "engine number YD25-1" in told
