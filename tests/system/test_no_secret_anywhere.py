"""No secret comes out anywhere: one is planted for every provider and scope, everything that can go wrong does, and all
that the daemon, its files, its partners' logs and the command line ever showed is searched for it in every form."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.support.canary import STEM, Haystack, canary, forms, signature
from tests.support.daemon import DaemonProcess, config_text, daemon_process
from tests.support.echo_partner import echo_partner
from tests.support.mail_server import MailServer
from tests.support.partners import KNOWN
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.unix_http import Reply, UnixHttp
from wtpd.secrets.providers import Field, Provider
from wtpd.store.messages import unpacked

pytestmark = pytest.mark.system

SCOPES = {"general": "general", "office": "office:rostock", "assessor": "assessor:meier", "user": "user:anna"}
VIN = "WVWDEXTESTSTUB001"
FORMS = {
    "digits": "7340021", "https": "https://partner.example/api", "port": "587", "email": "sender@example.org",
    "choice": "starttls",
}  # fmt: skip
TYPED = ("mail:\n  password: {}\n", "connectors:\n  superservice:\n    token: |\n      {}\n", "token:{}\n")
"""Secrets in the settings file, which belong nowhere there."""


def test_the_search_finds_every_form() -> None:
    for number in range(3):
        for name, form in forms(f"{'x' * number}{canary(number)}").items():
            haystack = Haystack()
            haystack.add("somewhere", b"before " + form + b" behind")
            assert list(haystack.found()), name
    for before in range(3):
        import base64

        haystack = Haystack()
        haystack.add("header", base64.b64encode(b"user:"[before:] + canary(1).encode() + b"more"))
        assert list(haystack.found())


class Recorder(UnixHttp):
    """Keeps every answer."""

    def __init__(self, path: Path, haystack: Haystack) -> None:
        super().__init__(path)
        self._haystack = haystack

    async def raw(self, data: bytes, *, method: str = "GET") -> Reply:
        reply = await super().raw(data, method=method)
        first = data.split(b"\r\n", 1)[0].decode()
        self._haystack.add(f"answer to {first}", json.dumps(dict(reply.headers)).encode() + reply.content)
        return reply


class House:
    """A daemon at its most talkative, with partners, a mail server, and what is planted."""

    def __init__(self, folder: Path, daemon: DaemonProcess, sandbox: Sandbox, mails: MailServer) -> None:
        self.folder, self.daemon, self.sandbox, self.mails = folder, daemon, sandbox, mails
        self.haystack = Haystack()
        self.http = Recorder(daemon.http.path, self.haystack)
        self._number = 0

    def secret(self) -> str:
        self._number += 1
        return canary(self._number)

    def fields(self, provider: Provider, scope: str) -> dict[str, str]:
        made = {field.name: self._value(field, scope) for field in provider.fields}
        if provider.name == "email":
            made = {name: made[name] for name in ("user_name", "password")}
        if provider.derive is not None:
            self.haystack.add_signature(
                signature(*(made[name] for name in ("customer_number", "user_name", "password")))
            )
        return made

    def _value(self, field: Field, scope: str) -> str:
        if field.secret:
            return self.secret()
        return FORMS.get(field.form, f"{field.name}-{scope.replace(':', '-')}")

    async def setting(self, path: str, value: Any) -> None:
        change = [{"path": path, "value": value}]
        assert (await self.http.send("PATCH", "/v1/config", change, headers={"if-match": "*"})).status == 200

    async def cli(self, *arguments: str, stdin: str = "") -> int:
        """The command line, with what it shows to the world while it runs."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "wtpd", *arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"WTPD_SOCKET": str(self.daemon.http.path), "WTPD_LANG": "en"},
        )  # fmt: skip
        self.look_at_process(process.pid)
        out, err = await process.communicate(stdin.encode())
        self.haystack.add(f"wtpd {' '.join(arguments)}", out + err)
        assert process.returncode is not None
        return process.returncode

    def look_at_process(self, pid: int) -> None:
        for name in ("cmdline", "environ"):
            self.haystack.add(f"/proc/{name}", Path(f"/proc/{pid}/{name}").read_bytes())


