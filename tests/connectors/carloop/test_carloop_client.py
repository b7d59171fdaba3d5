"""Carloop's answers, and what isn't Carloop's answer, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import self_signed
from tests.support.chaos import ChaosServer, answer
from wtpd.channel.errors import (
    BrokenItem,
    CursorRefused,
    NeedsToken,
    NotAllowed,
    PartnerBroken,
    PartnerError,
    Precondition,
    RateLimited,
    Rejected,
    TooLarge,
    Transient,
    why,
)
from wtpd.clock import SystemClock
from wtpd.connectors.carloop import manifest
from wtpd.connectors.carloop.settings import CarloopSettings
from wtpd.connectors.kit.access import ConnectorAccess
from wtpd.connectors.manifest import RentalConnector
from wtpd.rentals.ports import (
    AlreadyOut,
    CarTaken,
    EndCollides,
    PriceChanged,
    ReferenceUsed,
    RentalClosed,
    RentalUnknown,
    RenterIncomplete,
    RenterRefused,
    TooLate,
)
from wtpd.rentals.records import Booking, Price, Renter, Wish
from wtpd.testing import giving

TOKEN = "geheimes-token-4711"
START, END = datetime(2027, 3, 1, 9, tzinfo=UTC), datetime(2027, 3, 3, 9, tzinfo=UTC)
BOOKING = Booking(
    reference="R-1", appointment="T-1", car="101", start=START, end=END, renter=Renter(last_name="Jürgens")
)
WISH = Wish(start=START, end=END)
RENTAL: dict[str, Any] = {
    "nr": "V1", "externeReferenz": "R-1", "status": "RESERVIERT", "von": "2027-03-01T09:00:00Z",
    "bis": "2027-03-03T09:00:00Z", "fahrzeug": {"fahrzeugId": "101", "kennzeichen": "HRO-CL 101"}, "version": 1,
}  # fmt: skip
CAR = {"fahrzeugId": "102", "kennzeichen": "HRO-CL 102"}
HTML = {"Content-Type": "text/html; charset=utf-8"}
PERSON = "Herr Jürgens hat 2025 einen Wagen gestohlen."


@asynccontextmanager
async def connected(**settings: Any) -> AsyncIterator[RentalConnector]:
    assert manifest.rentals is not None
    access = ConnectorAccess("carloop", CarloopSettings(calls_per_second=50, **settings), SystemClock(), giving({}))
    connector = manifest.rentals(access)
    try:
        yield connector
    finally:
        await connector.close()


def login(server: ChaosServer, token: str = TOKEN) -> Mapping[str, str]:
    return {"address": server.url, "token": token}


def refusal(status: int, code: str, text: str = "Geht nicht.", **beside: Any) -> Any:
    return answer(status, {"fehler": [{"code": code, "feld": beside.pop("feld", None), "text": text}], **beside})


async def said(behaviour: Any, call: str, *arguments: Any, **settings: Any) -> PartnerError:
    """The error of one call."""
    async with ChaosServer(behaviour) as server, connected(**settings) as carloop:
        with pytest.raises(PartnerError) as caught:
            await getattr(carloop, call)(login(server), *arguments)
    return caught.value


async def booked(behaviour: Any) -> PartnerError:
    async with connected() as carloop:
        return await said(behaviour, "book", carloop.encode_booking(BOOKING))


# --- addresses and logins


async def test_what_is_sent_is_what_was_encoded_with_the_token() -> None:
    async with ChaosServer(answer(201, RENTAL)) as server, connected() as carloop:
        body = carloop.encode_booking(replace(BOOKING, expected_price=Price(Decimal("219.90"), "EUR")))
        await carloop.book(login(server), body)
    [request] = server.requests
    assert request.body == body.encode() and b'"brutto":219.90' in request.body
    assert request.headers["authorization"] == f"Token {TOKEN}"
    assert (request.method, request.target) == ("POST", "/api/werkstattplaner/v1/vorgaenge")


async def test_an_address_may_have_a_path_and_a_number_any_character() -> None:
    rental = RENTAL | {"nr": "2027/1 ü"}
    async with ChaosServer(answer(200, rental)) as server, connected() as carloop:
        secrets = {"address": f"{server.url}/mandant/7/", "token": TOKEN}
        await carloop.get(secrets, "2027/1 ü")
    assert server.requests[0].target == "/mandant/7/api/werkstattplaner/v1/vorgaenge/2027%2F1%20%C3%BC"


async def test_no_https_a_redirect_a_web_page_and_an_untrusted_certificate_have_their_sentences(tmp_path: Path) -> None:
    sentences = []
    async with connected() as carloop:
        with pytest.raises(NeedsToken) as insecure:
            await carloop.terms({"address": "http://carloop.example.com", "token": TOKEN})
        sentences.append(why(insecure.value))
        context, _ = self_signed(tmp_path)
        async with ChaosServer(answer(200, {}), tls=context) as server:
            with pytest.raises(Transient) as untrusted:
                await carloop.terms(login(server))
            assert not server.requests
        sentences.append(why(untrusted.value))
    sentences.append(why(await said(answer(302, headers={"Location": "/login"}), "terms")))
    sentences.append(why(await said(answer(200, headers=HTML, body=b"<!doctype html>"), "terms")))
    texts = [str(sentence) for sentence in sentences]
    assert "https://" in texts[0] and "certificate" in texts[1] and "leads to another" in texts[2]
    assert "web page" in texts[3] and len({*texts}) == 4


@pytest.mark.parametrize("status", [200, 201, 403, 404, 422])
@pytest.mark.parametrize("headers", [HTML, {"Content-Type": "application/json"}])
async def test_a_web_page_is_known_whatever_it_calls_itself(status: int, headers: Mapping[str, str]) -> None:
    error = await said(answer(status, headers=headers, body=b"\n <html><body>Anmelden</body></html>"), "get", "V1")
    assert isinstance(error, PartnerBroken) and "web page" in str(why(error))


async def test_a_private_authority_is_trusted_by_the_settings(tmp_path: Path) -> None:
    context, file = self_signed(tmp_path)
    async with ChaosServer(answer(200, RENTAL), tls=context) as server, connected(ca_file=str(file)) as carloop:
        assert (await carloop.get(login(server), "V1")).number == "V1"


@pytest.mark.parametrize("token", ["", "zwei teile", "tökén", "a\nb"])
async def test_a_token_that_cant_be_one_isnt_sent(token: str) -> None:
    async with ChaosServer(answer(200, RENTAL)) as server, connected() as carloop:
        with pytest.raises(NeedsToken) as caught:
            await carloop.get(login(server, token), "V1")
    assert not server.requests and (not token or token not in str(caught.value))


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 409, 422, 500])
async def test_the_token_is_in_no_message_and_no_log(status: int, caplog: pytest.LogCaptureFixture) -> None:
    text = f"Token {TOKEN} ist unbekannt"
    with caplog.at_level(logging.DEBUG):
        error = await said(answer(status, {"fehler": [{"code": "X", "feld": TOKEN, "text": text}]}), "get", "V1")
    shown = f"{error!r} {error} {why(error)} {getattr(error, 'detail', '')} {error.problem} {caplog.text}"
    assert TOKEN not in shown


async def test_two_tokens_have_each_their_answer_and_their_queue() -> None:
    limited = answer(429, headers={"Retry-After": "300"})
    async with ChaosServer(limited, answer(200, RENTAL)) as server, connected() as carloop:
        with pytest.raises(RateLimited):
            await carloop.get(login(server), "V1")
        assert (await carloop.get(login(server, "another-token"), "V1")).number == "V1"
        with pytest.raises(RateLimited) as caught:
            await carloop.get(login(server), "V1")
    assert len(server.requests) == 2, "the first token isn't used before its time"
    assert 290 < caught.value.retry_after <= 300 and "300" in str(why(caught.value))


# --- refusals

ENDINGS: list[tuple[int, str, type[PartnerError]]] = [
    (401, "NICHT_ANGEMELDET", NeedsToken),
    (403, "NICHT_ANGEMELDET", NeedsToken),
    (409, "REFERENZ_VERWENDET", ReferenceUsed),
    (409, "BEREITS_ABGEHOLT", AlreadyOut),
    (409, "VORGANG_ABGESCHLOSSEN", RentalClosed),
    (404, "VORGANG_UNBEKANNT", RentalUnknown),
    (422, "ZEIT_IN_VERGANGENHEIT", TooLate),
    (422, "AUSSERHALB_OEFFNUNGSZEIT", Rejected),
    (422, "ZEITRAUM_UNGUELTIG", Rejected),
    (422, "FAHRZEUG_UNBEKANNT", Rejected),
    (422, "NUR_ENDE_AENDERBAR", Rejected),
    (403, "NICHT_FREIGESCHALTET", Rejected),
    (409, "GANZ_NEU", Rejected),
    (428, "IF_MATCH_FEHLT", Rejected),
]


@pytest.mark.parametrize(("status", "code", "kind"), ENDINGS)
@pytest.mark.parametrize("call", ["book", "cancel", "change_end"])
async def test_each_code_has_its_error_with_carloops_sentence(
    call: str, status: int, code: str, kind: type[PartnerError]
) -> None:
    async with connected() as carloop:
        arguments: dict[str, list[Any]] = {
            "book": [carloop.encode_booking(BOOKING)],
            "cancel": ["V1", carloop.encode_cancellation("abgesagt")],
            "change_end": ["V1", 1, carloop.encode_end(END)],
        }
    error = await said(refusal(status, code, "Das geht\x1b[31m nicht."), call, *arguments[call])
    assert type(error) is kind and error.status == status
    if isinstance(error, Rejected):
        assert "Das geht" in error.detail and "\x1b" not in error.detail and error.reason is None
        assert code in str(error) and "Das geht" not in str(error)
        silent = await said(refusal(status, code, ""), call, *arguments[call])
        assert str(why(silent)), "a sentence of ours where Carloop has none"


async def test_a_403_without_a_code_is_the_logins() -> None:
    assert isinstance(await said(answer(403), "get", "V1"), NotAllowed)


@pytest.mark.parametrize("status", [404, 405])
async def test_an_address_without_the_interface_says_so(status: int) -> None:
    for content in (answer(status), answer(status, {"detail": "Not Found"})):
        error = await said(content, "get", "V1")
        assert not isinstance(error, RentalUnknown) and "no interface" in str(why(error))


async def test_a_car_that_is_taken_comes_with_the_others() -> None:
    for code in ("FAHRZEUG_NICHT_FREI", "GANZ_NEU"):
        error = await booked(refusal(409, code, alternativen=[CAR]))
        assert isinstance(error, CarTaken) and [car.id for car in error.alternatives] == ["102"]
    assert isinstance(await booked(refusal(409, "FAHRZEUG_NICHT_FREI")), CarTaken)


async def test_a_refusal_with_very_many_cars_is_read() -> None:
    cars = [CAR | {"fahrzeugId": str(number), "kennzeichen": "x" * 30} for number in range(3000)]
    error = await booked(refusal(409, "FAHRZEUG_NICHT_FREI", alternativen=cars))
    assert isinstance(error, CarTaken) and len(error.alternatives) == 3000


async def test_another_price_is_exact() -> None:
    body = b'{"fehler":[{"code":"PREIS_GEAENDERT","feld":null,"text":""}],"preis":{"brutto":219.90,"waehrung":"EUR"}}'
    error = await booked(answer(409, body=body))
    assert isinstance(error, PriceChanged) and error.price == Price(Decimal("219.90"), "EUR")
    assert str(error.price.gross) == "219.90"
    error = await booked(refusal(409, "PREIS_GEAENDERT"))
    assert isinstance(error, PriceChanged) and error.price is None


async def test_an_end_that_collides_says_until_when_it_goes() -> None:
    async with connected() as carloop:
        body = carloop.encode_end(END)
    beside = {"spaetestesEnde": "2027-03-02T17:00:00+01:00", "alternativen": [CAR]}
    error = await said(refusal(409, "FAHRZEUG_NICHT_FREI", **beside), "change_end", "V1", 1, body)
    assert isinstance(error, EndCollides) and error.latest_end == datetime(2027, 3, 2, 16, tzinfo=UTC)
    assert [car.id for car in error.alternatives] == ["102"]


async def test_a_missing_field_is_named_as_ours() -> None:
    error = await booked(refusal(422, "PFLICHTFELD", "Bitte E-Mail angeben.", feld="kunde.email"))
    assert isinstance(error, RenterIncomplete)
    assert (error.field, error.detail) == ("email", "Bitte E-Mail angeben.")


@pytest.mark.parametrize("status", [403, 409, 422])
async def test_what_is_said_about_a_person_is_in_no_message_and_no_log(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    faults = [
        {"code": "FAHRZEUG_NICHT_FREI", "feld": None, "text": "Auch vergeben."},
        {"code": "KUNDE_GESPERRT", "feld": "kunde", "text": PERSON},
    ]
    with caplog.at_level(logging.DEBUG):
        error = await booked(answer(status, {"fehler": faults, "alternativen": [CAR]}))
        logging.getLogger("test").warning("refused", exc_info=error)
    assert isinstance(error, RenterRefused) and PERSON in error.said
    shown = f"{error} {error!r} {error.args} {error.detail} {error.reason} {why(error)} {error.problem} {error.sent}"
    assert "gestohlen" not in shown and "gestohlen" not in caplog.text
    assert error.__cause__ is None and error.__context__ is None


async def test_clock_skew_shows_carloops_own_sentence() -> None:
    text = "Der Beginn liegt in der Vergangenheit (Serverzeit 10:03)."
    assert text in str(why(await booked(refusal(422, "ZEIT_IN_VERGANGENHEIT", text))))


# --- answers that are odd


@pytest.mark.parametrize(
    "odd",
    [
        b'"preis":{"brutto":NaN,"waehrung":"EUR"}',
        b'"preis":{"brutto":Infinity,"waehrung":"EUR"}',
        b'"stornoGrund":"\\ud83d"',
        b'"station":1e400',
        b'"kunde":null,"fahrzeug":null,"neu":[[[[]]]]',
        b'"version":"1","ueberfaellig":"nein","geaendertAm":"gestern"',
    ],
)
@pytest.mark.parametrize("status", [200, 201])
async def test_no_odd_answer_loses_a_rental(odd: bytes, status: int) -> None:
    body = json.dumps(RENTAL).encode()[:-1] + b"," + odd + b"}"
    async with ChaosServer(answer(status, body=body)) as server, connected() as carloop:
        rental = await carloop.book(login(server), carloop.encode_booking(BOOKING))
    assert (rental.number, rental.state, rental.version) == ("V1", "reserved", 1)


async def test_a_byte_order_mark_and_no_content_type_are_no_trouble() -> None:
    body = b"\xef\xbb\xbf" + json.dumps(RENTAL).encode()
    for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/hal+json"}):
        async with ChaosServer(answer(200, body=body, headers=headers)) as server, connected() as carloop:
            assert (await carloop.get(login(server), "V1")).number == "V1"


@pytest.mark.parametrize("body", [b"{", b"[1, 2", b'{"nr": "\xff"}', b"nr=1", b'{"nr":' + b"[" * 100_000])
async def test_an_answer_that_isnt_json_is_broken(body: bytes) -> None:
    assert isinstance(await said(answer(200, body=body), "get", "V1"), PartnerBroken)


@pytest.mark.parametrize(
    "value", [[], "V1", {"nr": "V1"}, RENTAL | {"von": "2027-03-01T10:00:00"}, RENTAL | {"nr": "V2"}]
)
async def test_an_answer_about_one_rental_that_cant_be_read_is_that_rentals_trouble(value: Any) -> None:
    assert isinstance(await said(answer(200, value), "get", "V1"), BrokenItem)


async def test_a_rental_in_ten_megabytes_is_read_and_a_larger_answer_isnt() -> None:
    def padded(size: int) -> Any:
        return answer(201, body=json.dumps(RENTAL | {"neu": "x" * size}).encode())

    async with ChaosServer(padded(10_000_000)) as server, connected() as carloop:
        assert (await carloop.book(login(server), carloop.encode_booking(BOOKING))).number == "V1"
    assert isinstance(await booked(padded(17 * 1024 * 1024)), TooLarge)


@pytest.mark.parametrize("status", [200, 204])
async def test_a_write_without_a_body_is_followed_by_a_look(status: int) -> None:
    page = answer(200, {"vorgaenge": [RENTAL], "cursor": "c", "weitere": False})
    async with connected() as carloop:
        async with ChaosServer(answer(status), page) as server:
            assert (await carloop.book(login(server), carloop.encode_booking(BOOKING))).number == "V1"
        async with ChaosServer(answer(status), answer(200, RENTAL)) as server:
            await carloop.cancel(login(server), "V1", carloop.encode_cancellation("abgesagt"))
            await carloop.change_end(login(server), "V1", 1, carloop.encode_end(END))
        async with ChaosServer(answer(status), answer(200, {"vorgaenge": []})) as server:
            with pytest.raises(BrokenItem):
                await carloop.book(login(server), carloop.encode_booking(BOOKING))


async def test_a_write_that_is_answered_with_a_part_of_the_rental_is_followed_by_a_look() -> None:
    part, page = answer(200, {"nr": "V1", "version": 2}), answer(200, {"vorgaenge": [RENTAL]})
    async with connected() as carloop:
        async with ChaosServer(part, page) as server:
            assert (await carloop.book(login(server), carloop.encode_booking(BOOKING))).reference == "R-1"
        async with ChaosServer(part, answer(200, RENTAL | {"version": 2})) as server:
            changed = await carloop.change_end(login(server), "V1", 1, carloop.encode_end(END))
            assert (changed.version, len(server.requests)) == (2, 2)


async def test_the_version_stands_in_the_etag_too() -> None:
    bare = {name: value for name, value in RENTAL.items() if name != "version"}
    async with ChaosServer(answer(200, bare, headers={"ETag": '"v7"'})) as server, connected() as carloop:
        assert (await carloop.get(login(server), "V1")).version == 7


async def test_a_booking_that_is_answered_with_another_rental_is_broken() -> None:
    assert isinstance(await booked(answer(200, RENTAL | {"externeReferenz": "R-2"})), BrokenItem)


# --- changes of an older version


async def test_a_412_is_no_conflict_where_the_end_is_the_wanted_one() -> None:
    async with connected() as carloop:
        body = carloop.encode_end(END)
        stale = refusal(412, "VERSION_VERALTET")
        async with ChaosServer(stale, answer(200, RENTAL | {"version": 2})) as server:
            assert (await carloop.change_end(login(server), "V1", 1, body)).version == 2
            assert server.requests[0].headers["if-match"] == '"v1"'
        for changed in ({"bis": "2027-03-04T09:00:00Z"}, {"status": "STORNIERT"}):
            async with ChaosServer(stale, answer(200, RENTAL | changed)) as server:
                with pytest.raises(Precondition):
                    await carloop.change_end(login(server), "V1", 1, body)


# --- look-ups and changes


async def test_a_look_up_takes_only_the_rental_of_its_reference() -> None:
    other = RENTAL | {"nr": "V2", "externeReferenz": "R-2"}
    async with connected() as carloop:
        async with ChaosServer(answer(200, {"vorgaenge": [other, RENTAL]})) as server:
            found = await carloop.find(login(server), "R-1")
            assert found is not None and found.number == "V1"
            assert await carloop.find(login(server), "R-3") is None
        assert server.requests[0].target.endswith("/vorgaenge?externeReferenz=R-1")
        async with ChaosServer(refusal(404, "VORGANG_UNBEKANNT")) as server:
            assert await carloop.find(login(server), "R-1") is None


@pytest.mark.parametrize("item", [RENTAL | {"von": None}, {"externeReferenz": "R-1"}, "R-1"])
async def test_a_rental_that_cant_be_read_isnt_not_found(item: Any) -> None:
    assert isinstance(await said(answer(200, {"vorgaenge": [item]}), "find", "R-1"), BrokenItem)


@pytest.mark.parametrize("behaviour", [answer(404), answer(404, {}), answer(500), answer(200, {}), answer(200, [])])
async def test_a_look_up_that_went_wrong_isnt_not_found(behaviour: Any) -> None:
    assert isinstance(await said(behaviour, "find", "R-1"), PartnerBroken | Transient)


@pytest.mark.parametrize(
    "behaviour", [refusal(400, "CURSOR_UNGUELTIG"), answer(400), answer(410), refusal(422, "CURSOR_UNGUELTIG")]
)
async def test_a_refused_cursor_is_known(behaviour: Any) -> None:
    assert isinstance(await said(behaviour, "changes", "c1", None), CursorRefused)


async def test_a_400_without_a_cursor_is_no_refused_cursor() -> None:
    assert type(await said(refusal(400, "JSON_UNGUELTIG"), "changes", None, START)) is Rejected


async def test_a_list_that_leads_nowhere_ends() -> None:
    stuck = {"vorgaenge": [RENTAL], "cursor": "c1", "weitere": True}
    async with ChaosServer(answer(200, stuck)) as server, connected() as carloop:
        assert (await carloop.changes(login(server), None, None)).more
        assert not (await carloop.changes(login(server), "c1", None)).more
    async with ChaosServer(answer(200, {"vorgaenge": [], "weitere": True})) as server, connected() as carloop:
        page = await carloop.changes(login(server), "c1", None)
        assert (page.cursor, page.more) == ("c1", False)


async def test_a_search_that_finds_nothing_names_what_the_branch_hasnt() -> None:
    terms = {"stationen": [{"id": "9", "name": "Lübeck"}], "klassen": [{"id": "K"}], "eigenschaften": []}
    behaviours = answer(200, {"fahrzeuge": []}), answer(200, terms)
    async with ChaosServer(*behaviours) as server, connected() as carloop:
        found = await carloop.search(login(server), replace(WISH, station="1", classes=("K",), features=("NAV",)))
    assert found.unknown == ("1", "NAV")
    async with ChaosServer(answer(200, {"fahrzeuge": []})) as server, connected() as carloop:
        assert (await carloop.search(login(server), WISH)).unknown == ()
    assert len(server.requests) == 1


async def test_the_loop_goes_on_while_a_large_answer_is_read() -> None:
    page = {"vorgaenge": [RENTAL | {"nr": f"V{number}"} for number in range(3000)], "cursor": "c", "weitere": False}
    async with ChaosServer(answer(200, page)) as server, connected() as carloop:
        rentals = await asyncio.create_task(carloop.changes(login(server), None, None))
    assert len(rentals.rentals) == 3000
