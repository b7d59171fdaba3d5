"""What real lists look like: read where it means one thing only, refused or said where it doesn't."""

from __future__ import annotations

import io
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.lists import CUSTOMERS, HEADINGS, VEHICLES, VISIT
from wtpd.book.importing import values as read
from wtpd.book.importing.files import Findings, ImportFile, Row
from wtpd.book.importing.mapping import shipped
from wtpd.book.importing.rows import read_files

FORM = shipped()


def rows_of(
    text: str | bytes | Path, name: str = "liste.csv", kind: str | None = None
) -> tuple[list[Row], dict[str, str], dict[str, str]]:
    """Rows, problems and warnings by place."""
    findings = Findings()
    content = text.encode() if isinstance(text, str) else text
    rows = list(read_files([ImportFile(name, content, kind)], shipped(), findings))
    return rows, _said(findings.problems), _said(findings.warnings)


def _said(problems: Any) -> dict[str, str]:
    return {problem.field: str(problem.text) for problem in problems}


def visit(**cells: str) -> str:
    """`VISIT` with other cells, by heading."""
    values = dict(zip(HEADINGS.strip().split(";"), VISIT.strip().split(";"), strict=True))
    return HEADINGS + ";".join((values | cells).values()) + "\n"


# ── cut off ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_list_that_ends_in_the_middle_of_its_last_line_is_said(ending: str) -> None:
    text = CUSTOMERS.replace("\n", ending).rstrip("\r\n") + "+31 6 619"
    _, problems, warnings = rows_of(text)
    assert (problems, list(warnings)) == ({}, ["liste.csv:3"])
    rows, problems, warnings = rows_of("Kundennummer;Nachname;Mobil" + ending + "1;Koch;+31 6 619")
    assert (len(rows), problems) == (1, {})
    assert "cut off" in warnings["liste.csv:2"]


@pytest.mark.parametrize("cut", range(1, 40))
def test_no_cut_within_the_last_row_passes_in_silence(cut: int) -> None:
    whole = "Kundennummer;Nachname;Ort;Mobil\n1;Koch;Güstrow;+31 6 61937943\n2;Meyer;Rostock;+31 6 61937944\n"
    text = whole[:-1][:-cut] if cut < 36 else whole[:-1]
    if text.endswith("\n"):
        return
    _, problems, warnings = rows_of(text)
    assert "liste.csv:3" in "".join([*problems, *warnings]) or "liste.csv:2" in "".join([*problems, *warnings])


def test_a_cut_json_file_names_the_line() -> None:
    whole = '[\n {"number": "1", "last_name": "Koch"},\n {"number": "2", "last_name": "Meyer"}\n]'
    for cut in range(1, len(whole) - 1):
        _, problems, _ = rows_of(whole[:-cut], "kunden.json")
        [place] = problems
        assert place.startswith("kunden.json:")
        assert "cut off" in problems[place] or "empty" in problems[place]


def test_the_end_of_file_sign_of_dos_is_no_row_and_no_cut() -> None:
    assert rows_of(CUSTOMERS + "\x1a")[1:] == ({}, {})
    rows, problems, warnings = rows_of(CUSTOMERS[:-1] + "\x1a")
    assert (len(rows), problems, warnings) == (2, {}, {})


def test_utf16_cut_in_half_has_its_own_sentence() -> None:
    _, problems, _ = rows_of(CUSTOMERS.encode("utf-16")[:-1])
    assert "cut in half" in problems["liste.csv"]


# ── letters ──────────────────────────────────────────────────────────────────────────────────────

NAMES = "Kundennummer;Nachname;Ort\n1;Müller;Güstrow\n2;Jörg Weiß;Köln\n3;Ärger;Übersee\n"


