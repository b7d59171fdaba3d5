"""DAT's messages as files, its sandbox, and a client that talks to it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.sandbox import Sandbox
from wtpd.connectors.dat.client import Dat
from wtpd.connectors.dat.products import DATECODE, Product
from wtpd.connectors.dat.values import Locale, Login
from wtpd.connectors.kit.http import PartnerHttp

MESSAGES = Path(__file__).parents[1] / "fixtures" / "dat"
GERMAN = Locale.of("de", "DE")
SAMPLE_VIN = "WVWDEXTESTSTUB001"
TWO_HITS = "WF0DEXTESTSTUB003"
CARD_ALONE = "WBADEXTESTSTUB002"
CARD_WITH_OTHERS = "VF3DEXTESTSTUB005"
FAILING = "WVW000F0RCEERR021"
UNKNOWN = "ZZZZZZZZZZZZZZZZZ"

IDENTIFICATION = "/DATECodeSelection/services/VehicleIdentificationService"
AUTHENTICATION = "/DATECodeSelection/services/Authentication"


def message(name: str) -> bytes:
    """One of DAT's own messages, e.g. `generateToken.response`."""
    return (MESSAGES / f"{name}.xml").read_bytes()


def login(password: str = "sandbox-secret", user: str = "sandbox") -> Login:
    """The login that every new sandbox has, or one with another password; with the signature that belongs to it."""
    joined = f"1234567:{user}:{password}"
    signature = hashlib.sha256(joined.encode()).hexdigest().upper()
    return Login(
        customer_number="1234567",
        user_name=user,
        password=password,
        partner_number="1234567",
        signature=signature,
        is_partner=False,
    )


@asynccontextmanager
async def dat_client(
    sandbox: Sandbox, product: Product = DATECODE, *, monotonic: Callable[[], float] | None = None, **options: Any
) -> AsyncIterator[Dat]:
    """The client, talking to the sandbox; options as for `PartnerHttp`."""
    http = PartnerHttp(sandbox.partner("dat"), **options)
    client = Dat(http, product) if monotonic is None else Dat(http, product, monotonic=monotonic)
    try:
        yield client
    finally:
        await client.close()


async def free() -> None:
    """For tests in which nobody counts."""


def envelope(body: str, prefix: str = "S") -> bytes:
    """`body` in an envelope as DAT's servers write one."""
    return (
        f'<{prefix}:Envelope xmlns:{prefix}="http://schemas.xmlsoap.org/soap/envelope/"><{prefix}:Body>{body}'
        f"</{prefix}:Body></{prefix}:Envelope>"
    ).encode()


def fault(string: str, code: str = "dat:dat:Server.valueNotFound", more: str = "") -> bytes:
    """A fault; `string` is XML, so it may hold CDATA or escaped markup."""
    return envelope(
        f'<S:Fault><faultcode xmlns:dat="http://www.dat.de">{code}</faultcode><faultstring>{string}</faultstring>'
        f"<faultactor>de.dat.sphinx</faultactor>{more}</S:Fault>"
    )
