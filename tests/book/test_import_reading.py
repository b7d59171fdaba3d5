"""Exported lists are read as they are: encodings, delimiters, headings of two languages, dates and sums."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.lists import CUSTOMERS, HEADINGS, VISIT, autohaus
from wtpd.book.importing import values as read
from wtpd.book.importing.detect import decode
from wtpd.book.importing.files import Findings, ImportFile, Row
from wtpd.book.importing.mapping import KINDS, load, shipped
from wtpd.book.importing.rows import read_files
from wtpd.book.importing.works import shared
from wtpd.errors import Invalid


def rows_of(
    text: str | bytes, name: str = "liste.csv", kind: str | None = None
) -> tuple[list[Row], dict[str, str], dict[str, str]]:
    """Rows, problems and warnings by place."""
    findings = Findings()
    content = text if isinstance(text, bytes) else text.encode()
    rows = list(read_files([ImportFile(name, content, kind)], shipped(), findings))
    return rows, _told(findings.problems), _told(findings.warnings)


def _told(problems: Any) -> dict[str, str]:
    return {problem.field: str(problem.text) for problem in problems}


@pytest.mark.parametrize(
    "encoding", ["cp1252", "cp850", "iso-8859-15", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_the_example_lists_are_read_in_every_encoding(encoding: str) -> None:
    for file in autohaus():
        text = file.content.decode("cp1252")
        for sign, plain in (("„", "'"), ("“", "'"), ("–", "-"), ("€", "Euro")):
            text = text.replace(sign, plain)
        assert decode(text.encode(encoding))[0] == text


@pytest.mark.parametrize(
    "text", ["1;Jörg", "1;Groß", "1;René de Boër", "1;Ärger", "1;Ölwechsel für Übermorgen", "1;Coëlho"]
)
@pytest.mark.parametrize("encoding", ["cp1252", "iso-8859-15", "cp850"])
def test_a_handful_of_umlauts_is_enough(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding))[0] == text


def test_the_euro_sign_of_both_west_european_encodings() -> None:
    assert decode("1;5 €;Ölwechsel".encode("iso-8859-15")) == ("1;5 €;Ölwechsel", "iso-8859-15")
    assert decode("1;5 €;Ölwechsel".encode("cp1252")) == ("1;5 €;Ölwechsel", "cp1252")


def test_damaged_utf8_is_refused_with_its_line() -> None:
    with pytest.raises(Invalid, match="line 3"):
        decode("Nummer;Ort\n1;Güstrow\n2;Köln und ".encode() + b"\xfc\n3;B\xc3\xbctzow\n")


def test_a_picture_is_no_list() -> None:
    with pytest.raises(Invalid, match="no text file"):
        decode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0")
    _, problems, _ = rows_of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xd8\x00", "bild.csv")
    assert list(problems) == ["bild.csv"]


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(delimiter: str, ending: str) -> None:
    text = CUSTOMERS.replace(";", delimiter).replace("\n", ending)
    rows, problems, warnings = rows_of(text)
    assert (problems, warnings) == ({}, {})
    assert [(row.source.kind, row.line, row.values["number"]) for row in rows] == [
        ("customers", 2, "10000"),
        ("customers", 3, "10001"),
    ]


def test_quoted_cells_hold_delimiters_quotes_and_new_lines_and_lines_stay_exact() -> None:
    rows, problems, _ = rows_of(
        'Kundennummer;Nachname;Ort\n1;"Müller; ""der Alte""\nSenior";Rostock\n\n;;\n2;Koch;Güstrow;;\n'
    )
    assert problems == {}
    assert [(row.line, row.values["last_name"]) for row in rows] == [(2, 'Müller; "der Alte"\nSenior'), (6, "Koch")]


def test_excel_hint_and_empty_lines_before_the_headings() -> None:
    rows, problems, _ = rows_of("sep=;\n\nKundennummer;Nachname\n1;Koch\n")
    assert problems == {}
    assert rows[0].line == 4


def test_dutch_lists_with_commas() -> None:
    rows, problems, warnings = rows_of(
        "chassisnummer,kenteken,merk,model,brandstof,datum eerste toelating,APK-datum,eigenaar,tellerstand\n"
        'SJNFLKWT9X1458220,12abc3,NISSAN,Leaf,elektrisch,17-09-2017,01-10-2028,10000,"239.526"\n'
    )
    assert (problems, warnings) == ({}, {})
    assert rows[0].source.kind == "vehicles"
    assert rows[0].values == {
        "vin": "SJNFLKWT9X1458220",
        "plate": "12abc3",
        "make": "NISSAN",
        "model": "Leaf",
        "fuel": "elektrisch",
        "first_registration": date(2017, 9, 17),
        "inspection_due": date(2028, 10, 1),
        "owner": "10000",
        "odometer_km": 239526,
    }


def test_a_dutch_appointment_list() -> None:
    rows, problems, _ = rows_of(
        "afspraaknummer;vestiging;afdeling;brengen;ophalen;serviceadviseur;klantnummer;kenteken;interventies;omschrijving;"
        "AE;prijzen;vervangende auto;opmerking;status\n"
        "A1;Rostock;Werkstatt;09-11-2026 08:00;09-11-2026 16:00;SB1;10000;12-ABC-3;APK;keuring;12;49,50;;;geannuleerd\n"
    )
    assert problems == {}
    assert rows[0].source.kind == "appointments"
    assert rows[0].values["drop_off"] == datetime.fromisoformat("2026-11-09T08:00")
    assert rows[0].values["prices"] == (4950,)
    assert rows[0].values["status"] == "cancelled"


def test_working_hours_by_the_days_of_the_heading() -> None:
    rows, problems, _ = rows_of(
        "Kürzel;Name;Filiale;Arbeitszeit Mo-Do;Arbeitszeit Fr;Arbeitszeit Sa\n"
        "SB1;Koch;Rostock;08:00-12:00, 13:00-17:00;8:00 - 15.30 Uhr;frei\n"
    )
    assert problems == {}
    long = ((time(8), time(12)), (time(13), time(17)))
    assert rows[0].values["weekly_hours"] == {1: long, 2: long, 3: long, 4: long, 5: ((time(8), time(15, 30)),)}


def test_unknown_columns_are_told_and_left_out() -> None:
    rows, problems, warnings = rows_of("Kundennummer;Nachname;Schuhgröße;Mobill\n1;Koch;43;0171 1\n")
    assert problems == {}
    assert set(rows[0].values) == {"number", "last_name"}
    assert list(warnings) == ["liste.csv:1:Schuhgröße", "liste.csv:1:Mobill"]
    assert "was Mobil meant?" in warnings["liste.csv:1:Mobill"]


def test_a_missing_or_double_column_is_a_problem() -> None:
    _, problems, _ = rows_of(HEADINGS.replace("Annahme;", "") + VISIT, kind="appointments")
    assert problems == {"liste.csv:1": "the column Annahme is missing"}
    _, problems, _ = rows_of("Kundennummer;Nachname;Kunden-Nr\n1;Koch;1\n")
    assert list(problems) == ["liste.csv:1:Kunden-Nr"]


def test_a_list_of_no_known_kind_says_what_it_found() -> None:
    _, problems, _ = rows_of("Name;Farbe\nKoch;blau\n")
    assert "Name, Farbe" in problems["liste.csv"]
    _, problems, _ = rows_of("")
    assert list(problems) == ["liste.csv:1"]
    _, problems, _ = rows_of("a;b\n", kind="invoices")
    assert list(problems) == ["liste.csv"]


def test_broken_quotes_and_rows_name_the_line_in_which_they_begin() -> None:
    _, problems, _ = rows_of('Kundennummer;Nachname\n1;Koch\n2;"Müller\n3;Otto\n')
    assert list(problems) == ["liste.csv:3"]
    _, problems, _ = rows_of("Kundennummer;Nachname;Ort\n1;Koch\n2;Müller;Rostock;zuviel\n")
    assert list(problems) == ["liste.csv:3"], "blank cells at the end may be left out"


def test_every_wrong_cell_is_named_with_its_value_and_cure() -> None:
    row = VISIT.replace("09.11.2026 08:00", "31.02.2026 08:00").replace("09.11.2026 16:00", "11.09.26 16:00")
    row = (
        row.replace("SJNFLKWT9X1458220", "SJNFLKWT9X145822O").replace("geplant", "vielleicht").replace(";20;", ";zwei;")
    )
    _, problems, _ = rows_of(HEADINGS + VISIT + row.replace("T1;", ";"))
    assert set(problems) == {
        f"liste.csv:3:{heading}" for heading in ("Annahme", "Abholung", "FIN", "Status", "AW", "Terminnummer")
    }
    assert "31.02.2026 doesn't exist" in problems["liste.csv:3:Annahme"]
    assert "write all four" in problems["liste.csv:3:Abholung"]
    assert "O doesn't occur" in problems["liste.csv:3:FIN"]
    assert "cancelled" in problems["liste.csv:3:Status"]


def test_json_by_canonical_names_has_lines_too() -> None:
    text = """[
      {"number": "1", "last_name": "Koch"},
      {"number": 2, "last_name": "Müller",
       "email": "nowhere"},
      {"number": "3", "lastname": "Otto"},
      {"number": "4"}
    ]"""
    rows, problems, _ = rows_of(text, "kunden.json", kind="customers")
    assert [row.values["number"] for row in rows] == ["1"]
    assert set(problems) == {"kunden.json:3:email", "kunden.json:5:lastname", "kunden.json:5", "kunden.json:6"}


@pytest.mark.parametrize(
    "text",
    [
        '[{"number": "1", "last_name": "Koch"}]',
        '{"kind": "customers", "items": [{"number": "1", "last_name": "Koch"}]}',
        '{"items": [{"number": "1", "last_name": "Koch"}], "kind": "customers"}',
        '{"customers": [{"number": "1", "last_name": "Koch"}], "vehicles": []}',
    ],
)
def test_three_forms_of_json(text: str) -> None:
    rows, problems, _ = rows_of(text, "x.json")
    assert problems == {}
    assert [(row.source.kind, row.values) for row in rows] == [("customers", {"number": "1", "last_name": "Koch"})]


@pytest.mark.parametrize(
    "text", ["[", "[1]", '{"a": 1}', '{"invoices": []}', "[{}] x", '[{"number": "1" "x"}]', "[" * 100_000]
)
def test_json_that_cannot_be_read(text: str) -> None:
    rows, problems, _ = rows_of(text, "x.json", kind="customers")
    assert rows == []
    assert problems


def test_json_times_and_structured_fields() -> None:
    rows, problems, _ = rows_of(
        '{"appointments": [{"reference": "A", "site": "rostock", "drop_off": "2026-11-09T08:00:00+01:00",'
        ' "collection": "2026-11-09 16:00", "interventions": [{"title": "HU", "labour_units": 12,'
        ' "price_cents": 14950}],'
        ' "customer_waiting": true, "codes": null, "odometer_km": 5}],'
        ' "advisors": [{"id": "SB1", "name": "Koch", "site": "rostock", "weekly_hours": {"1": [["08:00", "17:00"]]}}],'
        ' "courtesy_cars": [{"id": "EW1", "plate": "B-T 1", "site": "rostock", "features": ["Automatik"]}]}',
        "x.json",
    )
    assert problems == {}
    assert [row.source.kind for row in rows] == ["appointments", "advisors", "courtesy_cars"]
    assert rows[1].values["weekly_hours"] == {1: ((time(8), time(17)),)}
    assert rows[0].values["drop_off"].isoformat() == "2026-11-09T08:00:00+01:00"
    assert rows[0].values["interventions"][0].price_cents == 14950


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1.149,50", 1149.5), ("149,50", 149.5), ("149.50", 149.5), ("1.149", 1149), ("1.234.567,8", 1234567.8),
        ("1149", 1149), ("12,5", 12.5), ("329,90 €", 329.9), ("EUR 0,00", 0), ("-10,00", -10), ("1 149,50", 1149.5),
        ("", None),
    ],
)  # fmt: skip
def test_numbers_with_decimal_comma(written: str, number: float | None) -> None:
    assert read.number(written) == number


@pytest.mark.parametrize("written", ["1,149.50", "1.14,50", "zwölf", "1,2,3", "--1", "€", "1e9", "NaN"])
def test_what_is_no_number(written: str) -> None:
    with pytest.raises(read.Wrong):
        read.number(written)


def test_prices_are_whole_cents() -> None:
    assert read.cents("1.149,50") == 114950
    with pytest.raises(read.Wrong):
        read.cents("1,005")
    assert read.parts("149,50 | ", "|", read.cents) == (14950, None)
    assert read.parts("", "|", read.cents) == ()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("31.02.2026", "doesn't exist"),
        ("12.31.2026", "swapped"),
        ("01.01.26", "write all four"),
        ("1-1-26", "write all four"),
        ("morgen", "no date"),
        ("2026.11.09", "no date"),
        ("99.99.2026", "doesn't exist"),
    ],
)
def test_dates_that_are_none_say_why(written: str, said: str) -> None:
    with pytest.raises(read.Wrong, match=said):
        read.day(written, shipped())


@settings(deadline=None, max_examples=100)
@given(
    st.dates(date(1900, 1, 2), date(2099, 12, 31)), st.sampled_from(["%d.%m.%Y", "%d-%m-%Y", "%d/%m/%Y", "%Y-%m-%d"])
)
def test_every_date_is_read_in_every_form(day: date, form: str) -> None:
    assert read.day(day.strftime(form), shipped()) == day


@pytest.mark.parametrize(
    "written", ["25:00-26:00", "17:00-08:00", "08:00", "08:00-12:00, 11:00-17:00", "08:00-12:00-13:00"]
)
def test_working_hours_that_are_none(written: str) -> None:
    with pytest.raises(read.Wrong):
        read.hours(written, shipped())


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 100_000), st.lists(st.floats(0, 500), min_size=1, max_size=8))
def test_shared_labour_units_add_up_to_the_sum(hundredths: int, weights: list[float]) -> None:
    shares = shared(hundredths / 100, weights)
    assert round(sum(shares), 2) == hundredths / 100
    assert all(share >= 0 for share in shares)


def test_the_mapping_names_each_heading_once_and_every_kind() -> None:
    assert tuple(shipped().columns) == KINDS
    with pytest.raises(ValueError, match="both"):
        load(
            b"dates: []\nbetween_works: '|'\nbetween_list_items: ','\nwords: {}\nkinds: {customers: "
            b"{a: {type: text, headings: [X]}, b: {type: text, headings: [x]}}}"
        )


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=300))
@example(b"{}")
def test_any_bytes_are_read_or_refused_with_a_place(content: bytes) -> None:
    rows, problems, _ = rows_of(content)
    assert rows or problems
