"""What happens in the demo: some days of a dealership in less than a minute. Each chapter is a step of the report."""

from __future__ import annotations

import asyncio
import contextlib

from wtpd.client import Unreachable
from wtpd.demo.lists import FILES, lists
from wtpd.demo.partner import PARTNER
from wtpd.demo.settings import DEPARTMENT, LOGIN, SITES
from wtpd.demo.stage import Json, Stage, Stuck, at
from wtpd.texts import N_, Text

ROSTOCK, GUESTROW = SITES["rostock"], SITES["guestrow"]
CRASH_BOOKINGS = 40
CREATE = {"method": "POST", "route": "/v1/dealers/*/appointments"}


async def play(stage: Stage) -> None:
    """All chapters. Raises `Stuck`, `Failed` or an error of the client if the story can't go on."""
    for chapter in (introduce, fill, first_sync, bookings, changes, conflict, full_day, mail, crash):
        await chapter(stage)


async def introduce(stage: Stage) -> None:
    text = N_("SUPERSERVICE gets to know the dealership; its credentials are entered and tested")
    with stage.report.step("introduce", text) as note:
        for site, number in SITES.items():
            await stage.partner.act("dealer", dealer=number, name=f"Autohaus {site.title()}", brand="NISSAN")
        await stage.partner.act("client", dealers=",".join(SITES.values()), **LOGIN)
        await stage.api.credentials.set(PARTNER, "general", LOGIN)
        await stage.api.connectors.verify(PARTNER)
        note.found(N_("dealer numbers {numbers}", numbers=", ".join(SITES.values())))


async def fill(stage: Stage) -> None:
    with stage.report.step("import", N_("The lists of the workshop are imported")) as note:
        counts = await stage.api.import_files(lists(stage.today))
        for name, kind in FILES.items():
            made = int(counts["kinds"][kind]["created"])
            note.found(N_("{file}: {count} records", file=name, count=made))
            note.figures[name.removesuffix(".csv")] = made


async def first_sync(stage: Stage) -> None:
    with stage.report.step("first-sync", N_("First sync of both sites")) as note:
        await stage.settle()
        held = len(await stage.partner.appointments())
        sent = await stage.partner.requests(method="POST", path=CREATE["route"])
        note.found(
            N_("{count} appointments are at SUPERSERVICE, booked in {requests} requests", count=held, requests=sent),
            appointments=held,
            requests=sent,
        )


async def bookings(stage: Stage) -> None:
    text = N_("The customer's app, the dealer at SUPERSERVICE and the desk book")
    with stage.report.step("bookings", text) as note:
        first, second, third, *_ = await stage.open_days("rostock", 3)
        new_customer = {
            "first_name": "Wiebke", "last_name": "Thomsen-Demo", "email": "wiebke.thomsen@example.org",
            "mobile": "0171 5550123", "plate": "HRO-WT 2026", "vin": "SJNFAAZE1U0999001", "model": "Leaf",
        }  # fmt: skip
        stage.known["app"] = await stage.partner.act(
            "book", dealer=ROSTOCK, by="customer_app", drop_off=at(first, 9), collection=at(first, 15),
            job="Inspektion groß", labour_units=18.0, notes="Bitte Reifendruck prüfen", **new_customer,
        )  # fmt: skip
        person, fields = await known_customer(stage)
        stage.known["dealer"] = await stage.partner.act(
            "book", dealer=ROSTOCK, by="dealer", drop_off=at(second, 10), collection=at(second, 17),
            job="Bremsen vorne", labour_units=12.0, fields=fields,
        )  # fmt: skip
        day, car = await stage.day_with_car("rostock", third, (8, 16))
        stage.known["car"] = await stage.partner.act(
            "book", dealer=ROSTOCK, by="customer_app", drop_off=at(day, 8), collection=at(day, 16), job="Ölwechsel",
            labour_units=8.0, first_name="Jannes", last_name="Kröger-Demo", mobile="0160 5550456", plate="DBR-JK 77",
            model="Qashqai", transport="LOAN_CAR", loan_car=car,
        )  # fmt: skip
        day, *_ = await stage.open_days("guestrow", 1)
        stage.known["desk"] = await stage.book_here("guestrow", day, 11)
        await stage.settle()
        app, dealer, lent = [await stage.here(stage.known[name]["id"]) for name in ("app", "dealer", "car")]
        recognised = dealer["customer_id"] == person
        note.found(_recognised(recognised), ok=recognised, recognised=recognised)
        note.found(
            N_("the app's customer is new, origin {origin}", origin=app["origin"]), ok=app["origin"] == "mynissan"
        )
        reserved = lent["courtesy_car"] == car
        note.found(_lent(reserved, car), ok=reserved, courtesy_car=lent["courtesy_car"])


