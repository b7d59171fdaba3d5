"""A partner must prove who it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import self_signed
from tests.support.chaos import ChaosServer, answer
from wtpd.channel.errors import Transient
from wtpd.connectors.kit.http import PartnerHttp, tls_context


@pytest.fixture(autouse=True)
def _own_authorities() -> Iterator[None]:
    tls_context.cache_clear()
    yield
    tls_context.cache_clear()


async def _ask(server: ChaosServer, connect_timeout: float = 5.0) -> object:
    http = PartnerHttp(server.url, connect_timeout=connect_timeout)
    try:
        return (await http.request("GET", "/x", auth="token")).json
    finally:
        await http.aclose()


async def test_a_trusted_certificate_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, file = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with ChaosServer(answer(200, {"ok": 1}), tls=context) as server:
        assert await _ask(server) == {"ok": 1}


@pytest.mark.parametrize(
    ("address", "days", "trusted", "reason"),
    [
        ("127.0.0.1", 1, False, "self-signed"),
        ("127.0.0.1", -1, True, "expired"),
        ("127.0.0.2", 1, True, "IP address mismatch"),
    ],
)
async def test_any_other_certificate_gets_no_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, days: int, trusted: bool, reason: str
) -> None:
    context, file = self_signed(tmp_path, address=address, days=days)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with ChaosServer(answer(200, {}), tls=context) as server:
        with pytest.raises(Transient, match=f"certificate isn't trusted: .*{reason}"):
            await _ask(server)
    assert not server.requests


async def test_a_server_that_speaks_no_tls_meets_the_connect_limit(tmp_path: Path) -> None:
    async with ChaosServer(answer(200, {})) as server:
        server.url = server.url.replace("http:", "https:")
        with pytest.raises(Transient, match="no connection"):
            await _ask(server, connect_timeout=0.1)
