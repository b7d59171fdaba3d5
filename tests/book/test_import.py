"""`wtpd import`: whole or not at all, the same file twice changes nothing, every problem has its line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.bookkeeping import Dealership
from tests.support.lists import (
    ADVISORS,
    BASE,
    CARS,
    CUSTOMERS,
    HEADINGS,
    VEHICLES,
    VISIT,
    autohaus,
    bring,
    empty_dealership,
    everything,
    lists,
    refusal,
)
from wtpd.book.importing import ImportFile, site_names
from wtpd.clock import iso
from wtpd.config.model import Site
from wtpd.errors import Invalid
from wtpd.planner.appointment import Appointment, Status
from wtpd.planner.customer import Permission
from wtpd.planner.history import Author
from wtpd.store import appointments, customers, history, resources, vehicles
from wtpd.store.database import Tx

DESK = Author(actor="maria", interface="desk")


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Dealership]:
    opened = await empty_dealership(tmp_path / "book.db")
    yield opened
    await opened.close()


def visits(*rows: str, encoding: str = "cp1252") -> list[ImportFile]:
    return lists({"termine.csv": HEADINGS + "".join(rows)}, encoding)


async def furnished(box: Dealership, *rows: str) -> None:
    await bring(box, [*lists(BASE), *visits(*(rows or (VISIT,)))])


async def visit(box: Dealership, reference: str = "T1") -> Appointment:
    def find(tx: Tx) -> Appointment:
        found = appointments.by_reference(tx, "import", reference)
        assert found is not None
        return found

    return await box.see(find)


def row(reference: str, **cells: str) -> str:
    """`VISIT` with other cells, by heading."""
    values = dict(zip(HEADINGS.strip().split(";"), VISIT.strip().split(";"), strict=True))
    values |= {
        "Terminnummer": reference,
        "Ersatzwagen": "",
        **{name.replace("_", " "): cell for name, cell in cells.items()},
    }
    return ";".join(values.values()) + "\n"


async def test_the_example_dealership_is_imported_whole_and_only_once(box: Dealership) -> None:
    first = await bring(box, autohaus())
    assert {kind: (each.created, each.changed, each.unchanged) for kind, each in first.counts.items()} == {
        "advisors": (6, 0, 0),
        "courtesy_cars": (9, 0, 0),
        "customers": (500, 0, 0),
        "vehicles": (600, 0, 0),
        "appointments": (1500, 0, 0),
    }
    assert first.warnings == []
    before = await box.see(everything)
    second = await bring(box, autohaus())
    assert all((each.created, each.changed) == (0, 0) for each in second.counts.values())
    assert await box.see(everything) == before


async def test_what_the_example_says_stands_in_the_book(box: Dealership) -> None:
    await bring(box, autohaus())
    found = await visit(box, "T100004")
    assert (iso(found.drop_off), iso(found.collection)) == ("2026-11-18T08:30:00Z", "2026-11-18T15:30:00Z")
    assert (found.site, found.department, found.advisor, found.work_order) == ("rostock", "Werkstatt", "SB5", "40004")
    assert [(work.code, work.title, work.labour_units, work.price_cents) for work in found.interventions] == [
        ("HU", "Hauptuntersuchung mit AU", 12, 14950),
        ("INSP-G", "Inspektion groß", 36, 32990),
    ]
    assert found.notes == "Schlüssel im Tresor; Räder eingelagert"
    lent = await visit(box, "T100002")
    assert (lent.courtesy_car, lent.transport_option) == ("EW9", "courtesy_car")
    customer = await box.see(lambda tx: customers.by_number(tx, "10007"))
    assert customer is not None
    assert (customer.company, customer.mobile) == ("Sager Meyer AG", "0171 74517017")
    [car] = await box.see(lambda tx: vehicles.by_plate(tx, "LRO-NR 77"))
    assert (car.plate, car.vin, car.odometer_km) == ("lro-nr 77", "VNVM2W71W7X943366", 231307)
    cancelled = await box.see(lambda tx: tx.all("SELECT id FROM appointment WHERE status = 'cancelled'"))
    assert len(cancelled) == 85


async def test_files_may_come_one_after_the_other_and_in_any_order_together(box: Dealership) -> None:
    await bring(box, [*visits(VISIT), *reversed(lists(BASE))])
    found = await visit(box)
    assert found.courtesy_car == "EW1"
    for file in [*lists(BASE), *visits(VISIT)]:
        result = await bring(box, [file])
        assert all((each.created, each.changed) == (0, 0) for each in result.counts.values())
    assert (await visit(box)).version == 1


async def test_the_history_names_the_importing_user(box: Dealership) -> None:
    await furnished(box)
    found = await visit(box)
    [entry] = await box.see(lambda tx: history.of(tx, found.id))
    assert (entry.actor, entry.channel, entry.action) == ("anna", "import", "created")


async def test_what_differs_in_a_newer_list_is_one_change(box: Dealership) -> None:
    await furnished(box)
    result = await bring(box, visits(row("T1", Abholung="10.11.2026 17:00", Ersatzwagen="EW1")))
    assert (result.counts["appointments"].changed, result.counts["appointments"].created) == (1, 0)
    found = await visit(box)
    [_, entry] = await box.see(lambda tx: history.of(tx, found.id))
    assert list(entry.changes) == ["collection"]
    result = await bring(box, visits(row("T1", Abholung="10.11.2026 17:00")))
    assert (await visit(box)).courtesy_car is None
    assert (await visit(box)).transport_option == "none"


async def test_one_wrong_line_and_nothing_is_imported(box: Dealership) -> None:
    problems = await refusal(box, [*lists(BASE), *visits(VISIT, row("T2", Kundennummer="99999"))])
    assert list(problems) == ["termine.csv:3:Kundennummer"]
    assert "99999" in problems["termine.csv:3:Kundennummer"]


async def test_everything_unknown_is_told_at_once_with_its_line(box: Dealership) -> None:
    problems = await refusal(
        box,
        [
            *lists(BASE),
            *visits(
                VISIT,
                row("T2", Filiale="Wismar"),
                row("T3", Abteilung="Lackiererei"),
                row("T4", Serviceberater="SB9"),
                row("T5", Ersatzwagen="EW7"),
                row("T6", Ersatzwagen="EW2"),
                row("T7", FIN="SJNF9B9GP3T838350"),
                row("T8", FIN="", **{"Amtl._Kennzeichen": "HH-X 1"}),
                row("T9", Abholung="09.11.2026 07:00"),
                row("T10", Preise="1,00"),
            ),
        ],
    )
    assert list(problems) == [
        "termine.csv:3:Filiale", "termine.csv:4:Abteilung", "termine.csv:5:Serviceberater", "termine.csv:6:Ersatzwagen",
        "termine.csv:7:Ersatzwagen", "termine.csv:8:FIN", "termine.csv:9:Amtl. Kennzeichen", "termine.csv:10:Abholung",
        "termine.csv:11:Preise",
    ]  # fmt: skip
    assert "Güstrow" in problems["termine.csv:3:Filiale"]
    assert "Werkstatt, Karosserie" in problems["termine.csv:4:Abteilung"]
    assert "SB1" in problems["termine.csv:5:Serviceberater"]


async def test_a_wrong_customer_is_told_once_and_not_with_each_appointment(box: Dealership) -> None:
    wrong = {**BASE, "kunden.csv": CUSTOMERS.replace("joerg@example.org", "joerg")}
    assert list(await refusal(box, [*lists(wrong), *visits(VISIT)])) == ["kunden.csv:2:E-Mail"]
    wrong = {**BASE, "fahrzeuge.csv": VEHICLES.replace(";10000;", ";12345;")}
    assert list(await refusal(box, [*lists(wrong), *visits(VISIT)])) == ["fahrzeuge.csv:2:Halter"]
    wrong = {**BASE, "berater.csv": ADVISORS.replace("Werkstatt", "Lack")}
    assert list(await refusal(box, [*lists(wrong), *visits(VISIT)])) == ["berater.csv:2:Abteilung"]


async def test_a_car_lent_twice_names_both_lines(box: Dealership) -> None:
    second = row("T2", Annahme="09.11.2026 15:00", Abholung="09.11.2026 18:00", Ersatzwagen="EW1")
    problems = await refusal(box, [*lists(BASE), *visits(VISIT, second)])
    assert list(problems) == ["termine.csv:3:Ersatzwagen"]
    assert "line 2" in problems["termine.csv:3:Ersatzwagen"]
    await bring(box, [*lists(BASE), *visits(VISIT, second.replace("geplant", "storniert"))])


async def test_each_line_that_lends_a_car_out_on_loan_is_named(box: Dealership) -> None:
    short = row("T2", Annahme="09.11.2026 09:00", Abholung="09.11.2026 10:00", Ersatzwagen="EW1")
    later = row("T3", Annahme="09.11.2026 12:00", Abholung="09.11.2026 13:00", Ersatzwagen="EW1")
    after = row("T4", Annahme="09.11.2026 16:00", Abholung="09.11.2026 17:00", Ersatzwagen="EW1")
    problems = await refusal(box, [*lists(BASE), *visits(VISIT, short, later, after)])
    assert list(problems) == ["termine.csv:3:Ersatzwagen", "termine.csv:4:Ersatzwagen"]


async def test_a_car_that_the_desk_lent_meanwhile_is_a_problem_of_its_line(box: Dealership) -> None:
    await furnished(box)
    other = row("T2", Annahme="09.11.2026 10:00", Abholung="09.11.2026 11:00", Ersatzwagen="EW1")
    assert list(await refusal(box, visits(other))) == ["termine.csv:2"]


async def test_cars_may_change_places_within_a_list(box: Dealership) -> None:
    await furnished(box)
    taken_over = row("T0", Ersatzwagen="EW1")
    moved = row("T1", Annahme="10.11.2026 08:00", Abholung="10.11.2026 16:00", Ersatzwagen="EW1")
    result = await bring(box, visits(taken_over, moved))
    assert (result.counts["appointments"].created, result.counts["appointments"].changed) == (1, 1)


async def test_the_same_number_twice(box: Dealership) -> None:
    problems = await refusal(box, lists({**BASE, "kunden.csv": CUSTOMERS + "10000;Otto;Krause;;;\n"}))
    assert list(problems) == ["kunden.csv:4:Kundennummer"]
    assert "line 2" in problems["kunden.csv:4:Kundennummer"]
    again = CUSTOMERS + CUSTOMERS.splitlines()[1] + "\n"
    result = await bring(box, lists({**BASE, "kunden.csv": again}))
    assert result.counts["customers"].created == 2


async def test_hundreds_of_problems_are_counted_and_the_first_listed(box: Dealership) -> None:
    rows = "".join(f"{number};X;Y;;kein at;\n" for number in range(300))
    with pytest.raises(Invalid) as caught:
        await bring(box, lists({"kunden.csv": CUSTOMERS.splitlines()[0] + "\n" + rows}))
    [problem] = caught.value.problems
    assert (problem.field, caught.value.facts["count"]) == ("kunden.csv:2:E-Mail", 300)
    assert "299 more lines" in str(problem.text)


async def test_what_a_list_leaves_blank_of_a_customer_stays(box: Dealership) -> None:
    await furnished(box)
    found = await box.see(lambda tx: customers.by_number(tx, "10000"))
    assert found is not None
    allowed = {"permissions": {"sms": Permission(allowed=True, since=box.clock.now().date(), source="desk")}}
    changes: dict[str, Any] = {"phone": "0381/70816", "city": "Rostock", **allowed}
    await box.do(lambda tx: box.book.change_customer(tx, found.id, changes, author=DESK, expected_version=None))
    result = await bring(box, lists({"kunden.csv": "Kundennummer;Nachname;Ort;Telefon\n10000;Müller;;\n"}))
    assert result.counts["customers"].unchanged == 1
    result = await bring(box, lists({"kunden.csv": "Kundennummer;Nachname;Ort\n10000;Meyer;Bützow\n"}))
    assert result.counts["customers"].changed == 1
    after = await box.see(lambda tx: customers.get(tx, found.id))
    assert (after.last_name, after.city, after.phone) == ("Meyer", "Bützow", "0381/70816")


async def test_a_customer_kept_by_a_dms_is_left_and_told(box: Dealership) -> None:
    values = {"number": "10000", "last_name": "Krause", "locked_by": "carsys"}
    await box.do(lambda tx: box.book.create_customer(tx, values, author=DESK))
    result = await bring(box, lists(BASE))
    assert [warning.field for warning in result.warnings] == ["kunden.csv:2:Vorname"]
    found = await box.see(lambda tx: customers.by_number(tx, "10000"))
    assert found is not None
    assert found.last_name == "Krause"


async def test_an_erased_person_in_an_old_list_is_refused_by_line(box: Dealership) -> None:
    past = row("T1", Annahme="26.10.2026 08:00", Abholung="26.10.2026 16:00", Kundennummer="10000")
    await bring(box, [*lists(BASE), *visits(past)])
    found = await visit(box)
    assert found.customer_id is not None
    await box.do(lambda tx: box.book.erase_customer(tx, found.customer_id or "", DESK))
    problems = await refusal(box, [*lists(BASE), *visits(past)])
    assert list(problems) == ["kunden.csv:2:Kundennummer"], "what refers to that line is excused"
    assert "was erased on" in problems["kunden.csv:2:Kundennummer"]
    assert list(await refusal(box, visits(past))) == ["termine.csv:2:Kundennummer"]
    other = CUSTOMERS.replace("10000;", "20000;")
    assert list(await refusal(box, lists({"kunden.csv": other}))) == ["kunden.csv:2:Kundennummer"], "by the e-mail"
    result = await bring(box, lists({"kunden.csv": other.replace("joerg@example.org", "")}))
    assert [warning.field for warning in result.warnings] == ["kunden.csv:2:Kundennummer"], "the telephone is said"


async def test_the_visits_of_an_erased_customer_are_not_filled_again(box: Dealership) -> None:
    past = row("T1", Annahme="26.10.2026 08:00", Abholung="26.10.2026 16:00", Kundennummer="10001")
    await bring(box, [*lists(BASE), *visits(past)])
    found = await visit(box)
    assert found.customer_id is not None
    await box.do(lambda tx: box.book.erase_customer(tx, found.customer_id or "", DESK))
    result = await bring(box, visits(past.replace(";10001;", ";;")))
    assert [warning.field for warning in result.warnings] == ["termine.csv:2:Terminnummer"]
    after = await visit(box)
    assert (after.customer_id, after.notes) == (found.customer_id, "")


async def test_an_odometer_only_rises_and_a_second_owner_is_a_change(box: Dealership) -> None:
    await furnished(box)
    await bring(box, lists({"fahrzeuge.csv": VEHICLES.replace("1.234", "1.100")}))
    [car] = await box.see(lambda tx: vehicles.by_vin(tx, "SJNFLKWT9X1458220"))
    assert (car.odometer_km, car.version) == (1234, 1)
    await bring(box, lists({"fahrzeuge.csv": VEHICLES.replace("1.234", "1.300").replace(";10000;", ";10001;")}))
    [car] = await box.see(lambda tx: vehicles.by_vin(tx, "SJNFLKWT9X1458220"))
    assert (car.odometer_km, car.version) == (1300, 2)


async def test_a_vehicle_without_vin_gets_it_later(box: Dealership) -> None:
    await furnished(box)
    later = "FIN;Kennzeichen;Halter\nVF15TCCXRXU995736;b-mw 1;10001\nJN1TPU49D8A464126;BM-W 1;10001\n"
    result = await bring(box, lists({"fahrzeuge.csv": later}))
    assert (result.counts["vehicles"].created, result.counts["vehicles"].changed) == (1, 1)


async def test_a_plate_that_fits_two_vehicles_needs_the_vin(box: Dealership) -> None:
    await furnished(box)
    await bring(box, lists({"fahrzeuge.csv": "FIN;Kennzeichen\nJN1TPU49D8A464126;BM-W 1\n"}))
    cells = {"Amtl._Kennzeichen": "BMW1", "FIN": ""}
    assert list(await refusal(box, visits(row("T2", **cells)))) == ["termine.csv:2:Amtl. Kennzeichen"]
    await bring(box, visits(row("T2", **{**cells, "Amtl._Kennzeichen": "BM-W 1"})))


async def test_the_vin_counts_where_the_plate_is_another(box: Dealership) -> None:
    await bring(box, lists(BASE))
    result = await bring(box, visits(row("T1", **{"Amtl._Kennzeichen": "HRO-ZZ 9"})))
    assert [warning.field for warning in result.warnings] == ["termine.csv:2:Amtl. Kennzeichen"]
    assert (await visit(box)).vehicle_id is not None


async def test_local_times_when_the_clocks_change(box: Dealership) -> None:
    await bring(box, lists(BASE))
    gap = row("T2", Annahme="28.03.2027 02:30", Abholung="28.03.2027 08:00")
    problems = await refusal(box, visits(gap))
    assert "doesn't exist" in problems["termine.csv:2:Annahme"]
    twice = row("T3", Annahme="31.10.2027 02:30", Abholung="31.10.2027 08:00")
    result = await bring(box, visits(twice))
    assert [warning.field for warning in result.warnings] == ["termine.csv:2:Annahme"]
    assert iso((await visit(box, "T3")).drop_off) == "2027-10-31T00:30:00Z"


async def test_a_status_goes_forwards_and_cancelled_stays(box: Dealership) -> None:
    await furnished(box)
    found = await visit(box)
    await box.do(
        lambda tx: box.book.change(tx, found.id, {"status": Status.IN_WORK}, author=DESK, expected_version=None)
    )
    await bring(box, visits(VISIT))
    assert (await visit(box)).status is Status.IN_WORK
    await bring(box, visits(VISIT.replace("geplant", "abgeholt")))
    assert (await visit(box)).status is Status.COMPLETED
    await bring(box, visits(row("T2"), row("T3")))
    await bring(box, visits(row("T2", Status="storniert"), row("T3", Status="nicht erschienen")))
    assert [(await visit(box, each)).status for each in ("T2", "T3")] == [Status.CANCELLED, Status.NO_SHOW]
    result = await bring(box, visits(row("T2", Bemerkung="neu")))
    assert [warning.field for warning in result.warnings] == ["termine.csv:2:Status"]
    assert (await visit(box, "T2")).notes == "Schlüssel im Tresor"


async def test_the_load_limit_is_flagged_and_no_obstacle(box: Dealership) -> None:
    result = await bring(box, [*lists(BASE), *visits(row("T1", AW="500"), row("T2", Annahme="09.11.2026 09:00"))])
    assert result.over_limit == 2
    assert (await visit(box)).over_limit


async def test_labour_units_are_shared_as_each_piece_takes_alone(box: Dealership) -> None:
    alone = (
        row("T2", Eingriffe="HU", Eingriffstext="HU", AW="12", Preise=""),
        row("T3", Eingriffe="OEL", Eingriffstext="Öl", AW="8,0", Preise=""),
    )
    each = row("T4", AW="1,5 | 2,5")
    await bring(box, [*lists(BASE), *visits(VISIT, *alone, each)])
    assert [work.labour_units for work in (await visit(box)).interventions] == [12, 8]
    assert [work.labour_units for work in (await visit(box, "T4")).interventions] == [1.5, 2.5]
    await bring(box, visits(VISIT.replace(";20;", ";7;")))
    assert [work.labour_units for work in (await visit(box)).interventions] == [3.5, 3.5]


async def test_a_note_that_the_customer_waits(box: Dealership) -> None:
    await bring(box, [*lists(BASE), *visits(row("T1", Bemerkung="Kunde wartet"))])
    found = await visit(box)
    assert (found.customer_waiting, found.transport_option, found.notes) == (True, "waiting", "Kunde wartet")


async def test_an_appointment_needs_neither_customer_nor_vehicle_nor_work(box: Dealership) -> None:
    blank = dict.fromkeys(
        ("Kundennummer", "Amtl._Kennzeichen", "FIN", "Serviceberater", "Eingriffe", "Eingriffstext", "AW", "Preise"), ""
    )
    await bring(box, [*lists(BASE), *visits(row("T1", **blank))])
    found = await visit(box)
    assert (found.customer_id, found.vehicle_id, found.advisor, found.interventions) == (None, None, None, ())


async def test_an_advisor_keeps_absences_and_gets_new_hours(box: Dealership) -> None:
    await bring(box, lists(BASE))
    other = "Kürzel;Name;Filiale;Arbeitszeit Di\nSB1;Ilse Schlosser;Rostock;09:00-12:00\n"
    problems = await refusal(box, lists({"berater.csv": other}))
    assert list(problems) == ["berater.csv:2:Abteilung"], "the site has two departments, so the list must say which"
    other = other.replace("Filiale", "Filiale;Abteilung").replace("Rostock", "Rostock;werkstatt")
    await bring(box, lists({"berater.csv": other}))
    advisor = await box.see(lambda tx: resources.get_advisor(tx, "SB1"))
    assert list(advisor.weekly_hours) == [2]
    assert advisor.department == "Werkstatt"


async def test_json_comes_in_as_well(box: Dealership) -> None:
    await bring(box, lists(BASE))
    file = ImportFile(
        "termine.json",
        b'[{"reference": "J1", "site": "rostock", "department": "Werkstatt", "drop_off": "2026-11-09T08:00:00+01:00",'
        b' "collection": "2026-11-09T12:00:00+01:00", "customer": "10000", "titles": ["HU"], "labour_units": [12]}]',
    )
    for _ in range(2):
        await bring(box, [file])
    found = await visit(box, "J1")
    assert (iso(found.drop_off), found.labour_units, found.version) == ("2026-11-09T07:00:00Z", 12, 1)


def test_a_site_is_known_by_id_name_and_the_city_it_has_for_itself() -> None:
    sites = [
        Site(id="rostock", name="Autohaus Nord", city="Rostock"),
        Site(id="guestrow", name="Autohaus Güstrow", city="Güstrow"),
        Site(id="lack", name="Lackierzentrum", city="Rostock"),
    ]
    names = site_names(sites)
    assert names["Güstrow"] == names["guestrow"] == names["Autohaus Güstrow"] == "guestrow"
    assert "Rostock" not in names
    assert names["rostock"] == "rostock"


async def test_a_courtesy_car_of_another_site_is_refused(box: Dealership) -> None:
    problems = await refusal(box, lists({"autos.csv": CARS.replace("Güstrow", "Wismar")}))
    assert list(problems) == ["autos.csv:3:Filiale"]


async def change(box: Dealership, reference: str = "T1", **changes: Any) -> None:
    found = await visit(box, reference)
    await box.do(lambda tx: box.book.change(tx, found.id, changes, author=DESK, expected_version=None))


async def test_the_same_list_again_doesnt_take_back_what_the_desk_changed(box: Dealership) -> None:
    await furnished(box)
    await change(box, notes="Kunde kommt später", courtesy_car=None, work_order="50000")
    result = await bring(box, visits(VISIT))
    assert result.counts["appointments"].unchanged == 1
    assert {warning.field for warning in result.warnings} == {
        "termine.csv:2:Bemerkung", "termine.csv:2:Ersatzwagen", "termine.csv:2:Auftragsnummer",
    }  # fmt: skip
    found = await visit(box)
    assert (found.notes, found.courtesy_car, found.work_order) == ("Kunde kommt später", None, "50000")


async def test_what_a_newer_list_says_anew_stands_beside_what_the_desk_changed(box: Dealership) -> None:
    await furnished(box)
    await change(box, notes="Kunde kommt später")
    await bring(box, visits(VISIT.replace("09.11.2026 16:00", "09.11.2026 17:00")))
    assert ((await visit(box)).notes, iso((await visit(box)).collection)) == (
        "Kunde kommt später", "2026-11-09T16:00:00Z",
    )  # fmt: skip
    await bring(box, visits(VISIT.replace("Schlüssel im Tresor", "Schlüssel am Brett")))
    assert (await visit(box)).notes == "Schlüssel am Brett"


async def test_a_cell_that_was_blank_and_is_blank_again_takes_nothing_away(box: Dealership) -> None:
    await furnished(box, row("T1", Bemerkung=""))
    await change(box, notes="vom Empfang")
    await bring(box, visits(row("T1", Bemerkung="")))
    assert (await visit(box)).notes == "vom Empfang"


def narrow(*columns: str) -> list[ImportFile]:
    """The list of one visit with these columns only."""
    cells = dict(zip(HEADINGS.strip().split(";"), VISIT.strip().split(";"), strict=True))
    return lists({"termine.csv": ";".join(columns) + "\n" + ";".join(cells[each] for each in columns) + "\n"})


async def test_a_list_without_a_column_leaves_that_as_it_is(box: Dealership) -> None:
    await furnished(box)
    before = await visit(box)
    result = await bring(
        box, narrow("Terminnummer", "Filiale", "Abteilung", "Annahme", "Abholung", "Eingriffe", "Eingriffstext")
    )
    assert (await visit(box)) == before
    assert (result.counts["appointments"].unchanged, result.warnings) == (1, [])


async def test_a_list_without_status_doesnt_wonder_about_what_was_cancelled(box: Dealership) -> None:
    await furnished(box)
    found = await visit(box)
    await box.do(lambda tx: box.book.cancel(tx, found.id, author=DESK, expected_version=None))
    result = await bring(box, narrow("Terminnummer", "Filiale", "Abteilung", "Annahme", "Abholung"))
    assert result.warnings == []


async def test_labour_units_stay_as_they_were_shared_if_their_sum_does(box: Dealership) -> None:
    alone = row("T2", Eingriffe="HU", Eingriffstext="Hauptuntersuchung", AW="12", Preise="149,50")
    other = row("T3", Eingriffe="OEL", Eingriffstext="Ölwechsel", AW="4", Preise="99,00")
    await furnished(box, VISIT, alone, other)
    shares = [work.labour_units for work in (await visit(box)).interventions]
    assert shares == [15, 5]
    result = await bring(box, visits(VISIT))
    assert result.counts["appointments"].unchanged == 1


async def test_the_odometer_of_an_appointment_raises_the_vehicles_and_never_lowers_it(box: Dealership) -> None:
    await furnished(box)

    def listed(km: str, day: str) -> list[ImportFile]:
        text = "Terminnummer;Filiale;Abteilung;Annahme;Abholung;FIN;Kilometerstand\n"
        row = f"T9;Rostock;Werkstatt;{day} 08:00;{day} 16:00;SJNFLKWT9X1458220;{km}\n"
        return lists({"termine.csv": text + row})

    async def reading() -> int | None:
        [car] = await box.see(lambda tx: vehicles.by_vin(tx, "SJNFLKWT9X1458220"))
        return car.odometer_km

    await bring(box, listed("5000", "09.10.2026"))
    assert await reading() == 5000
    assert (await bring(box, listed("5000", "09.10.2026"))).warnings == []
    result = await bring(box, listed("4.000", "20.10.2026"))
    assert await reading() == 5000
    assert [warning.field for warning in result.warnings] == ["termine.csv:2:Kilometerstand"]
    result = await bring(box, listed("900", "09.01.2026"))
    assert (await reading(), result.warnings) == (5000, []), "an older visit had fewer, of course"


async def test_a_plate_that_moves_to_another_vin_is_said(box: Dealership) -> None:
    await furnished(box)
    result = await bring(box, lists({"fahrzeuge.csv": "FIN;Kennzeichen\nJN1TPU49D8A464126;HRO-AB 12\n"}))
    assert [warning.field for warning in result.warnings] == ["fahrzeuge.csv:2:Kennzeichen"]
    assert "SJNFLKWT9X1458220" in str(result.warnings[0].text)


async def test_an_unknown_site_is_named_once(box: Dealership) -> None:
    rows = [row(f"T{number}", Filiale="Wismar") for number in range(50)]
    problems = await refusal(box, [*lists(BASE), *visits(*rows)])
    assert list(problems) == ["termine.csv:2:Filiale"]
    assert problems["termine.csv:2:Filiale"].count("Rostock") == 1
    assert "rostock" not in problems["termine.csv:2:Filiale"]