async def known_customer(stage: Stage) -> tuple[str, Json]:
    """A customer of the dealership and her car as SUPERSERVICE's dealer types them: id, and fields of the contract."""
    for appointment in await stage.imported("rostock", 50):
        if not (appointment["customer_id"] and appointment["vehicle_id"]):
            continue
        customer = await stage.api.customers.get(appointment["customer_id"])
        vehicle = await stage.api.vehicles.get(appointment["vehicle_id"])
        if customer["last_name"] and customer["email"] and vehicle["vin"] and vehicle["plate"]:
            return customer["id"], {
                "customer": {
                    "firstName": customer["first_name"],
                    "lastName": customer["last_name"],
                    "contact": {"email": customer["email"], "mobile": customer["mobile"]},
                },
                "vehicle": {"registrationPlate": vehicle["plate"], "vin": vehicle["vin"]},
            }
    raise Stuck(N_("none of the imported customers has name, e-mail, plate and VIN"))


def _lent(reserved: bool, car: str) -> Text:
    if reserved:
        return N_("courtesy car {car} is reserved", car=car)
    return N_("courtesy car {car} was NOT reserved", car=car)


def _recognised(recognised: bool) -> Text:
    if recognised:
        return N_("the dealer's customer was recognised")
    return N_("the dealer's customer was NOT recognised")


async def changes(stage: Stage) -> None:
    with stage.report.step("changes", N_("Both sides change and cancel")) as note:
        day = (await stage.open_days("rostock", 5))[4]
        app, dealer, car = (stage.known[name]["id"] for name in ("app", "dealer", "car"))
        await stage.partner.act("move", dealer=ROSTOCK, id=app, by="customer_app", drop_off=at(day, 10))
        await stage.partner.act("change", dealer=ROSTOCK, id=dealer, notes="Kunde bringt Räder mit")
        await stage.partner.act("cancel", dealer=ROSTOCK, id=car, by="customer_app", reason="krank")
        one, other = await stage.imported("rostock", 2)
        await stage.api.appointments.change(one["id"], {"notes": "Probefahrt mit Kunde"}, version=one["version"])
        await stage.api.appointments.cancel(other["id"], version=other["version"], reason="Fahrzeug verkauft")
        desk = await stage.api.appointments.get(stage.known["desk"]["id"])
        await stage.api.appointments.change(desk["id"], {"customer_waiting": True}, version=desk["version"])
        await stage.settle()
        note.found(N_("there: one moved, one changed, one cancelled; here: two changed, one cancelled"), changes=6)


async def conflict(stage: Stage) -> None:
    text = N_("A real conflict: SUPERSERVICE can't be reached, and both sides change the same field")
    with stage.report.step("conflict", text) as note:
        partner_id = stage.known["dealer"]["id"]
        booked = await stage.here(partner_id)
        async with stage.misbehaving({"kind": "status", "status": 503, "method": "PATCH"}):
            ours, theirs = {"notes": "Wir: Termin bestätigt"}, "Sie: Kunde kommt später"
            await stage.api.appointments.change(booked["id"], ours, version=booked["version"])
            await stage.until(stage.partner.shown, N_("a change is refused by SUPERSERVICE"))
            await stage.partner.act("change", dealer=ROSTOCK, id=partner_id, notes=theirs)
            await stage.until(stage.conflicts, N_("the conflict is listed"))
        await stage.settle()
        listed = await stage.conflicts()
        stands = (await stage.here(partner_id))["notes"]
        note.found(N_("listed for a decision: {count}", count=listed), ok=listed == 1, conflicts=listed)
        note.found(N_("until then SUPERSERVICE's text stands: “{text}”", text=stands), ok=stands == theirs)


