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


async def _ask_trusting(server: ChaosServer, ca_file: Path) -> object:
    http = PartnerHttp(server.url, ca_file=str(ca_file))
    try:
        return (await http.request("GET", "/x", auth="token")).json
    finally:
        await http.aclose()


async def test_a_private_authority_is_trusted_by_its_file(tmp_path: Path) -> None:
    context, file = self_signed(tmp_path)
    async with ChaosServer(answer(200, {"ok": 1}), tls=context) as server:
        assert await _ask_trusting(server, file) == {"ok": 1}
        with pytest.raises(Transient, match="self-signed"):
            await _ask(server)  # only the partner that names the file trusts it


@pytest.mark.parametrize(
    ("content", "why"), [(None, "there is no such file or folder"), (b"no certificate", "it holds no certificate")]
)
async def test_a_file_of_authorities_that_cant_be_used_says_so(tmp_path: Path, content: bytes | None, why: str) -> None:
    context, _ = self_signed(tmp_path)
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    async with ChaosServer(answer(200, {}), tls=context) as server:
        with pytest.raises(Transient) as caught:
            await _ask_trusting(server, file)
    assert why in str(caught.value.reason) and str(file) in str(caught.value.reason)
    assert not server.requests