def settings(sandbox: Sandbox, mail_port: int) -> str:
    mail = f"mail:\n  host: 127.0.0.1\n  port: {mail_port}\n  security: none\n  sender: box@example.org\n"
    text = config_text(partner=sandbox.partner("superservice"), more=mail)
    dat = f"  dat:\n    address: {sandbox.partner('dat')}\n    read_timeout: 5s\n    total_timeout: 10s\n"
    return text.replace("sites:\n", f"{dat}sites:\n", 1)


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    logins: dict[str, str] = {}
    (folder / "box").mkdir()
    async with running_sandbox(folder / "sandbox") as sandbox, MailServer(logins=logins) as mails:
        text = settings(sandbox, mails.port)
        async with daemon_process(folder / "box", text, WTPD_LOG_LEVEL="DEBUG") as daemon:
            made = House(folder / "box", daemon, sandbox, mails)
            await plant(made, logins)
            yield made


async def plant(house: House, logins: dict[str, str]) -> None:
    """A secret for every provider and scope, over the API or from the command line's standard input."""
    await house.http.post("/v1/assessors", {"id": "meier", "name": "Petra Meier"})
    await house.http.post("/v1/users", {"id": "anna", "name": "Anna Berg"})
    for number, (name, provider) in enumerate(KNOWN.items()):
        for level in provider.scopes:
            scope = SCOPES[level]
            fields = house.fields(provider, scope)
            if name == "superservice":
                await house.sandbox.control.act("superservice", "client", dealers="*", **fields)
            elif name == "dat":
                await house.sandbox.control.act("dat", "customer", **fields)
            elif name == "email" and level == "general":
                logins[fields["user_name"]] = fields["password"]
            if number % 6 == 0 and level == "office":
                given = "".join(f"{key}={value}\n" for key, value in fields.items())
                assert await house.cli("credential", "set", name, "--scope", scope, stdin=given) == 0
                continue
            # some partners can't be reached from a test, so what can't be tried is stored all the same
            force = name not in ("superservice", "dat", "email")
            reply = await house.http.put(f"/v1/credentials/{name}/{scope}", {"fields": fields, "force": force})
            assert reply.status == 200, reply.json


async def bad_requests(house: House) -> None:
    """Secrets where none belong, or in a form that isn't taken."""
    target = "/v1/credentials/superservice/general"
    secret = house.secret()
    bodies: list[Any] = [
        {"fields": {"client_secret": secret * 500}}, {"fields": {"client_secret": [secret]}},
        {"fields": {"client_secret": {"value": secret}}}, {"fields": {secret: "x"}}, {"fields": secret}, [secret],
        secret, {secret: 1}, {"fields": {"client_secret": f"{secret}\x07"}}, {"fields": {"password": secret}},
        {"fields": {}, "expires_at": secret}, {"fields": {"client_secret": secret}, "force": secret},
        {"fields": {"client_secret": secret}, "expires_at": "2020-01-01T00:00:00Z"},
        f'{{"fields": {{"client_secret": "{secret}'.encode(), b'{"fields": {"client_secret": "' + b"\xff" + b'"}}',
        {"fields": {"client_secret": secret}},
    ]  # fmt: skip
    for body in bodies:
        reply = await house.http.send("PUT", target, body)
        assert 400 <= reply.status < 500, reply.json
        await house.http.send("POST", f"{target}/test", body)
    await house.http.send("PUT", target, secret.encode(), headers={"content-type": "text/plain"})
    await house.http.put("/v1/credentials/email/general", {"fields": {"port": secret, "security": secret}})
    await house.http.put("/v1/credentials/dat/general", {"fields": {"customer_number": secret}})
    await house.http.put("/v1/credentials/carloop/general", {"fields": {"address": f"http://x:{secret}@y"}})
    await house.http.put("/v1/credentials/cartv/office:nowhere", {"fields": {"password": secret}})
    for given in (secret, f"client_secret={secret}\nother={secret}", f'{{"client_secret": "{secret}"'):
        assert await house.cli("credential", "set", "superservice", stdin=given) == 2
    assert await house.cli("credential", "set", "superservice", stdin=f"client_id=a\nclient_secret={secret}") == 1


