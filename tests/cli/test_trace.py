"""`wtpd trace` and `wtpd send`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api_stub import ApiStub, problem
from tests.support.terminal import Terminal

APPOINTMENT = {
    "id": "0192", "drop_off": "2026-11-23T07:30:00Z", "customer": {"name": "Lydia Säuberlich"},
    "vehicle": {"plate": "HRO-AB 123"},
}  # fmt: skip


def step(**other: Any) -> dict[str, Any]:
    return {
        "id": "m1", "at": "2026-11-23T07:30:05.123456Z", "kind": "message", "direction": "out",
        "channel": "superservice/rostock", "title": "SUPERSERVICE Connect: created there as A-17", "detail": None,
        "outcome": "ok", "actor": None, "message": 4711,
    } | other  # fmt: skip


def page(*items: dict[str, Any]) -> dict[str, Any]:
    return {"items": list(items), "next_cursor": None}


WAY = page(
    step(id="h1", kind="history", direction=None, title="Booked", actor="maria", message=None),
    step(),
    step(id="m2", direction="in", title="SUPERSERVICE Connect: changed there; taken over", detail="sent twice"),
)


def test_the_way_of_an_appointment_by_its_id(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/appointments/0192", APPOINTMENT)
    api.on("GET", "/v1/appointments/0192/trace", WAY)
    said = terminal.wtpd("trace", "0192")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "Mon 23/11/2026 08:30  HRO-AB 123  Lydia Säuberlich"
    assert lines[1] == "23/11/2026 08:30:05    Booked  (maria)"
    assert lines[2] == "23/11/2026 08:30:05  → SUPERSERVICE Connect: created there as A-17  #4711"
    assert lines[3] == "23/11/2026 08:30:05  ← SUPERSERVICE Connect: changed there; taken over  #4711"
    assert lines[4].strip() == "sent twice"


def test_it_is_found_by_a_plate(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/appointments/HRO-AB%20123", problem(404, "not-found", "no"))
    api.on("GET", "/v1/trace", page(APPOINTMENT))
    api.on("GET", "/v1/appointments/0192/trace", WAY)
    said = terminal.wtpd("trace", "HRO-AB 123", "--json")
    assert said.json == WAY["items"]
    assert api.requests[1].query == {"q": "HRO-AB 123"}


def test_several_that_fit_are_listed(terminal: Terminal, api: ApiStub) -> None:
    loose = {"message": 7, "at": "2026-11-23T07:30:00Z", "title": "a message in quarantine", "detail": "no time"}
    api.on("GET", "/v1/appointments/A-1", problem(404, "not-found", "no"))
    api.on("GET", "/v1/trace", page(APPOINTMENT, loose), page(loose), page())
    api.on("GET", "/v1/customers", page())
    api.on("GET", "/v1/vehicles", page())
    said = terminal.wtpd("trace", "A-1")
    assert said.code == 1
    assert "0192  Mon 23/11/2026 08:30  HRO-AB 123" in said.out
    assert "(wtpd trace --message 7)\n    no time" in said.out
    assert terminal.wtpd("trace", "A-1").code == 1, "a message alone has no way"
    assert "Nothing found." in terminal.wtpd("trace", "A-1").out


CAR = {"id": "v1", "plate": "12-ABC-3", "vin": "", "make": "NISSAN", "model": ""}
PERSON = {"id": "c1", "first_name": "Jan", "last_name": "Jansen", "company": "", "city": "Utrecht"}


@pytest.mark.parametrize(
    ("people", "cars", "path", "head"),
    [
        ([PERSON], [], "/v1/customers/c1/trace", "Jan Jansen Utrecht"),
        ([], [CAR], "/v1/vehicles/v1/trace", "12-ABC-3 NISSAN"),
    ],
)
def test_where_no_appointment_fits_the_customer_or_vehicle_is_traced(
    terminal: Terminal, api: ApiStub, people: list[Any], cars: list[Any], path: str, head: str
) -> None:
    step = {
        "at": "2026-11-23T07:30:00Z", "direction": "in", "title": "Lijst: sent it; taken over", "outcome": "ok",
        "actor": None, "message": None, "detail": "body 17",
    }  # fmt: skip
    api.on("GET", "/v1/appointments/it", problem(404, "not-found", "no"))
    api.on("GET", "/v1/trace", page())
    api.on("GET", "/v1/customers", page(*people))
    api.on("GET", "/v1/vehicles", page(*cars))
    api.on("GET", path, page(step))
    said = terminal.wtpd("trace", "it")
    assert said.code == 0
    assert said.out.splitlines()[0] == head
    assert "← Lijst: sent it; taken over" in said.out
    api.on("GET", path, page())
    assert "Nothing was exchanged about it yet." in terminal.wtpd("trace", "it").out


def test_several_customers_and_vehicles_are_listed(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/appointments/it", problem(404, "not-found", "no"))
    api.on("GET", "/v1/trace", page())
    api.on("GET", "/v1/customers", page(PERSON))
    api.on("GET", "/v1/vehicles", page(CAR))
    said = terminal.wtpd("trace", "it")
    assert (said.code, said.out) == (1, "c1  Jan Jansen Utrecht\nv1  12-ABC-3 NISSAN\n")


def test_one_message_whole(terminal: Terminal, api: ApiStub) -> None:
    message = {
        "id": 7, "at": "2026-11-23T07:30:05Z", "direction": "out", "channel": "superservice/rostock",
        "title": "SUPERSERVICE Connect: refuses the appointment", "operation": "create", "outcome": "refused",
        "partner_id": None, "key": "k-1", "attempts": 2, "payload": {"notes": "Räder"}, "error": "advisor unknown",
        "appointment_id": "0192", "answered_at": None, "confirmed_at": None,
    }  # fmt: skip
    api.on("GET", "/v1/messages/7", message)
    said = terminal.wtpd("trace", "--message", "7")
    assert said.code == 0
    for wanted in ("refuses the appointment", "k-1", "advisor unknown", '"notes": "Räder"'):
        assert wanted in said.out
    assert terminal.wtpd("trace", "--message", "7", "--json").json == message


def test_one_of_both_must_be_said(terminal: Terminal, api: ApiStub) -> None:
    assert terminal.wtpd("trace").code == 2
    assert terminal.wtpd("trace", "0192", "--message", "7").code == 2


def test_it_is_sent_again(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/appointments/0192", APPOINTMENT)
    sent = page({"channel": "superservice/rostock", "state": "queued"})
    api.on("POST", "/v1/appointments/0192/send", sent)
    said = terminal.wtpd("send", "0192", "--channel", "superservice/rostock")
    assert (said.code, said.out) == (0, "superservice/rostock: on its way\n")
    assert api.requests[-1].body == {"channel": "superservice/rostock"}
    api.on("POST", "/v1/appointments/0192/send", page({"channel": "superservice/rostock", "state": "equal"}))
    assert "nothing to send" in terminal.wtpd("send", "0192").out
    assert api.requests[-1].body == {}


def test_what_cant_be_sent_is_refused_with_the_reason(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/appointments/0192", APPOINTMENT)
    api.on("POST", "/v1/appointments/0192/send", problem(409, "no-channel", "This appointment goes to no partner."))
    said = terminal.wtpd("send", "0192")
    assert (said.code, said.err) == (1, "This appointment goes to no partner.\n")
    api.on("GET", "/v1/appointments/HRO", problem(404, "not-found", "no"))
    api.on("GET", "/v1/trace", page(APPOINTMENT, {**APPOINTMENT, "id": "0193"}))
    said = terminal.wtpd("send", "HRO")
    assert said.code == 1
    assert "0193" in said.out


def test_all_refused_ones_are_sent_again(terminal: Terminal, api: ApiStub) -> None:
    counts = page(
        {"channel": "superservice/guestrow", "appointments": 1}, {"channel": "superservice/rostock", "appointments": 12}
    )
    api.on("POST", "/v1/connectors/superservice/send-rejected", counts)
    said = terminal.wtpd("send", "--rejected", "superservice")
    assert said.code == 0
    assert said.out.splitlines() == [
        "superservice/guestrow: 1 appointment is sent again",
        "superservice/rostock: 12 appointments are sent again",
    ]
    terminal.wtpd("send", "--rejected", "superservice", "--channel", "superservice/rostock")
    assert api.requests[-1].body == {"site": "rostock"}