@pytest.mark.parametrize("encoding", ["mac_roman", "cp1252", "cp850", "iso-8859-15", "utf-8"])
def test_umlauts_of_every_encoding(encoding: str) -> None:
    rows, problems, warnings = rows_of(NAMES.encode(encoding))
    assert (problems, warnings) == ({}, {})
    assert [row.values["last_name"] for row in rows] == ["Müller", "Jörg Weiß", "Ärger"]


@pytest.mark.parametrize(
    "names", [["Köln"], ["Schön"], ["Groß"], ["Müller"], ["Bähr"], ["Jörg"], ["Weiß", "Größe"], ["Çelik", "Müller"]]
)
@pytest.mark.parametrize("encoding", ["mac_roman", "cp1252", "cp850"])
def test_a_single_name_is_enough(names: list[str], encoding: str) -> None:
    text = "Kundennummer;Nachname\n" + "".join(f"{at};{name}\n" for at, name in enumerate(names))
    rows, problems, _ = rows_of(text.encode(encoding))
    assert problems == {}
    assert [row.values["last_name"] for row in rows] == names


@pytest.mark.parametrize("name", ["Miloš", "Šimek", "Tomáš", "Kovačić", "Škoda", "Grškić", "Žižka", "Boëtius"])
def test_names_of_the_neighbours_are_no_garbage(name: str) -> None:
    rows, problems, _ = rows_of(f"Kundennummer;Nachname\n1;{name}\n2;Müller\n")
    assert problems == {}
    assert rows[0].values["last_name"] == name


def test_names_of_the_neighbours_in_windows_letters() -> None:
    rows, problems, _ = rows_of("Kundennummer;Nachname\n1;Miloš\n2;Šimek\n3;Müller\n4;Škoda\n".encode("cp1252"))
    assert problems == {}
    assert [row.values["last_name"] for row in rows] == ["Miloš", "Šimek", "Müller", "Škoda"]


@pytest.mark.parametrize("name", ["JÃ¶rg", "MÃ¼ller", "GroÃŸ", "MŸller", "Wei§", "GrÃ¶ÃŸe", "M√ºller", "M├╝ller"])
def test_garbled_names_are_refused_with_their_line(name: str) -> None:
    _, problems, _ = rows_of(f"Kundennummer;Nachname\n1;Koch\n2;{name}\n")
    assert list(problems) == ["liste.csv:3:Nachname"]
    assert name in problems["liste.csv:3:Nachname"]


def test_two_exports_pasted_together() -> None:
    content = b"Kundennummer;Nachname;Ort\n" + "1;Müller;Güstrow\n".encode("cp1252") + "2;Köhler;Köln\n".encode()
    _, problems, _ = rows_of(content)
    assert {place.rsplit(":", 1)[0] for place in problems} <= {"liste.csv:2", "liste.csv:3", "liste.csv"}
    assert problems


def test_a_paragraph_is_no_garbage() -> None:
    assert rows_of(visit(Bemerkung="HU nach §29 und § 47a StVZO, siehe StVZO§29"))[1] == {}


@pytest.mark.parametrize("sign", ["\x9b", "\x1b", "\x07", "\x85"])
def test_control_characters_are_refused_by_column(sign: str) -> None:
    _, problems, _ = rows_of(visit(Bemerkung=f"X{sign}31mrot"))
    assert list(problems) == ["liste.csv:2:Bemerkung"]


def test_marks_of_direction_are_taken_out() -> None:
    rows, problems, _ = rows_of("Kundennummer;Nachname;Mobil\n1;Ko\u202ech;\u202a+49 171 7451701\u202c\n")
    assert problems == {}
    assert (rows[0].values["last_name"], rows[0].values["mobile"]) == ("Koch", "+49 171 7451701")


