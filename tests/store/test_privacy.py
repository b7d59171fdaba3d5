"""A person's data are given out whole, and after erasing no byte of them is left in the file."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.bookkeeping import DESK, MONDAY, Dealership, draft
from wtpd.book.sync_port import SyncBook
from wtpd.clock import iso
from wtpd.daemon.erasures import next_night
from wtpd.errors import Invalid, Refused
from wtpd.planner.appointment import Intervention
from wtpd.planner.customer import Customer
from wtpd.store import (
    appointments,
    attention,
    cleaning,
    contracts,
    customers,
    erased,
    history,
    idempotency,
    messages,
    privacy,
    search,
    vehicles,
)
from wtpd.store.database import Tx, to_json
from wtpd.store.erased import is_erased
from wtpd.store.idempotency import Answer
from wtpd.store.inbox import Inbox
from wtpd.store.ledger import Ledger
from wtpd.store.messages import Messages
from wtpd.store.outbox import Outbox
from wtpd.sync.ports import Incoming, Intent, Link, Taken

CHANNEL = "superservice/rostock"
PERSON = {
    "number": "K-77813",
    "title": "Dr.",
    "first_name": "Ottokar",
    "last_name": "Zwetschgenmann",
    "street": "Pflaumenallee",
    "email": "ottokar@zwetschgen.example",
    "mobile": "0151 77788899",
    "business_phone": "0381 4455667",
}
TRACES = [
    "zwetschgen", "Zwetschgen", "ZWETSCHGEN", "ottokar", "Ottokar", "Pflaumenallee", "77788899", "4455667", "K-77813",
    "k77813", "HRO-ZW 1234", "HRO-ZW1234", "hrozw1234", "0160 5554443",
]  # fmt: skip


async def life(dealership: Dealership) -> tuple[str, str, str]:
    """A customer whose name got into every table there is."""
    book = dealership.book

    def work(tx: Tx) -> tuple[str, str, str]:
        tx.run(
            """INSERT INTO channel (id, connector, site, department, account, active)
               VALUES (?, 'superservice', 'rostock', 'Werkstatt', 'D1', 1)""",
            (CHANNEL,),
        )
        person = book.create_customer(tx, {**PERSON, "mobile": "0160 5554443"}, author=DESK)
        car = book.create_vehicle(
            tx, {"plate": "HRO-ZW 1234", "vin": "VF15TCCXRXU995736", "owner": person.id}, author=DESK
        )
        asked = draft(
            customer_id=person.id,
            vehicle_id=car.id,
            courtesy_car="EW1",
            notes="Zwetschgenmann bitte anrufen",
            interventions=(Intervention(title="HU", description="Herr Zwetschgenmann hört Klappern", labour_units=1),),
        )
        made = book.create(tx, asked, author=DESK)
        changes = {"customer.mobile": PERSON["mobile"], "notes": "Frau Zwetschgenmann holt ab"}
        SyncBook(book, tx).update(CHANNEL, made.id, changes, actor="SUPERSERVICE", links={})
        base = {"customer.last_name": "Zwetschgenmann", "notes": "Ottokar"}
        Ledger(tx).put_link(
            Link(channel=CHANNEL, account="D1", partner_id="A-1", appointment_id=made.id, version=3, base=base)
        )
        outbox = Outbox(tx)
        outbox.mark(CHANNEL, made.id)
        outbox.store_intent(
            Intent(
                channel=CHANNEL,
                account="D1",
                appointment_id=made.id,
                key="k",
                operation="update",
                fields=base,
                full=base,
            )
        )
        linked, unlinked = {"caller": "Ottokar"}, {"mail": "ottokar@zwetschgen.example"}
        for partner_id, raw in (("A-1", linked), ("unlinked", unlinked), ("mended", {})):
            message = Incoming(
                partner_id=partner_id, version=9, fields={}, cancelled=False, changed_by="dealer",
                raw=raw,
            )  # fmt: skip
            Inbox(tx).quarantine(CHANNEL, "D1", message, f"unreadable: {raw.get('caller', '')}")
        number = tx.all("SELECT id FROM inbox WHERE partner_id = 'mended'")[0]["id"]
        Inbox(tx).close(number, "applied", by="maria", edited={"mail": "ottokar@zwetschgen.example"})
        said = {"customer": "Ottokar Zwetschgenmann", "mail": "ottokar@zwetschgen.example"}
        kept = Messages(tx)
        kept.called(Outbox(tx).intent_of(CHANNEL, made.id) or pytest.fail("the call is under way"))
        for partner_id, appointment, decision in (("A-1", made.id, "update"), ("gone", None, "none")):
            item = Incoming(
                partner_id=partner_id, version=2, fields={}, cancelled=False, changed_by="dealer", raw=said,
            )  # fmt: skip
            kept.received(CHANNEL, item, Taken(decision=decision, appointment_id=appointment))  # type: ignore[arg-type]
        for subject in ("HRO-ZW 1234", "HROZW1234", "VF15TCCXRXU995736"):
            messages.put_question(tx, "register", "identify", subject, "ok", "")
        attention.add(tx, "conflict", channel=CHANNEL, appointment_id=made.id, data={"ours": "Zwetschgenmann"})
        attention.add(tx, "unmatched", data={"mail": "ottokar@zwetschgen.example"})
        for key, appointment in (("k1", made.id), ("k2", None)):
            answer = Answer(201, {}, f'{{"id":"{person.id}","name":"Zwetschgenmann"}}'.encode())
            idempotency.put(tx, "maria", key, "h", answer, appointment_id=appointment)
        for number, sent in enumerate((iso(tx.now), None)):
            tx.run(
                """INSERT INTO mail (message_id, site, sender, recipient, message, queued_at, sent_at)
                   VALUES (?, 'rostock', 'a@example.org', 'b@example.org', ?, ?, ?)""",
                (str(number), b"Subject: Termin\r\n\r\nZwetschgenmann", iso(tx.now), sent),
            )
        return person.id, made.id, car.id

    ids = await dealership.do(work)
    for number in range(40):
        await dealership.do(
            lambda tx, n=number: book.change_customer(
                tx, ids[0], {"mobile": f"0151 77788899 {n}", "city": f"Bonn {n}"}, author=DESK, expected_version=None
            )
        )
    await dealership.do(
        lambda tx: book.change_customer(tx, ids[0], {"mobile": PERSON["mobile"]}, author=DESK, expected_version=None)
    )
    await dealership.do(lambda tx: book.change(tx, ids[1], {"status": "completed"}, author=DESK, expected_version=None))
    return ids


def found_in(folder: Path) -> list[tuple[str, str]]:
    """Payloads of messages are deflated, so they are looked into as well."""
    pieces = [(each.name, each.read_bytes()) for each in folder.iterdir()]
    with sqlite3.connect(folder / "book.db") as con:
        pieces += [("message", to_json(messages.unpacked(row[0])).encode()) for row in con.execute(PAYLOADS)]
    con.close()
    return [(name, trace) for name, piece in pieces for trace in TRACES if trace.encode() in piece]


PAYLOADS = "SELECT payload FROM message WHERE payload IS NOT NULL"


async def erase(dealership: Dealership, person: str) -> Any:
    """As the API does it."""
    traces = await dealership.see(lambda tx: privacy.look(tx, customers.get(tx, person)))
    blanked = await dealership.do(lambda tx: dealership.book.erase_customer(tx, person, DESK, traces))
    await cleaning.clean(dealership.database, person, traces.words, traces.packed)
    return blanked


async def crowd(dealership: Dealership, count: int) -> None:
    """Others around the person, so that pages of the file are shared."""

    def work(tx: Tx) -> None:
        for number in range(count):
            person = {
                "last_name": f"Nachbar {number}",
                "email": f"n{number}@example.org",
                "mobile": f"0170 1000{number}",
            }
            made = dealership.book.create_customer(tx, person, author=DESK)
            start = MONDAY + timedelta(hours=number)
            dealership.book.create(tx, draft(start, units=0, customer_id=made.id, notes="n" * number), author=DESK)

    await dealership.do(work)


@pytest.mark.parametrize("others", [0, 60])
async def test_after_erasing_no_byte_of_the_person_is_left(dealership: Dealership, tmp_path: Path, others: int) -> None:
    await crowd(dealership, others)
    person, _, _ = await life(dealership)
    await crowd(dealership, others)
    assert {trace for _, trace in found_in(tmp_path)} >= {"Zwetschgen", "zwetschgen", "77788899", "HRO-ZW 1234"}
    assert ("message", "Zwetschgen") in found_in(tmp_path)
    await erase(dealership, person)
    assert found_in(tmp_path) == []
    free = await dealership.see(lambda tx: tx.one("PRAGMA freelist_count")[0])
    assert free == 0, "freed pages are given back"
    integrity = [f"INSERT INTO search_{kind} (search_{kind}, rank) VALUES ('integrity-check', 1)"
                 for kind in ("appointment", "customer", "vehicle")]  # fmt: skip
    await dealership.do(lambda tx: [tx.run(sql) for sql in integrity])
    assert (await dealership.see(lambda tx: tx.one("PRAGMA integrity_check")[0])) == "ok"


async def test_the_frame_stays_and_says_that_it_happened(dealership: Dealership) -> None:
    person, visit, car = await life(dealership)
    before = await dealership.see(lambda tx: history.of(tx, visit))
    await erase(dealership, person)
    record = await dealership.see(lambda tx: customers.get(tx, person))
    assert (record.erased, record.name, record.email, record.number) == (True, "", "", None)
    after = await dealership.see(lambda tx: history.of(tx, visit))
    assert [(entry.version, entry.actor, set(entry.changes)) for entry in after] == [
        (entry.version, entry.actor, set(entry.changes)) for entry in before
    ]
    assert after[1].changes["customer.mobile"].new == ""
    appointment = await dealership.see(lambda tx: appointments.get(tx, visit))
    assert (appointment.notes, appointment.interventions[0].title, appointment.labour_units) == ("", "HU", 1)
    vehicle = await dealership.see(lambda tx: vehicles.get(tx, car))
    assert (vehicle.plate, vehicle.owner, vehicle.vin) == ("", None, "VF15TCCXRXU995736")
    contract = await dealership.see(lambda tx: contracts.find(tx, visit))
    assert contract is not None
    assert (contract.courtesy_car, contract.customer) == ("EW1", None)
    (entry,) = await dealership.see(lambda tx: privacy.erasures(tx))
    assert (entry["customer_id"], entry["actor"], entry["at"]) == (person, "maria", "2026-11-02T06:00:00Z")


async def test_no_late_message_brings_the_person_back(dealership: Dealership) -> None:
    person, _, _ = await life(dealership)
    await erase(dealership, person)

    def state(tx: Tx) -> tuple[bool, int, list[str]]:
        link = Ledger(tx).link_at(CHANNEL, "D1", "A-1")
        states = [row["state"] for row in tx.all("SELECT state FROM inbox")]
        return link is not None and link.tombstone, tx.one("SELECT count(*) FROM outbox")[0], states

    assert await dealership.see(state) == (True, 0, ["discarded", "discarded", "applied"])
    assert await dealership.see(attention.page) == [], "nothing is left to decide about"


async def test_what_others_and_partners_said_stays_without_the_person(dealership: Dealership) -> None:
    """That there was a message stays; what others' appointments say isn't touched."""
    person, visit, _ = await life(dealership)

    def other(tx: Tx) -> str:
        made = dealership.book.create(tx, draft(units=0), author=DESK)
        item = Incoming(
            partner_id="B-1", version=1, fields={}, cancelled=False, changed_by="dealer", raw={"customer": "Nachbar"}
        )
        Messages(tx).received(CHANNEL, item, Taken(decision="create", appointment_id=made.id))
        return made.id

    neighbour = await dealership.do(other)
    await erase(dealership, person)

    def kept(tx: Tx) -> list[Any]:
        return [tx.one("SELECT count(*) FROM message")[0], *(
            [messages.get(tx, one.id)[1] for one in messages.of_appointment(tx, each)] for each in (visit, neighbour)
        )]  # fmt: skip

    count, own, theirs = await dealership.see(kept)
    assert count == 4
    assert set(map(str, own)) == {"None"}
    assert theirs == [{"customer": "Nachbar"}]


async def test_others_are_left_alone(dealership: Dealership) -> None:
    await crowd(dealership, 5)
    person, _, _ = await life(dealership)

    def others(tx: Tx) -> list[Any]:
        people = [each for each in customers.page(tx)[0] if each.id != person]
        visits = [visit for each in people for visit in appointments.of_customer(tx, each.id)]
        return [people, visits, [history.of(tx, visit.id) for visit in visits], search.customers(tx, "nachbar", 10)]

    before = await dealership.see(others)
    await erase(dealership, person)
    assert await dealership.see(others) == before
    assert len(before[3]) == 5


async def test_a_car_that_others_drive_too_keeps_its_plate(dealership: Dealership) -> None:
    person, _, car = await life(dealership)

    def share(tx: Tx) -> None:
        other = dealership.book.create_customer(tx, {"last_name": "Nachbar"}, author=DESK)
        dealership.book.change_vehicle(tx, car, {"driver": other.id}, author=DESK, expected_version=None)

    await dealership.do(share)
    await erase(dealership, person)
    vehicle = await dealership.see(lambda tx: vehicles.get(tx, car))
    assert (vehicle.plate, vehicle.owner) == ("HRO-ZW 1234", None)


async def test_while_a_visit_lies_ahead_it_is_refused_with_the_reason(dealership: Dealership) -> None:
    def book(tx: Tx) -> tuple[str, str]:
        person = dealership.book.create_customer(tx, PERSON, author=DESK)
        return person.id, dealership.book.create(tx, draft(customer_id=person.id), author=DESK).id

    person, visit = await dealership.do(book)
    with pytest.raises(Refused, match="while an appointment lies ahead") as refusal:
        await erase(dealership, person)
    assert refusal.value.facts == {"appointments": [visit]}
    await dealership.do(lambda tx: dealership.book.cancel(tx, visit, author=DESK, expected_version=None))
    assert (await erase(dealership, person)).erased
    assert (await erase(dealership, person)).version == 2, "erasing twice changes nothing"


async def test_an_erased_customer_takes_nothing_any_more(dealership: Dealership) -> None:
    person, _, _ = await life(dealership)
    await erase(dealership, person)
    with pytest.raises(Refused, match="was erased"):
        await dealership.do(
            lambda tx: dealership.book.change_customer(tx, person, {"city": "x"}, author=DESK, expected_version=None)
        )
    with pytest.raises(Invalid, match="no customer"):
        await dealership.do(lambda tx: dealership.book.create(tx, draft(customer_id=person, units=0), author=DESK))


async def test_after_an_erasure_history_is_closed_again(dealership: Dealership) -> None:
    person, _, _ = await life(dealership)
    await erase(dealership, person)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        await dealership.do(lambda tx: tx.run("UPDATE history SET changes = '{}'"))
    with pytest.raises(sqlite3.IntegrityError, match="stays"):
        await dealership.do(lambda tx: tx.run("DELETE FROM erasure"))


async def test_export_gives_everything_held_on_the_person(dealership: Dealership) -> None:
    person, visit, car = await life(dealership)
    export = await dealership.see(lambda tx: dealership.book.export_customer(tx, person))
    assert export["customer"]["last_name"] == "Zwetschgenmann"
    assert [each["id"] for each in export["vehicles"]] == [car]
    (appointment,) = export["appointments"]
    assert appointment["id"] == visit
    assert appointment["drop_off"] == iso(MONDAY)
    assert [entry["action"] for entry in appointment["history"]] == ["created", "changed", "changed"]
    assert appointment["contract"]["customer"]["mobile"] == "0160 5554443"
    assert export["messages"] == [{"caller": "Ottokar"}]
    (message,) = export["exchanged"]
    assert (message["direction"], message["channel"], message["operation"]) == ("in", CHANNEL, "update")
    assert message["payload"]["customer"] == "Ottokar Zwetschgenmann"
    assert export["given_to"] == [{"channel": CHANNEL, "partner_id": "A-1", "appointment_id": visit}]


async def test_export_of_somebody_without_anything(dealership: Dealership) -> None:
    person = await dealership.do(lambda tx: dealership.book.create_customer(tx, {"last_name": "Neu"}, author=DESK))
    export = await dealership.see(lambda tx: dealership.book.export_customer(tx, person.id))
    assert export == {
        "customer": {**export["customer"], "id": person.id},
        "vehicles": [],
        "vehicle_checks": [],
        "appointments": [],
        "messages": [],
        "partner_records": [],
        "exchanged": [],
        "rentals": [],
        "given_to": [],
    }
    assert replace(person) == person


async def test_an_erased_person_is_recognised_in_an_old_list(dealership: Dealership, tmp_path: Path) -> None:
    assert await dealership.see(lambda tx: is_erased(tx, number="K-77813")) is None
    person, _, _ = await life(dealership)
    await erase(dealership, person)

    def ask(tx: Tx) -> list[Any]:
        mobile = Customer(id="", mobile="+49 151 77788899")
        other = Customer(id="", email="else@example.org", mobile="0151 1111111")
        return [
            is_erased(tx, number=" k-77813 "), is_erased(tx, vin="vf15tccxrxu995736"), is_erased(tx, customer=mobile),
            is_erased(tx, number="K-77814", customer=other),
        ]  # fmt: skip

    number, vin, mobile, other = await dealership.see(ask)
    assert (number.kinds, number.day, number.is_person) == ({"number"}, "2026-11-02", True)
    assert (vin.kinds, mobile.kinds, mobile.is_person, other) == ({"vin"}, {"phone"}, False, None)
    key = tmp_path / "book.db.erased-key"
    assert key.stat().st_mode & 0o777 == 0o600
    kept = await dealership.see(lambda tx: [row["hash"] for row in tx.all("SELECT hash FROM erased_key")])
    assert all(key.read_bytes().hex() not in each and len(each) == 32 for each in kept)


@pytest.mark.parametrize("content", [None, b"", b"too short"])
async def test_without_the_key_nobody_is_recognised_and_everything_goes_on(
    dealership: Dealership, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    person, _, _ = await life(dealership)
    await erase(dealership, person)
    key = tmp_path / "book.db.erased-key"
    key.unlink()
    erased._known_key.cache_clear()  # as after a restart
    if content is not None:
        key.write_bytes(content)
    assert await dealership.see(lambda tx: is_erased(tx, number="K-77813")) is None
    assert "key file of erased persons is missing" in caplog.text
    again = await dealership.do(lambda tx: dealership.book.create_customer(tx, PERSON, author=DESK))
    await erase(dealership, again.id)
    assert await dealership.see(lambda tx: is_erased(tx, number="K-77813")) is not None
    assert (key.stat().st_mode & 0o777, len(key.read_bytes())) == (0o600, 32)


async def test_answers_to_lists_and_kept_plates_go_too(dealership: Dealership) -> None:
    person, _, car = await life(dealership)

    def keep(tx: Tx) -> None:
        dealership.book.change_vehicle(tx, car, {"plate": "GG-987-H"}, author=DESK, expected_version=None)
        listed = b'{"created":0,"unchanged":1,"warnings":[{"field":"x","detail":"GG-987-K is not the plate"}]}'
        for number, body in enumerate((listed, b'{"id":"9","plate":"GG-987-H"}', b'{"id":"10","plate":"HRO-X 1"}')):
            idempotency.put(tx, "maria", f"p{number}", "h", Answer(200, {}, body))

    await dealership.do(keep)
    await erase(dealership, person)
    rows = await dealership.see(lambda tx: tx.all("SELECT body FROM idempotency WHERE key LIKE 'p%' ORDER BY key"))
    assert [row["body"] for row in rows] == [b"", b"", b'{"id":"10","plate":"HRO-X 1"}']


async def test_a_note_of_another_visit_that_names_the_person_is_listed_and_can_be_erased(
    dealership: Dealership,
) -> None:
    person, _, _ = await life(dealership)

    def others(tx: Tx) -> tuple[str, str]:
        named = dealership.book.create(tx, draft(units=0, notes="Frau ZWETSCHGENMANN holt ab"), author=DESK)
        cousin = dealership.book.create_customer(tx, {"last_name": "Zwetschgenmann"}, author=DESK)
        own = draft(units=0, notes="für Zwetschgenmann", customer_id=cousin.id)
        return named.id, dealership.book.create(tx, own, author=DESK).id

    named, cousin = await dealership.do(others)
    await dealership.do(lambda tx: dealership.book.cancel(tx, cousin, author=DESK, expected_version=None))
    await erase(dealership, person)
    listed = await dealership.see(attention.page)
    assert [(one.kind, one.appointment_id) for one in listed] == [("named_in_note", named)]
    await dealership.do(lambda tx: dealership.book.erase_notes(tx, named, DESK))
    await cleaning.clean(dealership.database)
    entries = await dealership.see(lambda tx: history.of(tx, named))
    assert "ZWETSCHGENMANN" not in str(entries)
    assert await dealership.see(attention.page) == []
    assert (await dealership.see(lambda tx: appointments.get(tx, named))).notes == ""


async def test_an_erasure_that_left_nothing_is_done_at_once(dealership: Dealership) -> None:
    person, _, _ = await life(dealership)
    assert not await cleaning.rewrite(dealership.database)
    await erase(dealership, person)
    (entry,) = await dealership.see(lambda tx: privacy.erasures(tx))
    assert entry["cleaned_at"] == "2026-11-02T06:00:00Z"
    assert not await cleaning.rewrite(dealership.database)


async def test_where_a_word_is_left_in_the_file_it_is_written_again_once_and_the_record_says_when(
    dealership: Dealership,
) -> None:
    person, _, _ = await life(dealership)
    left = draft(units=0, notes="Rechnung an ottokar@zwetschgen.example")
    await dealership.do(lambda tx: dealership.book.create(tx, left, author=DESK))
    await erase(dealership, person)
    (entry,) = await dealership.see(lambda tx: privacy.erasures(tx))
    assert entry["cleaned_at"] is None
    assert await cleaning.rewrite(dealership.database)
    (entry,) = await dealership.see(lambda tx: privacy.erasures(tx))
    assert entry["cleaned_at"] == "2026-11-02T06:00:00Z"
    assert not await cleaning.rewrite(dealership.database)


async def test_a_person_who_shares_name_and_telephone_is_looked_for_by_what_is_theirs_alone(
    dealership: Dealership,
) -> None:
    person, _, _ = await life(dealership)
    same = {"first_name": "Ottokar", "last_name": "Zwetschgenmann", "mobile": PERSON["mobile"]}
    await dealership.do(lambda tx: dealership.book.create_customer(tx, same, author=DESK))
    await erase(dealership, person)
    (entry,) = await dealership.see(lambda tx: privacy.erasures(tx))
    assert entry["cleaned_at"] is not None


def test_the_night_is_that_of_the_house() -> None:
    zone = ZoneInfo("Europe/Berlin")
    assert next_night(datetime(2026, 11, 2, 6, tzinfo=UTC), zone) == datetime(2026, 11, 3, 1, 40, tzinfo=UTC)
    assert next_night(datetime(2026, 7, 2, 0, tzinfo=UTC), zone) == datetime(2026, 7, 2, 0, 40, tzinfo=UTC)