async def everyday(house: House) -> None:
    """What the daemon does all day, with each credential that is used."""
    http = house.http
    for connector in ("sync", "verify"):
        await http.post(f"/v1/connectors/superservice/{connector}", {})
    for name in ("superservice", "dat"):
        for scope in ("general", "office:rostock"):
            await http.post(f"/v1/credentials/{name}/{scope}/test", {})
    await http.post("/v1/identifications", {"vin": VIN, "refresh": True})
    await http.post("/v1/mail/test", {"site": "rostock"})
    await http.get("/v1/credentials/email/explain?office=rostock&assessor=meier&user=anna")
    await http.post("/v1/credentials/cartv/general/reveal")
    for arguments in (("status",), ("credential", "--json"), ("credential", "audit"), ("mail", "test")):
        await house.cli(*arguments)


async def troubled(house: House) -> None:
    """The partners refuse, talk rubbish, and repeat what they were told in confidence."""
    for fault in (
        {"kind": "status", "status": 401},
        {"kind": "garbage"},
        {"kind": "wrong_types"},
        {"kind": "cut_middle"},
    ):
        for partner in ("superservice", "dat"):
            await house.sandbox.control.fault(partner, **fault)
        await everyday(house)
        if fault["kind"] == "status":
            await until_mailed(house)
        for partner in ("superservice", "dat"):
            await house.sandbox.control.clear_faults(partner)
        await house.http.post("/v1/connectors/superservice/resume", {})
    async with echo_partner() as address:
        await house.setting("connectors.superservice.address", address)
        await house.setting("connectors.dat.address", f"{address}/DATECodeSelection")
        await book(house)
        await everyday(house)
        for name in ("superservice", "dat"):
            fields = house.fields(KNOWN[name], "general")
            reply = await house.http.put(f"/v1/credentials/{name}/general", {"fields": fields, "force": True})
            assert reply.status == 409, reply.json
    await house.http.post("/v1/connectors/superservice/resume", {})
    await everyday(house)  # nobody answers any more


async def until_mailed(house: House) -> None:
    """That new credentials are needed."""
    async with asyncio.timeout(30):
        while not any("SUPERSERVICE" in str(mail["subject"]) for mail in house.mails.mails):
            await asyncio.sleep(0.05)


async def book(house: House) -> None:
    """Something to send, whose refusal is kept and listed."""
    booking = {
        "site": "rostock", "department": "Werkstatt", "drop_off": "2027-03-01T07:00:00Z",
        "collection": "2027-03-01T15:00:00Z",
    }  # fmt: skip
    assert (await house.http.post("/v1/appointments", booking)).status == 201
    async with asyncio.timeout(30):
        while not (await house.http.get("/v1/attention?kind=rejected")).json["items"]:
            await house.http.post("/v1/connectors/superservice/sync", {})


async def broken(house: House) -> None:
    """The box itself is in trouble: a fault of the daemon's own, a lost key, secrets in the settings file."""
    fields = house.fields(KNOWN["cartv"], "general")
    with sqlite3.connect(house.folder / "data" / "wtpd.db", timeout=30) as con:
        con.execute("ALTER TABLE credential_audit RENAME TO lost")
    assert (await house.http.put("/v1/credentials/cartv/general", {"fields": fields})).status == 500
    with sqlite3.connect(house.folder / "data" / "wtpd.db", timeout=30) as con:
        con.execute("ALTER TABLE lost RENAME TO credential_audit")
    con.close()
    assert "Traceback" in house.daemon.log
    key = house.folder / "wtpd.key"
    key.rename(house.folder / "elsewhere")
    assert (await house.http.put("/v1/credentials/cartv/general", {"fields": fields})).status == 503
    await everyday(house)
    (house.folder / "elsewhere").rename(key)
    good = house.daemon.config.read_text()
    for typed in TYPED:
        text = typed.format(house.secret()) + good
        house.daemon.config.write_text(text)
        house.daemon.process.send_signal(signal.SIGHUP)
        await until_rejected(house)
        for target in (
            "/v1/config",
            "/v1/config/diff",
            "/v1/config/diff?version=1",
            "/v1/config/history",
            "/v1/status",
        ):
            assert (await house.http.get(target)).status == 200
        change = [{"path": "language", "value": "nl"}]
        await house.http.send("PATCH", "/v1/config", change, headers={"if-match": '"stale"'})
        await house.http.send("PATCH", "/v1/config?preview=true", change, headers={"if-match": "*"})
        await house.http.post("/v1/config/check", {"text": text})
        await house.cli("config", "check", str(house.daemon.config))
        await house.cli("config", "show")
    house.daemon.config.write_text(good)
    house.daemon.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(30):
        while (await house.http.get("/v1/config")).json["errors"]:
            await asyncio.sleep(0.02)


