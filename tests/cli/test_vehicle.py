"""`wtpd vehicle`: what it prints, what it asks the daemon for, how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api_stub import ApiStub, problem
from tests.support.terminal import Terminal, flat

VIN = "WVWDEXTESTSTUB001"
OURS = {"id": "v1", "vin": VIN, "plate": "HRO-AB 1"}


def candidate(number: int, sub_model: str = "Trendline") -> dict[str, Any]:
    return {
        "number": number, "complete": True, "make": "Volkswagen", "model": "Passat Variant",
        "name": "Passat Variant (3G5)(07.2014->)", "variant": sub_model, "code": f"01905115002000{number} DE001",
    }  # fmt: skip


def found(*candidates: dict[str, Any], **more: Any) -> dict[str, Any]:
    values = {
        "at": "2026-11-21T12:00:00Z",
        "kept": False,
        "asked_today": 1,
        "limit": 24,
        "partial": False,
        "source": "dat",
        "title": "DAT",
        "note": "",
    }
    return {"vin": VIN, "candidates": list(candidates), **values, **more}


def filled(**more: Any) -> dict[str, Any]:
    return {"vehicle": OURS, "chosen": 1, "filled": {}, "differing": {}, "identification": found(candidate(1)), **more}


def done(data: Any) -> dict[str, Any]:
    """What an action answers; the commands of vehicles read its `data`."""
    return {"connector": "dat", "title": "DAT", "candidates": [], "data": data}


def known(api: ApiStub, *vehicles: dict[str, Any]) -> None:
    api.on("GET", "/v1/vehicles", {"items": list(vehicles), "next_cursor": None})


def asked(api: ApiStub) -> list[tuple[str, Any]]:
    return [(one.path, one.body) for one in api.requests if one.method == "POST"]


def test_the_vehicle_of_the_book_is_filled(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/identifications", found(candidate(1)))
    known(api, OURS)
    api.on("POST", "/v1/connectors/dat/actions/identify", done(filled(filled={"make": "Volkswagen"})))
    said = terminal.wtpd("vehicle", "identify", VIN)
    assert said.code == 0
    assert "make: Volkswagen was filled in" in said.out
    assert "asked 1 of 24 times today" in said.out
    assert "019051150020001 DE001" in said.out
    assert asked(api) == [
        ("/v1/identifications", {"vin": VIN}),
        ("/v1/connectors/dat/actions/identify", {"on": "v1", "fields": {"vin": VIN}, "confirmed": True}),
    ]


def test_a_difference_is_shown(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/identifications", found(candidate(1), kept=True))
    known(api, OURS)
    differing = {"make": {"ours": "VW", "theirs": "Volkswagen"}}
    api.on("POST", "/v1/connectors/dat/actions/identify", done(filled(differing=differing)))
    said = terminal.wtpd("vehicle", "identify", VIN)
    assert "make: VW stays, DAT says Volkswagen" in said.out
    assert "as DAT said on 2026-11-21; nothing was paid now" in said.out


def test_one_of_several_must_be_chosen(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/identifications", found(candidate(1), candidate(2, "Highline")))
    known(api, OURS)
    said = terminal.wtpd("vehicle", "identify", VIN)
    assert said.code == 1
    assert "Highline" in said.out
    assert "--choose N" in said.err
    assert len(asked(api)) == 1


def test_the_chosen_one_fills(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/identifications", found(candidate(1), candidate(2)))
    known(api, OURS)
    api.on("POST", "/v1/connectors/dat/actions/identify", done(filled(chosen=2)))
    said = terminal.wtpd("vehicle", "identify", VIN, "--choose", "2", "--site", "rostock", "--restriction", "repair")
    assert said.code == 0
    order = {"site": "rostock", "restriction": "REPAIR"}
    fields = {"vin": VIN, "choose": 2, **order}
    assert asked(api)[1][1] == {"on": "v1", "fields": fields, "confirmed": True}


def test_a_number_that_isnt_there_is_a_usage_error(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/identifications", found(candidate(1), candidate(2)))
    known(api)
    said = terminal.wtpd("vehicle", "identify", VIN, "--choose", "3")
    assert said.code == 2
    assert "there is no candidate 3; there are 2" in flat(said.err)


@pytest.mark.parametrize(
    ("vehicles", "words"),
    [((), "No vehicle of the book has the VIN"), ((OURS, {**OURS, "id": "v2"}), "name one with --vehicle")],
)
def test_without_one_vehicle_nothing_is_filled(
    terminal: Terminal, api: ApiStub, vehicles: tuple[dict[str, Any], ...], words: str
) -> None:
    api.on("POST", "/v1/identifications", found(candidate(1)))
    known(api, *vehicles)
    said = terminal.wtpd("vehicle", "identify", VIN)
    assert said.code == 0
    assert words in said.err
    assert len(asked(api)) == 1


def test_a_vehicle_can_be_named(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/identifications", found(candidate(1)))
    api.on("GET", "/v1/vehicles/v2", {**OURS, "id": "v2", "vin": ""})
    api.on("POST", "/v1/connectors/dat/actions/identify", done(filled(filled={"vin": VIN})))
    said = terminal.wtpd("vehicle", "identify", VIN, "--vehicle", "v2")
    assert f"VIN: {VIN} was filled in" in said.out


def test_a_vin_nobody_knows(terminal: Terminal, api: ApiStub) -> None:
    fault = "Server.valueNotFound: ECode not found"
    api.on("POST", "/v1/identifications", found(partial=True, note=fault))
    known(api, OURS)
    said = terminal.wtpd("vehicle", "identify", VIN)
    assert said.code == 1
    assert "DAT knows no vehicle with this VIN" in said.out
    assert fault in said.out


def test_the_limit_is_told(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/identifications", problem(409, "vin-limit", "ask again tomorrow"))
    said = terminal.wtpd("vehicle", "identify", VIN, "--refresh")
    assert (said.code, said.err.strip()) == (1, "ask again tomorrow")
    assert asked(api)[0][1] == {"vin": VIN, "refresh": True}


def test_json_is_the_answer_as_it_came(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/identifications", found(candidate(1)))
    known(api)
    assert terminal.wtpd("vehicle", "identify", VIN, "--json").json == found(candidate(1))


WORTH = {
    "code": "019051150020002 DE001", "odometer_km": 43000, "first_registration": "2021-05-17", "currency": "EUR",
    "sales_cents": 1285353, "sales_gross_cents": 1529570, "purchase_cents": 1100367, "purchase_gross_cents": None,
    "original_gross_cents": None, "data_month": "2026-11", "extras": 3,
}  # fmt: skip


def test_a_vehicle_is_valued(terminal: Terminal, api: ApiStub) -> None:
    known(api, OURS)
    api.on("GET", "/v1/vehicles/v1/identification", {"source": "dat"})
    api.on("POST", "/v1/connectors/dat/actions/value", done(WORTH))
    said = terminal.wtpd("vehicle", "value", VIN.lower(), "--km", "43000", "--registered", "2021-05-17")
    assert said.code == 0
    assert "12853.53" in said.out and "15295.70" in said.out
    fields = {"odometer_km": 43000, "first_registration": "2021-05-17"}
    assert asked(api) == [
        ("/v1/connectors/dat/actions/value", {"on": "v1", "fields": fields, "confirmed": True}),
    ]


@pytest.mark.parametrize(("extras", "words"), [(3, "With 3 extras"), (None, "Without extras"), (0, "Without extras")])
def test_a_value_says_whether_extras_count(terminal: Terminal, api: ApiStub, extras: int | None, words: str) -> None:
    known(api, OURS)
    api.on("GET", "/v1/vehicles/v1/identification", {"source": "dat"})
    api.on("POST", "/v1/connectors/dat/actions/value", done({**WORTH, "extras": extras}))
    said = terminal.wtpd("vehicle", "value", VIN, "--taxation", "regular")
    assert words in flat(said.out + said.err)
    assert asked(api)[0][1]["fields"] == {"taxation": "REGULAR"}


def test_a_vehicle_that_isnt_in_the_book_isnt_valued(terminal: Terminal, api: ApiStub) -> None:
    known(api)
    said = terminal.wtpd("vehicle", "value", VIN)
    assert said.code == 1
    assert "No vehicle of the book has the VIN" in said.err


CHECK = {
    "source": "rdw", "title": "RDW", "plate": "12ABC3", "asked_at": "2026-12-01T08:00:00Z",
    "at": "2026-12-01T08:00:00Z", "known": True, "make": "VOLVO", "model": "V60", "fuel": "Benzine",
    "first_registration": None, "inspection_due": "2027-05-17", "flags": ["open_recall"], "filled": ["fuel"],
    "remarks": [{"kind": "open_recall", "text": "A recall is open, by RDW."}],
}  # fmt: skip


OFFER = {"connector": "rdw", "title": "RDW", "name": "check", "on": "vehicle"}


@pytest.mark.parametrize(("known_now", "code"), [(True, 0), (False, 1)])
def test_a_plate_is_checked_with_the_register(terminal: Terminal, api: ApiStub, known_now: bool, code: int) -> None:
    known(api, OURS)
    api.on("GET", "/v1/actions", {"items": [{**OFFER, "available": True, "reason": None}], "next_cursor": None})
    api.on("POST", "/v1/connectors/rdw/actions/check", done(None))
    api.on("GET", "/v1/vehicles/v1/checks", {"items": [{**CHECK, "known": known_now}], "next_cursor": None})
    said = terminal.wtpd("vehicle", "check", "12-ABC-3")
    assert said.code == code
    for words in ("12ABC3 VOLVO V60 Benzine", "inspection due: 17/05/2027", "fuel is from RDW", "A recall is open"):
        assert words in said.out
    assert ("RDW doesn't know 12ABC3 now" in said.out) is not known_now


def test_a_plate_that_no_vehicle_has_isnt_checked(terminal: Terminal, api: ApiStub) -> None:
    known(api)
    said = terminal.wtpd("vehicle", "check", "12-ABC-3")
    assert said.code == 1 and "No vehicle of the book has the plate 12-ABC-3" in said.err
    assert asked(api) == []


@pytest.mark.parametrize(
    ("offered", "words"),
    [
        ([{**OFFER, "available": False, "reason": "no site is in NL"}], "RDW: no site is in NL"),
        ([], "No public register is in use"),
    ],
)
def test_without_a_register_a_check_says_why(terminal: Terminal, api: ApiStub, offered: Any, words: str) -> None:
    known(api, OURS)
    api.on("GET", "/v1/actions", {"items": offered, "next_cursor": None})
    said = terminal.wtpd("vehicle", "check", "12-ABC-3")
    assert said.code == 1 and words in said.err
    assert asked(api) == []
