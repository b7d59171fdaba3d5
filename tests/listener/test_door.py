"""The door on the local network: TLS, certificate, who is let in, and what is said when it can't be opened."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import ssl
import stat
from pathlib import Path

import pytest

from tests.support.certificates import self_signed
from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.lan import Program, free_port, lan_text, program, registry
from tests.support.push_connector import NAME, lines, person


async def problem(daemon: RunningDaemon, kind: str) -> dict[str, object]:
    async def look() -> dict[str, object] | None:
        return next((one for one in await daemon.problems() if one["kind"] == kind), None)

    found: dict[str, object] = await daemon.until(look)
    return found


async def test_it_is_off_unless_it_is_switched_on(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text(), registry=registry()) as daemon:
        found = (await daemon.http.get("/v1/listener")).json
        assert (found["enabled"], found["listening"], found["certificate"]) == (False, False, None)
        assert not (tmp_path / "data" / "listener").exists()


async def test_a_program_with_a_token_learns_who_it_is(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        reply = await dms.send("GET", f"/push/{NAME}")
        assert reply.status == 200
        assert (reply.json["site"], reply.json["dealer_number"]) == ("rostock", "00123")
        assert "access-control-allow-origin" not in reply.headers
        listed = (await daemon.http.get("/v1/tokens")).json["items"][0]
        assert (listed["last_address"], listed["state"]) == ("127.0.0.1", "live")
        assert dms.token.rpartition("_")[2] not in (await daemon.http.get("/v1/tokens")).content.decode()
        assert not any(one["kind"].startswith("listener") for one in await daemon.problems())


async def test_the_certificate_is_made_kept_and_its_key_is_nobody_elses(tmp_path: Path) -> None:
    port = free_port()
    seen = []
    for _ in range(2):
        async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
            await daemon.until(lambda: _listens(daemon))
            found = (await daemon.http.get("/v1/listener")).json["certificate"]
            raw = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port))
            digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(raw)).hexdigest().upper()
            assert found["fingerprint"].replace(":", "") == digest
            assert "127.0.0.1" in found["names"]
            assert socket.gethostname() in found["names"]
            seen.append(digest)
    assert seen[0] == seen[1], "a restart changes nothing"
    assert stat.S_IMODE(os.stat(tmp_path / "data/listener/listener.key").st_mode) == 0o600


async def _listens(daemon: RunningDaemon) -> bool:
    return bool((await daemon.http.get("/v1/listener")).json["listening"])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_is_1_2_or_newer(tmp_path: Path, version: ssl.TLSVersion) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        await daemon.until(lambda: _listens(daemon))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
        if version is ssl.TLSVersion.TLSv1_1:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection("127.0.0.1", port, ssl=context)
        else:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            assert writer.get_extra_info("ssl_object").version() == version.name.replace("_", ".").replace("v1.", "v1.")
            writer.close()


@pytest.mark.parametrize(
    ("host", "status"),
    [("evil.example", 421), ("evil.example:8443", 421), ("127.0.0.1", 200), ("WTPD.autohaus.example:1", 200),
     ("[::1", 421), ("127.0.0.2", 421), (socket.gethostname(), 200)],
)  # fmt: skip
async def test_the_box_answers_to_its_own_names_only(tmp_path: Path, host: str, status: int) -> None:
    port = free_port()
    text = lan_text(port, "  names: [wtpd.autohaus.example]\n")
    async with running_daemon(tmp_path, text, registry=registry()) as daemon:
        dms = await program(daemon, port)
        dms.host = host
        assert (await dms.send("GET", f"/push/{NAME}")).status == status


async def test_web_pages_have_no_business_here(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        assert (await dms.send("GET", f"/push/{NAME}", Origin="https://evil.example")).status == 403
        reply = await dms.send("OPTIONS", f"/push/{NAME}", Access_Control_Request_Method="POST")
        assert reply.status == 405
        assert not [name for name in reply.headers if name.startswith("access-control")]


async def test_other_networks_get_no_answer(tmp_path: Path) -> None:
    port = free_port()
    text = lan_text(port, "  networks: [127.0.0.2]\n")
    async with running_daemon(tmp_path, text, registry=registry()) as daemon:
        dms = await program(daemon, port)
        with pytest.raises((OSError, ssl.SSLError, asyncio.IncompleteReadError)):
            await dms.send("GET", f"/push/{NAME}")
        dms.source = "127.0.0.2"
        assert (await dms.send("GET", f"/push/{NAME}")).status == 200
        assert (await daemon.http.get("/v1/listener")).json["refused"] == 1


async def test_a_taken_port_is_a_problem_and_opens_by_itself(tmp_path: Path) -> None:
    other = socket.socket()
    other.bind(("127.0.0.1", 0))
    other.listen()
    port = other.getsockname()[1]
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        told = await problem(daemon, "listener")
        assert "already" in str(told["text"])
        assert "listener.port" in str(told["next_step"])
        assert (await daemon.http.get("/v1/health")).json["ok"], "nothing else is held up"
        other.close()
        assert daemon.daemon.parts is not None
        daemon.daemon.parts.lan.service.notice()  # it looks again by itself after some seconds
        await daemon.until(lambda: _listens(daemon))
        assert not [one for one in await daemon.problems() if one["kind"] == "listener"]


async def test_an_address_that_the_box_hasnt_is_a_problem(tmp_path: Path) -> None:
    text = lan_text(free_port()).replace("address: 127.0.0.1", "address: 192.0.2.7")
    async with running_daemon(tmp_path, text, registry=registry()) as daemon:
        assert "192.0.2.7" in str((await problem(daemon, "listener"))["text"])


async def test_a_broken_certificate_of_the_house_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "own.pem").write_text("no certificate")
    text = lan_text(free_port(), f"  certificate: {tmp_path}/own.pem\n  key: {tmp_path}/own.key\n")
    async with running_daemon(tmp_path, text, registry=registry()) as daemon:
        told = await problem(daemon, "listener")
        assert "own.pem" in str(told["text"])
        assert "listener.certificate" in str(told["next_step"])


async def test_the_houses_own_certificate_is_used_and_its_end_is_told(tmp_path: Path) -> None:
    port = free_port()
    _, file = self_signed(tmp_path)
    key = tmp_path / file.name.replace("certificate", "key")
    text = lan_text(port, f"  certificate: {file}\n  key: {key}\n")
    async with running_daemon(tmp_path, text, registry=registry()) as daemon:
        dms = await program(daemon, port)
        dms = Program(port, file, dms.token)
        assert (await dms.send("GET", f"/push/{NAME}")).status == 200
        assert str(file) in str((await problem(daemon, "listener.certificate"))["next_step"])


async def test_settings_count_without_a_restart(tmp_path: Path) -> None:
    first, second = free_port(), free_port()
    async with running_daemon(tmp_path, lan_text(first), registry=registry()) as daemon:
        dms = await program(daemon, first)
        assert (await dms.send("GET", f"/push/{NAME}")).status == 200
        daemon.config.write_text(lan_text(second))
        daemon.daemon.reload()
        dms.port = second

        async def answers() -> bool:
            try:
                return (await dms.send("GET", f"/push/{NAME}")).status == 200
            except OSError:
                return False

        await daemon.until(answers)
        dms.port = first
        with pytest.raises(OSError):
            await dms.send("GET", f"/push/{NAME}")
        daemon.config.write_text(lan_text(second).replace("enabled: true", "enabled: false", 1))
        daemon.daemon.reload()
        dms.port = second

        async def closed() -> bool:
            return not await answers()

        await daemon.until(closed)


async def test_callers_certificates_can_be_demanded(tmp_path: Path) -> None:
    port = free_port()
    _, authority = self_signed(tmp_path, address="127.0.0.9")
    key = tmp_path / authority.name.replace("certificate", "key")
    async with running_daemon(tmp_path, lan_text(port, f"  client_ca: {authority}\n"), registry=registry()) as daemon:
        dms = await program(daemon, port)
        with pytest.raises((OSError, ssl.SSLError, asyncio.IncompleteReadError)):
            await dms.send("GET", f"/push/{NAME}")
        context = dms.context()
        context.load_cert_chain(authority, key)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.write(dms.head("GET", f"/push/{NAME}", 0, {}))
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_renewing_changes_the_fingerprint_at_once(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        before = (await daemon.http.get("/v1/listener")).json["certificate"]["fingerprint"]
        after = (await daemon.http.post("/v1/listener/renew")).json["certificate"]["fingerprint"]
        assert before != after
        assert (await dms.push(lines(person(1)))).status == 200, "the file beside it is the new one"
