"""`wtpd appointments` and `wtpd show`."""

from __future__ import annotations

from typing import Any

from tests.support.api_stub import ApiStub, problem
from tests.support.terminal import Terminal

SITES = {
    "items": [
        {"id": "rostock", "name": "Autohaus Rostock", "time_zone": "Europe/Berlin"},
        {"id": "lagos", "name": "Lagos", "time_zone": "Africa/Lagos"},
    ],
    "next_cursor": None,
}


def appointment(**other: Any) -> dict[str, Any]:
    return {
        "id": "0192", "site": "rostock", "department": "Werkstatt", "drop_off": "2026-11-23T07:30:00Z",
        "collection": "2026-11-23T15:00:00Z", "status": "scheduled", "advisor": "SB1", "origin": "mynissan",
        "interventions": [{"code": "HU", "title": "HU mit AU", "labour_units": 12}], "labour_units": 12.0,
        "transport_option": "courtesy_car", "courtesy_car": "EW1", "customer_waiting": False, "notes": "Räder",
        "over_limit": False, "work_order": "40001", "references": {"superservice": "A1"},
        "links": {"superservice_menus": "https://menus.invalid/A1"}, "version": 2,
        "customer": {"id": "c", "name": "Lydia Säuberlich", "phone": "0171 1", "locked_by": None},
        "vehicle": {"id": "v", "plate": "HRO-AB 123", "vin": "SJN", "make": "NISSAN", "model": "Leaf"},
    } | other  # fmt: skip


def page(*items: dict[str, Any], cursor: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "next_cursor": cursor}


def test_a_day_is_shown_on_the_clock_of_its_site(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/sites", SITES)
    api.on("GET", "/v1/appointments", page(appointment()))
    said = terminal.wtpd("appointments", "23.11.2026", "--site", "rostock", "--lang", "de")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "Autohaus Rostock, Mo 23.11.2026"
    assert lines[2].split()[:4] == ["08:30", "M", "HRO-AB", "123"]
    assert api.requests[1].query == {"site": "rostock", "day": "2026-11-23", "limit": "500"}


def test_without_a_site_all_are_shown(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/sites", SITES)
    api.on("GET", "/v1/appointments", page(appointment(), cursor="2"), page(appointment()), page())
    said = terminal.wtpd("appointments", "2026-11-23")
    assert "2 appointments, 24 AW" in said.out
    assert "Lagos, Mon 23/11/2026\nNo appointments." in said.out


def test_a_day_fits_into_80_columns(terminal: Terminal, api: ApiStub) -> None:
    terminal.environment["COLUMNS"] = "80"
    api.on("GET", "/v1/sites", SITES)
    long = {"id": "c", "name": "Prof. Dr. Friedrich-Wilhelm von Schlosser-Neuschäfer zu Pößneck", "phone": ""}
    works = [{"code": f"WORK-{number}", "title": "x", "labour_units": 1} for number in range(9)]
    api.on("GET", "/v1/appointments", page(appointment(customer=long, interventions=works)))
    lines = terminal.wtpd("appointments", "2026-11-23", "--site", "rostock").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "HRO-AB 123" in lines[2]


def test_an_unknown_day_or_site_is_wrong_usage(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/sites", SITES)
    assert terminal.wtpd("appointments", "someday").code == 2
    assert terminal.wtpd("appointments", "--site", "nowhere").code == 2


def test_a_search_looks_at_all_days(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/appointments", page(appointment()))
    said = terminal.wtpd("appointments", "--search", "HRO-AB 123")
    assert "Mon 23/11/2026 08:30" in said.out
    assert api.requests[0].query == {"q": "HRO-AB 123", "near": "true"}


def test_days_as_json(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/sites", SITES)
    api.on("GET", "/v1/appointments", page(appointment()))
    said = terminal.wtpd("appointments", "2026-11-23", "--site", "rostock", "--json")
    assert said.json == [{"site": "rostock", "day": "2026-11-23", "items": [appointment()]}]


HISTORY = [
    {"id": 2, "at": "2026-11-21T10:00:00Z", "actor": "SUPERSERVICE", "channel": "sync:superservice",
     "action": "changed", "version": 2, "changes": {"drop_off": {"old": "2026-11-23T08:00:00Z",
                                                                 "new": "2026-11-23T07:30:00Z"}}},
    {"id": 1, "at": "2026-11-20T10:00:00Z", "actor": "anna", "channel": "api", "action": "created", "version": 1,
     "changes": {"notes": {"old": None, "new": "Räder"}}},
]  # fmt: skip


def test_one_appointment_with_its_history(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/appointments/0192", appointment())
    api.on("GET", "/v1/sites", SITES)
    api.on("GET", "/v1/appointments/0192/history", page(*HISTORY))
    record = {"connector": "incadea", "company": "NORD", "kind": "order", "partner_id": "A-4711", "record_id": "0192"}
    api.on("GET", "/v1/partner-records", page(record), page(), page())
    said = terminal.wtpd("show", "0192", "--lang", "nl")
    assert said.code == 0
    assert "incadea NORD A-4711" in said.out
    assert "Lydia Säuberlich" in said.out
    assert "https://menus.invalid/A1" in said.out
    assert "SUPERSERVICE (sync:superservice)" in said.out
    assert "brengen: ma 23-11-2026 09:00 → ma 23-11-2026 08:30" in said.out


def test_one_appointment_by_its_plate(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/appointments/HRO-AB%20123", problem(404, "not-found", "no"))
    api.on("GET", "/v1/appointments", page(appointment()))
    api.on("GET", "/v1/sites", SITES)
    api.on("GET", "/v1/appointments/0192/history", page())
    api.on("GET", "/v1/partner-records", page())
    assert terminal.wtpd("show", "HRO-AB 123").code == 0


def test_several_that_fit_are_listed(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/appointments/HRO", problem(404, "not-found", "no"))
    api.on("GET", "/v1/appointments", page(appointment(), appointment(id="0193")))
    said = terminal.wtpd("show", "HRO")
    assert said.code == 1
    assert said.out.count("HRO-AB 123") == 2


def test_a_box_without_sites_says_so(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/sites", {"items": [], "next_cursor": None})
    said = terminal.wtpd("appointments", "today")
    assert (said.code, "None" in said.err) == (1, False)
    assert "No site is set up yet" in said.err
