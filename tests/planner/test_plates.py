"""Plates are kept as written and found however they are typed."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wtpd.planner.plates import SIDECODES, formatted, plate_key, plate_keys_for_search, same_plate

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
districts = st.text(LETTERS + "ÄÖÜ", min_size=1, max_size=3)
own_letters = st.text(LETTERS, min_size=1, max_size=2)
numbers = st.integers(1, 9999).map(str)
suffixes = st.sampled_from(["", "E", "H"])


@pytest.mark.parametrize(
    ("written", "key", "shown"),
    [
        ("B-MW 1", "B-MW1", "B-MW 1"),
        ("BM-W 1", "BM-W1", "BM-W 1"),
        ("lro-nr 77", "LRO-NR77", "LRO-NR 77"),
        ("LRO-RR6198", "LRO-RR6198", "LRO-RR 6198"),
        ("HRO-KP 48E", "HRO-KP48E", "HRO-KP 48E"),
        ("DBR-X123H", "DBR-X123H", "DBR-X 123H"),
        ("GÜ-E42", "GÜ-E42", "GÜ-E 42"),
        ("gu\u0308-e 42", "GÜ-E42", "GÜ-E 42"),
        ("HRO–AB 12", "HRO-AB12", "HRO-AB 12"),
        ("hro  ab 12 h", "HRO-AB12H", "HRO-AB 12H"),
        ("HROAB12", "HRO-AB12", "HRO-AB 12"),
        ("HRO-KP 48 03-10", "HRO-KP48", "HRO-KP 48 03/10"),
        ("HRO-KP 48H 04/10", "HRO-KP48H", "HRO-KP 48H 04/10"),
        ("12abc3", "12ABC3", "12-ABC-3"),
        ("AB-12-10", "AB1210", "AB-12-10"),
        ("AB-CD-12", "AB-CD12", "AB-CD-12"),
        ("W-12345A", "W12345A", "W-12345A"),
        ("wa 12345", "WA12345", "wa 12345"),
        ("B-1234", "B1234", "B-1234"),
        ("", "", ""),
        (" - ", "", "-"),
    ],
)
def test_a_plate_has_one_key_and_one_way_to_show_it(written: str, key: str, shown: str) -> None:
    assert plate_key(written) == key
    assert formatted(written) == shown


def test_the_german_separator_matters() -> None:
    assert not same_plate("B-MW 1", "BM-W 1")
    assert same_plate("B-MW 1", "b mw1")
    assert same_plate("B-MW 1", "BMW1")
    assert same_plate("BMW1", "BM-W 1")
    assert not same_plate("", "")


def test_a_plate_typed_without_separator_finds_every_reading() -> None:
    assert set(plate_keys_for_search("bmw1")) == {"BMW1", "B-MW1", "BM-W1"}
    assert set(plate_keys_for_search("ABCD12")) == {"ABCD12", "AB-CD12", "ABC-D12"}
    assert set(plate_keys_for_search("B-MW 1")) == {"B-MW1", "BMW1"}
    assert plate_keys_for_search("AB-12-34") == ("AB1234",)
    assert plate_keys_for_search(" ") == ()


def test_umlauts_stand_in_the_district_only() -> None:
    assert set(plate_keys_for_search("GÜE42")) == {"GÜE42", "GÜ-E42"}


@pytest.mark.parametrize(
    ("written", "number", "shown"),
    [
        ("AB1234", 1, "AB-12-34"), ("1234AB", 2, "12-34-AB"), ("12AB34", 3, "12-AB-34"), ("AB12CD", 4, "AB-12-CD"),
        ("ABCD12", 5, "AB-CD-12"), ("12ABCD", 6, "12-AB-CD"), ("12ABC3", 7, "12-ABC-3"), ("1ABC23", 8, "1-ABC-23"),
        ("AB123C", 9, "AB-123-C"), ("A123BC", 10, "A-123-BC"), ("ABC12D", 11, "ABC-12-D"), ("A12BCD", 12, "A-12-BCD"),
        ("1AB234", 13, "1-AB-234"), ("123AB4", 14, "123-AB-4"),
    ],
)  # fmt: skip
def test_all_fourteen_dutch_sidecodes(written: str, number: int, shown: str) -> None:
    assert re.sub("[A-Z]", "X", re.sub("[0-9]", "9", shown)) == SIDECODES[number - 1]
    assert formatted(written, "NL") == formatted(shown.lower()) == shown
    assert same_plate(written, shown)


def test_a_plate_that_could_be_german_or_dutch_is_shown_as_the_country_says() -> None:
    assert formatted("ABCD12") == "ABCD12"
    assert formatted("ABCD12", "NL") == "AB-CD-12"
    assert formatted("AB-CD 12", "DE") == "AB-CD 12"


@settings(deadline=None, max_examples=200)
@given(
    districts, own_letters, numbers, suffixes, st.sampled_from([" ", "-", " - ", "–"]), st.sampled_from(["", " ", "-"])
)
def test_every_spelling_of_a_german_plate_is_the_same_plate(
    district: str, own: str, number: str, suffix: str, first: str, second: str
) -> None:
    plate = f"{district}-{own} {number}{suffix}"
    spelled = f"{district}{first}{own}{second}{number}{suffix}".lower()
    assert plate_key(spelled) == plate_key(plate) == f"{district}-{own}{number}{suffix}"
    assert plate_key(plate) in plate_keys_for_search(f"{district}{own}{number}{suffix}")
    assert plate_key(formatted(spelled)) == plate_key(plate)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(SIDECODES), st.data())
def test_every_dutch_plate_keeps_its_key_however_it_is_written(pattern: str, data: st.DataObject) -> None:
    drawn = {"X": st.sampled_from(LETTERS), "9": st.sampled_from("0123456789")}
    shown = "".join(char if char == "-" else data.draw(drawn[char]) for char in pattern)
    run_together = shown.replace("-", "").lower()
    assert formatted(run_together, "NL") == shown
    assert plate_key(shown) in plate_keys_for_search(run_together)
    assert same_plate(shown, run_together)


@pytest.mark.parametrize(
    "written",
    ["HRO-AB 123;", "(HROAB123)", '"HROAB123"', "\u200bHROAB123", "HRO\u00ad-AB 123", "HR OAB 123", "H-R-O-A-B-1-2-3"],
)
def test_signs_around_and_within_a_plate_are_no_part_of_it(written: str) -> None:
    assert plate_key(written) == "HRO-AB123"
    assert same_plate(written, "HRO-AB 123")


odd_plates = st.text(st.sampled_from("ABOÜ15HE -/.;\"'()\u200b\u0308\u00adß²\u1100\u1161"), max_size=12)


@settings(deadline=None, max_examples=500)
@given(st.text(max_size=15) | odd_plates)
@example(";AAAAA1")
@example("\u1100-\u1161")
def test_any_text_has_a_key_that_is_found_again(text: str) -> None:
    key = plate_key(text)
    assert plate_key(key) == key
    assert not key or key in plate_keys_for_search(text)


@given(st.sampled_from(SIDECODES), st.data())
def test_a_dutch_plate_has_one_key_at_a_dutch_site_however_it_is_written(pattern: str, data: st.DataObject) -> None:
    plate = "".join(
        place if place == "-" else data.draw(st.sampled_from(LETTERS if place == "X" else "0123456789"))
        for place in pattern
    )
    compact = plate.replace("-", "")
    for written in (plate, compact, plate.replace("-", " "), plate.replace("-", "."), plate.replace("-", "", 1)):
        for text in (written, written.lower(), f" {written} "):
            assert plate_key(text, "NL") == compact
            assert same_plate(text, plate)
    assert plate_key(plate_key(plate, "NL"), "NL") == compact


@given(districts, own_letters, numbers, suffixes)
def test_a_german_plate_keeps_its_separator_at_a_dutch_site_where_no_dutch_one_is_grouped_so(
    district: str, own: str, number: str, suffix: str
) -> None:
    key = plate_key(f"{district}-{own} {number}{suffix}", "NL")
    dutch = len(district) == len(own) == len(number) == 2 and not suffix and district.isascii()
    assert key == (f"{district}{own}{number}" if dutch else f"{district}-{own}{number}{suffix}")
