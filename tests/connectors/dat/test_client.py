"""The client against DAT's side of the sandbox, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.support import chaos
from tests.support.chaos import ChaosServer
from tests.support.dat import (
    AUTHENTICATION,
    CARD_ALONE,
    CARD_WITH_OTHERS,
    FAILING,
    GERMAN,
    IDENTIFICATION,
    SAMPLE_VIN,
    TWO_HITS,
    UNKNOWN,
    dat_client,
    envelope,
    fault,
    free,
    login,
    message,
)
from tests.support.manual_clock import ManualClock
from tests.support.sandbox import Sandbox, running_sandbox
from wtpd.channel.errors import NeedsToken, PartnerBroken, Rejected, Transient
from wtpd.connectors.dat import wire
from wtpd.connectors.dat.client import REFUSED_FOR, Dat, UnreadAnswer, login_of
from wtpd.connectors.dat.products import DATECODE, FINANCE, PRODUCTS, Product, named
from wtpd.connectors.dat.sandbox import PARTNER_CUSTOMER
from wtpd.connectors.dat.values import Valuation
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.errors import Refused
from wtpd.texts import N_


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path) as running:
        yield running


PASSAT = Valuation(
    datecode="019051150020002", container="DE001", construction_time=5386, mileage=43000,
    registered=date(2024, 3, 1), extras=(24151, 7502), vin=SAMPLE_VIN,
)  # fmt: skip


async def paths(sandbox: Sandbox) -> list[str]:
    return [one["path"] for one in (await sandbox.control.requests(partner="dat"))["items"]]


async def test_a_test_vin_gives_dats_own_example(sandbox: Sandbox) -> None:
    async with dat_client(sandbox) as dat:
        found = await dat.identify(login(), SAMPLE_VIN, GERMAN, before=free)
    assert [one.datecode for one in found.dossiers] == ["019051150020002"]
    assert await paths(sandbox) == [AUTHENTICATION, IDENTIFICATION]


async def test_several_vehicles_come_with_the_most_probable_first(sandbox: Sandbox) -> None:
    async with dat_client(sandbox) as dat:
        found = await dat.identify(login(), TWO_HITS, GERMAN, before=free)
    assert [one.accuracy for one in found.dossiers] == [0, 1]
    assert all(one.is_complete for one in found.dossiers)


@pytest.mark.parametrize(("vin", "count"), [(CARD_ALONE, 1), (CARD_WITH_OTHERS, 3), (UNKNOWN, 0)])
async def test_a_data_card_is_an_answer(sandbox: Sandbox, vin: str, count: int) -> None:
    async with dat_client(sandbox) as dat:
        found = await dat.identify(login(), vin, GERMAN, before=free)
    assert (found.card, len(found.dossiers)) == (True, count)
    assert not any(one.is_complete for one in found.dossiers)


async def test_a_fault_is_told_with_code_and_text(sandbox: Sandbox) -> None:
    async with dat_client(sandbox) as dat:
        with pytest.raises(Rejected) as caught:
            await dat.identify(login(), FAILING, GERMAN, before=free)
    assert caught.value.detail == (
        "error.vinserver.fail.vin2ecode: Im VIN-Server ist ein Datenverarbeitungsfehler aufgetreten <FV2E>."
    )


async def test_a_valuation_goes_to_its_own_product_with_its_own_token(sandbox: Sandbox) -> None:
    async with dat_client(sandbox) as dat:
        await dat.identify(login(), SAMPLE_VIN, GERMAN, before=free)
        worth = await dat.evaluate(login(), PASSAT, GERMAN)
    assert worth.sales is not None and worth.purchase is not None
    assert worth.sales > worth.purchase > 0
    assert (await paths(sandbox))[2:] == ["/FinanceLine/soap/Authentication", "/FinanceLine/soap/Evaluation"]


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
async def test_every_product_works_with_its_own_services(sandbox: Sandbox, product: Product) -> None:
    async with dat_client(sandbox, product) as dat:
        await dat.identify(login(), SAMPLE_VIN, GERMAN, before=free)
    assert await paths(sandbox) == [product.path(product.authentication), product.path("VehicleIdentificationService")]


# --- tokens


async def test_a_token_is_used_for_half_an_hour(sandbox: Sandbox) -> None:
    clock = ManualClock()
    async with dat_client(sandbox, monotonic=clock.monotonic) as dat:
        for minutes in (0, 27, 2):
            clock.forward(minutes=minutes)
            await dat.identify(login(), SAMPLE_VIN, GERMAN, before=free)
    assert (await paths(sandbox)).count(AUTHENTICATION) == 2


async def test_many_calls_at_once_need_one_token(sandbox: Sandbox) -> None:
    async with dat_client(sandbox) as dat:
        await asyncio.gather(*(dat.identify(login(), SAMPLE_VIN, GERMAN, before=free) for _ in range(10)))
    assert (await paths(sandbox)).count(AUTHENTICATION) == 1


async def test_a_token_that_dat_forgot_is_replaced_and_each_query_counted(sandbox: Sandbox) -> None:
    counted = 0

    async def count() -> None:
        nonlocal counted
        counted += 1

    async with dat_client(sandbox) as dat:
        await dat.identify(login(), SAMPLE_VIN, GERMAN, before=count)
        await sandbox.control.act("dat", "customer", customer_number="1234567", user_name="sandbox", password="new")
        await sandbox.control.fault("dat", "clock_skew", seconds=3600)
        await sandbox.control.act(
            "dat", "customer", customer_number="1234567", user_name="sandbox", password="sandbox-secret"
        )
        await dat.identify(login(), SAMPLE_VIN, GERMAN, before=count)
    assert await paths(sandbox) == [AUTHENTICATION, IDENTIFICATION, IDENTIFICATION, AUTHENTICATION, IDENTIFICATION]
    assert counted == 3


async def test_another_password_needs_another_token(sandbox: Sandbox) -> None:
    async with dat_client(sandbox) as dat:
        await dat.identify(login(), SAMPLE_VIN, GERMAN, before=free)
        await sandbox.control.act("dat", "customer", customer_number="1234567", user_name="sandbox", password="new")
        await dat.identify(login("new"), SAMPLE_VIN, GERMAN, before=free)
    assert (await paths(sandbox)).count(AUTHENTICATION) == 2


# --- a wrong login


async def test_a_wrong_password_gets_a_token_and_fails_at_the_call_after_it(sandbox: Sandbox) -> None:
    async with dat_client(sandbox) as dat:
        with pytest.raises(NeedsToken, match=r"getVehicleIdentificationByVin: Server\.authorizationFailed"):
            await dat.identify(login("wrong"), SAMPLE_VIN, GERMAN, before=free)
    statuses = [one["status"] for one in (await sandbox.control.requests(partner="dat"))["items"]]
    assert statuses == [200, 500]


async def test_a_refused_login_isnt_tried_again_and_again(sandbox: Sandbox) -> None:
    clock = ManualClock()
    async with dat_client(sandbox, monotonic=clock.monotonic) as dat:
        for _ in range(5):
            with pytest.raises(NeedsToken):
                await dat.identify(login("wrong"), SAMPLE_VIN, GERMAN, before=free)
        assert len(await paths(sandbox)) == 2
        await dat.identify(login(), SAMPLE_VIN, GERMAN, before=free)  # another login isn't touched
        clock.forward(seconds=REFUSED_FOR)
        with pytest.raises(NeedsToken, match="authorizationFailed"):
            await dat.identify(login("wrong"), SAMPLE_VIN, GERMAN, before=free)


async def test_verify_makes_a_harmless_call_and_says_so(sandbox: Sandbox) -> None:
    async with dat_client(sandbox) as dat:
        found = await dat.verify(login(), GERMAN)
    assert (found.account, found.name) == ("1234567", "DAT, DAT €uropa-Code")
    assert found.note is not None and "getVehicleTypes" in str(found.note)
    assert "Kraftrad" in found.facts["getVehicleTypes"]
    assert (await paths(sandbox))[1:] == ["/DATECodeSelection/services/VehicleSelectionService"]


async def test_verify_tries_even_a_login_that_was_refused(sandbox: Sandbox) -> None:
    async with dat_client(sandbox) as dat:
        with pytest.raises(NeedsToken):
            await dat.verify(login("new"), GERMAN)
        await sandbox.control.act("dat", "customer", customer_number="1234567", user_name="sandbox", password="new")
        assert (await dat.verify(login("new"), GERMAN)).account == "1234567"


@pytest.mark.parametrize("missing", ["customer_number", "user_name", "password", "signature"])
def test_a_login_with_a_missing_part_is_refused_here(missing: str) -> None:
    fields = {"customer_number": "1", "user_name": "u", "password": "p", "signature": "S"}
    del fields[missing]
    with pytest.raises(NeedsToken, match=missing):
        login_of(fields)


async def test_an_interface_partner_is_sent_as_it_was_entered(sandbox: Sandbox) -> None:
    own = login_of({**PARTNER_CUSTOMER, "signature": "DERIVED"})
    assert (own.partner_number, own.signature) == (
        PARTNER_CUSTOMER["interface_partner_number"], PARTNER_CUSTOMER["interface_partner_signature"],
    )  # fmt: skip
    async with dat_client(sandbox) as dat:
        assert (await dat.verify(own, GERMAN)).account == "1234568"


@pytest.mark.parametrize("left_out", ["interface_partner_number", "interface_partner_signature"])
async def test_a_customer_with_an_interface_partner_isnt_known_without_it(sandbox: Sandbox, left_out: str) -> None:
    fields = {**PARTNER_CUSTOMER, "signature": "0" * 64}
    del fields[left_out]
    async with dat_client(sandbox) as dat:
        with pytest.raises(NeedsToken) as caught:
            await dat.verify(login_of(fields), GERMAN)
    reason = str(caught.value.reason)
    assert "authorizationFailed" in reason and "no licence" in reason
    assert ("none is entered" in reason) is (left_out == "interface_partner_signature")
    assert fields["password"] not in reason


async def test_a_customer_without_an_interface_partner_isnt_known_with_one(sandbox: Sandbox) -> None:
    fields = {
        "customer_number": "1234567", "user_name": "sandbox", "password": "sandbox-secret", "signature": "x",
        "interface_partner_number": "7654321", "interface_partner_signature": "INVENTED",
    }  # fmt: skip
    async with dat_client(sandbox) as dat:
        with pytest.raises(NeedsToken):
            await dat.verify(login_of(fields), GERMAN)


async def licensed(sandbox: Sandbox, *products: str) -> None:
    await sandbox.control.act(
        "dat", "customer", customer_number="1234567", user_name="sandbox", password="sandbox-secret",
        products=",".join(products),
    )  # fmt: skip


@pytest.mark.parametrize("licence", [DATECODE, FINANCE], ids=["identification", "valuation"])
async def test_a_missing_licence_for_one_product_leaves_the_other_alone(sandbox: Sandbox, licence: Product) -> None:
    await licensed(sandbox, licence.key)
    async with dat_client(sandbox) as dat:
        calls = {
            DATECODE.key: lambda: dat.identify(login(), SAMPLE_VIN, GERMAN, before=free),
            FINANCE.key: lambda: dat.evaluate(login(), PASSAT, GERMAN),
        }
        [without] = calls.keys() - {licence.key}
        for _ in range(2):
            with pytest.raises(NeedsToken) as caught:
                await calls[without]()
            assert "authorizationFailed" in str(caught.value.reason)
            await calls[licence.key]()
        kind: Any = "valuation" if without == FINANCE.key else "identification"
        assert not await dat.is_wrong(login(), GERMAN, refused_for=kind)


async def test_a_login_that_both_products_refuse_is_wrong(sandbox: Sandbox) -> None:
    async with dat_client(sandbox) as dat:
        assert await dat.is_wrong(login("wrong"), GERMAN, refused_for="valuation")


@pytest.mark.parametrize("code", ["dat:authorizationFailed", "dat:dat:Server.authorizationFailed"])
async def test_a_refused_login_is_known_by_both_codes(code: str) -> None:
    async with ChaosServer(TOKEN, xml(500, fault("Nein", code)), TOKEN, xml(500, fault("Nein", code))) as server:
        with pytest.raises(NeedsToken, match="authorizationFailed: Nein"):
            await ask(server)


@pytest.mark.parametrize(
    "setting", ["calculateExpert", "valuateExpertPlusPartner", "silverDatPro", "silverDatPro:NETZ", "valuateFinance"]
)
async def test_products_can_be_named(sandbox: Sandbox, setting: str) -> None:
    async with dat_client(sandbox, named(setting)) as dat:
        await dat.identify(login(), SAMPLE_VIN, GERMAN, before=free)


async def test_a_product_needs_its_variant(sandbox: Sandbox) -> None:
    wrong = Product("x", "x", "/valuateNG/soap", variant="valuateNG.other")
    async with dat_client(sandbox, wrong) as dat:
        with pytest.raises(NeedsToken):
            await dat.identify(login(), SAMPLE_VIN, GERMAN, before=free)


async def test_each_piece_of_special_equipment_counts(sandbox: Sandbox) -> None:
    async with dat_client(sandbox) as dat:
        plain = await dat.evaluate(login(), replace(PASSAT, extras=()), GERMAN)
        rich = await dat.evaluate(login(), PASSAT, GERMAN)
    assert plain.sales is not None and rich.sales == plain.sales + 40_000


# --- trouble


async def test_a_call_that_may_not_be_made_isnt_made(sandbox: Sandbox) -> None:
    async def refuse() -> None:
        raise Refused(N_("no more"), kind="vin-limit")

    async with dat_client(sandbox) as dat:
        with pytest.raises(Refused):
            await dat.identify(login(), SAMPLE_VIN, GERMAN, before=refuse)
    assert IDENTIFICATION not in await paths(sandbox)


@pytest.mark.parametrize(
    ("what", "more", "error"),
    [
        ("status", {"status": 503}, Transient),
        ("status", {"status": 500}, Transient),
        ("status", {"status": 401}, NeedsToken),
        ("garbage", {}, PartnerBroken),
        ("huge", {}, UnreadAnswer),
        ("cut", {}, Transient),
        ("cut_middle", {}, PartnerBroken),
        ("never", {}, Transient),
        ("wrong_encoding", {"encoding": "gzip"}, PartnerBroken),
    ],
)
async def test_trouble_at_dat_becomes_one_of_our_errors(
    sandbox: Sandbox, what: str, more: dict[str, Any], error: type[Exception]
) -> None:
    await sandbox.control.fault("dat", what, route=IDENTIFICATION, **more)
    async with dat_client(sandbox, read_timeout=0.5) as dat:
        with pytest.raises(error) as caught:
            await dat.identify(login(), SAMPLE_VIN, GERMAN, before=free)
    assert type(caught.value) is error


async def ask(server: ChaosServer) -> Any:
    http = PartnerHttp(server.url)
    dat = Dat(http)
    try:
        return await dat.identify(login(), SAMPLE_VIN, GERMAN, before=free)
    finally:
        await dat.close()


def xml(status: int, content: bytes, kind: str = "text/xml; charset=utf-8") -> chaos.Behaviour:
    return chaos.answer(status, body=content, headers={"Content-Type": kind})


TOKEN = xml(200, message("generateToken.response"))


async def test_the_token_goes_into_dats_header_and_nowhere_else() -> None:
    async with ChaosServer(TOKEN, xml(200, message("getVehicleIdentificationByVin.response"))) as server:
        await ask(server)
    first, second = server.requests
    token = wire.token(message("generateToken.response"))
    assert second.headers["dat-authorizationtoken"] == token
    assert second.headers["content-type"] == "text/xml; charset=utf-8"
    assert "authorization" not in second.headers
    assert token.encode() not in second.body
    assert b"sandbox-secret" in first.body and b"sandbox-secret" not in second.body


async def test_a_fault_with_status_200_is_one_too() -> None:
    async with ChaosServer(TOKEN, xml(200, fault("Nein", "dat:wrongValueCode"))) as server:
        with pytest.raises(Rejected, match="wrongValueCode: Nein"):
            await ask(server)


async def test_a_fault_that_repeats_what_was_sent_is_shown_without_it() -> None:
    secret = login()
    text = f"wrong: {secret.password} {secret.signature} {wire.token(message('generateToken.response'))}"
    async with ChaosServer(TOKEN, xml(500, fault(text, "dat:x"))) as server:
        with pytest.raises(Rejected) as caught:
            await ask(server)
    assert caught.value.detail == "x: wrong: … … …"


@pytest.mark.parametrize(
    "content", [b"", b"<html>", envelope("<a/>"), b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", b"\xff" * 50]
)
async def test_an_answer_that_isnt_dats_is_broken(content: bytes) -> None:
    async with ChaosServer(TOKEN, xml(200, content)) as server:
        with pytest.raises(PartnerBroken):
            await ask(server)


async def test_a_web_page_with_500_is_trouble_that_passes() -> None:
    async with ChaosServer(TOKEN, xml(500, b"<html><p>Proxy Error</html>", "text/html")) as server:
        with pytest.raises(Transient) as caught:
            await ask(server)
    assert not isinstance(caught.value, PartnerBroken)
