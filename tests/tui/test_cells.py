"""What all screens show alike: signs, words, and values as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wtpd import language
from wtpd.tui.cells import (
    BLANK,
    channel_cell,
    customer_cell,
    load_bar,
    origin_cell,
    origin_name,
    plate_cell,
    reading,
    status_cell,
)
from wtpd.tui.formats import Formats
from wtpd.tui.glyphs import ASCII, UNICODE
from wtpd.tui.privacy import Privacy
from wtpd.words import CHANNEL_STATES, STATUS

FORMATS = Formats("en", lambda: datetime(2026, 11, 22, tzinfo=UTC))
ZONE = "Europe/Berlin"


@pytest.fixture(autouse=True)
def english() -> None:
    language.use("en")


def test_every_status_has_a_sign_of_its_own_so_that_colour_is_not_needed() -> None:
    for glyphs in (UNICODE, ASCII):
        shown = [status_cell({"status": status}, glyphs)[0] for status in STATUS]
        assert len(set(shown)) == len(STATUS)
        assert all(str(STATUS[status]) in text for status, text in zip(STATUS, shown, strict=True))


def test_a_status_nobody_knows_is_shown_as_it_is() -> None:
    assert "on_fire" in status_cell({"status": "on_fire"}, UNICODE)[0]


def test_app_and_dealer_stand_out_among_the_planners_own() -> None:
    signs = {origin: origin_cell(origin, ASCII) for origin in ("planner", "mynissan", "superservice_dealer", "dms:dcu")}
    assert len({sign for sign, _ in signs.values()}) == 4
    assert signs["mynissan"][1] == signs["superservice_dealer"][1] == "accent"
    assert signs["planner"][1] == "dim"
    assert origin_name("dms:dcu") == "DMS dcu"
    assert origin_name("mynissan") == "MyNISSAN app"


def test_every_state_of_a_channel_is_said_in_words() -> None:
    for state, text in CHANNEL_STATES.items():
        assert channel_cell(state, UNICODE)[0].endswith(str(text))
    assert channel_cell("healthy", UNICODE)[1] == "ok"
    assert channel_cell("needs_token", UNICODE)[1] == "bad"


def test_plate_and_customer_are_hidden_when_privacy_is_on() -> None:
    privacy = Privacy()
    one = {"vehicle": {"plate": "HRO-AL 17"}, "customer": {"name": "Axel Lübs"}}
    assert (plate_cell(one, privacy.hide)[0], customer_cell(one, privacy.hide)[0]) == ("HRO-AL 17", "Axel Lübs")
    privacy.on = True
    hidden = plate_cell(one, privacy.hide)[0] + customer_cell(one, privacy.hide)[0]
    assert set(hidden) == {"•"}


@pytest.mark.parametrize(
    "told", ["0171 7654321", "+49 171 7654321", "+49 (0)381/12345", "0381-123456", "a.b@example.org", "HRO-AL 17"]
)
def test_what_looks_like_somebodys_number_is_hidden_in_a_sentence(told: str) -> None:
    privacy = Privacy()
    privacy.on = True
    hidden = privacy.hide_in(f"Ruf {told} an")
    assert hidden.startswith("Ruf •••")
    assert hidden.endswith("• an")


@pytest.mark.parametrize("told", ["01/02/2026 14:05", "05-12-2026 09:30", "05.12.2026", "2026-11-22T08:00:00+01:00"])
def test_days_and_times_in_a_sentence_stay(told: str) -> None:
    privacy = Privacy()
    privacy.on = True
    assert privacy.hide_in(f"bis {told} Uhr") == f"bis {told} Uhr"


def test_a_car_without_a_plate_is_known_by_the_end_of_its_vin() -> None:
    assert plate_cell({"vehicle": {"plate": "", "vin": "SJNFXYJCNPB607554"}}, str)[0] == "PB607554"
    assert plate_cell({"vehicle": None}, str)[0] == BLANK


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("notes", None, BLANK),
        ("notes", "", BLANK),
        ("interventions", [], BLANK),
        ("customer_waiting", True, "yes"),
        ("customer_waiting", False, "no"),
        ("status", "in_work", "in work"),
        ("transport_option", "courtesy_car", "courtesy car"),
        ("transport_option", "helicopter", "helicopter"),
        ("origin", "mynissan", "MyNISSAN app"),
        ("drop_off", "2026-12-07T07:00:00Z", "07/12 08:00"),
        ("drop_off", "2027-07-07T07:00:00Z", "07/07/2027 09:00"),
        ("vehicle.first_registration", "2024-06-13", "13/06/2024"),
        ("vehicle.odometer_km", 35630, "35,630"),
        ("interventions.0.price_cents", 14950, "€149.50"),
        ("labour_units", 2.5, "2.5"),
        ("version", 1234, "1234"),
        ("notes", "2026-12-07 is no good", "2026-12-07 is no good"),
        ("notes", "2026-99-99", "2026-99-99"),
        ("interventions", [{"code": "HU", "title": "Hauptuntersuchung", "labour_units": 12.0, "price_cents": 14950},
                           {"code": "OEL", "title": ""}], "Hauptuntersuchung (12 AW, €149.50), OEL"),
        ("references", {"superservice": "A1"}, "superservice: A1"),
        ("permissions", {"sms": {"allowed": False, "since": "2026-01-02", "source": "form"}},
         "by SMS: no (02/01/2026)"),
    ],
)  # fmt: skip
def test_values_as_people_read_them(field: str, value: Any, shown: str) -> None:
    assert reading(field, value, FORMATS, ZONE) == shown


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=200)
@given(field=st.sampled_from(["drop_off", "status", "notes", "x.price_cents", "permissions", ""]), value=VALUES)
def test_whatever_a_partner_sends_can_be_read(field: str, value: Any) -> None:
    assert reading(field, value, FORMATS, ZONE)


@settings(deadline=None, max_examples=200)
@given(
    booked=st.floats(0, 2000), limit=st.floats(0, 1000), capacity=st.floats(0, 1000), width=st.integers(0, 40)
)  # fmt: skip
def test_the_load_bar_is_as_wide_as_asked_and_says_when_it_is_too_much(
    booked: float, limit: float, capacity: float, width: int
) -> None:
    parts = load_bar(booked, limit, capacity, width, UNICODE)
    text = "".join(part for part, _ in parts)
    assert len(text) == width
    if width >= 3 and max(booked, limit, capacity) > 0:
        assert text.count(UNICODE.limit) == 1
    if booked > limit and width > 10 and booked > 1.3 * max(limit, 1):
        assert UNICODE.part in text


def test_a_half_full_day() -> None:
    parts = load_bar(50, 80, 100, 11, ASCII)
    assert "".join(text for text, _ in parts) == "#####...|.."
