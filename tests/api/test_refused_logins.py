"""A login that a provider refuses is everybody's news: a problem, one mail, one recovery, and the action is off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import OFFLINE, RunningDaemon, config_text, running_daemon
from tests.support.dat import SAMPLE_VIN
from tests.support.hand_clock import HandClock
from tests.support.mail_server import MailServer
from tests.support.sandbox import Sandbox, running_sandbox

LOGIN = {"customer_number": "1234567", "user_name": "sandbox", "password": "sandbox-secret"}
NAMED = {"customer_number": "4711", "user_name": "anna", "password": "hunter2"}


async def refused(daemon: RunningDaemon) -> list[Any]:
    return [one for one in await daemon.problems() if one["kind"] == "credential.refused"]


async def identify_action(daemon: RunningDaemon) -> Any:
    actions = (await daemon.http.get("/v1/actions", accept_language="en")).json["items"]
    return next(one for one in actions if one["connector"] == "dat")


async def new_password(sandbox: Sandbox, password: str) -> None:
    await sandbox.control.act("dat", "customer", **LOGIN | {"password": password})


async def test_dat_refuses_what_it_took_before(tmp_path: Path) -> None:
    clock = HandClock()
    async with MailServer() as server, running_sandbox(tmp_path / "sandbox", clock=clock) as sandbox:
        more = (
            f"mail: {{host: 127.0.0.1, port: {server.port}, security: none}}\n"
            f"connectors:\n  dat:\n    address: {sandbox.partner('dat')}\n"
        )
        async with running_daemon(tmp_path, config_text(sites={"rostock": None}, more=more), clock=clock) as daemon:
            assert (await daemon.enter_credentials("dat", **LOGIN)).status == 200
            assert (await identify_action(daemon))["available"]
            await new_password(sandbox, "another-secret")
            clock.advance(3600)  # the token of before has ended
            assert (await daemon.http.post("/v1/identifications", {"vin": SAMPLE_VIN})).status == 502
            (problem,) = await daemon.until(lambda: refused(daemon))
            assert problem["text"] == "DAT refuses the credentials (general)."
            assert problem["place"] == {"screen": "credentials", "key": "dat/general"}
            assert (await daemon.problems())[0] == problem, "rank 2"
            action = await identify_action(daemon)
            assert (action["available"], "refuses the credentials" in action["reason"]) == (False, True)
            await mailed(daemon, server, clock, 1)
            assert "login refused" in server.mails[0]["Subject"] or "Anmeldung abgelehnt" in server.mails[0]["Subject"]
            assert (await daemon.enter_credentials("dat", **LOGIN | {"password": "another-secret"})).status == 200
            assert not await refused(daemon)
            assert (await identify_action(daemon))["available"]
            await mailed(daemon, server, clock, 2)
            assert server.mails[1]["References"] == server.mails[0]["Message-ID"]
            clock.advance(3600)
            assert len(server.mails) == 2


async def mailed(daemon: RunningDaemon, server: MailServer, clock: HandClock, count: int) -> None:
    async def come() -> bool:
        clock.advance(30)
        return len(server.mails) >= count

    await daemon.until(come)


async def test_the_mail_servers_refusal_is_a_problem_until_the_login_is_right(tmp_path: Path) -> None:
    async with MailServer(logins={"box": "right"}) as server:
        more = f"mail: {{host: 127.0.0.1, port: {server.port}, security: none}}\n" + OFFLINE
        text = config_text(sites={"rostock": None}, more=more + "credentials:\n  email:\n    scope: assessor\n")
        async with running_daemon(tmp_path, text) as daemon:
            await daemon.enter_credentials("email", user_name="box", password="wrong", **server_of(server))
            tested = (await daemon.http.post("/v1/mail/test", {"site": "rostock"}, accept_language="de")).json
            assert not tested["ok"]
            assert "lehnt die Anmeldung ab" in tested["error"]
            (problem,) = await daemon.until(lambda: refused(daemon))
            assert problem["place"]["key"] == "email/general", "whatever the scope: status mails belong to nobody"
            await daemon.enter_credentials("email", user_name="box", password="right", **server_of(server))
            assert not await refused(daemon)
            assert (await daemon.http.post("/v1/mail/test", {"site": "rostock"})).json["ok"]
            assert len(server.mails) == 1


def server_of(server: MailServer) -> dict[str, str]:
    return {"host": "127.0.0.1", "port": str(server.port), "security": "none", "sender": "wtpd@x.example"}


async def test_an_entry_of_somebody_inactive_isnt_handed_out(tmp_path: Path) -> None:
    more = OFFLINE + "credentials:\n  cartv:\n    reveal: true\n    scope: assessor\n"
    async with running_daemon(tmp_path, config_text(sites={"rostock": None}, more=more)) as daemon:
        made = await daemon.http.post("/v1/assessors", {"id": "meier", "name": "Petra Meier"})
        assert made.status == 201, made.json
        put = await daemon.http.put("/v1/credentials/cartv/assessor:meier", {"fields": NAMED})
        assert put.status == 200, put.json
        target = "/v1/credentials/cartv/assessor:meier/reveal"
        assert (await daemon.http.post(target)).status == 200
        changed = await daemon.http.send("PATCH", "/v1/assessors/meier", {"active": False}, headers={"if-match": "*"})
        assert changed.status == 200, changed.json
        answer = await daemon.http.post(target, accept_language="en")
        assert (answer.status, answer.kind) == (409, "not-revealed")
        assert "isn't active any more" in answer.json["detail"]


@pytest.mark.parametrize(
    ("scope", "entry"), [("general", "general"), ("assessor", "general"), ("user", "general"), ("office", "general")]
)
async def test_whom_status_mails_log_in_as(tmp_path: Path, scope: str, entry: str) -> None:
    more = OFFLINE + f"credentials:\n  email:\n    scope: {scope}\n"
    async with running_daemon(tmp_path, config_text(sites={"rostock": None, "wismar": None}, more=more)) as daemon:

        async def explained(site: str) -> Any:
            target = f"/v1/credentials/email/explain?office={site}"
            return (await daemon.http.get(target, accept_language="en")).json

        assert (await explained("rostock"))["entry"] is None
        fields = {"host": "x.example", "user_name": "box", "password": "p", "sender": "wtpd@x.example"}
        assert (await daemon.enter_credentials("email", **fields)).status == 200
        assert (await explained("rostock"))["entry"] == entry
        if scope == "office":
            put = await daemon.http.put("/v1/credentials/email/office:wismar", {"fields": fields})
            assert put.status == 200, put.json
            assert (await explained("wismar"))["entry"] == "office:wismar"
            assert (await explained("rostock"))["entry"] == "general"
        named = await daemon.http.get("/v1/credentials/email/explain?office=rostock&user=anna", accept_language="en")
        assert (named.json["entry"] is None) == (scope != "general"), "what a person sends follows the setting"
