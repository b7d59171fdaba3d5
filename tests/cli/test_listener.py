"""`wtpd listener` and `wtpd token`: what an administrator and a vendor read."""

from __future__ import annotations

from typing import Any

from tests.support.api_stub import ApiStub, Reply
from tests.support.terminal import Terminal

FINGERPRINT = ":".join(["AB"] * 32)


def state(**other: Any) -> dict[str, Any]:
    certificate = {
        "fingerprint": FINGERPRINT, "pem": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "names": ["box", "127.0.0.1", "::1", "192.168.10.2", "fd00::2"],
        "ends_at": "2036-12-01T08:00:00Z", "own": True, "successor": None,
        "changes_at": None,
    }  # fmt: skip
    return {
        "enabled": True, "listening": True, "address": "0.0.0.0", "port": 8443, "networks": ["192.168.10.0/24"],
        "client_certificates": False, "certificate": certificate, "connectors": ["carsys"], "connections": 2,
        "refused": 7, "waiting": 3, "oldest": "2026-12-01T08:00:00Z", "problem": None, "next_step": None,
    } | other  # fmt: skip


def body(**other: Any) -> dict[str, Any]:
    return {
        "id": 17, "at": "2026-12-01T08:00:00Z", "connector": "carsys", "site": "rostock", "dealer_number": "00123",
        "token": "abcdefghijkl", "address": "192.168.10.5", "path": "/v1/werkorders", "content_type": "application/xml",
        "content_encoding": "gzip", "size": 1234, "state": "done", "applied": 3, "accepted": 2, "unchanged": 0,
        "quarantined": 1, "repeats": 1, "status": 200, "reason": None, "done_at": "2026-12-01T08:00:01Z",
        "erased": False,
    } | other  # fmt: skip


def test_where_it_listens_and_what_is_wrong(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/listener", state())
    said = terminal.wtpd("listener")
    assert said.code == 0
    assert "port 8443" in said.out
    assert FINGERPRINT in said.out
    assert "192.168.10.0/24" in said.out
    api.on(
        "GET", "/v1/listener", state(listening=False, certificate=None, problem="The port is taken.", next_step="Do.")
    )
    said = terminal.wtpd("listener", "--lang", "de")
    assert said.code == 1
    assert "The port is taken." in said.out
    assert "→ Do." in said.out
    api.on("GET", "/v1/listener", state(enabled=False, listening=False, certificate=None))
    said = terminal.wtpd("listener")
    assert (said.code, said.out.strip()) == (
        0,
        "The listener is off. Switch it on in wtpd.yaml: listener.enabled: true",
    )


def test_the_sheet_has_all_that_a_vendor_needs_and_no_token(terminal: Terminal, api: ApiStub) -> None:
    shown = state()
    shown["certificate"] |= {"successor": ":".join(["CD"] * 32), "changes_at": "2036-11-01T08:00:00Z"}
    api.on("GET", "/v1/listener", shown)
    for language in ("en", "de", "nl"):
        said = terminal.wtpd("listener", "sheet", "--lang", language)
        assert said.code == 0
        for needed in (
            "https://box:8443/push/carsys/", "https://[fd00::2]:8443/push/carsys/", FINGERPRINT, "CD:CD", "2036",
            "Authorization: Bearer", "gzip", "TLS 1.2", "Retry-After", "BEGIN CERTIFICATE",
        ):  # fmt: skip
            assert needed in said.out, (language, needed)
        assert "wtpd_" not in said.out
        assert "https://127" not in said.out


def test_renewing_asks_first(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/listener/renew", state())
    assert terminal.wtpd("listener", "renew").code == 1
    assert not api.requests
    assert FINGERPRINT in terminal.wtpd("listener", "renew", "--yes").out


def test_what_was_received(terminal: Terminal, api: ApiStub) -> None:
    items = [body(id=18, state="unreadable", reason="line 3 isn't JSON", status=400), body()]
    api.on("GET", "/v1/pushed", {"items": items, "next_cursor": None})
    said = terminal.wtpd("listener", "received")
    assert "line 3 isn't JSON" in said.out
    assert "wtpd listener apply 18" in said.out
    assert "wtpd listener apply 17" not in said.out
    item = {"number": 2, "key": "880012", "result": "quarantined", "reason": "vin", "field": "Chassisnummer\x1b[31m"}
    api.on("GET", "/v1/pushed/17", body() | {"items": [item]})
    said = terminal.wtpd("listener", "received", "17")
    assert "880012" in said.out
    assert "192.168.10.5" in said.out
    assert "\x1b" not in said.out
    api.on("POST", "/v1/pushed/18/apply", Reply(status=204))
    api.on("POST", "/v1/pushed/18/dismiss", {"count": 1})
    assert terminal.wtpd("listener", "apply", "18").code == 0
    assert terminal.wtpd("listener", "dismiss", "18").code == 0


def test_a_token_is_printed_once_alone_on_standard_output(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/tokens", {"token": "wtpd_carsys_abcdefghijkl_secret", "id": "abcdefghijkl", "ends": ["old"]})
    said = terminal.wtpd(
        "token", "create", "carsys", "--site", "rostock", "--name", "DMS server", "--address", "192.168.10.5",
        "--days", "30",
    )  # fmt: skip
    assert said.out == "wtpd_carsys_abcdefghijkl_secret\n"
    assert "old" in said.err
    assert api.requests[0].body == {
        "connector": "carsys", "site": "rostock", "name": "DMS server", "addresses": ["192.168.10.5"], "days": 30,
    }  # fmt: skip
    assert terminal.wtpd("token", "create", "carsys").code == 2


def test_the_list_of_tokens_and_revoking(terminal: Terminal, api: ApiStub) -> None:
    one = {
        "id": "abcdefghijkl", "connector": "carsys", "site": "rostock", "dealer_number": "00123", "role": "push",
        "name": "DMS server", "state": "live", "addresses": [], "created_at": "2026-12-01T08:00:00Z",
        "created_by": "chef", "expires_at": None, "revoked_at": None, "revoked_by": None,
        "last_used_at": "2026-12-01T09:00:00Z", "last_address": "192.168.10.5",
    }  # fmt: skip
    api.on("GET", "/v1/tokens", {"items": [one], "next_cursor": None})
    said = terminal.wtpd("token")
    assert "DMS server" in said.out
    assert "192.168.10.5" in said.out
    api.on("POST", "/v1/tokens/abcdefghijkl/revoke", one | {"state": "revoked"})
    assert "abcdefghijkl" in terminal.wtpd("token", "revoke", "abcdefghijkl").out
    api.on("GET", "/v1/tokens", {"items": [], "next_cursor": None})
    assert "wtpd token create" in terminal.wtpd("token", "list").out
