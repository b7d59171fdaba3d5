"""Finding appointments, customers and vehicles by what people type."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.bookkeeping import DESK, MONDAY, NOW, Dealership, draft
from wtpd.store import appointments, customers, search, vehicles
from wtpd.store.database import Tx
from wtpd.store.migrations import migrate, scripts
from wtpd.store.search import documents, slips, vocabulary, words

CUSTOMER = {
    "number": "K-10386",
    "title": "Dr.",
    "first_name": "Jörg",
    "last_name": "Müller-Lüdenscheidt",
    "city": "Güstrow",
    "email": "joerg.ml@example.org",
    "mobile": "0151 85641177",
}
VEHICLE = {"plate": "GÜ-HM 719", "vin": "VF15TCCXRXU995736", "make": "Renault", "model": "Clio"}


def visit(dealership: Dealership) -> Callable[[Tx], tuple[str, str, str]]:
    def work(tx: Tx) -> tuple[str, str, str]:
        book = dealership.book
        customer = book.create_customer(tx, CUSTOMER, author=DESK)
        vehicle = book.create_vehicle(tx, VEHICLE, author=DESK)
        references = {"superservice": "A-17"}
        asked = draft(
            customer_id=customer.id,
            vehicle_id=vehicle.id,
            work_order="WO-40/01",
            dms_number="D77",
            references=references,
        )
        return book.create(tx, asked, author=DESK).id, customer.id, vehicle.id

    return work


FINDS_VISIT = [
    "müller", "MÜLLER", "mueller", "muller", "lüdenscheidt", "Müller-Lüdenscheidt", "jörg mül", "lüd jo", "joerg",
    "GÜ-HM 719", "gü hm719", "GUHM719", "gu-hm 7", "hm 719", "719", "VF15TCCXRXU995736", "vf15tcc", "995736", "U995736",
    "xu995736", "WO-40/01", "wo4001", "wo-40", "D77", "A-17", "a17", "müller 719", "Renault" , "  müller  ",
]  # fmt: skip


@pytest.mark.parametrize("text", FINDS_VISIT)
async def test_an_appointment_is_found_by(dealership: Dealership, text: str) -> None:
    visit_id, _, _ = await dealership.do(visit(dealership))
    found = await dealership.see(lambda tx: appointments.search(tx, text))
    expected = [] if text == "Renault" else [visit_id]
    assert [each.id for each in found] == expected


@pytest.mark.parametrize(
    "text",
    [
        "ller",
        "müllerin",
        "müller hans",
        "995737",
        "",
        " ",
        "-",
        "'",
        '"',
        "*",
        "m",
        "\x00",
        "OR",
        "müller AND jörg",
        "ü" * 500,
    ],
)
async def test_nothing_is_found_by(dealership: Dealership, text: str) -> None:
    await dealership.do(visit(dealership))
    assert await dealership.see(lambda tx: appointments.search(tx, text)) == []


@pytest.mark.parametrize(
    "text",
    ["müller", "K-10386", "k10386", "güstrow", "joerg.ml@example.org", "0151 856", "015185641177", "+49151 8564"],
)
async def test_a_customer_is_found_by(dealership: Dealership, text: str) -> None:
    _, customer_id, _ = await dealership.do(visit(dealership))
    assert [each.id for each in await dealership.see(lambda tx: customers.search(tx, text))] == [customer_id]


@pytest.mark.parametrize("text", ["GÜ-HM 719", "995736", "clio", "renault clio"])
async def test_a_vehicle_is_found_by(dealership: Dealership, text: str) -> None:
    _, _, vehicle_id = await dealership.do(visit(dealership))
    assert [each.id for each in await dealership.see(lambda tx: vehicles.search(tx, text))] == [vehicle_id]


async def test_the_separator_of_a_german_plate_doesnt_matter_when_searching(dealership: Dealership) -> None:
    for plate in ("B-MW 1", "BM-W 1"):
        await dealership.do(lambda tx, plate=plate: dealership.book.create_vehicle(tx, {"plate": plate}, author=DESK))
    found = await dealership.see(lambda tx: vehicles.search(tx, "bmw1"))
    assert {each.plate for each in found} == {"B-MW 1", "BM-W 1"}


async def test_an_appointment_is_found_by_what_its_customer_is_called_now(dealership: Dealership) -> None:
    visit_id, customer_id, vehicle_id = await dealership.do(visit(dealership))
    book = dealership.book
    await dealership.do(
        lambda tx: book.change_customer(tx, customer_id, {"last_name": "Schöller"}, author=DESK, expected_version=None)
    )
    assert await dealership.see(lambda tx: [each.id for each in appointments.search(tx, "schöller")]) == [visit_id]
    await dealership.do(
        lambda tx: book.change_vehicle(tx, vehicle_id, {"plate": "HRO-AB 1"}, author=DESK, expected_version=None)
    )
    await dealership.do(lambda tx: book.change(tx, visit_id, {"work_order": "555"}, author=DESK, expected_version=None))
    hits = {
        text: [each.id for each in await dealership.see(lambda tx, text=text: appointments.search(tx, text))]
        for text in ("schöller", "müller", "hro-ab 1", "gü-hm 719", "555", "wo-40")
    }
    assert hits == {
        "schöller": [visit_id],
        "müller": [],
        "hro-ab 1": [visit_id],
        "gü-hm 719": [],
        "555": [visit_id],
        "wo-40": [],
    }


async def test_the_newest_come_first_and_no_more_than_asked_for(dealership: Dealership) -> None:
    def many(tx: Tx) -> list[str]:
        customer = dealership.book.create_customer(tx, CUSTOMER, author=DESK)
        asked = draft(MONDAY, units=0, customer_id=customer.id)
        return [dealership.book.create(tx, asked, author=DESK).id for _ in range(5)]

    made = await dealership.do(many)
    found = await dealership.see(lambda tx: appointments.search(tx, "müller", limit=3))
    assert [each.id for each in found] == made[:1:-1]


async def test_a_write_that_was_undone_is_not_found(dealership: Dealership) -> None:
    def fail(tx: Tx) -> None:
        visit(dealership)(tx)
        raise ValueError

    with pytest.raises(ValueError):
        await dealership.do(fail)
    assert await dealership.see(lambda tx: customers.search(tx, "müller")) == []
    integrity = "INSERT INTO search_customer (search_customer, rank) VALUES ('integrity-check', 1)"
    await dealership.do(lambda tx: tx.run(integrity))


async def kept(dealership: Dealership, people: Sequence[str] = (), plates: Sequence[str] = ()) -> None:
    def work(tx: Tx) -> None:
        for name in people:
            dealership.book.create_customer(tx, {"last_name": name}, author=DESK)
        for plate in plates:
            dealership.book.create_vehicle(tx, {"plate": plate}, author=DESK)

    await dealership.do(work)


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("sorensen", {"Sørensen"}), ("soerensen", {"Sørensen"}), ("Sørensen", {"Sørensen"}),
        ("müller", {"Müller", "Mueller", "Muller"}), ("muller", {"Müller", "Mueller", "Muller"}),
        ("Mueller", {"Müller", "Mueller", "Muller"}), ("strassburger", {"Straßburger"}), ("bauer", {"Bauer"}),
        ("müll", {"Müller", "Mueller", "Muller"}),
    ],
)  # fmt: skip
async def test_names_are_found_however_they_are_spelled(dealership: Dealership, typed: str, names: set[str]) -> None:
    await kept(dealership, ["Sørensen", "Müller", "Mueller", "Muller", "Straßburger", "Bauer", "Koch"])
    found = await dealership.see(lambda tx: customers.search(tx, typed))
    assert {one.last_name for one in found} == names


@pytest.mark.parametrize(
    ("typed", "plates"),
    [
        ("kp 48", {"HRO-KP 48", "KP-48 X"}), ("KP48", {"HRO-KP 48", "KP-48 X"}), ("hro kp 48", {"HRO-KP 48"}),
        ("48e", {"hrokp48e"}), ("HRO-KP 48E", {"hrokp48e"}), ("xbn", {"72xbn3"}), ("72-xbn", {"72xbn3"}),
        ("xbn 3", {"72xbn3"}), ("72 XBN 3", {"72xbn3"}),
    ],
)  # fmt: skip
async def test_plates_are_found_in_any_spacing(dealership: Dealership, typed: str, plates: set[str]) -> None:
    await kept(dealership, plates=["HRO-KP 48", "KP-48 X", "hrokp48e", "72xbn3", "HRO-XX 9"])
    found = await dealership.see(lambda tx: {one.plate for one in vehicles.search(tx, typed)})
    assert plates <= found
    assert "HRO-XX 9" not in found


async def test_a_telephone_number_is_found_in_any_notation(dealership: Dealership) -> None:
    def work(tx: Tx) -> str:
        person = dealership.book.create_customer(tx, {"last_name": "Lübs", "phone": "(0381) 708-16"}, author=DESK)
        car = dealership.book.create_vehicle(tx, {"plate": "HRO-AB 1", "driver": person.id}, author=DESK)
        return dealership.book.create(tx, draft(customer_id=person.id, vehicle_id=car.id), author=DESK).id

    visit = await dealership.do(work)
    for typed in ("038170816", "0381 70816", "+49 381 70816", "0049/381/70816", "0381-708"):
        people = await dealership.see(lambda tx, typed=typed: customers.search(tx, typed))
        visits = await dealership.see(lambda tx, typed=typed: appointments.search(tx, typed))
        cars = await dealership.see(lambda tx, typed=typed: vehicles.search(tx, typed))
        assert ([one.last_name for one in people], [one.id for one in visits]) == (["Lübs"], [visit])
        assert [one.plate for one in cars] == ["HRO-AB 1"]
    near = await dealership.see(lambda tx: customers.search_near(tx, "0381 70861"))
    assert [one.last_name for one in near] == ["Lübs"]


@pytest.mark.parametrize("typed", ["Schröter", "Schrödre", "Schroder", "Schrödder", "Achröder", "chröder"])
async def test_a_near_miss_finds_the_name(dealership: Dealership, typed: str) -> None:
    await kept(dealership, ["Schröder", "Koch"])
    exact = await dealership.see(lambda tx: customers.search(tx, typed))
    near = await dealership.see(lambda tx: customers.search_near(tx, typed))
    assert {one.last_name for one in exact or near} == {"Schröder"}


async def test_two_swapped_digits_of_a_plate_are_a_near_miss(dealership: Dealership) -> None:
    await kept(dealership, plates=["HRO-KP 4812", "HRO-KP 77"])
    assert await dealership.see(lambda tx: vehicles.search(tx, "HRO-KP 4821")) == []
    near = await dealership.see(lambda tx: vehicles.search_near(tx, "HRO-KP 4821"))
    assert [one.plate for one in near] == ["HRO-KP 4812"]


async def test_a_partners_number_that_no_document_has_is_found(dealership: Dealership) -> None:
    made = await dealership.do(lambda tx: dealership.book.create(tx, draft(), author=DESK))
    refer = "INSERT INTO reference (partner, partner_id, appointment_id) VALUES ('superservice', 'SSC-0017', ?)"
    await dealership.do(lambda tx: tx.run(refer, (made.id,)))
    for typed in ("SSC-0017", "SSC-00"):
        found = await dealership.see(lambda tx, typed=typed: appointments.search(tx, typed))
        assert [one.id for one in found] == [made.id]


@given(st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_whatever_is_typed_is_a_query(text: str) -> None:
    con = sqlite3.connect(":memory:", isolation_level=None)
    con.row_factory = sqlite3.Row
    migrate(con, Path("memory"))
    tx = Tx(con, NOW)
    for kind in search.KINDS:
        search.near(tx, kind, text, 5)
    assert search.appointments(tx, text, 5) == []
    con.close()


@pytest.mark.parametrize(
    ("one", "other", "slip"),
    [
        ("meier", "meyer", True), ("meier", "meer", True), ("meier", "meiier", True), ("meier", "meire", True),
        ("meier", "emier", True), ("meier", "meier", False), ("meier", "maiar", False), ("meier", "meierei", False),
    ],
)  # fmt: skip
def test_one_slip_is_one_letter_or_two_swapped(one: str, other: str, slip: bool) -> None:
    assert slips.is_one_slip(one, other) is slip


LETTERS = "abeim"
NAMES = st.text(LETTERS, min_size=3, max_size=6)
PLATES = st.builds("{} {} {}".format, st.text("hkr", min_size=1, max_size=3), st.text("ab", min_size=1, max_size=2),
                   st.integers(1, 199))  # fmt: skip
TYPED = st.lists(st.one_of(NAMES, PLATES, st.text("abei12", min_size=4, max_size=6)), min_size=1, max_size=2)


def booked(rows: Sequence[tuple[str, str]]) -> Tx:
    """A book with a customer and a vehicle for each appointment, by name and plate."""
    con = sqlite3.connect(":memory:", isolation_level=None)
    con.row_factory = sqlite3.Row
    migrate(con, Path("memory"))
    con.execute("PRAGMA foreign_keys=OFF")
    tx = Tx(con, NOW)
    for number, (name, plate) in enumerate(rows):
        tx.run("INSERT INTO customer (id, last_name, origin, version) VALUES (?, ?, 'planner', 1)", (number, name))
        tx.run("INSERT INTO vehicle (id, plate, version) VALUES (?, ?, 1)", (number, plate))
        tx.run(
            """INSERT INTO appointment
               (id, site, department, drop_off, collection, status, customer_id, vehicle_id, origin, version)
               VALUES (?1, 'rostock', 'Werkstatt', '2026-11-09T07:00:00Z', '2026-11-09T09:00:00Z', 'scheduled', ?1, ?1,
                       'planner', 1)""",
            (number,),
        )
    documents.index(tx, {f"{kind} {number}" for kind in search.KINDS for number in range(len(rows))})
    return tx


def by_looking_at_all(tx: Tx, text: str, limit: int) -> list[str]:
    """Near misses, as `search.near` says that they are."""
    asked = words.query(text)
    rows = tx.all("SELECT id, words FROM search_appointment_text ORDER BY doc DESC")
    for place in sorted(range(len(asked)), key=lambda place: -len(asked[place][0])):
        word, others = asked[place][0], [each for at, each in enumerate(asked) if at != place]
        ways = set(slips.variants(word))
        found = [
            row["id"]
            for row in rows
            if 4 <= len(word) <= 20
            and all(_has(row["words"].split(), other) for other in others)
            and any(slips.is_one_slip(word, each) if word.isalpha() else each in ways for each in row["words"].split())
        ]
        if found:
            return found[:limit]
    return []


def _has(document: Sequence[str], word: words.Word) -> bool:
    return any(each == way if len(way) == 1 else each.startswith(way) for way in word for each in document)


@given(st.lists(st.tuples(NAMES, PLATES), max_size=30), TYPED)
@settings(max_examples=150, deadline=None)
def test_near_misses_are_those_that_looking_at_all_finds(rows: list[tuple[str, str]], typed: list[str]) -> None:
    tx, text = booked(rows), " ".join(typed)
    assert search.near(tx, "appointment", text, 5) == by_looking_at_all(tx, text, 5)
    tx._con.close()


@pytest.mark.parametrize(
    "typed", ["Schröter", "chröder", "Hans Schröter", "Schröter HRO-KP 4812", "Schröder HRO-KP 4821", "hro kq 4812"]
)
def test_a_near_miss_among_many_that_begin_alike_is_found(typed: str) -> None:
    """More than are compared one by one: the oldest of all is found."""
    others = [(name, "HRO-KP 7") for name in ("Schrank Hans", "Schröpfer Hans", "Schröderstein") for _ in range(250)]
    tx = booked([("Schröder Hans", "HRO-KP 4812"), *others])
    assert search.near(tx, "appointment", typed, 5) == ["0"]
    tx._con.close()


def slip_keys(tx: Tx) -> set[tuple[str, str]]:
    return {(row["key"], row["word"]) for row in tx.all("SELECT key, word FROM search_slip")}


@given(st.lists(st.lists(NAMES, max_size=4), min_size=2, max_size=4))
@settings(max_examples=50, deadline=None)
def test_words_that_no_record_has_any_more_are_dropped(lives: list[list[str]]) -> None:
    """`lives`: how the same four people are called, one after the other."""
    tx = booked([])
    for life in lives:
        for number, name in enumerate(life):
            tx.run(
                """INSERT INTO customer (id, last_name, origin, version) VALUES (?1, ?2, 'planner', 1)
                   ON CONFLICT (id) DO UPDATE SET last_name = ?2""",
                (number, name),
            )
        documents.index(tx, {f"customer {number}" for number in range(len(life))})
    while search.drop_left_words(tx, 2):
        pass
    kept = slip_keys(tx)
    used = {word for row in tx.all("SELECT words FROM search_customer_text") for word in row["words"].split()}
    assert {word for _, word in kept} == {word for word in used if len(word) > 2}
    vocabulary.update(tx, [], used)
    assert slip_keys(tx) == kept, "each is found under all of its keys"
    tx._con.close()


def test_an_older_database_gets_the_words_that_it_has() -> None:
    con = sqlite3.connect(":memory:", isolation_level=None)
    con.row_factory = sqlite3.Row
    migrate(con, Path("memory"), [script for script in scripts() if script[0] < 72])
    said = ["mueller muller hans", "hans hrokp48 otto", "", "a ab abc vf15tccxrxu995736", "strasse " + "x" * 22]
    for kind, words_of in zip(("appointment", "customer", "vehicle", "customer", "vehicle"), said, strict=True):
        con.execute(f"INSERT INTO search_{kind}_text (id, words) VALUES (?, ?)", (words_of, words_of))
    migrate(con, Path("memory"))
    tx = Tx(con, NOW)
    filled = slip_keys(tx)
    tx.run("DELETE FROM search_slip")
    vocabulary.update(tx, [], said)
    assert filled == slip_keys(tx)
    assert {word for _, word in filled} == {"mueller", "muller", "hans", "otto", "abc", "strasse"}
    con.close()