# ── Excel ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("written", ["4,91717E+12", "4.91717E+12", "8,113E+03", "1E+05", "1,07e+3"])
@pytest.mark.parametrize("heading", ["Kundennummer", "PLZ", "Mobil", "Telefon geschäftlich"])
def test_numbers_that_excel_rounded_are_refused(written: str, heading: str) -> None:
    cells = {"Kundennummer": "1", "Nachname": "Koch", "PLZ": "", "Mobil": "", "Telefon geschäftlich": ""} | {
        heading: written
    }
    _, problems, _ = rows_of(";".join(cells) + "\n" + ";".join(cells.values()) + "\n")
    assert list(problems) == [f"liste.csv:2:{heading}"]
    assert "format the column as text" in problems[f"liste.csv:2:{heading}"]


def test_wrapped_digits_are_unwrapped_and_apostrophes_of_names_stay() -> None:
    rows, problems, _ = rows_of(
        'Kundennummer;Nachname;PLZ;Mobil\n"=""01067""";\'t Hart;\'01067;\'+49 171 7451701\n2;=; ="1";\n'
    )
    assert problems == {}
    assert rows[0].values == {
        "number": "01067", "last_name": "'t Hart", "postcode": "01067", "mobile": "+49 171 7451701",
    }  # fmt: skip
    assert rows[1].values["postcode"] == "1"


def test_trailing_cells_that_excel_left_out_are_blank() -> None:
    rows, problems, warnings = rows_of("Kundennummer;Nachname;Ort;Mobil\n1;Koch\n2;Meyer;Rostock;\n")
    assert (problems, warnings) == ({}, {})
    assert rows[0].values["mobile"] == ""


@pytest.mark.parametrize("cell", ["#NV", "#REF!", "#WERT!", "#DIV/0!"])
def test_errors_of_a_spreadsheet_are_refused(cell: str) -> None:
    assert list(rows_of(f"Kundennummer;Nachname\n1;{cell}\n")[1]) == ["liste.csv:2:Nachname"]


def test_a_title_above_the_headings() -> None:
    rows, problems, warnings = rows_of("Kundenliste Autohaus Nord\nStand: 30.11.2026\n\n" + CUSTOMERS)
    assert problems == {}
    assert [row.line for row in rows] == [5, 6]
    assert list(warnings) == ["liste.csv:1", "liste.csv:2"]


@pytest.mark.parametrize("row", ["Gesamt;;;2;;", "Summe: 2;;;;;", "Anzahl Kunden;2;;;;", "Totaal;;2;;;"])
def test_a_sum_below_the_list_is_no_customer(row: str) -> None:
    rows, problems, warnings = rows_of(CUSTOMERS + row + "\n")
    assert (len(rows), problems) == (2, {})
    assert list(warnings) == ["liste.csv:4"]


def test_a_company_may_be_called_total() -> None:
    assert len(rows_of("Kundennummer;Firma\nTotal;TotalEnergies\n")[0]) == 1


@pytest.mark.parametrize("word", ["-", "–", "keine", "n.v.t.", "geen", "k. A.", "unbekannt"])
def test_words_for_no_address_are_blank(word: str) -> None:
    rows, problems, _ = rows_of(f"Kundennummer;Nachname;E-Mail;Telefon\n1;Koch;{word};{word}\n")
    assert problems == {}
    assert (rows[0].values["email"], rows[0].values["phone"]) == ("", "")


# ── dates and numbers ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "written",
    [
        "24-10-2014 0:00:00",
        "2014-10-24 00:00:00.000",
        "24.10.2014 00:00",
        "2014-10-24T00:00:00",
        "24.10.2014\u00a000:00:00",
    ],
)
def test_a_midnight_behind_a_date(written: str) -> None:
    assert read.day(written, FORM) == date(2014, 10, 24)


@pytest.mark.parametrize(
    "written",
    [
        "01.01.0001",
        "01.01.0001 00:00",
        "30.12.1899",
        "30-12-1899 0:00:00",
        "01.01.1900",
        "31.12.9999",
        "0000-00-00",
        "1753-01-01",
    ],
)
def test_dates_that_stand_for_none(written: str) -> None:
    assert read.day(written, FORM) is None