async def full_day(stage: Stage) -> None:
    text = N_("A full day: the desk is refused, what comes from SUPERSERVICE is taken and flagged")
    with stage.report.step("full-day", text) as note:
        day = (await stage.open_days("rostock", 8))[7]
        [offer] = await stage.api.availability("rostock", DEPARTMENT, day.isoformat(), day.isoformat())
        count = int(offer["remaining"] // 60) + 3
        await stage.partner.act(
            "book", dealer=ROSTOCK, by="customer_app", drop_off=at(day, 9), job="Inspektion groß", labour_units=60.0,
            count=count,
        )  # fmt: skip
        await stage.settle()
        refusal = await stage.refusal("rostock", day)
        page = await stage.api.appointments.list(site="rostock", department=DEPARTMENT, day=day.isoformat(), limit=500)
        flagged = sum(1 for one in page["items"] if one["over_limit"])
        note.found(
            N_("{count} bookings taken, {flagged} of them flagged as over the limit", count=count, flagged=flagged),
            ok=flagged > 0,
            booked=count,
            over_limit=flagged,
        )
        note.found(
            N_("the desk was told: “{text}”", text=refusal or "–"), ok=refusal is not None, refused=refusal is not None
        )


async def mail(stage: Stage) -> None:
    with stage.report.step("mail", N_("The mail server gets a test mail for each site")) as note:
        for site in SITES:
            tested = await stage.api.mails.test(site)
            if not tested["ok"]:
                raise Stuck(N_("no mail to {address}: {reason}", address=tested["sent_to"], reason=tested["error"]))
            note.found(N_("to {address}", address=tested["sent_to"]))
        note.found(N_("conflicts and full days are mailed a minute after they were found, several in one mail"))


async def crash(stage: Stage) -> None:
    text = N_("kill -9 of the daemon in the middle of a run, while answers get lost")
    with stage.report.step("crash", text) as note:
        before = len(await stage.partner.appointments())
        await stage.api.connectors.pause(PARTNER)
        made = await book_many(stage)
        there, lost = await kill_in_the_middle(stage, before)
        await stage.house.start_daemon()
        await stage.settle()
        after = len(await stage.partner.appointments()) - before
        entries = sum([len(await stage.api.appointments.history(one["id"])) for one in made])
        note.found(
            N_("of {all} bookings {there} were there when it died, {lost} of the answers had been cut off",
               all=CRASH_BOOKINGS, there=there, lost=lost),
            booked=CRASH_BOOKINGS, there_at_the_crash=there, lost_answers=lost,
        )  # fmt: skip
        note.found(
            N_("after the restart {after} are there, with {entries} entries in the history",
               after=after, entries=entries),
            ok=after == entries == CRASH_BOOKINGS, there_after=after, history_entries=entries,
        )  # fmt: skip


async def kill_in_the_middle(stage: Stage, before: int) -> tuple[int, int]:
    """Let the bookings go, and kill the daemon when the first ones are there: how many were there by then, and how
    many answers had been cut off."""
    # Each third booking is made there, but its answer is cut off; the others take their time.
    cut, late = {"kind": "cut", "share": 0.34, **CREATE}, {"kind": "late", "seconds": 0.2, "work": "first", **CREATE}

    async def some_are_there() -> bool:
        return len(await stage.partner.appointments()) >= before + 5

    async with stage.misbehaving(cut, late):
        await stage.api.connectors.resume(PARTNER)
        run = asyncio.create_task(stage.api.connectors.sync(PARTNER))
        await stage.until(some_are_there, N_("the first of the bookings reach SUPERSERVICE"))
        await stage.house.crash_daemon()
        with contextlib.suppress(Unreachable):
            await run
        return len(await stage.partner.appointments()) - before, await stage.partner.shown("cut")


async def book_many(stage: Stage) -> list[Json]:
    """The desk books while nothing is sent."""
    days = (await stage.open_days("rostock", 8))[:8]
    return [
        await stage.book_here("rostock", days[number % len(days)], 8 + number % 8, notes=f"Nr. {number + 1}")
        for number in range(CRASH_BOOKINGS)
    ]