async def until_rejected(house: House) -> None:
    async with asyncio.timeout(30):
        while not (await house.http.get("/v1/config")).json["errors"]:
            await asyncio.sleep(0.02)


async def read_everything(house: House) -> None:
    """Every route that only reads."""
    document = (await house.http.get("/v1/openapi.json")).json
    values: Mapping[str, str] = {"provider": "superservice", "scope": "general"}
    read = 0
    for path, operations in document["paths"].items():
        if "get" in operations and path != "/v1/events":
            filled = re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "1"), path)
            await house.http.get(filled)
            read += 1
    assert read > 30


@asynccontextmanager
async def listening(house: House) -> AsyncIterator[None]:
    """All events and log lines, as they came over the wire."""
    reader, writer = await asyncio.open_unix_connection(house.daemon.http.path)
    writer.write(b"GET /v1/events?kinds=*,log.line HTTP/1.1\r\nhost: wtpd\r\nlast-event-id: 0\r\n\r\n")
    pieces: list[bytes] = []

    async def listen() -> None:
        while piece := await reader.read(1 << 16):
            pieces.append(piece)

    task = asyncio.create_task(listen())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        writer.close()
        assert b"channel.changed" in b"".join(pieces)
        assert b"log.line" in b"".join(pieces)
        house.haystack.add("events", b"".join(pieces))


def gather_files(house: House) -> None:
    """What lies on the disk: database with its log, a backup of it, old settings, the daemon's log."""
    backup = house.folder / "backup.db"
    with sqlite3.connect(house.folder / "data" / "wtpd.db") as con, sqlite3.connect(backup) as target:
        con.backup(target)
        for line in con.iterdump():
            house.haystack.add("dump of the database", line)
        messages = con.execute("SELECT id, outcome, payload FROM message WHERE payload IS NOT NULL").fetchall()
        assert "refused" in {outcome for _, outcome, _ in messages}, "what was said to partners is searched, too"
        for number, _, payload in messages:
            house.haystack.add(f"message {number}", json.dumps(unpacked(payload)))
    con.close()
    target.close()
    for file in house.folder.rglob("*"):
        if file.is_file() and not file.is_socket() and file != house.daemon.config:
            house.haystack.add(str(file.relative_to(house.folder)), file.read_bytes())


def add_mail(haystack: Haystack, number: int, mail: EmailMessage) -> None:
    haystack.add(f"mail {number}", mail.as_bytes())
    for part in mail.walk():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            haystack.add(f"mail {number}, decoded", content)


async def test_no_secret_comes_out_anywhere(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        haystack = made.haystack
        async with listening(made):
            await everyday(made)
            await bad_requests(made)
            await troubled(made)
            await broken(made)
            assert (await made.http.post("/v1/credentials/rotate-key")).status == 200
            await made.setting("credentials.cartv.reveal", True)
            handed_out = await made.daemon.http.post("/v1/credentials/cartv/general/reveal")
            assert STEM in handed_out.json["fields"]["password"], "the only way out, and not recorded here"
            await read_everything(made)
            made.look_at_process(made.daemon.pid)
            gather_files(made)  # with the write-ahead log
            requests = await made.sandbox.control.requests(limit=500)
            haystack.add("the sandbox's list of requests", json.dumps(requests))
            assert await made.daemon.stop() == 0
        gather_files(made)
        for number, mail in enumerate(made.mails.mails):
            add_mail(haystack, number, mail)
        assert "DEBUG" in made.daemon.log
        assert "log.jsonl" in {file.name for file in (made.folder / "data").iterdir()}, "it was searched too"
        assert haystack.size > 2_000_000
        assert "\n".join(haystack.found()) == ""
