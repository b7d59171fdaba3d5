"""DAT's side of the sandbox: as strict as DAT is, and playable."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.dat import GERMAN, IDENTIFICATION, SAMPLE_VIN, dat_client, free, login, message
from tests.support.manual_clock import ManualClock
from tests.support.sandbox import Sandbox, partner_client, running_sandbox
from wtpd.channel.errors import Rejected
from wtpd.connectors.dat import wire
from wtpd.connectors.dat.products import FINANCE
from wtpd.connectors.kit import soap
from wtpd.errors import Refused

XML = {"Content-Type": "text/xml"}
QUERY = message("getVehicleIdentificationByVin.request")
AUTHENTICATION = "/DATECodeSelection/services/Authentication"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path) as running:
        yield running


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with partner_client(sandbox, "dat") as client:
        yield client


async def token(http: httpx.AsyncClient, path: str = AUTHENTICATION, password: str = "sandbox-secret") -> str:
    answer = await http.post(path, content=wire.token_request(login(password)), headers=XML)
    assert answer.status_code == 200
    return wire.token(answer.content)


def code(answer: httpx.Response) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/xml; charset=utf-8")
    return soap.text(soap.body_of(answer.content), "faultcode").rpartition(":")[2]


async def ask(http: httpx.AsyncClient, value: str, content: bytes = QUERY) -> httpx.Response:
    return await http.post(IDENTIFICATION, content=content, headers={**XML, "DAT-AuthorizationToken": value})


async def test_dats_own_request_gets_dats_own_answer(http: httpx.AsyncClient) -> None:
    answer = await ask(http, await token(http))
    assert answer.content == message("getVehicleIdentificationByVin.response")


async def test_a_token_for_a_wrong_password_is_good_for_nothing(http: httpx.AsyncClient) -> None:
    assert code(await ask(http, await token(http, password="wrong"))) == "Server.authorizationFailed"


async def test_a_token_without_the_right_signature_is_good_for_nothing(http: httpx.AsyncClient) -> None:
    asked = wire.token_request(login()).replace(login().signature.encode(), login().signature.lower().encode())
    answer = await http.post(AUTHENTICATION, content=asked, headers=XML)
    assert code(await ask(http, wire.token(answer.content))) == "Server.authorizationFailed"


async def test_a_token_is_for_one_product(http: httpx.AsyncClient) -> None:
    other = await token(http, FINANCE.path(FINANCE.authentication))
    assert code(await ask(http, other)) == "Server.authorizationFailed"


@pytest.mark.parametrize("value", ["", "nonsense"])
async def test_without_a_token_nothing_is_told(http: httpx.AsyncClient, value: str) -> None:
    assert code(await ask(http, value)) == "Server.authorizationFailed"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"<restriction>ALL", b"<restriction>NONE", "internalError"),
        (b"<vin>WVW", b"<vin>", "error.vinserver.invalid.vin.length"),
        (b"<locale ", b"<local ", "CountryError"),
        (b'language="de"', b'language="deutsch"', "LocaleError"),
        (b"getVehicleIdentificationByVin>", b"getVehicle>", "Client"),
        (b"</soapenv:Envelope>", b"", "Client"),
    ],
)
async def test_a_wrong_request_is_a_fault(http: httpx.AsyncClient, old: bytes, new: bytes, expected: str) -> None:
    assert code(await ask(http, await token(http), QUERY.replace(old, new))) == expected


async def test_what_isnt_soap_is_refused_by_http(http: httpx.AsyncClient) -> None:
    statuses = [
        (await http.get(IDENTIFICATION)).status_code,
        (await http.post("/DATECodeSelection/services/Nothing", content=QUERY, headers=XML)).status_code,
        (await http.post(IDENTIFICATION, json={})).status_code,
    ]
    assert statuses == [405, 404, 415]


async def test_the_25th_query_of_a_vin_on_a_day_locks_it(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running_sandbox(tmp_path / "locked", clock=clock) as sandbox, dat_client(sandbox) as dat:
        for _ in range(24):
            await dat.identify(login(), SAMPLE_VIN, GERMAN, before=free)
        with pytest.raises(
            Rejected, match=r"error\.vinserver\.error\.vin_dup_amount_exhausted\.25: VIN zu oft abgefragt\. Mehr dazu$"
        ):
            await dat.identify(login(), SAMPLE_VIN, GERMAN, before=free)
        clock.forward(days=1)
        assert (await dat.identify(login(), SAMPLE_VIN, GERMAN, before=free)).dossiers


async def test_what_it_holds_survives_a_restart(tmp_path: Path) -> None:
    async with running_sandbox(tmp_path) as sandbox, partner_client(sandbox, "dat") as http:
        value = await token(http)
        await sandbox.control.act("dat", "vehicle", vin="1N4AL11D75C123456", manufacturer="Nissan", model="Altima")
        await sandbox.control.act("dat", "customer", customer_number="7", user_name="u", password="p")
    async with running_sandbox(tmp_path) as sandbox, partner_client(sandbox, "dat") as http:
        asked = QUERY.replace(SAMPLE_VIN.encode(), b"1N4AL11D75C123456")
        [one] = wire.identification((await ask(http, value, asked)).content).dossiers
        assert (one.manufacturer, one.base_model) == ("Nissan", "Altima")
        state = await sandbox.control.state("dat")
    assert state["customers"] == ["1234567:sandbox", "1234568:partner", "7:u"]
    assert list(state["queries"].values()) == [1]
    assert "sandbox-secret" not in str(state)


@pytest.mark.parametrize(
    ("played", "card", "count"),
    [({}, False, 1), ({"count": 3}, False, 3), ({"card": True}, True, 1), ({"card": True, "count": 2}, True, 2)],
)
async def test_what_a_vin_is_answered_can_be_played(
    sandbox: Sandbox, played: dict[str, object], card: bool, count: int
) -> None:
    vin = "SJNFAAJ11U1234567"
    await sandbox.control.act("dat", "vehicle", vin=vin, manufacturer="Nissan", model="Qashqai", **played)
    async with dat_client(sandbox) as dat:
        found = await dat.identify(login(), vin, GERMAN, before=free)
    assert (found.card, len(found.dossiers)) == (card, count)
    assert found.dossiers[0].manufacturer == "Nissan"


async def test_a_fault_can_be_played(sandbox: Sandbox) -> None:
    await sandbox.control.act("dat", "vehicle", vin=SAMPLE_VIN, fault="error.vinserver.accessible.vin.vw")
    async with dat_client(sandbox) as dat:
        with pytest.raises(Rejected, match=r"error\.vinserver\.accessible\.vin\.vw"):
            await dat.identify(login(), SAMPLE_VIN, GERMAN, before=free)


async def test_a_vin_that_is_none_cant_be_played(sandbox: Sandbox) -> None:
    with pytest.raises(Refused, match="17 characters"):
        await sandbox.control.act("dat", "vehicle", vin="short")
