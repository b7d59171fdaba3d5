"""`/v1/mail`: mails that aren't sent, and what is done about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.mail_server import MailServer

NOBODY = "http://127.0.0.1:9"


def text(server: MailServer, status_mail: str = "status@rostock.example") -> str:
    more = f"mail: {{host: 127.0.0.1, port: {server.port}, security: none}}\n"
    return config_text(partner=NOBODY, more=more).replace("status@rostock.example", status_mail)


async def unsent(daemon: RunningDaemon) -> Any:
    return (await daemon.http.get("/v1/mail", accept_language="de")).json["items"]


async def test_a_refused_mail_is_listed_shown_as_a_problem_and_retried(tmp_path: Path) -> None:
    async with MailServer() as server:
        server.recipient_answers += ["550 5.1.1 unknown user"]
        async with running_daemon(tmp_path, text(server)) as daemon:
            (mail,) = await daemon.until(lambda: unsent(daemon))
            await daemon.until(lambda: refused(daemon))
            (mail,) = await unsent(daemon)
            assert (mail["state"], mail["recipient"], mail["attempts"]) == ("refused", "status@rostock.example", 1)
            assert mail["reason"] == "550 5.1.1 unknown user"
            assert "SUPERSERVICE" in mail["subject"]
            problem = await refused(daemon)
            assert problem["text"] == "A status mail to status@rostock.example isn't sent: 550 5.1.1 unknown user"
            assert problem["next_step"].endswith("wtpd mail list")
            assert problem["place"] == {"screen": "overview", "key": "mails"}
            answer = await daemon.http.post(f"/v1/mail/{mail['id']}/retry", {"to": "chef@x.example"})
            assert (answer.status, answer.json) == (200, {"count": 1})

            async def none() -> bool:
                return not await unsent(daemon)

            await daemon.until(none)
            assert server.recipients == [["chef@x.example"]]
            assert not await refused(daemon)
            assert (await daemon.http.post(f"/v1/mail/{mail['id']}/retry", {})).status == 404
            assert (await daemon.http.post("/v1/mail/x/dismiss")).status == 404


async def test_all_refused_mails_are_given_up(tmp_path: Path) -> None:
    async with MailServer() as server, running_daemon(tmp_path, text(server, "wärkstatt@rostock.example")) as daemon:
        problem = await daemon.until(lambda: refused(daemon))
        assert "SMTPUTF8" in problem["text"]
        assert (await daemon.http.post("/v1/mail/dismiss")).json == {"count": 1}
        assert not await refused(daemon)
        tested = await daemon.http.post("/v1/mail/test", {"site": "rostock"}, accept_language="de")
        assert (tested.status, tested.json["ok"]) == (200, False)
        assert "vor dem @" in tested.json["error"]


async def test_a_box_without_a_mail_server_says_so(tmp_path: Path) -> None:
    without = config_text().replace("mail: {host: 127.0.0.1, port: 9, security: none}\n", "")
    async with running_daemon(tmp_path, without) as daemon:

        async def known() -> Any:
            return [one for one in await daemon.problems() if one["kind"] == "mail.none"]

        (problem,) = await daemon.until(known)
        assert problem["text"] == "No mail server is set: nobody gets a status mail."
        assert "mail.host" in problem["next_step"]
        change = [{"path": "mail.host", "value": "127.0.0.1"}]
        assert (await daemon.http.send("PATCH", "/v1/config", change, headers={"if-match": "*"})).status == 200

        async def well() -> bool:
            return not await known()

        await daemon.until(well)


async def refused(daemon: RunningDaemon) -> Any:
    return next((one for one in await daemon.problems() if one["kind"] == "mail.refused"), None)