@pytest.mark.parametrize(
    "written",
    ["01.01.0001 00:00", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "31.12.9999 00:00",
     "30.12.1899 08:00", "2026-12-07T08:00:00+99:00"],
)  # fmt: skip
def test_an_appointment_needs_a_real_time(written: str) -> None:
    _, problems, _ = rows_of(visit(Annahme=written))
    assert list(problems) == ["liste.csv:2:Annahme"]
    assert written in problems["liste.csv:2:Annahme"]


@pytest.mark.parametrize(
    "written",
    ["07-12-2026\u00a009:45", "07.12.2026 09:45:00.000", "2026-12-07 09:45:00,000", "2026-12-07T09:45:00.0000000"],
)
def test_times_as_databases_write_them(written: str) -> None:
    assert read.moment(written, FORM) == datetime.fromisoformat("2026-12-07T09:45")


def test_a_date_that_could_be_american_is_said_once() -> None:
    start = "FIN;Erstzulassung\nSJNFLKWT9X1458220;01/05/2027\n"
    rows, problems, warnings = rows_of(f"{start}VF15TCCXRXU995736;02/06/2027\n")
    assert (len(rows), problems) == (2, {})
    assert list(warnings) == ["liste.csv:2:Erstzulassung"]
    assert "1 May" in warnings["liste.csv:2:Erstzulassung"]
    assert rows_of(f"{start}VF15TCCXRXU995736;13/06/2027\n")[2] == {}


@pytest.mark.parametrize(
    ("written", "number"),
    [("149,-", 149), ("149,--", 149), ("149,–", 149), ("10,00-", -10), ("−10,00", -10), ("1.149,-", 1149),
     ("€ 149,-", 149), ("1\u00a0149,50", 1149.5), ("149.-", 149)],
)  # fmt: skip
def test_numbers_as_price_lists_write_them(written: str, number: float) -> None:
    assert read.number(written) == number


def test_labour_units_with_their_unit() -> None:
    assert (read.units("8 AW"), read.units("12,5AE")) == (8, 12.5)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 400])
@pytest.mark.parametrize("field", ["odometer_km"])
def test_numbers_that_are_none_are_refused_with_their_line(value: str, field: str) -> None:
    _, problems, _ = rows_of(f'[{{"vin": "SJNFLKWT9X1458220", "{field}": {value}}}]', "autos.json")
    assert list(problems) == [f"autos.json:1:{field}"]


@pytest.mark.parametrize("value", ["NaN", "1e400", "9" * 400, "-1e400"])
def test_prices_that_are_none_are_refused_with_their_line(value: str) -> None:
    start = '{"reference": "A", "site": "r", "drop_off": "2026-11-09 08:00", "collection": "2026-11-09 16:00"'
    _, problems, _ = rows_of(f'[{start}, "titles": ["HU"], "prices": [{value}]}}]', "t.json")
    assert list(problems) == ["t.json:1:prices"]
    for work in (f'"labour_units": {value}', f'"price_cents": {value}'):
        _, problems, _ = rows_of(f'[{start}, "interventions": [{{"title": "HU", {work}}}]}}]', "t.json")
        assert list(problems) == ["t.json:1:interventions"]


@pytest.mark.parametrize("field", ["number", "last_name", "email", "phone", "country"])
def test_half_a_character_is_refused_with_its_line(field: str) -> None:
    fields = {"number": "1", "last_name": "Koch"} | {field: "\\ud800"}
    record = ", ".join(f'"{name}": "{value}"' for name, value in fields.items())
    _, problems, _ = rows_of(f"[{{{record}}}]", "k.json")
    assert list(problems) == [f"k.json:1:{field}"]
    "".join([*problems, *problems.values()]).encode()
    _, problems, _ = rows_of('[{"number": "1", "last_name": "K", "\\ud800": 1}]', "k.json", kind="customers")
    "".join([*problems, *problems.values()]).encode()


