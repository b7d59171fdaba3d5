"""RDW's rows as a vehicle: whatever can be read of them is, whatever is missing or odd is blank."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wtpd.connectors.kit.values import WireError
from wtpd.connectors.rdw import wire

NOTE = {
    "kenteken": "6TJR64", "merk": "NISSAN", "handelsbenaming": "NISSAN NOTE", "vervaldatum_apk": "20260306",
    "datum_eerste_toelating": "20140306", "wam_verzekerd": "Ja", "export_indicator": "Nee",
    "openstaande_terugroepactie_indicator": "Nee", "tellerstandoordeel": "Logisch",
}  # fmt: skip


def fuel(*names: str) -> list[dict[str, str]]:
    rows = [
        {"kenteken": "6TJR64", "brandstof_volgnummer": str(number), "brandstof_omschrijving": name}
        for number, name in enumerate(names, 1)
    ]
    return rows[::-1]


def test_a_vehicle_with_all_that_the_book_keeps() -> None:
    found = wire.candidate(NOTE, fuel("Benzine"), [])
    assert (found.make, found.model, found.fuel) == ("NISSAN", "NOTE", "Benzine")
    assert (found.first_registration, found.inspection_due) == (date(2014, 3, 6), date(2026, 3, 6))
    assert (found.flags, wire.missing(NOTE)) == ((), ())


def test_a_hybrid_has_two_fuels_in_their_order() -> None:
    assert wire.candidate(NOTE, fuel("Benzine", "Elektriciteit"), []).fuel == "Benzine/Elektriciteit"


@pytest.mark.parametrize("name", ["datum_tenaamstelling", "datum_eerste_toelating", "vervaldatum_apk"])
def test_a_new_car_without_dates_is_read(name: str) -> None:
    found = wire.candidate({key: value for key, value in NOTE.items() if key != name}, [], [])
    assert (found.make, found.fuel) == ("NISSAN", "")


@pytest.mark.parametrize(
    ("row", "due"),
    [
        ({"vervaldatum_apk_dt": "2027-05-17T00:00:00.000"}, date(2027, 5, 17)),
        ({"vervaldatum_apk": "20270517"}, date(2027, 5, 17)),
        ({"vervaldatum_apk_dt": "soon", "vervaldatum_apk": "20270517"}, date(2027, 5, 17)),
        ({"vervaldatum_apk": "20271399"}, None),
        ({"vervaldatum_apk": ""}, None),
        ({}, None),
    ],
)
def test_the_inspection_date_in_either_form(row: dict[str, str], due: date | None) -> None:
    assert wire.candidate(row, [], []).inspection_due == due


@pytest.mark.parametrize(
    ("row", "recalls", "flags"),
    [
        ({"openstaande_terugroepactie_indicator": "Ja"}, [], ("open_recall",)),
        ({}, [{"code_status": "O"}], ("open_recall",)),
        ({}, [{"code_status": "P"}], ()),
        ({"tellerstandoordeel": "Onlogisch"}, [], ("odometer_illogical",)),
        ({"tellerstandoordeel": "Geen oordeel"}, [], ()),
        ({"export_indicator": "Ja", "wam_verzekerd": "Nee"}, [], ("exported", "not_insured")),
        ({"wam_verzekerd": "N.v.t."}, [], ()),
    ],
)
def test_flags(row: dict[str, str], recalls: list[dict[str, str]], flags: tuple[str, ...]) -> None:
    assert wire.candidate(row, [], recalls).flags == flags


def test_a_renamed_field_is_noticed_and_the_rest_read() -> None:
    row = {**NOTE, "merk_naam": NOTE["merk"]}
    del row["merk"]
    assert wire.missing(row) == ("merk",)
    assert wire.candidate(row, [], []).inspection_due == date(2026, 3, 6)


def test_rows_about_another_plate_arent_this_vehicle() -> None:
    assert wire.rows([NOTE, {**NOTE, "kenteken": "AA-11-AA"}], "6TJR64") == [NOTE]


def test_fields_that_are_read_are_found_among_any_number_of_others() -> None:
    others = {f"nieuw_veld_{number}": "x" for number in range(3 * wire.FIELDS)}
    [row] = wire.rows([{**others, **NOTE}], "6TJR64")
    assert wire.candidate(row, [], []).make == NOTE["merk"]
    assert len(row) == wire.FIELDS


def test_signs_that_steer_a_terminal_arent_taken_over() -> None:
    [row] = wire.rows([{**NOTE, "merk": "NIS\x1b[31mSAN\u009b2J\u202e", "handelsbenaming": "A\r\nB"}], "6TJR64")
    found = wire.candidate(row, [], [])
    assert found.make.isprintable() and found.name.isprintable()
    assert all(text.isprintable() for text in found.details.values())


@pytest.mark.parametrize("answer", [None, {"error": True}, "x", ["x"], [1], [None]])
def test_what_is_no_list_of_rows(answer: Any) -> None:
    with pytest.raises(WireError):
        wire.rows(answer, "6TJR64")


json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from([*NOTE, *NOTE.values()]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*NOTE, "brandstof_omschrijving"]), inner),
)


@given(st.lists(st.dictionaries(st.sampled_from([*NOTE, "brandstof_volgnummer"]) | st.text(), json)))
def test_any_rows_are_read_or_blank(rows: list[dict[str, Any]]) -> None:
    read = wire.rows(rows, "6TJR64")
    for row in read:
        found = wire.candidate(row, read, read)
        assert len(found.make) <= wire.LENGTH