def test_the_column_that_is_wrong_is_named_with_its_value() -> None:
    assert "10001" in rows_of(visit(AW="10001"))[1]["liste.csv:2:AW"]
    assert "999999999999" in rows_of(visit(Preise="999999999999 | 1"))[1]["liste.csv:2:Preise"]


# ── what is said ─────────────────────────────────────────────────────────────────────────────────


def test_one_wrong_column_is_one_problem_with_a_count() -> None:
    body = "".join(f"SJNFLKWT9X{number:07};so nicht\n" for number in range(2520))
    _, problems, _ = rows_of("FIN;Erstzulassung\n" + body)
    assert list(problems) == ["liste.csv:2:Erstzulassung"]
    assert "2519 more lines, the last is 2521" in problems["liste.csv:2:Erstzulassung"]


def test_a_cell_that_never_ends_is_called_so() -> None:
    _, problems, _ = rows_of(f'Kundennummer;Nachname\n1;"{"x" * 140_000}"\n')
    assert "characters" in problems["liste.csv:2"]


# ── workbooks ────────────────────────────────────────────────────────────────────────────────────


def workbook(**tables: list[list[Any]]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    for name, rows in tables.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_a_workbook_with_typed_cells() -> None:
    head = HEADINGS.strip().split(";")
    cells: list[Any] = VISIT.strip().split(";")
    cells[head.index("Annahme")] = datetime(2026, 11, 9, 8, 30)  # noqa: DTZ001 - as Excel has it
    cells[head.index("Abholung")] = "09.11.2026 16:00"
    cells[head.index("Kundennummer")] = 10000
    cells[head.index("AW")] = 20.5
    cells[head.index("Auftragsnummer")] = 40000.0
    rows, problems, warnings = rows_of(workbook(Termine=[head, cells], Notizen=[["Hallo"], ["Welt"]]), "termine.xlsx")
    assert problems == {}
    assert list(warnings) == ["termine.xlsx/Notizen:1"]
    [row] = rows
    assert row.line == 2
    assert row.values["drop_off"] == datetime.fromisoformat("2026-11-09T08:30")
    assert (row.values["customer"], row.values["labour_units"], row.values["work_order"]) == ("10000", (20.5,), "40000")


def test_several_sheets_and_their_places() -> None:
    customers = [line.split(";") for line in CUSTOMERS.splitlines()]
    vehicles = [line.split(";") for line in VEHICLES.splitlines()]
    customers[1][4] = "kein at"
    rows, problems, _ = rows_of(workbook(Kunden=customers, Fahrzeuge=vehicles), "alles.xlsx")
    assert list(problems) == ["alles.xlsx/Kunden:2:E-Mail"]
    assert [row.source.kind for row in rows] == ["customers", "vehicles", "vehicles"]


def test_dates_of_a_workbook() -> None:
    cells = ["SJNFLKWT9X1458220", datetime(2017, 9, 17), date(2028, 10, 1)]  # noqa: DTZ001 - as Excel has it
    rows, problems, _ = rows_of(workbook(F=[["FIN", "Erstzulassung", "HU fällig"], cells]), "f.xlsx")
    assert problems == {}
    found = rows[0].values["first_registration"], rows[0].values["inspection_due"]
    assert found == (date(2017, 9, 17), date(2028, 10, 1))


def test_what_is_no_workbook_or_too_much_is_refused(tmp_path: Path) -> None:
    import zipfile

    _, problems, _ = rows_of(b"PK\x03\x04 nothing", "x.xlsx")
    assert "can't be read" in problems["x.xlsx"]
    _, problems, _ = rows_of(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000), "x.xls")
    assert "save it without a password" in problems["x.xls"]
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", bytes(64 << 20))
    _, problems, _ = rows_of(bomb, "bomb.xlsx")
    assert "too much" in problems["bomb.xlsx"]
    whole = workbook(A=[["Kundennummer", "Nachname"], ["1", "Koch"]])
    for cut in (10, 300, len(whole) // 2):
        assert rows_of(whole[:-cut], "x.xlsx")[1]
